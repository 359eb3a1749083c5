#include "sandbox/account_state.h"

// Access tokens: two families of official accounts, and WeCom's. Those of Tencent Ads are in
// ads.cc.
namespace zhiyin::sandbox {
namespace {

Json describe(const TokenIssuer::Issued& issued) {
  Json answer = Json::object();
  answer.set("access_token", issued.token);
  answer.set("expires_in", issued.expires_in_s);
  return answer;
}

Answer token(AccountState& account, const Call& call) {
  if (call.text("secret") != account.identity.app_secret) return account.refuse(40125, call.now);
  return describe(account.tokens.issue(call.now));
}

Answer stable_token(AccountState& account, const Call& call) {
  if (call.text("secret") != account.identity.app_secret) return account.refuse(40125, call.now);
  return describe(account.tokens.issue_stable(call.now, flag_of(call.body["force_refresh"])));
}

/// Of one application of a company: the same one as long as it lives.
Answer wecom_token(AccountState& account, const Call& call) {
  if (call.text("corpsecret") != account.identity.app_secret)
    return account.refuse(40001, call.now);
  Json answer = api_ok();
  const Json issued = describe(account.tokens.issue_stable(call.now, false));
  for (const auto& [name, value] : *issued.if_object()) answer.set(name, value);
  return answer;
}

}  // namespace

std::vector<Endpoint> token_endpoints() {
  const Field grant = one_of("grant_type", "client_credential", 40002);
  const Field secret = bytes("secret", 1, 128, 40125).or_missing(41004);
  return {
      {.method = "GET",
       .path = "/cgi-bin/token",
       .summary = "A new token; the one before lives five minutes more",
       .handler = token,
       .answers = "access_token expires_in:n",
       .fields = {grant, secret},
       .per_day = 2'000,
       .errors = {40013, 41002},
       .caller = Caller::kAppSecret},
      {.method = "POST",
       .path = "/cgi-bin/stable_token",
       .summary =
           "The current token; a new one from five minutes before its end, or by force (20 a "
           "day, 30 seconds apart)",
       .handler = stable_token,
       .answers = "access_token expires_in:n",
       .fields = {grant, secret, flag("force_refresh")},
       .per_day = 500'000,
       .per_minute = 10'000,
       .errors = {40013, 41002},
       .caller = Caller::kAppSecretBody},
      {.method = "GET",
       .path = "/cgi-bin/gettoken",
       .summary = "The token of an application of a company",
       .handler = wecom_token,
       .answers = "access_token expires_in:n",
       .fields = {bytes("corpsecret", 1, 128, 40001)},
       .errors = {40013},
       .caller = Caller::kCorpSecret,
       .family = Family::kWecom},
  };
}

}  // namespace zhiyin::sandbox
