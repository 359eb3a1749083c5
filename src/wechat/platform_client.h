#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/log.h"
#include "base/metrics.h"
#include "http/client.h"
#include "wechat/call_budget.h"
#include "wechat/platform_api.h"
#include "wechat/token.h"

namespace zhiyin::wechat {

/// Calls the platforms over HTTP. Repeats by itself only where that is safe: nothing was sent, or
/// the endpoint allows it (`Repeat`) and the platform was busy or silent; a refused access token is
/// replaced once. Back-off is in real time, capped, with jitter.
///
/// Paced by host (`calls_per_second`, waits) and by account and method: a call above the minute's
/// documented number, or after the platform said that the minute or day is used up, is refused with
/// kLimitReached and `retry_after` without being sent, by domain time. Days and months are counted
/// in `budget` where there is one, beside what is counted here; when it does not answer the call
/// goes out. Thread-safe.
class PlatformClient final : public PlatformApi {
 public:
  struct Settings {
    std::string base_url = std::string(kPlatformUrl);  ///< for accounts without their own
    std::chrono::milliseconds timeout{10'000};
    std::chrono::milliseconds upload_timeout{120'000};  ///< of calls that carry a file
    int attempts_max = 3;
    std::chrono::milliseconds backoff_first{300};
    std::chrono::milliseconds backoff_max{5'000};
    double calls_per_second = 0;  ///< per host, 0: not limited
    std::uint64_t seed = 1;       ///< of the jitter
    /// Waits; empty: really sleeps. For tests.
    std::function<void(std::chrono::milliseconds)> sleep = {};
    CallBudget* budget =
        nullptr;  ///< of days and months over all processes; null: this one counts alone
  };
  /// All must outlive the client.
  PlatformClient(http::Client& client, TokenKeeper& tokens, MetricsRegistry& metrics,
                 Logger& logger, Settings settings);
  ~PlatformClient() override;

  http::Task<Outcome<ApiAnswer>> perform(ApiAccount account, Result<ApiCall> call) override;
  Outcome<ApiAnswer> perform_and_wait(const ApiAccount& account, Result<ApiCall> call) override;

 private:
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

}  // namespace zhiyin::wechat
