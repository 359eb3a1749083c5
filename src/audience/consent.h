#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "audience/people.h"
#include "storage/state.h"

namespace zhiyin::audience {

/// Whether messages may go to a person.
///
/// Following an account is consent to its messages. `consent.withdraw` (properties `{"purpose":
/// "marketing"}`; without purpose: all of them) takes it back until a newer `consent.grant`;
/// following again does not bring it back. Out-of-order events are resolved by occurred_at.
struct Consent {
  bool following = false;   ///< an identity of the person follows the account
  bool withdrawn = false;   ///< the newest word on this purpose is a withdrawal
  Instant since;            ///< of the event that decides; 1970 when nothing is known
  IdentityHash identity{};  ///< the one that follows (the newest follow); zero when none
  [[nodiscard]] bool allows() const { return following && !withdrawn; }
};

/// Of several people at once, each given by all its identities, in the order given; without
/// identities there is no consent.
Result<std::vector<Consent>> consents_of(storage::Session& session,
                                         std::span<const std::vector<IdentityHash>> people,
                                         std::string_view account, std::string_view purpose);
Result<Consent> consent_of(storage::State& state, const PersonId& person, std::string_view account,
                           std::string_view purpose);

}  // namespace zhiyin::audience
