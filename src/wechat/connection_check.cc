#include "wechat/connection_check.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "wechat/callback.h"
#include "wechat/crypto.h"

namespace zhiyin::wechat {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_address_character(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == '.' || c == ':';
}

/// The address at the beginning of `text`; empty when there is none.
std::string_view address_at(std::string_view text) {
  const auto end = std::ranges::find_if_not(text, is_address_character);
  std::string_view found = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  while (found.ends_with('.') || found.ends_with(':')) found.remove_suffix(1);
  const bool is_v4 = std::ranges::count(found, '.') == 3;
  const bool is_v6 = std::ranges::count(found, ':') >= 2;
  return is_v4 || is_v6 ? found : std::string_view();
}

struct Advice {
  std::int64_t first;
  std::int64_t last;
  std::string_view text;
};

constexpr std::string_view kAllowList =
    "公众平台 → 设置与开发 → 开发接口管理 → IP 白名单，加入上面的地址（企业微信：应用 → 企业可信 "
    "IP） / "
    "put the address above on the IP allow list of the platform (WeCom: the application's trusted "
    "addresses)";

constexpr Advice kTokenAdvice[] = {
    {40164, 40164, kAllowList},
    {61004, 61004, kAllowList},
    {60020, 60020, kAllowList},
    {40001, 40001,
     "AppSecret 不正确或已被重置：在公众平台重置后重新填写 / the AppSecret is wrong or was reset: "
     "reset it on the platform and enter it again"},
    {40125, 40125,
     "AppSecret 不正确或已被重置：在公众平台重置后重新填写 / the AppSecret is wrong or was reset: "
     "reset it on the platform and enter it again"},
    {40013, 40013,
     "AppID 不正确：按公众平台显示的填写 / the AppID is wrong: enter it as shown there"},
    {40243, 40243,
     "AppSecret 已冻结：在公众平台解冻，约 10 分钟后生效 / the AppSecret is frozen: thaw it on the "
     "platform, which takes about ten minutes"},
    {89503, 89503,
     "等待管理员在微信里确认此 IP / the account's administrator has to confirm this address in "
     "WeChat"},
    {89506, 89507,
     "管理员拒绝了此 IP：到期前不要再试，请他确认 / the administrator refused this address: wait, "
     "and ask for a confirmation"},
    {45009, 45011,
     "当天获取 access_token 的次数已用完：等到次日，查是否有别的系统在用同一账号 / the day's "
     "tokens "
     "are used up: wait for the next day, and look for another system that uses the account"},
    {50004, 50007,
     "账号被限制或冻结：登录平台查看通知 / the account is limited or frozen: see there"},
    {12101, 12101,
     "本机时钟与平台相差超过 5 分钟：校准时钟 / our clock is more than five minutes off: set it"},
    {11009, 11013,
     "授权已失效：请广告主重新授权，并填入新的 refresh_token / the authorisation has ended: let "
     "the "
     "advertiser grant it again and enter the new refresh_token"},
};

std::string_view advice_for(const SendError& error) {
  for (const Advice& one : kTokenAdvice) {
    if (error.errcode >= one.first && error.errcode <= one.last) return one.text;
  }
  if (error.errcode == 0) {
    return "平台没有回答：检查服务器能否访问外网、DNS、代理和 wechat.base_url / the platform did "
           "not "
           "answer: look at the way to the internet, DNS, proxies and wechat.base_url";
  }
  return "按错误码查看平台文档 / look the errcode up in the platform's documents";
}

std::optional<int> number(std::string_view text) {
  int out = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    out = out * 10 + (c - '0');
  }
  return text.empty() ? std::nullopt : std::optional(out);
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`: the only form that may be sent since 1997.
std::optional<Instant> http_date(std::string_view text) {
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  constexpr std::size_t kLength = 29;
  if (text.size() != kLength || !text.ends_with(" GMT")) return std::nullopt;
  const auto day = number(text.substr(5, 2));
  const std::size_t month = kMonths.find(text.substr(8, 3));
  const auto year = number(text.substr(12, 4));
  const auto hour = number(text.substr(17, 2));
  const auto minute = number(text.substr(20, 2));
  const auto second = number(text.substr(23, 2));
  if (!day || !year || !hour || !minute || !second || month % 3 != 0) return std::nullopt;
  const auto parsed =
      parse_time(fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", *year, month / 3 + 1, *day,
                             *hour, *minute, std::min(*second, 59)),
                 TimeZone::shanghai());
  return parsed ? std::optional(*parsed) : std::nullopt;
}

bool is_private(std::string_view host) {
  constexpr std::array<std::string_view, 7> kPrefixes = {"127.", "10.", "192.168.", "169.254.",
                                                         "[::1", "[fd", "0."};
  if (host == "localhost" || host.ends_with(".local") || host.ends_with(".internal")) return true;
  for (int i = 16; i < 32; ++i) {
    if (host.starts_with(fmt::format("172.{}.", i))) return true;
  }
  return std::ranges::any_of(kPrefixes, [&](std::string_view p) { return host.starts_with(p); });
}

ConnectionFinding bad(std::string detail, std::string_view advice) {
  return {false, std::move(detail), std::string(advice)};
}

}  // namespace

std::string seen_address(std::string_view message) {
  for (const std::string_view mark : {"from ip: ", "invalid ip ", " ip "}) {
    for (std::size_t at = message.find(mark); at != std::string_view::npos;
         at = message.find(mark, at + 1)) {
      const std::string_view found = address_at(message.substr(at + mark.size()));
      if (!found.empty()) return std::string(found);
    }
  }
  return {};
}

ConnectionFinding token_finding(const Outcome<Secret>& token) {
  if (token) return {true, "已取得 / obtained"};
  const std::string address = seen_address(token.error().message);
  std::string detail = token.error().message;
  if (!address.empty())
    detail = fmt::format("平台看到的地址 / the platform saw: {}；{}", address, detail);
  return bad(std::move(detail), advice_for(token.error()));
}

std::optional<Duration> clock_ahead(const http::Headers& headers, Instant now) {
  const std::optional<Instant> theirs = http_date(http::header(headers, "Date"));
  if (!theirs) return std::nullopt;
  return now - *theirs;
}

ConnectionFinding clock_finding(std::optional<Duration> ahead) {
  if (!ahead) return {true, "平台没有给出时间 / the platform did not say its time"};
  constexpr Duration kTolerated = std::chrono::seconds(60);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*ahead).count();
  const std::string detail =
      seconds == 0  ? "与平台一致 / as the platform's"
      : seconds > 0 ? fmt::format("比平台快 {0} 秒 / {0} s ahead of the platform", seconds)
                    : fmt::format("比平台慢 {0} 秒 / {0} s behind the platform", -seconds);
  if (*ahead <= kTolerated && *ahead >= -kTolerated) return {true, detail};
  return bad(detail,
             "校准系统时间（timedatectl set-ntp true）：差 10 分钟起回调全被拒收，差 5 "
             "分钟起广告接口被拒 / "
             "set the machine's clock (timedatectl set-ntp true): callbacks are refused from ten "
             "minutes on, calls of Tencent Ads from five");
}

std::optional<std::string> callback_probe(const Account& account, std::string_view echo,
                                          Instant now) {
  if (account.kind == AccountKind::kAdvertiser) return std::nullopt;
  const Result<CallbackRules> rules = callback_rules(account);
  if (!rules) return std::nullopt;
  const std::string_view token = account.token.reveal();
  const std::string timestamp = std::to_string(now.us / 1'000'000);
  const auto query = [&](std::string_view name, const std::string& signature,
                         std::string_view echostr) {
    return fmt::format("{}={}&timestamp={}&nonce={}&echostr={}", name, signature, timestamp,
                       kProbeNonce, http::percent_encode(echostr));
  };
  if (!rules->wecom)
    return query("signature", sorted_signature({token, timestamp, kProbeNonce}), echo);
  const auto sealed =
      encrypt_message(rules->aes_key, echo, rules->app_id, make_reply_entropy().random);
  if (!sealed) return std::nullopt;
  return query("msg_signature", sorted_signature({token, timestamp, kProbeNonce, *sealed}),
               *sealed);
}

ConnectionFinding reach_finding(const Outcome<CallbackFindings>& seen) {
  constexpr std::int64_t kNoAddress = 40201;
  if (!seen) {
    if (seen.error().errcode != kNoAddress)
      return {true, "平台没有说明 / the platform does not say: " + seen.error().message};
    return bad("公众平台上没有可用的回调地址 / the platform has no address that it could use",
               "在公众平台的服务器配置里填写回调地址并提交、启用 / enter the callback's address on "
               "the platform, submit and switch it on");
  }
  std::string addresses;
  for (const DnsFinding& one : seen->dns) addresses += (addresses.empty() ? "" : ", ") + one.ip;
  if (addresses.empty()) {
    return bad("平台解析不到回调地址的域名 / the platform finds no address for the callback's name",
               "检查域名的 DNS 解析；刚改过的要等生效 / look at the name's DNS records; changes "
               "take a while");
  }
  const auto is_lost = [](const PingFinding& one) { return one.package_loss.starts_with("100"); };
  const bool all_lost = !seen->ping.empty() && std::ranges::all_of(seen->ping, is_lost);
  // Many networks answer no pings, so this alone is no fault.
  return {true, fmt::format("平台解析到 / the platform finds: {}{}", addresses,
                            all_lost ? "；不应答 ping / no answer to pings" : "")};
}

ConnectionFinding public_address_finding(std::string_view public_url) {
  constexpr std::string_view kAdvice =
      "在 zhiyin.toml 里把 server.public_url 设为外网可访问的 http(s) 地址（端口 80 或 443） / set "
      "server.public_url in zhiyin.toml to an http(s) address that the internet reaches, port 80 "
      "or "
      "443";
  const bool is_https = public_url.starts_with("https://");
  if (!is_https && !public_url.starts_with("http://")) return bad(std::string(public_url), kAdvice);
  std::string_view host = public_url.substr(is_https ? 8 : 7);
  host = host.substr(0, host.find('/'));
  if (is_private(host)) return bad(std::string(public_url), kAdvice);
  const std::size_t colon = host.rfind(':');
  const bool has_port = colon != std::string_view::npos && host.find(']', colon) == host.npos;
  const std::string_view port = has_port ? host.substr(colon + 1) : std::string_view();
  if (has_port && port != "80" && port != "443") return bad(std::string(public_url), kAdvice);
  return {true, std::string(public_url)};
}

ConnectionFinding seen_finding(std::optional<Instant> last, std::int64_t wrongly_signed) {
  if (last) return {true, fmt::format("最近 / last: {}", format_utc(*last))};
  if (wrongly_signed > 0) {
    return bad(fmt::format("{0} 个请求的签名都不对 / {0} requests came, all with a wrong signature",
                           wrongly_signed),
               "Token 与平台不同：与公众平台核对后重新填写 / the Token is not the platform's: "
               "compare it with what the platform shows and enter it again");
  }
  return bad("还没有收到平台的请求 / no request of the platform has arrived",
             "在公众平台的服务器配置里填写回调地址并提交、启用 / enter the callback's address on "
             "the platform, submit and switch it on");
}

ConnectionFinding mode_finding(CallbackMode mode, const RefusedCallbacks& refused) {
  const std::string shown = fmt::format("{}", enum_name(mode));
  if (refused.downgrade > 0) {
    return bad(fmt::format("{}：收到 {} 个明文回调 / {} plain callbacks came", shown,
                           refused.downgrade, refused.downgrade),
               "公众平台上的消息加解密方式是明文模式：在平台改成安全模式，或把账号的 mode "
               "改成与平台一致 / "
               "the platform is in plain mode: set it to secure there, or the account's mode to "
               "what the platform shows");
  }
  if (refused.no_key > 0) {
    return bad(
        fmt::format("{}：收到 {} 个加密回调，但没有密钥 / {} encrypted callbacks came, and "
                    "there is no key",
                    shown, refused.no_key, refused.no_key),
        "填写 EncodingAESKey，并把 mode 改成与平台一致 / enter the EncodingAESKey and set mode "
        "to what the platform shows");
  }
  if (refused.encryption > 0) {
    return bad(
        fmt::format("{}：{} 个回调无法解密 / {} callbacks do not decrypt", shown,
                    refused.encryption, refused.encryption),
        "EncodingAESKey 与平台不同：重新填写；刚在平台更换的，保存后等几分钟 / the EncodingAESKey "
        "is not the platform's: enter it again; if it was changed there just now, wait some "
        "minutes");
  }
  if (refused.receiver > 0) {
    return bad(
        fmt::format("{}：{} 个回调是给别的账号的 / {} callbacks are meant for another account",
                    shown, refused.receiver, refused.receiver),
        "平台上填的地址属于另一个账号，或 app_id / original_id 填错 / the address was entered at "
        "another account, or app_id / original_id is wrong");
  }
  if (refused.timestamp > 0) {
    return bad(
        fmt::format("{}：{} 个回调的时间差超过 10 分钟 / {} callbacks were over ten minutes off",
                    shown, refused.timestamp, refused.timestamp),
        "校准系统时间；仍出现则有人在重放旧请求 / set the machine's clock; if it stays, somebody "
        "replays old requests");
  }
  // Anybody can send those: that the Token is wrong is seen from nothing good arriving.
  if (refused.signature > 0) {
    return {true, fmt::format("{}：{} 个请求签名不对，不是平台发来的 / {} requests had a wrong "
                              "signature and are not the platform's",
                              shown, refused.signature, refused.signature)};
  }
  return {true, fmt::format("{}：没有被拒的回调 / no callback was refused", shown)};
}

}  // namespace zhiyin::wechat
