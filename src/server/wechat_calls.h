#pragma once

#include <string>

#include "base/json.h"
#include "http/message.h"
#include "server/services.h"
#include "wechat/media.h"

/// What routes and command line do on WeChat alike. All block on the platform.
namespace zhiyin::server {

/// Every method that may be called by its name: `{"method","http_method","path","repeat",
/// "per_minute","per_day","body"}`.
Json wechat_methods();

/// Calls `method` with the platform's own names in `body`. The platform's answer; a picture or file
/// comes as its bytes. An error of the platform has its errcode and rid in the message.
Result<http::Response> wechat_call(Services& services, const AccountId& account,
                                   std::string_view method, const Json& body);

/// kUnsupported where this process calls no platform.
Result<wechat::PlatformApi*> platform_of(Services& services);

/// Where the account's calls go.
std::string platform_base(const Services& services, const wechat::Account& account);

/// Calls what reaches people by members of a company: `what` is task (a message that members
/// confirm), moment, welcome or message (to the members themselves). The answer of the platform.
Result<Json> wechat_staff(Services& services, const AccountId& account, std::string_view what,
                          const Json& body);

/// What a file is for.
struct UploadAsk {
  std::string use = "media";         ///< one of kUploadUses
  std::string type = "image";        ///< of media, material and attachment
  std::string kf_account;            ///< of portrait: whose
  std::int64_t advertiser = 0;       ///< of ad_picture and audience: the advertiser's account_id
  std::int64_t audience = 0;         ///< of audience
  std::string ids;                   ///< of audience: HASH_PHONE, WECHAT_OPENID …
  std::string operation = "APPEND";  ///< of audience: or REDUCE
};
inline constexpr std::string_view kUploadUses =
    "media (3 days), material (permanent), picture (for articles), attachment (of WeCom's "
    "moments), portrait (of a member of customer service), ad_picture, audience";
/// Its members by name, `as` for the use; an empty text leaves the default. kInvalidArgument with
/// the field.
Result<UploadAsk> upload_ask(const std::function<std::string(std::string_view)>& value);
/// What the platform says of the file: `media_id`, `url` and the like.
Result<Json> wechat_upload(Services& services, const AccountId& account, const UploadAsk& ask,
                           wechat::Upload file);

/// One message to one person, through the quota ledger: a customer-service message (`msgtype` and
/// its content) or a subscribe message (`template_id` and `data`), in the platform's names without
/// `touser`. `{"state","touch","rule","error"}`.
Result<Json> wechat_send(Services& services, const AccountId& account, const std::string& openid,
                         const Json& message);

/// The person's customer-service window, permissions, and what was sent last:
/// `{"left","until","openings","grants","sent"}`.
Result<Json> wechat_conversation(Services& services, const AccountId& account,
                                 const std::string& openid);

/// A QR code whose scans and follows carry `channel` as their scene; permanent without `life`.
/// `{"ticket","url","picture","channel"}`.
Result<Json> wechat_channel_code(Services& services, const AccountId& account, std::string channel,
                                 std::optional<Duration> life);

/// Budgets of all accounts, or of one.
Result<Json> wechat_quota(Services& services, const std::optional<AccountId>& account);

/// The newest mass sends, with the platform's reports.
Result<Json> wechat_jobs(Services& services, const std::optional<AccountId>& account);

/// What WeChat delivered last, of the past week: `{"items":[{"at","account","kind","person"}]}`,
/// with the person's hash shortened and no contents.
Result<Json> wechat_arrivals(Services& services, const std::optional<AccountId>& account);

}  // namespace zhiyin::server
