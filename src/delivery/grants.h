#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "base/time.h"
#include "storage/state.h"
#include "storage/vault.h"

namespace zhiyin::delivery {

/// Who granted, to which account.
struct GrantHolder {
  storage::IdentityHash identity{};
  AccountId account;
};

struct Grant {
  std::string template_id;
  std::int64_t remaining = 0;
  Instant at;  ///< of the last decision
};

/// The name of what somebody confirmed on the page of one-time messages, beside templates: such a
/// message needs the confirmation of its template and scene.
std::string once_grant(std::string_view template_id, std::int64_t scene);

/// Permissions for subscribe messages: each pop-up that a person accepts allows one message of that
/// template, however long ago; a refusal takes all back. Those for one-time messages are kept by
/// `once_grant`. Table `message_grant`. Stateless; every
/// function works within the caller's transaction, so a permission is used once whoever is at it.
class Grants {
 public:
  /// Events that come late, before a later refusal, change nothing.
  static Result<void> add(storage::Session& session, const GrantHolder& holder,
                          std::string_view template_id, Instant at);
  static Result<void> revoke(storage::Session& session, const GrantHolder& holder,
                             std::string_view template_id, Instant at);
  /// Uses one up; false when there is none. `keeps`: it holds until it is taken back (long-term
  /// templates).
  static Result<bool> take(storage::Session& session, const GrantHolder& holder,
                           std::string_view template_id, bool keeps);
  /// One that was taken for a message that certainly did not go out.
  static Result<void> give_back(storage::Session& session, const GrantHolder& holder,
                                std::string_view template_id);
  /// The platform says that there is none.
  static Result<void> exhaust(storage::Session& session, const GrantHolder& holder,
                              std::string_view template_id);
  /// By template.
  static Result<std::vector<Grant>> list(storage::Session& session, const GrantHolder& holder);
};

}  // namespace zhiyin::delivery
