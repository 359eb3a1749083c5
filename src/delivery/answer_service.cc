#include "delivery/answer_service.h"

#include "base/crypto.h"

namespace zhiyin::delivery {

std::string question_body(const Question& question) {
  return Json()
      .set("account", question.account->id.value)
      .set("message_id", question.message_id)
      .set("openid", question.openid)
      .set("text", question.text)
      .set("at", to_json(question.at))
      .dump();
}

std::string question_signature(const Question& question, std::string_view body) {
  return "sha256=" + crypto::hex(crypto::hmac_sha256(question.account->token.reveal(), body));
}

Result<wechat::Reply> read_answer(std::string_view body) {
  ZHIYIN_TRY(const Json json, parse_json(body, HttpAnswerSource::kAnswerBytesMax));
  wechat::Reply reply;
  if (const Json* given = json.find("reply")) {
    auto read = from_json<wechat::Reply>(*given);
    if (!read) return std::unexpected(within("reply", std::move(read.error())));
    reply = std::move(*read);
  } else if (const std::string* text = json["text"].if_string()) {
    if (!text->empty()) reply.type = wechat::ReplyType::kText;
    reply.text = *text;
  } else {
    return fail_field("text", "is missing, and so is reply");
  }
  ZHIYIN_TRY_VOID(wechat::validate(reply));
  return reply;
}

void HttpAnswerSource::ask(Question question, Done done) {
  if (asked_->fetch_add(1) >= kAskedMax) {
    asked_->fetch_sub(1);
    done(fail(ErrorCode::kLimitReached, "answer service: {} questions are open", kAskedMax));
    return;
  }
  const wechat::AnswerService& service = question.account->reply_rules.service;
  http::ClientRequest request;
  request.method = "POST";
  request.url = service.url;
  request.body = question_body(question);
  request.headers = {{"Content-Type", "application/json"},
                     {"X-Zhiyin-Signature", question_signature(question, request.body)}};
  request.timeout = std::chrono::seconds(service.timeout_s);
  request.response_bytes_max = kAnswerBytesMax;
  client_.send_and_tell(
      std::move(request), [asked = asked_, d = std::move(done)](
                              std::expected<http::ClientResponse, http::ClientError> got) mutable {
        asked->fetch_sub(1);
        if (!got) return d(std::unexpected(std::move(got.error().error)));
        if (got->status != 200)
          return d(fail(ErrorCode::kUnavailable, "answer service: HTTP {}", got->status));
        auto reply = read_answer(got->body);
        if (!reply) return d(std::unexpected(within("answer service", std::move(reply.error()))));
        d(std::move(*reply));
      });
}

}  // namespace zhiyin::delivery
