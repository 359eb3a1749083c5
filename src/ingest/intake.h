#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "ingest/event.h"

namespace zhiyin::ingest {

enum class Verdict { kAccepted, kDuplicate, kQuarantined };

struct Answer {
  std::string event_id;
  Verdict verdict = Verdict::kAccepted;
  std::string reason;  ///< why quarantined, with the field
};

/// The one way into the log: validates, seals, appends, answers per event. What is wrong goes into
/// the quarantine and never stops the rest. `duplicate` is best effort here (a bounded memory of recent
/// ids); the Deduplicator decides for good. Thread-safe.
class Intake {
 public:
  struct Settings {
    std::size_t events_max = 10'000;  ///< per call
    std::size_t recent_ids = 1 << 18;
  };
  /// All must outlive the intake.
  Intake(storage::EventLog& log, storage::State& state, storage::Vault& vault, const Clock& clock,
         MetricsRegistry& metrics, Settings settings);
  ~Intake();

  using Done = std::move_only_function<void(Result<std::vector<Answer>>)>;

  /// `body` is a JSON array, one JSON object, or NDJSON. `accounts` limits whom the caller may write for
  /// (empty: all). `done` runs once everything accepted is synced; on a thread of the log or the caller's.
  void accept_body(std::string body, std::string_view source, std::vector<std::string> accounts, Done done);

  /// For callers inside (WeChat callbacks, importers, tracked links).
  void accept(std::vector<WireEvent> events, std::string_view source, Done done);
  Result<std::vector<Answer>> accept_and_wait(std::vector<WireEvent> events, std::string_view source);

 private:
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

}  // namespace zhiyin::ingest
