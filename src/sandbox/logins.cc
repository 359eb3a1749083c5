#include "sandbox/logins.h"

#include <fmt/format.h>

#include "base/crypto.h"

// Signing in: web pages by OAuth2, mini-programs by code, and the tickets of the JS-SDK.
namespace zhiyin::sandbox {
namespace {

constexpr Duration kCodeLife = std::chrono::minutes(5);
constexpr Duration kUserTokenLife = std::chrono::seconds(7200);
constexpr Duration kRefreshLife = kDay * 30;
constexpr Duration kTicketLife = std::chrono::seconds(7200);
constexpr Duration kTicketRenewed = std::chrono::minutes(5);

/// Uses a code up; the error otherwise.
std::expected<LoginState::Once, int> use_code(AccountState& account, std::string_view kind,
                                              std::string_view code, Instant now) {
  const auto found = account.logins.codes.find(code);
  if (found == account.logins.codes.end() || found->second.kind != kind)
    return std::unexpected(40029);
  if (found->second.used) return std::unexpected(40163);
  if (now >= found->second.ends_at) return std::unexpected(kind == "oauth" ? 42003 : 40029);
  found->second.used = true;
  return found->second;
}

Json user_token(AccountState& account, const LoginState::UserToken& who, const std::string& refresh,
                Instant now) {
  const std::string token = account.make_name(96);
  std::erase_if(account.logins.user_tokens,
                [&](const auto& t) { return t.second.ends_at + kDay < now; });
  account.logins.user_tokens[token] = {who.openid, who.scope, now + kUserTokenLife};
  Json answer = Json::object();
  answer.set("access_token", token);
  answer.set("expires_in", kUserTokenLife.count() / 1'000'000);
  answer.set("refresh_token", refresh);
  answer.set("openid", who.openid);
  answer.set("scope", who.scope);
  return answer;
}

Answer oauth_token(AccountState& account, const Call& call) {
  if (call.text("secret") != account.identity.app_secret) return account.refuse(40125, call.now);
  const auto used = use_code(account, "oauth", call.text("code"), call.now);
  if (!used) return account.refuse(used.error(), call.now);
  const LoginState::UserToken who{used->openid, used->scope, call.now + kRefreshLife};
  const std::string refresh = account.make_name(96);
  account.logins.refresh_tokens[refresh] = who;
  Json answer = user_token(account, who, refresh, call.now);
  if (used->snapshot) answer.set("is_snapshotuser", 1);
  if (const Follower* person = account.people.find(who.openid); person && !person->unionid.empty())
    answer.set("unionid", person->unionid);
  return answer;
}

Answer oauth_refresh(AccountState& account, const Call& call) {
  const std::string refresh = call.text("refresh_token");
  const auto found = account.logins.refresh_tokens.find(refresh);
  if (found == account.logins.refresh_tokens.end()) return account.refuse(40030, call.now);
  if (call.now >= found->second.ends_at) return account.refuse(42002, call.now);
  return user_token(account, found->second, refresh, call.now);
}

/// The error of a person's token for that openid; 0: none.
int fault_of_user_token(const AccountState& account, const Call& call) {
  const auto found = account.logins.user_tokens.find(call.query("access_token"));
  if (found == account.logins.user_tokens.end()) return 40001;
  if (call.now >= found->second.ends_at) return 42001;
  return found->second.openid == call.text("openid") ? 0 : 40003;
}

Answer oauth_check(AccountState& account, const Call& call) {
  if (const int fault = fault_of_user_token(account, call); fault != 0)
    return account.refuse(fault, call.now);
  return api_ok();
}

Answer oauth_user(AccountState& account, const Call& call) {
  if (const int fault = fault_of_user_token(account, call); fault != 0)
    return account.refuse(fault, call.now);
  const auto token = account.logins.user_tokens.find(call.query("access_token"));
  if (token->second.scope == "snsapi_base") return account.refuse(48001, call.now);
  const Follower* person = account.people.find(call.text("openid"));
  Json answer = Json::object();
  answer.set("openid", call.text("openid"));
  answer.set("nickname", fmt::format("微信用户{}", call.text("openid").substr(0, 4)));
  answer.set("sex", 0);
  answer.set("province", "");
  answer.set("city", "");
  answer.set("country", "");
  answer.set("headimgurl", "https://thirdwx.qlogo.cn/mmopen/vi_32/sandbox/132");
  answer.set("privilege", Json::array());
  if (person != nullptr && !person->unionid.empty()) answer.set("unionid", person->unionid);
  return answer;
}

Answer ticket(AccountState& account, const Call& call) {
  LoginState::Ticket& kept = account.logins.tickets[call.text("type")];
  if (kept.text.empty() || kept.ends_at - call.now <= kTicketRenewed)
    kept = {account.make_name(86), call.now + kTicketLife};
  Json answer = api_ok();
  answer.set("ticket", kept.text);
  answer.set("expires_in", (kept.ends_at - call.now).count() / 1'000'000);
  return answer;
}

std::string new_session(AccountState& account, const std::string& openid) {
  const std::string key = crypto::base64(
      crypto::hmac_sha256(account.identity.app_secret, account.make_name(32)).substr(0, 16));
  account.logins.sessions[openid] = key;
  return key;
}

Answer mini_login(AccountState& account, const Call& call) {
  if (call.text("secret") != account.identity.app_secret) return account.refuse(40125, call.now);
  const auto used = use_code(account, "js", call.text("js_code"), call.now);
  if (!used) return account.refuse(used.error(), call.now);
  Follower& person = account.people.at(used->openid);
  person.last_seen = call.now;
  Json answer = Json::object();
  answer.set("session_key", new_session(account, used->openid));
  answer.set("openid", used->openid);
  if (!person.unionid.empty()) answer.set("unionid", person.unionid);
  return answer;
}

/// Whether the caller knows the session: its signature of nothing.
bool knows_session(const AccountState& account, const Call& call) {
  const auto found = account.logins.sessions.find(call.text("openid"));
  return found != account.logins.sessions.end() &&
         call.text("signature") == crypto::hex(crypto::hmac_sha256(found->second, ""));
}

Answer session_check(AccountState& account, const Call& call) {
  if (!knows_session(account, call)) return account.refuse(87009, call.now);
  return api_ok();
}

Answer session_reset(AccountState& account, const Call& call) {
  if (!knows_session(account, call)) return account.refuse(87009, call.now);
  Json answer = api_ok();
  answer.set("openid", call.text("openid"));
  answer.set("session_key", new_session(account, call.text("openid")));
  return answer;
}

Answer phone_number(AccountState& account, const Call& call) {
  const auto used = use_code(account, "phone", call.text("code"), call.now);
  if (!used) return account.refuse(used.error(), call.now);
  const std::string digits = std::to_string(crypto::xxh64(used->openid) % 100'000'000);
  const std::string phone = fmt::format("199{:0>8}", digits);  // made up
  Json watermark = Json::object();
  watermark.set("timestamp", seconds_of(call.now));
  watermark.set("appid", account.identity.app_id);
  Json info = Json::object();
  info.set("phoneNumber", phone);
  info.set("purePhoneNumber", phone);
  info.set("countryCode", "86");
  info.set("watermark", std::move(watermark));
  Json answer = api_ok();
  answer.set("phone_info", std::move(info));
  return answer;
}

}  // namespace

std::string issue_code(AccountState& account, std::string_view kind, std::string_view openid,
                       std::string_view scope, Instant now) {
  std::erase_if(account.logins.codes, [&](const auto& c) { return c.second.ends_at + kDay < now; });
  const std::string code = account.make_name(32);
  LoginState::Once once;
  once.kind = kind;
  once.openid = openid;
  once.scope = scope;
  once.ends_at = now + kCodeLife;
  account.logins.codes.emplace(code, std::move(once));
  return code;
}

int use_up(AccountState& account, std::string_view kind, std::string_view code, Instant now) {
  const auto used = use_code(account, kind, code, now);
  return used ? 0 : used.error();
}

std::vector<Endpoint> login_endpoints() {
  const Field secret = bytes("secret", 1, 128, 40125).or_missing(41004);
  const Field grant = one_of("grant_type", "authorization_code", 40002);
  const Field openid = text("openid", 1, 128, 40003);
  const std::vector<Field> session = {openid, bytes("signature", 64, 64, 87009),
                                      one_of("sig_method", "hmac_sha256", 87009)};
  return {
      {.method = "GET",
       .path = "/sns/oauth2/access_token",
       .summary = "A person's token for the code that a page got; one use, 5 minutes",
       .handler = oauth_token,
       .answers = "access_token expires_in:n refresh_token openid scope unionid is_snapshotuser:n",
       .fields = {secret, text("code", 1, 128, 40029).or_missing(41008), grant},
       .access = kVerified | kServiceOnly | kOfficialOnly,
       .errors = {40013, 40029, 40125, 40163, 42003},
       .caller = Caller::kAppSecret},
      {.method = "GET",
       .path = "/sns/oauth2/refresh_token",
       .summary = "A new token for a person; for 30 days",
       .handler = oauth_refresh,
       .answers = "access_token expires_in:n refresh_token openid scope",
       .fields = {one_of("grant_type", "refresh_token", 40002),
                  text("refresh_token", 1, 512, 40030).or_missing(41003)},
       .errors = {40013, 40030, 42002},
       .caller = Caller::kAppId},
      {.method = "GET",
       .path = "/sns/auth",
       .summary = "Whether a person's token is good",
       .handler = oauth_check,
       .fields = {openid},
       .errors = {40001, 40003, 42001},
       .caller = Caller::kUserToken},
      {.method = "GET",
       .path = "/sns/userinfo",
       .summary = "Name and picture of a person who agreed (snsapi_userinfo)",
       .handler = oauth_user,
       .answers = "openid nickname sex:n province city country headimgurl privilege[] unionid",
       .fields = {openid, one_of("lang", "zh_CN zh_TW en").optional()},
       .errors = {40001, 40003, 42001, 48001},
       .caller = Caller::kUserToken},
      {.method = "GET",
       .path = "/cgi-bin/ticket/getticket",
       .summary = "The ticket with which pages sign for the JS-SDK; 2 hours",
       .handler = ticket,
       .answers = "ticket expires_in:n",
       .fields = {one_of("type", "jsapi wx_card", 40097)}},
      {.method = "GET",
       .path = "/sns/jscode2session",
       .summary = "Who opened the mini-program; the code is good once, for 5 minutes",
       .handler = mini_login,
       .answers = "session_key openid unionid",
       .fields = {secret, text("js_code", 1, 128, 40029), grant},
       .access = kMiniOnly,
       .errors = {40013, 40029, 40125, 40163},
       .caller = Caller::kAppSecret},
      {.method = "GET",
       .path = "/wxa/checksession",
       .summary = "Whether a session is still good",
       .handler = session_check,
       .fields = session,
       .access = kMiniOnly},
      {.method = "GET",
       .path = "/wxa/resetusersessionkey",
       .summary = "A new key for a session",
       .handler = session_reset,
       .answers = "openid session_key",
       .fields = session,
       .access = kMiniOnly,
       .per_minute = 60'000},
      {.method = "POST",
       .path = "/wxa/business/getuserphonenumber",
       .summary = "The phone number that a person gave; the code is good once, for 5 minutes",
       .handler = phone_number,
       .answers =
           "phone_info{phoneNumber purePhoneNumber countryCode watermark{timestamp:n appid}}",
       .fields = {text("code", 1, 128, 40029)},
       .access = kMiniOnly,
       .errors = {40029, 40163}},
  };
}

}  // namespace zhiyin::sandbox
