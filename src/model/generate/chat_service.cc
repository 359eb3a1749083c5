#include "model/generate/chat_service.h"

#include "base/random.h"
#include "http/body_stream.h"
#include "model/generate/chat_completion.h"

namespace zhiyin::model {
namespace {

namespace chat = chat_completion;

/// Errors as clients of the OpenAI shape read them.
http::Response refused(const Error& error) {
  return http::Response::json(chat::error(error), http::status_of(error.code));
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

  void end(const Result<Generation>& generation, bool with_usage) {
    if (!generation && !stream_) {
      reply_(refused(generation.error()));
      return;
    }
    begin();
    if (!generation) {
      stream_->write(chat::event(chat::error(generation.error())));
      stream_->end();
      return;
    }
    stream_->write(chat::event(chat::last_chunk(*generation, id_, now_)));
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

}  // namespace

void complete_chat(Generator& generator, const http::Request& request, const http::Reply& reply,
                   std::chrono::milliseconds timeout, Instant now) {
  const auto body = parse_json(request.body);
  if (!body) return reply(refused(body.error()));
  auto asked = chat::parse(*body);
  if (!asked) return reply(refused(asked.error()));
  asked->request.deadline = timeout;
  const std::string id = "chatcmpl-" + uuid_v7(now);
  if (!asked->stream) {
    const auto generation = generator.generate(asked->request);
    return reply(generation ? http::Response::json(chat::answer(*generation, id, now))
                            : refused(generation.error()));
  }
  StreamedAnswer answer(reply, id, generator.name(), now);
  const auto generation = generator.generate(asked->request, [&](std::string_view piece) {
    return answer.piece(piece) && !answer.gone();
  });
  answer.end(generation, asked->usage_at_end);
}

}  // namespace zhiyin::model
