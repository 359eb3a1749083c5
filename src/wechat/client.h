#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "http/client.h"
#include "http/task.h"
#include "wechat/call.h"
#include "wechat/platform_client.h"

namespace zhiyin::wechat {

/// The calls of an official account, for threads that may block. Interface so that senders can be
/// tested without a platform. Every input is checked against the account's policy before anything
/// is sent (kInvalidArgument, kNothingSent). Thread-safe.
class OfficialAccountApi {
 public:
  virtual ~OfficialAccountApi() = default;

  /// One page; `after` empty begins. Up to 10,000 openids.
  virtual Outcome<FollowerPage> followers_and_wait(const ApiAccount& account,
                                                   std::string after) = 0;
  /// Up to `policy.user_info_batch_max` people.
  virtual Outcome<std::vector<UserInfo>> user_info_and_wait(const ApiAccount& account,
                                                            std::vector<std::string> openids) = 0;
  /// Not idempotent: an unknown outcome is returned, never repeated.
  virtual Outcome<void> send_customer_service_and_wait(const ApiAccount& account,
                                                       CustomerServiceMessage message) = 0;
  /// The platform's msgid; its result comes as kTemplateResult with the same number.
  virtual Outcome<std::string> send_template_and_wait(const ApiAccount& account,
                                                      TemplateMessage message) = 0;
  virtual Outcome<MassReceipt> mass_send_and_wait(const ApiAccount& account,
                                                  std::vector<std::string> openids,
                                                  MassMessage message) = 0;
  /// `tag_id` absent: to all followers.
  virtual Outcome<MassReceipt> mass_send_to_tag_and_wait(const ApiAccount& account,
                                                         std::optional<std::int64_t> tag_id,
                                                         MassMessage message) = 0;
  virtual Outcome<void> mass_preview_and_wait(const ApiAccount& account, std::string openid,
                                              MassMessage message) = 0;
  virtual Outcome<MassStatus> mass_status_and_wait(const ApiAccount& account,
                                                   std::string msg_id) = 0;
  virtual Outcome<std::vector<TemplateDescription>> templates_and_wait(
      const ApiAccount& account) = 0;
  /// `path` as `/cgi-bin/message/mass/send`.
  virtual Outcome<QuotaUse> quota_and_wait(const ApiAccount& account, std::string path) = 0;
  /// Any other call, over the same connection, tokens and pace; null where there is none (fakes).
  [[nodiscard]] virtual PlatformApi* platform() { return nullptr; }
};

/// The same over HTTP, as coroutines and blocking. How it repeats and paces is told in
/// `platform_client.h`. Thread-safe.
class OfficialAccountClient final : public OfficialAccountApi {
 public:
  using Settings = PlatformClient::Settings;
  /// All must outlive the client.
  OfficialAccountClient(http::Client& client, TokenKeeper& tokens, MetricsRegistry& metrics,
                        Logger& logger, Settings settings);

  [[nodiscard]] PlatformApi* platform() override { return &platform_; }

  // For coroutines. They run on the executor of the caller.
  http::Task<Outcome<FollowerPage>> followers(ApiAccount account, std::string after);
  http::Task<Outcome<std::vector<UserInfo>>> user_info(ApiAccount account,
                                                       std::vector<std::string> openids);
  http::Task<Outcome<void>> send_customer_service(ApiAccount account,
                                                  CustomerServiceMessage message);
  http::Task<Outcome<std::string>> send_template(ApiAccount account, TemplateMessage message);
  http::Task<Outcome<MassReceipt>> mass_send(ApiAccount account, std::vector<std::string> openids,
                                             MassMessage message);
  http::Task<Outcome<MassReceipt>> mass_send_to_tag(ApiAccount account,
                                                    std::optional<std::int64_t> tag_id,
                                                    MassMessage message);
  http::Task<Outcome<void>> mass_preview(ApiAccount account, std::string openid,
                                         MassMessage message);
  http::Task<Outcome<MassStatus>> mass_status(ApiAccount account, std::string msg_id);
  http::Task<Outcome<std::vector<TemplateDescription>>> templates(ApiAccount account);
  http::Task<Outcome<QuotaUse>> quota(ApiAccount account, std::string path);

  // The same, blocking the calling thread; not from a thread of the HTTP client or server.
  Outcome<FollowerPage> followers_and_wait(const ApiAccount& account, std::string after) override;
  Outcome<std::vector<UserInfo>> user_info_and_wait(const ApiAccount& account,
                                                    std::vector<std::string> openids) override;
  Outcome<void> send_customer_service_and_wait(const ApiAccount& account,
                                               CustomerServiceMessage message) override;
  Outcome<std::string> send_template_and_wait(const ApiAccount& account,
                                              TemplateMessage message) override;
  Outcome<MassReceipt> mass_send_and_wait(const ApiAccount& account,
                                          std::vector<std::string> openids,
                                          MassMessage message) override;
  Outcome<MassReceipt> mass_send_to_tag_and_wait(const ApiAccount& account,
                                                 std::optional<std::int64_t> tag_id,
                                                 MassMessage message) override;
  Outcome<void> mass_preview_and_wait(const ApiAccount& account, std::string openid,
                                      MassMessage message) override;
  Outcome<MassStatus> mass_status_and_wait(const ApiAccount& account, std::string msg_id) override;
  Outcome<std::vector<TemplateDescription>> templates_and_wait(const ApiAccount& account) override;
  Outcome<QuotaUse> quota_and_wait(const ApiAccount& account, std::string path) override;

 private:
  PlatformClient platform_;
};

/// Visits all followers page by page until `visit` returns false. Returns how many were visited.
/// Ends with kInternal when the platform's pages go round in a circle.
Outcome<std::int64_t> each_follower_page(OfficialAccountApi& api, const ApiAccount& account,
                                         const std::function<bool(const FollowerPage&)>& visit);

}  // namespace zhiyin::wechat
