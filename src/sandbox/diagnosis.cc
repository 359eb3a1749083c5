#include <algorithm>

#include "sandbox/account_state.h"

// Quotas, single requests by their id, addresses.
namespace zhiyin::sandbox {
namespace {

Answer quota_get(AccountState& account, const Call& call) {
  const Endpoint* endpoint = find_endpoint(call.text("cgi_path"));
  if (endpoint == nullptr || endpoint->family != Family::kOfficial)
    return account.refuse(76021, call.now);
  const QuotaCounters::Usage usage = account.quota.usage(*endpoint, call.now);
  if (usage.limit == 0 && endpoint->per_minute == 0) return account.refuse(76021, call.now);
  Json quota = Json::object();
  quota.set("daily_limit", usage.limit);
  quota.set("used", usage.used);
  quota.set("remain", std::max<std::int64_t>(usage.limit - usage.used, 0));
  Json answer = api_ok();
  answer.set("quota", std::move(quota));
  if (endpoint->per_minute > 0) {
    Json rate = Json::object();
    rate.set("call_count", endpoint->per_minute);
    rate.set("refresh_second", 60);
    answer.set("rate_limit", std::move(rate));
  }
  return answer;
}

Answer clear_one(AccountState& account, const Call& call) {
  const Endpoint* endpoint = find_endpoint(call.text("cgi_path"));
  if (endpoint == nullptr || endpoint->family != Family::kOfficial || endpoint->per_day == 0)
    return account.refuse(76021, call.now);
  if (!account.quota.clear_one(*endpoint, call.now)) return account.refuse(48006, call.now);
  return api_ok();
}

Answer clear(AccountState& account, const Call& call) {
  if (call.text("appid") != account.identity.app_id) return account.refuse(40013, call.now);
  if (!account.quota.clear(call.now)) return account.refuse(48006, call.now);
  return api_ok();
}

/// Without a token: for when tokens are used up.
Answer clear_by_secret(AccountState& account, const Call& call) {
  if (call.text("appsecret") != account.identity.app_secret) return account.refuse(40125, call.now);
  if (!account.quota.clear(call.now)) return account.refuse(48006, call.now);
  return api_ok();
}

Answer rid_get(AccountState& account, const Call& call) {
  constexpr Duration kKept = kDay * 7;
  const auto& entries = account.requests.entries;
  const auto found = std::ranges::find(entries, call.text("rid"), &RequestLog::Entry::rid);
  if (found == entries.end()) return account.refuse(76001, call.now);
  if (call.now - found->at > kKept) return account.refuse(76003, call.now);
  Json request = Json::object();
  request.set("invoke_time", seconds_of(found->at));
  request.set("cost_in_ms", 3);
  request.set("request_url", found->url);
  request.set("request_body", found->body);
  request.set("response_body", found->answer);
  request.set("client_ip", "127.0.0.1");
  Json answer = api_ok();
  answer.set("request", std::move(request));
  return answer;
}

Answer addresses(AccountState&, const Call&) {
  Json answer = Json::object();
  answer.set("ip_list", Json(Json::Array{Json("127.0.0.1"), Json("127.0.0.0/8")}));
  return answer;
}

/// Our own address is on this machine: it is always found.
Answer callback_check(AccountState&, const Call& call) {
  const std::string action = call.text("action");
  Json answer = api_ok();
  if (action != "ping") {
    Json one = Json::object();
    one.set("ip", "127.0.0.1");
    one.set("real_operator", "DEFAULT");
    answer.set("dns", Json(Json::Array{std::move(one)}));
  }
  if (action != "dns") {
    Json one = Json::object();
    one.set("ip", "127.0.0.1");
    one.set("from_operator", call.text("check_operator"));
    one.set("package_loss", "0%");
    one.set("time", "0.079ms");
    answer.set("ping", Json(Json::Array{std::move(one)}));
  }
  return answer;
}

}  // namespace

std::vector<Endpoint> diagnosis_endpoints() {
  const Field path = text("cgi_path", 1, 128, 76021);
  return {
      {.method = "POST",
       .path = "/cgi-bin/openapi/quota/get",
       .summary = "How much of an endpoint's quota is used",
       .handler = quota_get,
       .answers = "quota{daily_limit:n used:n remain:n} rate_limit{call_count:n refresh_second:n}",
       .fields = {path},
       .errors = {76021}},
      {.method = "POST",
       .path = "/cgi-bin/openapi/quota/clear",
       .summary = "Forgets today's calls of one endpoint, 50 times a month",
       .handler = clear_one,
       .fields = {path},
       .errors = {48006, 76021}},
      {.method = "POST",
       .path = "/cgi-bin/clear_quota",
       .summary = "Forgets today's calls, 10 times a month",
       .handler = clear,
       .fields = {text("appid", 1, 64, 40013)},
       .errors = {48006}},
      {.method = "POST",
       .path = "/cgi-bin/clear_quota/v2",
       .summary = "The same by the secret, without a token",
       .handler = clear_by_secret,
       .fields = {text("appsecret", 1, 128, 41004)},
       .errors = {40013, 40125, 48006},
       .caller = Caller::kAppSecretBody},
      {.method = "POST",
       .path = "/cgi-bin/openapi/rid/get",
       .summary = "A request that failed, by the id in its error, for 7 days",
       .handler = rid_get,
       .answers =
           "request{invoke_time:n cost_in_ms:n request_url request_body response_body client_ip}",
       .fields = {text("rid", 1, 64, 76001)},
       .errors = {76003}},
      {.method = "GET",
       .path = "/cgi-bin/get_api_domain_ip",
       .summary = "Addresses of the interface",
       .handler = addresses,
       .answers = "ip_list[]"},
      {.method = "GET",
       .path = "/cgi-bin/getcallbackip",
       .summary = "Addresses from which callbacks come",
       .handler = addresses,
       .answers = "ip_list[]"},
      {.method = "POST",
       .path = "/cgi-bin/callback/check",
       .summary = "Whether the account's own address is found and answers",
       .handler = callback_check,
       .answers = "dns[]{ip real_operator} ping[]{ip from_operator package_loss time}",
       .fields = {one_of("action", "dns ping all", 40202),
                  one_of("check_operator", "CHINANET UNICOM CAP DEFAULT", 40203)}},
  };
}

}  // namespace zhiyin::sandbox
