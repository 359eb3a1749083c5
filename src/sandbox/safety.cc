#include <fmt/format.h>

#include <algorithm>

#include "base/crypto.h"
#include "sandbox/account_state.h"
#include "sandbox/review.h"

// Checks of texts, pictures and sounds.
namespace zhiyin::sandbox {
namespace {

constexpr Duration kActiveWithin = std::chrono::hours(2);
constexpr Duration kCheckTakes = std::chrono::minutes(2);

std::string suggestion(const Objection& objection) {
  if (objection.label == kNothingWrong) return "pass";
  return objection.doubtful ? "review" : "risky";
}

/// The error of the person for whom something is checked; 0: none.
int fault_of_person(const AccountState& account, const Call& call) {
  const Follower* person = account.people.find(call.text("openid"));
  if (person == nullptr) return 40003;
  return call.now - person->last_seen > kActiveWithin ? 61010 : 0;
}

Answer check_text(AccountState& account, const Call& call) {
  if (const int fault = fault_of_person(account, call); fault != 0)
    return account.refuse(fault, call.now);
  const Objection objection =
      review(fmt::format("{}\n{}\n{}\n{}", call.text("title"), call.text("content"),
                         call.text("nickname"), call.text("signature")));
  Json result = Json::object();
  result.set("suggest", suggestion(objection));
  result.set("label", objection.label);
  Json detail = Json::object();
  detail.set("strategy", "content_model");
  detail.set("errcode", 0);
  detail.set("suggest", suggestion(objection));
  detail.set("label", objection.label);
  detail.set("prob", objection.doubtful ? 60 : 90);
  Json details = Json::array();
  details.push(std::move(detail));
  if (objection.label != kNothingWrong) {
    Json keyword = Json::object();
    keyword.set("strategy", "keyword");
    keyword.set("errcode", 0);
    keyword.set("suggest", suggestion(objection));
    keyword.set("label", objection.label);
    keyword.set("keyword", objection.keyword);
    keyword.set("level", 20);
    details.push(std::move(keyword));
  }
  Json answer = api_ok();
  answer.set("trace_id", crypto::hex(crypto::sha1(account.make_name(32))));
  answer.set("result", std::move(result));
  answer.set("detail", std::move(details));
  return answer;
}

/// The verdict goes by the words in the address: the sandbox looks into no picture. An address with
/// `missing` cannot be fetched.
Answer check_media(AccountState& account, const Call& call) {
  if (const int fault = fault_of_person(account, call); fault != 0)
    return account.refuse(fault, call.now);
  const std::string url = http::percent_decode(call.text("media_url"), false);
  const std::string trace = crypto::hex(crypto::sha1(account.make_name(32)));
  const Objection objection = review(url);
  const bool is_missing = url.find("missing") != std::string::npos;
  CallbackField result{"result",
                       {},
                       false,
                       {{"suggest", suggestion(objection), false, {}},
                        {"label", std::to_string(objection.label), true, {}}}};
  account.call_back(call.now + kCheckTakes,
                    event_message(call.text("openid"), call.now + kCheckTakes, "wxa_media_check",
                                  {{"appid", account.identity.app_id, false, {}},
                                   {"trace_id", trace, false, {}},
                                   {"version", "2", true, {}},
                                   {"errcode", is_missing ? "-1008" : "0", true, {}},
                                   {"errmsg", is_missing ? "download failed" : "ok", false, {}},
                                   std::move(result)}));
  Json answer = api_ok();
  answer.set("trace_id", trace);
  return answer;
}

/// Most people are harmless; the same person always gets the same rank.
Answer risk_rank(AccountState& account, const Call& call) {
  if (call.text("appid") != account.identity.app_id) return account.refuse(40013, call.now);
  if (account.people.find(call.text("openid")) == nullptr) return account.refuse(40003, call.now);
  const std::uint64_t draw = crypto::xxh64(call.text("openid")) % 100;
  Json answer = api_ok();
  answer.set("risk_rank", draw < 90 ? 0 : draw < 96 ? 1 : draw < 99 ? 2 : 4);
  answer.set("unoin_id", static_cast<std::int64_t>(++account.last_message_id));
  return answer;
}

}  // namespace

std::vector<Endpoint> safety_endpoints() {
  const Field openid = text("openid", 1, 128, 40003);
  const Field scene = number("scene", 1, 4, 40129);
  const Field version = number("version", 2, 2, 40035);
  return {
      {.method = "POST",
       .path = "/wxa/msg_sec_check",
       .summary = "Checks a text of somebody who was here within two hours",
       .handler = check_text,
       .answers = "trace_id result{suggest label:n} detail[]{strategy errcode:n suggest label:n "
                  "prob:n keyword level:n}",
       .fields = {openid, scene, version, text("content", 1, 2500, 47001).or_missing(44002)},
       .access = kMiniOnly,
       .per_day = 2'000'000,
       .per_minute = 4'000,
       .errors = {61010}},
      {.method = "POST",
       .path = "/wxa/media_check_async",
       .summary = "Checks a picture or a sound; ends with wxa_media_check",
       .handler = check_media,
       .answers = "trace_id",
       .fields = {bytes("media_url", 1, 2048, 44002), number("media_type", 1, 2, 40004), version,
                  scene, openid},
       .access = kMiniOnly,
       .per_day = 200'000,
       .per_minute = 2'000,
       .errors = {61010}},
      {.method = "POST",
       .path = "/wxa/getuserriskrank",
       .summary = "How risky a person is, 0 to 4",
       .handler = risk_rank,
       .answers = "risk_rank:n unoin_id:n",
       .fields = {text("appid", 1, 64, 40013), openid, number("scene", 0, 2, 40129),
                  text("client_ip", 0, 64), flag("is_test")},
       .access = kMiniOnly,
       .errors = {40013}},
  };
}

}  // namespace zhiyin::sandbox
