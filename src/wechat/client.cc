#include "wechat/client.h"

#include <set>

#include "http/await.h"
#include "wechat/detail/requests.h"

namespace zhiyin::wechat {
namespace {

template <class T, class Read>
Outcome<T> typed(Outcome<ApiAnswer> answer, const Read& read) {
  if (!answer) return std::unexpected(std::move(answer.error()));
  if constexpr (std::is_void_v<T>) {
    return {};
  } else {
    return read(answer->json);
  }
}

/// One call for both kinds of callers: how it is asked and how its answer is read.
template <class T, class Read>
http::Task<Outcome<T>> suspend(PlatformApi& platform, ApiAccount account, Result<ApiCall> call,
                               Read read) {
  Outcome<ApiAnswer> answer = co_await platform.perform(std::move(account), std::move(call));
  co_return typed<T>(std::move(answer), read);
}

constexpr auto kNoAnswer = [](const Json&) {};

}  // namespace

OfficialAccountClient::OfficialAccountClient(http::Client& client, TokenKeeper& tokens,
                                             MetricsRegistry& metrics, Logger& logger,
                                             Settings settings)
    : platform_(client, tokens, metrics, logger, std::move(settings)) {}

http::Task<Outcome<FollowerPage>> OfficialAccountClient::followers(ApiAccount a,
                                                                   std::string after) {
  Result<ApiCall> prepared = followers_call(after);
  return suspend<FollowerPage>(platform_, std::move(a), std::move(prepared),
                               [after](const Json& j) { return read_followers(j, after); });
}
Outcome<FollowerPage> OfficialAccountClient::followers_and_wait(const ApiAccount& a,
                                                                std::string after) {
  return typed<FollowerPage>(platform_.perform_and_wait(a, followers_call(after)),
                             [after](const Json& j) { return read_followers(j, after); });
}

http::Task<Outcome<std::vector<UserInfo>>> OfficialAccountClient::user_info(
    ApiAccount a, std::vector<std::string> openids) {
  Result<ApiCall> prepared = user_info_call(a.policy, openids);
  return suspend<std::vector<UserInfo>>(platform_, std::move(a), std::move(prepared),
                                        read_user_info);
}
Outcome<std::vector<UserInfo>> OfficialAccountClient::user_info_and_wait(
    const ApiAccount& a, std::vector<std::string> openids) {
  return typed<std::vector<UserInfo>>(
      platform_.perform_and_wait(a, user_info_call(a.policy, openids)), read_user_info);
}

http::Task<Outcome<void>> OfficialAccountClient::send_customer_service(
    ApiAccount a, CustomerServiceMessage message) {
  Result<ApiCall> prepared = customer_service_call(a.policy, message);
  return suspend<void>(platform_, std::move(a), std::move(prepared), kNoAnswer);
}
Outcome<void> OfficialAccountClient::send_customer_service_and_wait(
    const ApiAccount& a, CustomerServiceMessage message) {
  return typed<void>(platform_.perform_and_wait(a, customer_service_call(a.policy, message)),
                     kNoAnswer);
}

http::Task<Outcome<std::string>> OfficialAccountClient::send_template(ApiAccount a,
                                                                      TemplateMessage message) {
  Result<ApiCall> prepared = template_call(a.policy, message);
  return suspend<std::string>(platform_, std::move(a), std::move(prepared), read_template_msgid);
}
Outcome<std::string> OfficialAccountClient::send_template_and_wait(const ApiAccount& a,
                                                                   TemplateMessage message) {
  return typed<std::string>(platform_.perform_and_wait(a, template_call(a.policy, message)),
                            read_template_msgid);
}

http::Task<Outcome<MassReceipt>> OfficialAccountClient::mass_send(ApiAccount a,
                                                                  std::vector<std::string> openids,
                                                                  MassMessage message) {
  Result<ApiCall> prepared = mass_send_call(a.policy, openids, message);
  return suspend<MassReceipt>(platform_, std::move(a), std::move(prepared), read_mass_receipt);
}
Outcome<MassReceipt> OfficialAccountClient::mass_send_and_wait(const ApiAccount& a,
                                                               std::vector<std::string> openids,
                                                               MassMessage message) {
  return typed<MassReceipt>(
      platform_.perform_and_wait(a, mass_send_call(a.policy, openids, message)), read_mass_receipt);
}

http::Task<Outcome<MassReceipt>> OfficialAccountClient::mass_send_to_tag(
    ApiAccount a, std::optional<std::int64_t> tag_id, MassMessage message) {
  Result<ApiCall> prepared = mass_tag_call(a.policy, tag_id, message);
  return suspend<MassReceipt>(platform_, std::move(a), std::move(prepared), read_mass_receipt);
}
Outcome<MassReceipt> OfficialAccountClient::mass_send_to_tag_and_wait(
    const ApiAccount& a, std::optional<std::int64_t> tag_id, MassMessage message) {
  return typed<MassReceipt>(platform_.perform_and_wait(a, mass_tag_call(a.policy, tag_id, message)),
                            read_mass_receipt);
}

http::Task<Outcome<void>> OfficialAccountClient::mass_preview(ApiAccount a, std::string openid,
                                                              MassMessage message) {
  Result<ApiCall> prepared = mass_preview_call(a.policy, openid, message);
  return suspend<void>(platform_, std::move(a), std::move(prepared), kNoAnswer);
}
Outcome<void> OfficialAccountClient::mass_preview_and_wait(const ApiAccount& a, std::string openid,
                                                           MassMessage message) {
  return typed<void>(platform_.perform_and_wait(a, mass_preview_call(a.policy, openid, message)),
                     kNoAnswer);
}

http::Task<Outcome<MassStatus>> OfficialAccountClient::mass_status(ApiAccount a,
                                                                   std::string msg_id) {
  Result<ApiCall> prepared = mass_status_call(msg_id);
  return suspend<MassStatus>(platform_, std::move(a), std::move(prepared), read_mass_status);
}
Outcome<MassStatus> OfficialAccountClient::mass_status_and_wait(const ApiAccount& a,
                                                                std::string msg_id) {
  return typed<MassStatus>(platform_.perform_and_wait(a, mass_status_call(msg_id)),
                           read_mass_status);
}

http::Task<Outcome<std::vector<TemplateDescription>>> OfficialAccountClient::templates(
    ApiAccount a) {
  Result<ApiCall> prepared = templates_call();
  return suspend<std::vector<TemplateDescription>>(platform_, std::move(a), std::move(prepared),
                                                   read_templates);
}
Outcome<std::vector<TemplateDescription>> OfficialAccountClient::templates_and_wait(
    const ApiAccount& a) {
  return typed<std::vector<TemplateDescription>>(platform_.perform_and_wait(a, templates_call()),
                                                 read_templates);
}

http::Task<Outcome<QuotaUse>> OfficialAccountClient::quota(ApiAccount a, std::string path) {
  Result<ApiCall> prepared = quota_call(path);
  return suspend<QuotaUse>(platform_, std::move(a), std::move(prepared), read_quota);
}
Outcome<QuotaUse> OfficialAccountClient::quota_and_wait(const ApiAccount& a, std::string path) {
  return typed<QuotaUse>(platform_.perform_and_wait(a, quota_call(path)), read_quota);
}

Outcome<std::int64_t> each_follower_page(OfficialAccountApi& api, const ApiAccount& account,
                                         const std::function<bool(const FollowerPage&)>& visit) {
  std::int64_t visited = 0;
  std::set<std::string> seen;
  std::string after;
  while (true) {
    Outcome<FollowerPage> page = api.followers_and_wait(account, after);
    if (!page) return std::unexpected(std::move(page.error()));
    visited += static_cast<std::int64_t>(page->openids.size());
    if (!page->openids.empty() && !visit(*page)) return visited;
    const bool is_all = page->total > 0 && visited >= page->total;
    if (page->next_openid.empty() || is_all) return visited;
    if (!seen.insert(page->next_openid).second) {
      SendError e;
      e.code = ErrorCode::kInternal;
      e.message = "微信接口 user_get：分页出现循环";
      return std::unexpected(std::move(e));
    }
    after = page->next_openid;
  }
}

}  // namespace zhiyin::wechat
