#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "storage/event_log.h"
#include "storage/state.h"

namespace zhiyin::server {

/// Whether this process should get work, for load balancers and supervisors. Thread-safe.
class Readiness {
 public:
  using Time = std::chrono::steady_clock::time_point;
  /// How long a refused append counts. Whoever gets no work because of it could never show that it
  /// is over.
  static constexpr std::chrono::seconds kRefusalCounts{10};

  void set_held(bool held) { held_.store(held); }
  void set_draining() { draining_.store(true); }
  /// Nobody will ever deal with what is taken here.
  void set_without_workers() { without_workers_.store(true); }
  /// The outcome of an append to the log; what the caller did wrong does not count.
  void note_append(const Result<void>& outcome, Time now = std::chrono::steady_clock::now());

  /// Why not, without details that a stranger need not know; empty: ready. Reads state and log.
  [[nodiscard]] std::vector<std::string> reasons(storage::State& state, storage::EventLog& log,
                                                 Time now = std::chrono::steady_clock::now()) const;

 private:
  std::atomic<bool> held_ = false;
  std::atomic<bool> draining_ = false;
  std::atomic<bool> without_workers_ = false;
  std::atomic<Time::rep> refused_at_ = 0;  // 0: the last append went well
};

/// `log`, with the outcome of every append told to `readiness`, which must outlive it.
std::unique_ptr<storage::EventLog> watched(std::unique_ptr<storage::EventLog> log,
                                           Readiness& readiness);

}  // namespace zhiyin::server
