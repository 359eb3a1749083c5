#include "model/generate/counted_generator.h"

#include "base/json_binding.h"

namespace zhiyin::model {
namespace {

constexpr double kUfenPerFen = 1e6;

/// The request was wrong, whoever had been asked.
bool is_of_the_request(const Error& error) {
  return error.code == ErrorCode::kInvalidArgument || error.code == ErrorCode::kUnsupported;
}

}  // namespace

Result<Generation> CountedGenerator::generate(const GenerateRequest& request,
                                              const OnText& on_text) {
  const auto begin = std::chrono::steady_clock::now();
  auto generation = generator_.generate(request, on_text);
  count(generation, std::chrono::steady_clock::now() - begin);
  return generation;
}

void CountedGenerator::count(const Result<Generation>& generation,
                             std::chrono::duration<double> time) {
  if (!generation && is_of_the_request(generation.error())) return;
  const Instant now = clock_.now();
  const MutexLock lock(mutex_);
  if (!generation) {
    ++failed_;
    last_failure_ = Failure{now, generation.error()};
    return;
  }
  usage_.prompt_tokens += generation->usage.prompt_tokens;
  usage_.answer_tokens += generation->usage.answer_tokens;
  usage_.estimated = usage_.estimated || generation->usage.estimated;
  cost_ufen_ += generation->cost_ufen;
  if (generation->finish == FinishReason::kCancelled) {
    ++cancelled_;
    return;
  }
  ++texts_;
  seconds_ += time.count();
  last_text_at_ = now;
}

Json CountedGenerator::report() const {
  const MutexLock lock(mutex_);
  Json failure;
  if (last_failure_) {
    failure.set("at", to_json(last_failure_->at))
        .set("code", to_string(last_failure_->error.code))
        .set("message", last_failure_->error.message);
  }
  Json out;
  out.set("texts", texts_).set("failed", failed_).set("cancelled", cancelled_);
  out.set("prompt_tokens", usage_.prompt_tokens)
      .set("answer_tokens", usage_.answer_tokens)
      .set("estimated", usage_.estimated);
  out.set("cost_fen", static_cast<double>(cost_ufen_) / kUfenPerFen).set("seconds", seconds_);
  out.set("last_text_at", last_text_at_ ? to_json(*last_text_at_) : Json());
  return out.set("last_failure", std::move(failure));
}

}  // namespace zhiyin::model
