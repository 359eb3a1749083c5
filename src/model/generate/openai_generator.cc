#include "model/generate/openai_generator.h"

#include <algorithm>
#include <map>

#include "base/random.h"
#include "model/generate/endpoint_exchange.h"
#include "model/generate/text_sink.h"
#include "model/generate/utf8_assembler.h"

namespace zhiyin::model {
namespace {

using std::chrono::milliseconds;
using Time = std::chrono::steady_clock::time_point;

Time now() { return std::chrono::steady_clock::now(); }

milliseconds until(Time end) {
  return std::max(milliseconds(0), std::chrono::duration_cast<milliseconds>(end - now()));
}

std::int64_t cost_ufen(const Endpoint& endpoint, std::int64_t prompt, std::int64_t answer) {
  return prompt * endpoint.prompt_fen_per_million + answer * endpoint.answer_fen_per_million;
}

/// What an exchange cost of which the endpoint did not say it: the prompt, and what came.
SpendBudget::Amount guessed(const Endpoint& endpoint, const GenerateRequest& request,
                            std::string_view text) {
  const std::int64_t prompt = estimated_tokens(request.messages);
  const std::int64_t answer = estimated_tokens(text);
  return {prompt + answer, cost_ufen(endpoint, prompt, answer)};
}

void add(SpendBudget::Amount& sum, const SpendBudget::Amount& one) {
  sum.tokens += one.tokens;
  sum.ufen += one.ufen;
}

/// Waits on a board until `end`; false when the request was cancelled meanwhile.
bool pause(ExchangeBoard& board, const GenerateRequest& request, Time end) {
  while (!request.cancel.stop_requested() && now() < end) (void)board.next(end);
  return !request.cancel.stop_requested();
}

}  // namespace

/// One attempt: an exchange with the first endpoint, and perhaps one with the second beside or
/// after it.
class OpenAiGenerator::Attempt {
 public:
  struct Outcome {
    std::optional<Generation> generation;
    std::optional<ExchangeFailure> failure;
    SpendBudget::Amount spent;
    bool shown = false;
  };

  Attempt(OpenAiGenerator& owner, const GenerateRequest& request, const OnText& on_text,
          Time deadline)
      : owner_(owner),
        request_(request),
        deadline_(deadline),
        sink_(request, on_text),
        on_cancel_(request.cancel, [board = board_] { board->wake(); }) {}

  ~Attempt() {
    for (int lane = 0; lane < kLanes; ++lane) stop(lane, true);
  }

  Outcome run() {
    const OpenAiSettings& settings = owner_.settings_;
    const bool has_second = settings.second.has_value();
    Time hedge_at = deadline_;
    if (start(0)) {
      if (has_second && settings.hedge_after.count() > 0) hedge_at = now() + settings.hedge_after;
    } else if (!has_second || !start(1)) {
      failure_ = open_circuit();
    }
    while (running() && !finished_) {
      if (request_.cancel.stop_requested() || now() >= deadline_) break;
      const auto event = board_->next(std::min(hedge_at, deadline_));
      if (event) {
        take(*event);
      } else if (winner_ < 0 && hedge_at < deadline_ && now() >= hedge_at) {
        hedge_at = deadline_;
        (void)start(1);
      }
      // The first failed and nothing was shown: the second may still answer.
      if (has_second && !running() && !finished_ && winner_ < 0 && !lanes_[1].used && failure_ &&
          failure_->repeatable) {
        (void)start(1);
      }
    }
    return outcome();
  }

 private:
  static constexpr int kLanes = 2;
  struct Lane {
    bool used = false;
    bool running = false;
    std::stop_source stop;
  };

  const Endpoint& endpoint(int lane) const {
    return lane == 0 ? owner_.settings_.first : *owner_.settings_.second;
  }
  CircuitBreaker& breaker(int lane) const {
    return lane == 0 ? owner_.first_breaker_ : owner_.second_breaker_;
  }
  bool running() const { return lanes_[0].running || lanes_[1].running; }

  static ExchangeFailure open_circuit() {
    return {
        {ErrorCode::kUnavailable, "endpoint: it failed too often and is left alone for now", {}},
        false,
        false,
        false,
        {}};
  }

  bool start(int lane) {
    if (!breaker(lane).admit(now())) return false;
    lanes_[lane].used = lanes_[lane].running = true;
    const Endpoint& to = endpoint(lane);
    http::ClientRequest request;
    request.method = "POST";
    request.url = to.url + "/chat/completions";
    request.headers = {{"Content-Type", "application/json"}, {"Accept", "text/event-stream"}};
    if (!to.key.empty()) {
      request.headers.emplace_back("Authorization", "Bearer " + to.key.reveal());
    }
    request.body = chat_wire::request_body(request_, to.model, true).dump();
    request.timeout = std::max(milliseconds(1), until(deadline_));
    request.piece_timeout = owner_.settings_.piece_timeout;
    request.response_bytes_max = owner_.settings_.answer_bytes_max;
    request.stop = lanes_[lane].stop.get_token();
    start_exchange(owner_.client_, std::move(request), board_, lane);
    return true;
  }

