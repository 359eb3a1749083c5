#pragma once

#include <deque>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "base/time.h"
#include "ingest/intake.h"
#include "storage/state.h"
#include "storage/vault.h"

namespace zhiyin::ingest::detail {

/// Writes entries with the next numbers and drops the oldest above kQuarantineMax; commits with
/// `session`.
Result<void> write_quarantine(storage::Session& session, storage::Vault& vault,
                              std::span<const RefusedEvent> events, std::string_view source,
                              Instant at);

/// Writes refused events into the quarantine on a thread of its own, many callers' in one
/// transaction, and drops the oldest above kQuarantineMax. Thread-safe.
class QuarantineWriter {
 public:
  /// Events that may wait to be written; more are refused with kLimitReached.
  static constexpr std::size_t kWaitingMax = 50'000;

  QuarantineWriter(storage::State& state, storage::Vault& vault);
  /// Writes what waits.
  ~QuarantineWriter();

  using Done = std::move_only_function<void(Result<void>)>;
  /// `done` runs once they are synced, on the writer's thread (on the caller's when refused at
  /// once).
  void add(std::vector<RefusedEvent> events, std::string_view source, Instant now, Done done);

 private:
  struct Job {
    std::vector<RefusedEvent> events;
    std::string source;
    Instant at;
    Done done;
  };
  void run();
  Result<void> write(const std::deque<Job>& jobs);

  storage::State& state_;
  storage::Vault& vault_;
  Mutex mutex_;
  CondVar wake_;
  std::deque<Job> jobs_ ZHIYIN_GUARDED_BY(mutex_);
  std::size_t waiting_ ZHIYIN_GUARDED_BY(mutex_) = 0;
  bool stopping_ ZHIYIN_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace zhiyin::ingest::detail
