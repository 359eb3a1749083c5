#pragma once

#include "wechat/method.h"

/// What the platform says about itself: quotas, single requests, its addresses, our callback.
namespace zhiyin::wechat {

struct CgiPathAsk {
  std::string cgi_path;  ///< as /cgi-bin/message/custom/send
  static constexpr auto wire() {
    return field_list(member("cgi_path", &CgiPathAsk::cgi_path, "/cgi-bin/…"));
  }
};
struct MethodQuota {
  std::int64_t daily_limit = 0, used = 0, remain = 0;
  static constexpr auto wire() {
    using S = MethodQuota;
    return field_list(member("daily_limit", &S::daily_limit, ""), member("used", &S::used, ""),
                      member("remain", &S::remain, ""));
  }
};
struct MethodRate {
  std::int64_t call_count = 0, refresh_second = 0;
  static constexpr auto wire() {
    return field_list(member("call_count", &MethodRate::call_count, ""),
                      member("refresh_second", &MethodRate::refresh_second, ""));
  }
};
struct MethodLimits {
  MethodQuota quota;
  std::optional<MethodRate> rate_limit;
  static constexpr auto wire() {
    return field_list(member("quota", &MethodLimits::quota, ""),
                      member("rate_limit", &MethodLimits::rate_limit, ""));
  }
};
inline constexpr Method<CgiPathAsk, MethodLimits> kMethodQuota{endpoint("quota_get")};
/// 50 a month.
inline constexpr Method<CgiPathAsk, Nothing> kMethodQuotaClear{endpoint("quota_clear")};

struct AppIdAsk {
  std::string appid;
  static constexpr auto wire() { return field_list(member("appid", &AppIdAsk::appid, "")); }
};
/// 10 a month, together with the web console and the call by secret (48006 then).
inline constexpr Method<AppIdAsk, Nothing> kQuotaClear{endpoint("clear_quota")};
/// Needs no token: for when tokens are used up.
inline constexpr Method<Nothing, Nothing> kQuotaClearBySecret{endpoint("clear_quota_by_secret")};

struct RidAsk {
  std::string rid;
  static constexpr auto wire() {
    return field_list(member("rid", &RidAsk::rid, "in the message of an error"));
  }
};
/// Tokens, secrets and phone numbers in it are masked by the client.
struct RidRequest {
  std::int64_t invoke_time = 0, cost_in_ms = 0;
  std::string request_url, request_body, response_body, client_ip;
  static constexpr auto wire() {
    using S = RidRequest;
    return field_list(
        member("invoke_time", &S::invoke_time, "seconds"), member("cost_in_ms", &S::cost_in_ms, ""),
        member("request_url", &S::request_url, ""), member("request_body", &S::request_body, ""),
        member("response_body", &S::response_body, ""), member("client_ip", &S::client_ip, ""));
  }
};
struct RidAnswer {
  RidRequest request;
  static constexpr auto wire() { return field_list(member("request", &RidAnswer::request, "")); }
};
inline constexpr Method<RidAsk, RidAnswer> kRid{endpoint("rid_get")};

/// Addresses, perhaps as CIDR.
struct IpList {
  std::vector<std::string> ip_list;
  static constexpr auto wire() { return field_list(member("ip_list", &IpList::ip_list, "")); }
};
inline constexpr Method<Nothing, IpList> kApiAddresses{endpoint("api_domain_ip")};
inline constexpr Method<Nothing, IpList> kCallbackAddresses{endpoint("callback_ip")};

struct CallbackCheckAsk {
  std::string action = "all", check_operator = "DEFAULT";
  static constexpr auto wire() {
    return field_list(member("action", &CallbackCheckAsk::action, "dns, ping or all"),
                      member("check_operator", &CallbackCheckAsk::check_operator,
                             "CHINANET, UNICOM, CAP or DEFAULT"));
  }
};
struct DnsFinding {
  std::string ip, real_operator;
  static constexpr auto wire() {
    return field_list(member("ip", &DnsFinding::ip, ""),
                      member("real_operator", &DnsFinding::real_operator, ""));
  }
};
struct PingFinding {
  std::string ip, from_operator, package_loss, time;
  static constexpr auto wire() {
    using S = PingFinding;
    return field_list(member("ip", &S::ip, ""), member("from_operator", &S::from_operator, ""),
                      member("package_loss", &S::package_loss, "0%"),
                      member("time", &S::time, "23.079ms"));
  }
};
struct CallbackFindings {
  std::vector<DnsFinding> dns;
  std::vector<PingFinding> ping;
  static constexpr auto wire() {
    return field_list(member("dns", &CallbackFindings::dns, ""),
                      member("ping", &CallbackFindings::ping, ""));
  }
};
inline constexpr Method<CallbackCheckAsk, CallbackFindings> kCallbackCheck{
    endpoint("callback_check")};

}  // namespace zhiyin::wechat
