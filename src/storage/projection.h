#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

#include "base/log.h"
#include "base/mutex.h"
#include "base/time.h"
#include "storage/event_log.h"
#include "storage/state.h"

namespace zhiyin::storage {

/// How far a consumer has come in a stream, as committed; zeros when it has never begun.
Result<Positions> load_positions(Session& session, std::string_view consumer, Stream stream);
/// Commits with the caller's transaction.
Result<void> save_positions(Session& session, std::string_view consumer, Stream stream,
                            const Positions& positions);

/// A function of its state and the log. Called by one thread at a time, with the records of a batch
/// in log order; what it writes through `session` commits together with the positions, so it
/// happens exactly once however often the process dies. It reads no clock and no randomness.
class Projection {
 public:
  virtual ~Projection() = default;
  [[nodiscard]] virtual std::string_view name() const = 0;
  virtual Result<void> apply(Session& session, std::span<const StoredRecord> batch) = 0;
};

/// Drives one projection over one stream on a thread of its own; sleeps while there is nothing to
/// do. After a failure it logs, waits (doubling, up to 10 s) and repeats the batch. Thread-safe.
class ProjectionRunner {
 public:
  struct Settings {
    Stream stream = Stream::kEvents;
    std::size_t batch_max = 5000;
  };
  /// All references must outlive the runner. Tables of `storage::migrations()` must be there.
  ProjectionRunner(EventLog& log, State& state, Projection& projection, Logger& logger,
                   Settings settings);
  ~ProjectionRunner();

  void start();
  /// Stops after the batch at hand.
  void stop();
  /// There may be something new.
  void wake();
  /// While held back, nothing is applied.
  void hold(bool held);
  /// Applies everything that is in the log now, on the caller's thread when not started, else waits
  /// for the runner. For tests and for the stepped clock. Fails with the projection's error when it
  /// fails meanwhile, with kUnavailable while held back or when the runner is stopped.
  Result<void> catch_up();

  [[nodiscard]] Positions positions() const;
  /// Records in the log that this projection has not yet dealt with (an upper bound).
  [[nodiscard]] std::int64_t lag() const;

 private:
  void run();
  /// Applies batches until nothing is left (or stopped, or held back). Returns how many records.
  Result<std::size_t> drain();
  Result<std::size_t> step();
  Result<void> load();
  [[nodiscard]] bool may_step() const;
  Result<void> wait_for(const Positions& target);
  void back_off(Duration wait);

  EventLog& log_;
  State& state_;
  Projection& projection_;
  Logger& logger_;
  const Settings settings_;
  Mutex step_mutex_;  ///< one step at a time; taken before mutex_
  mutable Mutex mutex_;
  mutable CondVar changed_;
  Positions positions_ ZHIYIN_GUARDED_BY(mutex_){};
  bool loaded_ ZHIYIN_GUARDED_BY(mutex_) = false;
  bool woken_ ZHIYIN_GUARDED_BY(mutex_) = true;
  bool held_ ZHIYIN_GUARDED_BY(mutex_) = false;
  bool stopping_ ZHIYIN_GUARDED_BY(mutex_) = false;
  bool running_ ZHIYIN_GUARDED_BY(mutex_) = false;
  std::uint64_t failures_ ZHIYIN_GUARDED_BY(mutex_) = 0;
  Error last_error_ ZHIYIN_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace zhiyin::storage
