#pragma once

#include <atomic>
#include <memory>

#include "delivery/answer_desk.h"
#include "http/client.h"

namespace zhiyin::delivery {

/// The body that asks an account's answer service: `{"account","message_id","openid","text","at"}`.
/// Pure.
std::string question_body(const Question& question);
/// `sha256=` and the hex HMAC-SHA256 of the body with the account's callback Token. Pure.
std::string question_signature(const Question& question, std::string_view body);
/// The reply in `{"text": …}` or `{"reply": …}`. kInvalidArgument with the field when it is none.
/// Pure.
Result<wechat::Reply> read_answer(std::string_view body);

/// Asks the HTTP service that an account names (wechat::AnswerService). No thread waits for it.
/// Thread-safe.
class HttpAnswerSource final : public AnswerSource {
 public:
  static constexpr std::size_t kAnswerBytesMax = 64 << 10;
  static constexpr std::int64_t kAskedMax = 5'000;  ///< at once; further ones fail

  /// `client` must outlive this object.
  explicit HttpAnswerSource(http::Client& client) : client_(client) {}
  void ask(Question question, Done done) override;

 private:
  http::Client& client_;
  std::shared_ptr<std::atomic<std::int64_t>> asked_ =
      std::make_shared<std::atomic<std::int64_t>>(0);  // shared with the requests on their way
};

}  // namespace zhiyin::delivery
