#pragma once

#include "delivery/recipient.h"
#include "wechat/account.h"

namespace zhiyin::delivery {

/// The limits of an account's policy as the gate applies them. kInvalidArgument when they cannot be
/// applied (a cap of 0). Pure.
Result<SenderAccount> sender_of(const wechat::Account& account);

/// Accounts as senders. Thread-safe; `accounts` must outlive it.
class WechatSenders final : public Senders {
 public:
  explicit WechatSenders(const wechat::Accounts& accounts) : accounts_(accounts) {}
  [[nodiscard]] Result<SenderAccount> find(const AccountId& account) const override;

 private:
  const wechat::Accounts& accounts_;
};

}  // namespace zhiyin::delivery