  /// Ends what runs there; `blameless`: that says nothing about the endpoint.
  void stop(int lane, bool blameless) {
    if (!lanes_[lane].running) return;
    lanes_[lane].running = false;
    lanes_[lane].stop.request_stop();
    if (blameless) breaker(lane).abandoned();
    if (lane != winner_) add(spent_, guessed(endpoint(lane), request_, {}));
  }

  void take(const ExchangeBoard::Event& event) {
    if (!lanes_[event.lane].running) return;
    if (event.failure) {
      lanes_[event.lane].running = false;
      if (event.failure->blames_endpoint) {
        breaker(event.lane).failed(now());
      } else {
        breaker(event.lane).abandoned();
      }
      const std::string_view text = event.lane == winner_ ? std::string_view(sink_.text()) : "";
      if (event.failure->may_cost) add(spent_, guessed(endpoint(event.lane), request_, text));
      failure_ = *event.failure;
      return;
    }
    if (!event.piece) {
      lanes_[event.lane].running = false;
      breaker(event.lane).succeeded();
      if (winner_ < 0) choose(event.lane);
      finished_ = winner_ == event.lane;
      return;
    }
    const bool says_something = !event.piece->bytes.empty() || !event.piece->refusal.empty() ||
                                !event.piece->tool_calls.empty() || event.piece->finish.has_value();
    if (winner_ < 0 && says_something) choose(event.lane);
    if (winner_ == event.lane) absorb(*event.piece);
  }

  void choose(int lane) {
    winner_ = lane;
    stop(1 - lane, true);
  }

  void absorb(const chat_wire::Piece& piece) {
    if (!piece.model.empty()) model_ = piece.model;
    if (!piece.fingerprint.empty()) version_ = piece.fingerprint;
    if (piece.usage) usage_ = piece.usage;
    if (piece.finish) finish_ = *piece.finish;
    for (const chat_wire::ToolCallPiece& part : piece.tool_calls) {
      ToolCall& call = calls_[part.index];
      if (!part.id.empty()) call.id = part.id;
      if (call.name.empty()) call.name = part.name;
      if (call.arguments.size() < chat_wire::kToolArgumentsMax) call.arguments += part.arguments;
    }
    refusal_ += refusal_characters_.feed(piece.refusal);
    if (!piece.bytes.empty() && !sink_.feed(piece.bytes)) {  // cancelled, or a stop text
      finished_ = true;
      stop(winner_, true);
    }
  }

  Outcome outcome() {
    Outcome out;
    out.shown = sink_.shown();
    const bool cancelled = request_.cancel.stop_requested();
    if (finished_ || cancelled) {
      out.generation = generation();
      if (winner_ >= 0) {
        const Usage& usage = out.generation->usage;
        add(spent_, {usage.prompt_tokens + usage.answer_tokens, out.generation->cost_ufen});
      }
      if (auto good = check_format(request_, *out.generation); !good) {
        out.failure = ExchangeFailure{good.error(), true, false, true, {}};
        out.generation.reset();
      }
    } else if (now() >= deadline_) {
      for (int lane = 0; lane < kLanes; ++lane) {
        if (lanes_[lane].running) breaker(lane).failed(now());
      }
      if (winner_ >= 0) add(spent_, guessed(endpoint(winner_), request_, sink_.text()));
      out.failure =
          ExchangeFailure{{ErrorCode::kDeadline, "endpoint: no complete answer in time", {}},
                          false,
                          true,
                          true,
                          {}};
    } else {
      out.failure = failure_;
    }
    for (int lane = 0; lane < kLanes; ++lane) stop(lane, cancelled);
    out.spent = spent_;
    return out;
  }

  Generation generation() {
    Generation out = sink_.finish(finish_);
    out.refusal = refusal_;
    for (auto& [index, call] : calls_) out.tool_calls.push_back(std::move(call));
    if (!out.tool_calls.empty() && out.finish == FinishReason::kStop) {
      out.finish = FinishReason::kToolCalls;
    }
    const Endpoint& from = endpoint(std::max(0, winner_));
    out.model = model_.empty() ? from.model : model_;
    out.version = version_;
    out.usage =
        usage_.value_or(Usage{estimated_tokens(request_.messages),
                              estimated_tokens(out.text) + estimated_tokens(out.refusal), true});
    out.cost_ufen = cost_ufen(from, out.usage.prompt_tokens, out.usage.answer_tokens);
    return out;
  }

