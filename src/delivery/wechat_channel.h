#pragma once

#include "delivery/channel.h"
#include "wechat/client.h"

namespace zhiyin::delivery {

/// What an error of the platform means for a touch. Pure.
Outcome outcome_of(const wechat::SendError& error);

/// Sends through the official account's API; mass sends of subscription accounts through a tag
/// (`mass_tag.h`). Thread-safe; both must outlive it. Blocks, so not on
/// threads of the HTTP client or server.
class WechatChannel final : public MessageChannel {
 public:
  WechatChannel(const wechat::Accounts& accounts, wechat::OfficialAccountApi& api)
      : accounts_(accounts), api_(api) {}

  Outcome send_mass(const AccountId& account, std::span<const std::string> openids,
                    const Content& content, std::string_view client_msg_id) override;
  Outcome send_customer_service(const AccountId& account, std::string_view openid,
                                const Content& content) override;
  Outcome send_template(const AccountId& account, std::string_view openid, const Content& content,
                        std::string_view client_msg_id) override;
  Outcome preview_mass(const AccountId& account, std::string_view openid,
                       const Content& content) override;

 private:
  Outcome send_through_tag(const wechat::ApiAccount& account, std::span<const std::string> openids,
                           wechat::MassMessage message);

  const wechat::Accounts& accounts_;
  wechat::OfficialAccountApi& api_;
};

}  // namespace zhiyin::delivery
