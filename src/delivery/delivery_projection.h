#pragma once

#include <map>
#include <span>
#include <vector>

#include "delivery/gate.h"
#include "delivery/touch.h"
#include "ingest/projection.h"

namespace zhiyin::delivery {

/// A person confirmed one one-time message: `template_id` and `scene` in the properties.
inline constexpr std::string_view kOnceConfirmed = "wechat.once_confirmed";

/// What events mean for delivery: messages, menu taps, follows, scans and entering a mini-program's
/// conversation open the customer-service window of an identity; clicks mark touches; results of
/// template and subscribe messages settle them; pop-ups, confirmations
/// of one-time messages, and what other systems send, change the permissions.
class DeliveryProjection final : public ingest::EventProjection {
 public:
  Result<void> apply(storage::Session& session,
                     std::span<const ingest::LoggedEvent> events) override;
};

/// When the identity last opened its customer-service window on the account, by kind.
Result<CsTriggers> cs_triggers(storage::Session& session, const IdentityHash& identity,
                               const AccountId& account);
/// The same of many, in few statements; those that never did are not in it.
Result<std::map<IdentityHash, CsTriggers>> cs_triggers_of(storage::Session& session,
                                                          std::span<const IdentityHash> identities,
                                                          const AccountId& account);

}  // namespace zhiyin::delivery