  OpenAiGenerator& owner_;
  const GenerateRequest& request_;
  const Time deadline_;
  const std::shared_ptr<ExchangeBoard> board_ = std::make_shared<ExchangeBoard>();
  TextSink sink_;
  Lane lanes_[kLanes];
  int winner_ = -1;  // the lane whose pieces are taken
  bool finished_ = false;
  std::optional<ExchangeFailure> failure_;
  SpendBudget::Amount spent_;
  std::string model_;
  std::string version_;
  std::optional<Usage> usage_;
  FinishReason finish_ = FinishReason::kStop;
  std::map<std::size_t, ToolCall> calls_;
  Utf8Assembler refusal_characters_;
  std::string refusal_;
  std::stop_callback<std::function<void()>> on_cancel_;
};

OpenAiGenerator::OpenAiGenerator(OpenAiSettings settings, http::Client& client, SpendBudget& budget,
                                 const Clock& clock)
    : settings_(std::move(settings)),
      client_(client),
      budget_(budget),
      clock_(clock),
      first_breaker_(settings_.breaker),
      second_breaker_(settings_.breaker) {}

Result<std::unique_ptr<OpenAiGenerator>> OpenAiGenerator::create(OpenAiSettings settings,
                                                                 http::Client& client,
                                                                 SpendBudget& budget,
                                                                 const Clock& clock) {
  constexpr int kAttemptsMost = 10;
  if (settings.attempts_max < 1 || settings.attempts_max > kAttemptsMost) {
    return fail_field("attempts_max", "{} is not between 1 and {}", settings.attempts_max,
                      kAttemptsMost);
  }
  for (Endpoint* endpoint : {&settings.first, settings.second ? &*settings.second : nullptr}) {
    if (endpoint == nullptr) continue;
    while (endpoint->url.ends_with('/')) endpoint->url.pop_back();
    if (!endpoint->url.starts_with("http://") && !endpoint->url.starts_with("https://")) {
      return fail_field("url", "'{}' begins with neither http:// nor https://", endpoint->url);
    }
    if (endpoint->model.empty()) return fail_field("model", "is empty");
  }
  return std::unique_ptr<OpenAiGenerator>(
      new OpenAiGenerator(std::move(settings), client, budget, clock));
}

Result<Generation> OpenAiGenerator::generate(const GenerateRequest& request,
                                             const OnText& on_text) {
  ZHIYIN_TRY_VOID(check(request));
  const Time deadline = now() + request.deadline;
  const std::int64_t prompt = estimated_tokens(request.messages);
  SpendBudget::Amount reserved{prompt + request.tokens_max,
                               cost_ufen(settings_.first, prompt, request.tokens_max)};
  if (settings_.second) {
    reserved.ufen =
        std::max(reserved.ufen, cost_ufen(*settings_.second, prompt, request.tokens_max));
  }
  ZHIYIN_TRY_VOID(budget_.reserve(request.purpose, reserved, clock_.now()));

  SpendBudget::Amount spent;
  Random random(static_cast<std::uint64_t>(now().time_since_epoch().count()));
  Result<Generation> result = fail(ErrorCode::kInternal, "endpoint: not asked");
  ExchangeBoard waiting;
  const std::stop_callback on_cancel(request.cancel, [&waiting] { waiting.wake(); });
  for (int attempt = 1; attempt <= settings_.attempts_max; ++attempt) {
    Attempt::Outcome outcome = Attempt(*this, request, on_text, deadline).run();
    add(spent, outcome.spent);
    if (outcome.generation) {
      outcome.generation->attempts = attempt;
      outcome.generation->cost_ufen = spent.ufen;
      result = std::move(*outcome.generation);
      break;
    }
    result = std::unexpected(outcome.failure->error);
    if (outcome.shown || !outcome.failure->repeatable || attempt == settings_.attempts_max) break;
    milliseconds wait = settings_.backoff * (1 << (attempt - 1));
    wait += milliseconds(random.below(static_cast<std::uint64_t>(wait.count() / 2 + 1)));
    wait = std::max(wait, outcome.failure->retry_after.value_or(milliseconds(0)));
    if (wait >= until(deadline)) {
      result.error().message += fmt::format(" (it may be asked again in {} ms)", wait.count());
      break;
    }
    if (!pause(waiting, request, now() + wait)) {
      Generation cancelled;
      cancelled.finish = FinishReason::kCancelled;
      cancelled.model = settings_.first.model;
      result = std::move(cancelled);
      break;
    }
  }
  budget_.settle(request.purpose, reserved, spent, clock_.now());
  return result;
}

}  // namespace zhiyin::model
