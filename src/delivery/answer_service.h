#pragma once

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

/// Asks the HTTP service that an account names (wechat::AnswerService), so many questions at once;
/// the others wait their turn, as long as their answer may take. No thread waits for any.
/// Thread-safe.
class HttpAnswerSource final : public AnswerSource {
 public:
  static constexpr std::size_t kAnswerBytesMax = 64 << 10;
  struct Settings {
    std::size_t open_max = 1'000;      ///< asked and not answered
    std::size_t waiting_max = 20'000;  ///< further ones fail
  };

  /// Both must outlive this object and what it has asked. `real`: for how long questions wait.
  HttpAnswerSource(http::Client& client, const Clock& real, Settings settings);
  ~HttpAnswerSource() override;
  void ask(Question question, Done done) override;

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;  // with the requests on their way
};

}  // namespace zhiyin::delivery
