#include "wechat/detail/exchange.h"

#include <algorithm>

#include "base/utf8.h"
#include "http/await.h"
#include "http/message.h"
#include "wechat/detail/lenient.h"
#include "wechat/detail/mask.h"

namespace zhiyin::wechat {
namespace {

constexpr std::size_t kErrmsgBytesMax = 300;

SendError silent(ErrorCode code, http::SendProgress progress, std::string message) {
  SendError e;
  e.code = code;
  e.error_class = ErrorClass::kTransport;
  e.progress = progress;
  e.message = std::move(message);
  return e;
}

SendError refused(std::int64_t errcode, const PlatformError& known, std::string_view errmsg,
                  std::string_view name) {
  SendError e;
  e.code = known.code;
  e.errcode = errcode;
  e.error_class = known.error_class;
  e.progress = known.outcome_uncertain ? http::SendProgress::kOutcomeUnknown
                                       : http::SendProgress::kNothingSent;
  if (known.retry_after_seconds > 0)
    e.retry_after = std::chrono::seconds(known.retry_after_seconds);
  e.rid = rid_of(errmsg);
  const std::string_view shown =
      utf8::is_valid(errmsg) ? utf8::truncate(errmsg, kErrmsgBytesMax) : std::string_view("?");
  e.message = fmt::format("微信接口 {}：{}（errcode {}：{}）", name, known.zh, errcode, shown);
  return e;
}

SendError bad_status(int status, std::string_view name) {
  // A gateway may have passed the request on before it gave up; a 4xx was not carried out.
  const bool is_unknown = status < 400 || status >= 500;
  const ErrorCode code = is_unknown      ? ErrorCode::kUnavailable
                         : status == 429 ? ErrorCode::kLimitReached
                                         : ErrorCode::kInvalidArgument;
  return silent(code,
                is_unknown ? http::SendProgress::kOutcomeUnknown : http::SendProgress::kNothingSent,
                fmt::format("微信接口 {}：HTTP 状态 {}", name, status));
}

/// The whole answer of a peer that answered at all.
Outcome<const http::ClientResponse*> answered(const HttpOutcome& outcome, std::string_view name) {
  if (!outcome) {
    const http::ClientError& e = outcome.error();
    // The message of an invalid address could hold the token in its query.
    const std::string_view what = e.error.code == ErrorCode::kInvalidArgument
                                      ? std::string_view("地址无效")
                                      : e.error.message;
    return std::unexpected(
        silent(e.error.code, e.progress, fmt::format("微信接口 {}：未得到应答（{}）", name, what)));
  }
  if (outcome->status != 200) return std::unexpected(bad_status(outcome->status, name));
  return &*outcome;
}

Outcome<Json> object_of(std::string_view body, std::string_view name) {
  Result<Json> json = parse_json(body);
  if (!json || json->if_object() == nullptr) {
    return std::unexpected(silent(ErrorCode::kUnavailable, http::SendProgress::kOutcomeUnknown,
                                  fmt::format("微信接口 {}：应答不是 JSON 对象", name)));
  }
  return std::move(*json);
}

/// Not in the platform's form: whoever answered, it may have been done.
SendError no_code(std::string_view member, std::string_view name) {
  return silent(ErrorCode::kUnavailable, http::SendProgress::kOutcomeUnknown,
                fmt::format("微信接口 {}：应答里的 {} 缺少或不是数字", name, member));
}

/// `errcode` absent or 0 is success.
Outcome<Json> official_answer(std::string_view body, std::string_view name, Family family) {
  Outcome<Json> json = object_of(body, name);
  if (!json) return json;
  const Json* stated = json->find("errcode");
  if (stated == nullptr) return json;
  const std::optional<std::int64_t> errcode = lenient_int_or_nothing(*stated);
  if (!errcode) return std::unexpected(no_code("errcode", name));
  if (*errcode == 0) return json;
  const PlatformError& known = platform_error(*errcode, family);
  if (known.error_class == ErrorClass::kOk || known.error_class == ErrorClass::kDone) return json;
  return std::unexpected(refused(*errcode, known, (*json)["errmsg"].string_or(""), name));
}

/// `code` is always there; 0 is success and the rest lies in `data`.
Outcome<Json> ads_answer(std::string_view body, std::string_view name) {
  Outcome<Json> json = object_of(body, name);
  if (!json) return json;
  const std::optional<std::int64_t> code = lenient_int_or_nothing((*json)["code"]);
  if (!code) return std::unexpected(no_code("code", name));
  if (*code == 0) return (*json)["data"].is_null() ? Json::object() : (*json)["data"];
  const std::string_view zh = (*json)["message_cn"].string_or("");
  SendError e = refused(*code, platform_error(*code, Family::kAds),
                        zh.empty() ? (*json)["message"].string_or("") : zh, name);
  e.rid = lenient_text((*json)["trace_id"]);
  return std::unexpected(std::move(e));
}

bool is_binary(std::string_view content_type) {
  constexpr std::string_view kKinds[] = {"image/", "audio/", "voice/", "video/",
                                         "application/octet-stream"};
  return std::ranges::any_of(
      kKinds, [&](std::string_view kind) { return lower(content_type).starts_with(kind); });
}

}  // namespace

Outcome<Json> interpret(const HttpOutcome& outcome, std::string_view name, Family family) {
  const Outcome<const http::ClientResponse*> got = answered(outcome, name);
  if (!got) return std::unexpected(got.error());
  return family == Family::kAds ? ads_answer((*got)->body, name)
                                : official_answer((*got)->body, name, family);
}

Family family_of(TokenKind kind) {
  if (kind == TokenKind::kWecom) return Family::kWecom;
  return kind == TokenKind::kAds ? Family::kAds : Family::kOfficial;
}

Outcome<ApiAnswer> interpret(const HttpOutcome& outcome, const Endpoint& endpoint) {
  const Outcome<const http::ClientResponse*> got = answered(outcome, endpoint.name);
  if (!got) return std::unexpected(got.error());
  const http::ClientResponse& response = **got;
  ApiAnswer answer;
  answer.headers = response.headers;
  const std::string_view type = http::header(response.headers, "Content-Type");
  if (is_binary(type)) {
    answer.bytes = response.body;
    answer.content_type = std::string(type);
    return answer;
  }
  Outcome<Json> json = endpoint.family == Family::kAds
                           ? ads_answer(response.body, endpoint.name)
                           : official_answer(response.body, endpoint.name, endpoint.family);
  if (!json) return std::unexpected(std::move(json.error()));
  // A request as the platform had it, with the token in its address.
  const bool shows_request = endpoint.name == "rid_get";
  answer.json = shows_request ? without_secrets(*json) : std::move(*json);
  return answer;
}

void hide(std::string& text, const Secret& sent) {
  constexpr std::size_t kShortest = 8;  // what is shorter is nobody's secret, and may be a word
  constexpr std::string_view kShown = "***";
  if (sent.reveal().size() < kShortest) return;
  for (std::size_t at = text.find(sent.reveal()); at != std::string::npos;
       at = text.find(sent.reveal(), at + kShown.size())) {
    text.replace(at, sent.reveal().size(), kShown);
  }
}

http::Task<HttpOutcome> exchange(http::Client& client, Waiting waiting,
                                 http::ClientRequest request) {
  if (waiting == Waiting::kBlock) co_return client.send_and_wait(std::move(request));
  HttpOutcome outcome = co_await client.send(std::move(request));
  co_return outcome;
}

std::string_view trimmed_base(std::string_view base) {
  while (base.ends_with('/')) base.remove_suffix(1);
  return base;
}

}  // namespace zhiyin::wechat
