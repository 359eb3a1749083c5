#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/secret.h"
#include "http/client.h"
#include "model/generate/circuit_breaker.h"
#include "model/generate/generator.h"
#include "model/generate/spend_budget.h"

namespace zhiyin::model {

/// An address that speaks chat completions in the OpenAI shape.
struct Endpoint {
  std::string url;    ///< up to and with the version: https://api.example.com/v1
  Secret key;         ///< sent as a bearer token; empty: none
  std::string model;  ///< as it is called there
  std::int64_t prompt_fen_per_million = 0;  ///< price of a million tokens
  std::int64_t answer_fen_per_million = 0;
};

struct OpenAiSettings {
  Endpoint first;
  std::optional<Endpoint> second;  ///< asked when the first is late or fails
  /// So long without a piece from the first until the second is asked as well; whoever brings a
  /// piece first answers, the other is stopped. 0: the second only when the first has failed.
  std::chrono::milliseconds hedge_after{0};
  std::chrono::milliseconds piece_timeout{30'000};  ///< longest silence within an answer
  int attempts_max = 3;                             ///< 1 to 10
  std::chrono::milliseconds backoff{250};           ///< doubles, plus up to half of it by chance
  std::size_t answer_bytes_max = 8 << 20;
  CircuitBreaker::Settings breaker;  ///< one per endpoint
};

/// Asks an endpoint over HTTP, streaming. Repeats what was refused with 429, 408 or 5xx, could not
/// be connected, broke off or was no valid answer, as long as nothing of it has been shown and the
/// deadline allows it; Retry-After is kept to. Money and tokens are reserved and booked by purpose.
/// Thread-safe.
class OpenAiGenerator final : public Generator {
 public:
  /// All must outlive it. kInvalidArgument when an address is no http(s) URL or a bound is wrong.
  static Result<std::unique_ptr<OpenAiGenerator>> create(OpenAiSettings settings,
                                                         http::Client& client, SpendBudget& budget,
                                                         const Clock& clock);
  using Generator::generate;
  Result<Generation> generate(const GenerateRequest& request, const OnText& on_text) override;
  [[nodiscard]] std::string name() const override { return settings_.first.model; }

 private:
  class Attempt;
  OpenAiGenerator(OpenAiSettings settings, http::Client& client, SpendBudget& budget,
                  const Clock& clock);

  const OpenAiSettings settings_;
  http::Client& client_;
  SpendBudget& budget_;
  const Clock& clock_;
  CircuitBreaker first_breaker_;
  CircuitBreaker second_breaker_;
};

}  // namespace zhiyin::model
