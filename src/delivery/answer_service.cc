#include "delivery/answer_service.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <vector>

#include "base/crypto.h"
#include "base/mutex.h"

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
    if (const Json* generated = json.find("generated"); generated && !generated->is_null()) {
      if (generated->if_bool() == nullptr) return fail_field("generated", "is not true or false");
      reply.generated = *generated->if_bool();
    }
  } else {
    return fail_field("text", "is missing, and so is reply");
  }
  ZHIYIN_TRY_VOID(wechat::validate(reply));
  return reply;
}

struct HttpAnswerSource::Shared : std::enable_shared_from_this<HttpAnswerSource::Shared> {
  Shared(http::Client& client_in, const Clock& real_in, Settings settings_in)
      : client(client_in), real(real_in), settings(settings_in) {}

  struct Waiting {
    Question question;
    Done done;
    Instant since;
  };

  /// The next question that may be asked now; those that have waited too long fail.
  std::optional<Waiting> next(std::vector<Done>& too_late) {
    const MutexLock lock(mutex);
    while (!waiting.empty() && open < settings.open_max) {
      Waiting first = std::move(waiting.front());
      waiting.pop_front();
      if (real.now() - first.since >= limit(first)) {
        too_late.push_back(std::move(first.done));
        continue;
      }
      ++open;
      return first;
    }
    return std::nullopt;
  }
  static Duration limit(const Waiting& one) {
    return std::chrono::seconds(one.question.account->reply_rules.service.timeout_s);
  }

  void go_on() {
    while (true) {
      std::vector<Done> too_late;
      std::optional<Waiting> one = next(too_late);
      for (Done& done : too_late)
        done(fail(ErrorCode::kDeadline, "answer service: too many questions before this one"));
      if (!one) return;
      send(std::move(*one));
    }
  }

  void send(Waiting one) {
    const Question& question = one.question;
    http::ClientRequest request;
    request.method = "POST";
    request.url = question.account->reply_rules.service.url;
    request.body = question_body(question);
    request.headers = {{"Content-Type", "application/json"},
                       {"X-Zhiyin-Signature", question_signature(question, request.body)}};
    request.timeout = std::max(std::chrono::milliseconds(1),
                               std::chrono::duration_cast<std::chrono::milliseconds>(
                                   limit(one) - (real.now() - one.since)));
    request.response_bytes_max = kAnswerBytesMax;
    client.send_and_tell(std::move(request),
                         [self = shared_from_this(), done = std::move(one.done)](
                             std::expected<http::ClientResponse, http::ClientError> got) mutable {
                           {
                             const MutexLock lock(self->mutex);
                             --self->open;
                           }
                           done(reply_in(std::move(got)));
                           self->go_on();
                         });
  }

  static Result<wechat::Reply> reply_in(
      std::expected<http::ClientResponse, http::ClientError> got) {
    if (!got) return std::unexpected(std::move(got.error().error));
    if (got->status != 200)
      return fail(ErrorCode::kUnavailable, "answer service: HTTP {}", got->status);
    auto reply = read_answer(got->body);
    if (!reply) return std::unexpected(within("answer service", std::move(reply.error())));
    return reply;
  }

  http::Client& client;
  const Clock& real;
  const Settings settings;
  Mutex mutex;
  std::size_t open ZHIYIN_GUARDED_BY(mutex) = 0;
  std::deque<Waiting> waiting ZHIYIN_GUARDED_BY(mutex);
};

HttpAnswerSource::HttpAnswerSource(http::Client& client, const Clock& real, Settings settings)
    : shared_(std::make_shared<Shared>(client, real, settings)) {}

HttpAnswerSource::~HttpAnswerSource() {
  std::deque<Shared::Waiting> left;
  {
    const MutexLock lock(shared_->mutex);
    left.swap(shared_->waiting);  // nothing more is sent
  }
  for (Shared::Waiting& one : left)
    one.done(fail(ErrorCode::kUnavailable, "answer service: this process is stopping"));
}

void HttpAnswerSource::ask(Question question, Done done) {
  {
    const MutexLock lock(shared_->mutex);
    if (shared_->waiting.size() < shared_->settings.waiting_max) {
      shared_->waiting.push_back({std::move(question), std::move(done), shared_->real.now()});
    }
  }
  if (done) return done(fail(ErrorCode::kLimitReached, "answer service: too many questions wait"));
  shared_->go_on();
}

}  // namespace zhiyin::delivery
