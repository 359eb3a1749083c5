#include "wechat/detail/exchange.h"

#include "base/utf8.h"
#include "wechat/detail/lenient.h"

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

SendError refused(std::int64_t errcode, std::string_view errmsg, std::string_view name) {
  const PlatformError& known = platform_error(errcode);
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

}  // namespace

Outcome<Json> interpret(const HttpOutcome& outcome, std::string_view name) {
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
  Result<Json> json = parse_json(outcome->body);
  if (!json || json->if_object() == nullptr) {
    return std::unexpected(silent(ErrorCode::kUnavailable, http::SendProgress::kOutcomeUnknown,
                                  fmt::format("微信接口 {}：应答不是 JSON 对象", name)));
  }
  const std::int64_t errcode = lenient_int((*json)["errcode"]);
  const ErrorClass error_class =
      errcode == 0 ? ErrorClass::kOk : platform_error(errcode).error_class;
  if (error_class == ErrorClass::kOk || error_class == ErrorClass::kDone) return std::move(*json);
  return std::unexpected(refused(errcode, (*json)["errmsg"].string_or(""), name));
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
