#include "server/wechat_doctor.h"

#include "base/crypto.h"
#include "delivery/quota_view.h"
#include "delivery/wechat_senders.h"
#include "http/client.h"
#include "server/account_hold.h"
#include "server/wechat_calls.h"
#include "wechat/connection_check.h"
#include "wechat/diagnosis.h"
#include "wechat/wecom.h"

namespace zhiyin::server {
namespace {

using wechat::ConnectionFinding;

constexpr std::chrono::milliseconds kPatience{5'000};

struct Checks {
  Json list = Json::array();
  bool ok = true;
  void add(const AccountId& account, std::string_view name, ConnectionFinding finding) {
    ok = ok && finding.ok;
    list.push(Json()
                  .set("account", account.value)
                  .set("name", name)
                  .set("ok", finding.ok)
                  .set("detail", std::move(finding.detail))
                  .set("advice", finding.ok ? std::string() : std::move(finding.advice)));
  }
};

/// An account under examination.
struct Patient {
  Services& s;
  const wechat::Account& account;
  wechat::ApiAccount api;

  [[nodiscard]] bool is_official() const {
    return account.kind == wechat::AccountKind::kService ||
           account.kind == wechat::AccountKind::kSubscription;
  }
  [[nodiscard]] bool has_callbacks() const {
    return account.kind != wechat::AccountKind::kAdvertiser;
  }
  [[nodiscard]] std::string base() const { return platform_base(s, account); }
};

std::expected<http::ClientResponse, http::ClientError> fetched(Services& s, std::string url) {
  http::ClientRequest request;
  request.url = std::move(url);
  request.timeout = kPatience;
  request.response_bytes_max = 1 << 20;
  return s.http.send_and_wait(std::move(request));
}

ConnectionFinding settings(const Patient& p) {
  if (p.account.app_secret.empty())
    return {false, "没有 AppSecret / the AppSecret is missing",
            "在公众平台复制 AppSecret 并填入账号 / copy it from the platform into the account"};
  if (!p.has_callbacks()) return {true, "AppSecret 已保存 / stored"};
  const auto rules = wechat::callback_rules(p.account);
  if (!rules)
    return {false, rules.error().text(),
            "填写回调的 Token（和 EncodingAESKey），与平台一致 / enter the callback's Token (and "
            "EncodingAESKey) as on the platform"};
  return {true, "Token 与密钥已保存 / token and key are stored"};
}

/// Our own address, asked as the platform asks it.
ConnectionFinding callback(const Patient& p) {
  constexpr std::string_view kAdvice =
      "确认 zhiyin serve 在运行，反向代理把 /wechat/ 转给它，server.public_url "
      "正确（内网访问不到自己的外网地址时，从别处打开一次） / see that zhiyin serve runs, that the "
      "reverse proxy passes /wechat/ on, and that server.public_url is right (where a network "
      "cannot reach its own public address, open it from elsewhere)";
  const std::string url = fmt::format("{}/wechat/{}", p.s.public_url, p.account.id.value);
  const std::string echo = crypto::hex(crypto::random_bytes(8));
  const auto probe = wechat::callback_probe(p.account, echo, p.s.clock.now());
  if (!probe) return {true, url + "（设置不全，未试 / not tried: the settings are incomplete）"};
  const auto answer = fetched(p.s, url + "?" + *probe);
  if (!answer)
    return {false, fmt::format("{}：{}", url, answer.error().error.message), std::string(kAdvice)};
  if (answer->status != 200 || answer->body != echo)
    return {false, fmt::format("{}：HTTP {}", url, answer->status), std::string(kAdvice)};
  return {true, url};
}

/// The same as the platform sees it.
ConnectionFinding callback_route(const Patient& p) {
  wechat::PlatformApi* platform = p.s.wechat.platform();
  if (platform == nullptr) return {true, "本进程不调用平台 / this process calls no platform"};
  return wechat::reach_finding(
      call_and_wait(*platform, p.api, wechat::kCallbackCheck, {"all", "DEFAULT"}));
}

std::int64_t refusals(const Patient& p, std::string_view reason) {
  return p.s.metrics
      .counter("zhiyin_wechat_callbacks_refused_total", "Callbacks refused",
               fmt::format("account=\"{}\",reason=\"{}\"", p.account.id.value, reason))
      .value();
}

ConnectionFinding callback_seen(const Patient& p) {
  return wechat::seen_finding(p.s.callbacks.health(p.account.id).last_at, refusals(p, "signature"));
}

ConnectionFinding mode(const Patient& p) {
  return wechat::mode_finding(p.account.mode, {.signature = refusals(p, "signature"),
                                               .timestamp = refusals(p, "timestamp"),
                                               .downgrade = refusals(p, "downgrade"),
                                               .no_key = refusals(p, "no_key"),
                                               .encryption = refusals(p, "encryption"),
                                               .receiver = refusals(p, "receiver")});
}

ConnectionFinding clocks(const Patient& p) {
  if (p.s.stepped != nullptr)
    return {true, "步进时钟，不与平台比较 / a stepped clock is not compared"};
  const auto answer = fetched(p.s, p.base() + "/");
  if (!answer) return {true, "平台没有回答，未比较 / not compared: the platform did not answer"};
  return wechat::clock_finding(wechat::clock_ahead(answer->headers, p.s.clock.now()));
}

/// The platform's own count of a channel's calls; nothing where it does not say.
std::optional<wechat::MethodQuota> platform_quota(const Patient& p, delivery::ChannelKind channel) {
  constexpr std::pair<delivery::ChannelKind, std::string_view> kPaths[] = {
      {delivery::ChannelKind::kMass, "/cgi-bin/message/mass/send"},
      {delivery::ChannelKind::kCustomerService, "/cgi-bin/message/custom/send"},
      {delivery::ChannelKind::kTemplate, "/cgi-bin/message/template/send"},
      {delivery::ChannelKind::kSubscribe, "/cgi-bin/message/subscribe/bizsend"}};
  wechat::PlatformApi* platform = p.s.wechat.platform();
  if (platform == nullptr || !p.is_official()) return std::nullopt;
  for (const auto& [kind, path] : kPaths) {
    if (kind != channel) continue;
    const auto said =
        call_and_wait(*platform, p.api, wechat::kMethodQuota, {.cgi_path = std::string(path)});
    if (said) return said->quota;
  }
  return std::nullopt;
}

ConnectionFinding quota(const Patient& p, const delivery::ChannelQuota& ours) {
  std::string detail = fmt::format(
      "今日剩 {0} / {1}，预留 {2}，结果不明 {3} / {0} of {1} left today, {2} "
      "reserved, {3} of unknown outcome",
      ours.left, ours.limit, ours.reserved, ours.unknown);
  const auto theirs = platform_quota(p, ours.channel);
  if (theirs)
    detail += fmt::format("；平台 / platform: {} / {}", theirs->remain, theirs->daily_limit);
  if (ours.limit > 0 && ours.left <= 0)
    return {false, std::move(detail),
            fmt::format("今天的次数已用完，{} 恢复 / used up: it comes back at {}",
                        format_utc(ours.resets_at), format_utc(ours.resets_at))};
  // Its counters may be off by one in a hundred.
  if (theirs && theirs->daily_limit > 0 && theirs->remain < ours.left - ours.limit / 100) {
    return {
        false, std::move(detail),
        "平台的剩余次数比这里少：有别的系统在用同一账号，或账号的额度更低；在账号的 policy 里调低 "
        "/ the "
        "platform leaves less than is counted here: another system uses the account, or its limit "
        "is lower: lower it in the account's policy"};
  }
  return {true, std::move(detail)};
}

void quotas(const Patient& p, Checks& checks) {
  const auto sender = delivery::sender_of(p.account);
  if (!sender) return checks.add(p.account.id, "quota", {false, sender.error().text(), ""});
  delivery::AccountQuota all;
  const auto read = p.s.state.read([&](storage::Session& session) -> Result<void> {
    ZHIYIN_TRY(all, delivery::account_quota(session, *sender, p.s.clock.now()));
    return {};
  });
  if (!read) return checks.add(p.account.id, "quota", {false, read.error().text(), ""});
  for (const delivery::ChannelQuota& one : all.channels)
    checks.add(p.account.id, fmt::format("quota_{}", enum_name(one.channel)), quota(p, one));
}

/// How long an advertiser's authorisation still lasts, and how often tokens had to be ended.
ConnectionFinding token_state(const Patient& p) {
  const Instant now = p.s.clock.now();
  const auto state = p.s.token_store.look(p.account.id, p.account.policy, now);
  if (!state) return {false, state.error().text(), ""};
  if (state->refresh_expires_at) {
    const auto days = (*state->refresh_expires_at - now) / kDay;
    constexpr std::int64_t kSoonDays = 7;
    return {days >= kSoonDays,
            fmt::format("授权还有 {0} 天 / the authorisation lasts {0} more days", days),
            "请广告主尽快重新授权 / let the advertiser grant it again soon"};
  }
  const std::int64_t allowed = p.account.policy.token_forces_per_day;
  return {
      state->forced_today * 2 <= allowed,
      fmt::format("今日强制刷新 {0} / {1} 次 / {0} of {1} forced refreshes today",
                  state->forced_today, allowed),
      "有别的系统也在获取同一账号的 access_token，互相失效：让它改用 stable_token，或只由一方获取 "
      "/ another "
      "system fetches tokens of this account and ends ours: let it use stable_token, or let only "
      "one of the two fetch"};
}

/// WeCom gives a token to everybody and looks at the address with the first call.
ConnectionFinding wecom_address(const Patient& p) {
  wechat::PlatformApi* platform = p.s.wechat.platform();
  if (platform == nullptr) return {true, "本进程不调用平台 / this process calls no platform"};
  const auto members = call_and_wait(*platform, p.api, wechat::kWecomMembers, {});
  constexpr std::int64_t kNotAllowed = 60020;
  if (members || members.error().errcode != kNotAllowed)
    return {true, "IP 可用 / the address is allowed"};
  return wechat::token_finding(std::unexpected(members.error()));
}

void examine_account(Services& s, const wechat::Account& account, Checks& checks) {
  const Patient p{s, account, wechat::api_account(account)};
  checks.add(account.id, "settings", settings(p));
  if (!account.app_secret.empty()) {
    s.tokens.forget(account.id);
    checks.add(account.id, "access_token", wechat::token_finding(s.tokens.get_and_wait(p.api)));
    checks.add(account.id, "token_renewals", token_state(p));
  }
  if (account.kind == wechat::AccountKind::kWecom)
    checks.add(account.id, "trusted_address", wecom_address(p));
  if (const auto sends = hold_finding(s, account.id)) checks.add(account.id, "sends", *sends);
  checks.add(account.id, "clock", clocks(p));
  if (p.has_callbacks()) {
    // A platform on this machine is the sandbox: it reaches what strangers do not.
    const bool is_real = wechat::public_address_finding(p.base()).ok;
    if (is_real)
      checks.add(account.id, "public_address", wechat::public_address_finding(s.public_url));
    checks.add(account.id, "callback", callback(p));
    if (account.kind != wechat::AccountKind::kWecom && !account.app_secret.empty())
      checks.add(account.id, "callback_route", callback_route(p));
    checks.add(account.id, "callback_seen", callback_seen(p));
    checks.add(account.id, "callback_mode", mode(p));
  }
  if (p.is_official()) quotas(p, checks);
}

}  // namespace

Result<Json> examine_wechat(Services& s, const std::optional<AccountId>& id) {
  std::vector<wechat::Account> accounts;
  if (id) {
    ZHIYIN_TRY(auto one, s.accounts.get(*id));
    accounts.push_back(std::move(one));
  } else {
    ZHIYIN_TRY(accounts, s.accounts.list());
  }
  Checks checks;
  for (const wechat::Account& account : accounts) examine_account(s, account, checks);
  return Json().set("ok", checks.ok).set("checks", std::move(checks.list));
}

}  // namespace zhiyin::server
