#pragma once

#include "audience/people.h"
#include "base/clock.h"
#include "delivery/recipient.h"

namespace zhiyin::delivery {

/// People of the audience as recipients: consent from their events, variables from their traits,
/// contact from what opened their customer-service windows.
/// Thread-safe; all must outlive it.
class AudienceRecipients final : public Recipients {
 public:
  AudienceRecipients(const audience::People& people, const Clock& clock)
      : people_(people), clock_(clock) {}

  [[nodiscard]] Result<std::vector<Recipient>> find(std::span<const PersonId> people,
                                                    const RecipientQuery& query) const override;
  [[nodiscard]] Result<Recipient> by_openid(std::string_view openid,
                                            const RecipientQuery& query) const override;
  [[nodiscard]] Result<Secret> openid(const IdentityHash& identity) const override;
  [[nodiscard]] Result<std::vector<std::optional<Secret>>> openids(
      std::span<const IdentityHash> identities) const override;

 private:
  const audience::People& people_;
  const Clock& clock_;
};

}  // namespace zhiyin::delivery
