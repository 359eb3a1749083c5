#include "model/generate/chat_service.h"

#include <optional>

#include "base/random.h"
#include "http/body_stream.h"
#include "model/generate/chat_completion.h"
#include "model/generate/stream_guard.h"

namespace zhiyin::model {
namespace {

namespace chat = chat_completion;

/// The caller's key was good: who answers and refuses is the endpoint behind this server, and what
/// it says of the server's own key is its operator's business.
Error as_told(const Error& error) {
  if (error.code != ErrorCode::kPermissionDenied) return error;
  return {ErrorCode::kUnavailable,
          "the endpoint of the generator refuses this server's key (generate.key)",
          {}};
}

/// Errors as clients of the OpenAI shape read them. These repeat whatever is answered with 5xx.
http::Response refused(const Error& error) {
  const int status = error.code == ErrorCode::kUnsupported ? 400 : http::status_of(error.code);
  return http::Response::json(chat::error(error), status);
}

/// One answer that is streamed: the first piece is the HTTP answer, so that what fails before it
/// has a status of its own.
class StreamedAnswer {
 public:
  StreamedAnswer(const http::Reply& reply, std::string id, std::string model, Instant now)
      : reply_(reply), id_(std::move(id)), model_(std::move(model)), now_(now) {}

  bool piece(std::string_view text) {
    begin();
    return stream_->write(chat::event(chat::text_chunk(text, model_, id_, now_)));
  }

  /// `guard`: what it reports, or null.
  void end(const Result<Generation>& generation, bool with_usage, const Json& guard) {
    if (!generation && !stream_) {
      reply_(refused(as_told(generation.error())));
      return;
    }
    begin();
    if (!generation) {
      stream_->write(chat::event(chat::error(as_told(generation.error()))));
      stream_->end();
      return;
    }
    if (!generation->refusal.empty())
      stream_->write(chat::event(chat::refusal_chunk(*generation, id_, now_)));
    Json last = chat::last_chunk(*generation, id_, now_);
    if (!guard.is_null()) last.set("guard", guard);
    stream_->write(chat::event(last));
    if (with_usage) stream_->write(chat::event(chat::usage_chunk(*generation, id_, now_)));
    stream_->write(std::string(chat::kDone));
    stream_->end();
  }

  /// Requested when the client has gone.
  [[nodiscard]] bool gone() const { return stream_ && stream_->gone().stop_requested(); }

 private:
  void begin() {
    if (stream_) return;
    stream_ = std::make_shared<http::BodyStream>();
    http::Response response;
    response.content_type = "text/event-stream; charset=utf-8";
    response.headers.emplace_back("Cache-Control", "no-store");
    response.stream = stream_;
    reply_(std::move(response));
    stream_->write(chat::event(chat::first_chunk(model_, id_, now_)));
  }

  const http::Reply& reply_;
  const std::string id_;
  const std::string model_;
  const Instant now_;
  std::shared_ptr<http::BodyStream> stream_;  // with the server, which sends it
};

/// The guard that a request asks for. What its system messages say is not for the reader; what
/// anybody else said may be repeated.
std::optional<StreamGuard> guard_of(const chat::Asked& asked) {
  if (!asked.guard) return std::nullopt;
  StreamGuardRules rules{.evidence = asked.guard->evidence,
                         .names = asked.guard->names,
                         .secret = {},
                         .allowed = asked.guard->evidence};
  for (const ChatMessage& message : asked.request.messages) {
    if (message.role == ChatRole::kSystem) {
      rules.secret += message.content + "\n";
    } else {
      rules.allowed.push_back(message.content);
    }
  }
  return StreamGuard(std::move(rules));
}

Json report_of(const std::optional<StreamGuard>& guard) {
  return guard ? chat::guard_report(guard->removed(), guard->is_shut()) : Json();
}

/// A refusal may repeat instructions as well as an answer may. What stays must say that it is one.
void guard_refusal(const chat::Asked& asked, Result<Generation>& generation) {
  if (!generation || generation->refusal.empty()) return;
  auto guard = guard_of(asked);
  if (!guard) return;
  std::string text = guard->feed(generation->refusal);
  text += guard->finish();
  generation->refusal = text.empty() ? "无法回答 / declined" : std::move(text);
}

void finish_with(const std::optional<StreamGuard>& guard, Result<Generation>& generation) {
  if (guard && guard->is_shut() && generation) generation->finish = FinishReason::kContentFilter;
}

http::Response whole_answer(Generator& generator, const chat::Asked& asked, std::string_view id,
                            Instant now) {
  auto generation = generator.generate(asked.request);
  if (!generation) return refused(as_told(generation.error()));
  auto guard = guard_of(asked);
  if (guard) {
    std::string text = guard->feed(generation->text);
    generation->text = text + guard->finish();
  }
  guard_refusal(asked, generation);
  finish_with(guard, generation);
  Json json = chat::answer(*generation, id, now);
  if (guard) json.set("guard", report_of(guard));
  return http::Response::json(json);
}

}  // namespace

void complete_chat(Generator& generator, const http::Request& request, const http::Reply& reply,
                   std::chrono::milliseconds timeout, Instant now) {
  const auto body = parse_json(request.body);
  if (!body) return reply(refused(body.error()));
  auto asked = chat::parse(*body);
  if (!asked) return reply(refused(asked.error()));
  asked->request.deadline = timeout;
  const std::string id = "chatcmpl-" + uuid_v7(now);
  if (!asked->stream) return reply(whole_answer(generator, *asked, id, now));
  StreamedAnswer answer(reply, id, generator.name(), now);
  auto guard = guard_of(*asked);
  auto generation = generator.generate(asked->request, [&](std::string_view piece) {
    if (!guard) return answer.piece(piece) && !answer.gone();
    const std::string shown = guard->feed(piece);
    // What is shut stays shut: no more of it needs to be written.
    return (shown.empty() || answer.piece(shown)) && !answer.gone() && !guard->is_shut();
  });
  if (guard && generation) {
    if (const std::string rest = guard->finish(); !rest.empty()) answer.piece(rest);
  }
  guard_refusal(*asked, generation);
  finish_with(guard, generation);
  answer.end(generation, asked->usage_at_end, report_of(guard));
}

}  // namespace zhiyin::model
