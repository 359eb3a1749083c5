#pragma once

#include <optional>

#include "base/clock.h"
#include "base/mutex.h"
#include "model/generate/generator.h"

namespace zhiyin::model {

/// A generator that counts how its texts fare, for whoever wants to know whether it is well. Counts
/// begin with this object. Thread-safe.
class CountedGenerator final : public Generator {
 public:
  /// Both must outlive it.
  CountedGenerator(Generator& generator, const Clock& clock)
      : generator_(generator), clock_(clock) {}

  using Generator::generate;
  Result<Generation> generate(const GenerateRequest& request, const OnText& on_text) override
      ZHIYIN_EXCLUDES(mutex_);
  [[nodiscard]] std::string name() const override { return generator_.name(); }

  /// {"texts","failed","cancelled","prompt_tokens","answer_tokens","estimated" (some back end did
  /// not count itself),"cost_fen","seconds" (of written texts, together),"last_text_at" or null,
  /// "last_failure":{"at","code","message"} or null}. Requests that were refused as wrong count as
  /// nothing: they say nothing about the generator.
  [[nodiscard]] Json report() const ZHIYIN_EXCLUDES(mutex_);

 private:
  struct Failure {
    Instant at;
    Error error;
  };
  void count(const Result<Generation>& generation, std::chrono::duration<double> time)
      ZHIYIN_EXCLUDES(mutex_);

  Generator& generator_;
  const Clock& clock_;
  mutable Mutex mutex_;
  std::int64_t texts_ ZHIYIN_GUARDED_BY(mutex_) = 0;
  std::int64_t failed_ ZHIYIN_GUARDED_BY(mutex_) = 0;
  std::int64_t cancelled_ ZHIYIN_GUARDED_BY(mutex_) = 0;
  Usage usage_ ZHIYIN_GUARDED_BY(mutex_);
  std::int64_t cost_ufen_ ZHIYIN_GUARDED_BY(mutex_) = 0;
  double seconds_ ZHIYIN_GUARDED_BY(mutex_) = 0;
  std::optional<Instant> last_text_at_ ZHIYIN_GUARDED_BY(mutex_);
  std::optional<Failure> last_failure_ ZHIYIN_GUARDED_BY(mutex_);
};

}  // namespace zhiyin::model
