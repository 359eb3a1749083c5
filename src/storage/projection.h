#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

#include "base/log.h"
#include "base/mutex.h"
#include "base/time.h"
#include "storage/event_log.h"
#include "storage/membership.h"
#include "storage/state.h"

namespace zhiyin::storage {

/// How far a consumer has come in a stream, as committed; zeros when it has never begun.
Result<Positions> load_positions(Session& session, std::string_view consumer, Stream stream);
/// Commits with the caller's transaction. False when a partition does not stand where `from` says:
/// another process has moved it, and nothing may be committed.
Result<bool> advance_positions(Session& session, std::string_view consumer, Stream stream,
                               const Positions& from, const Positions& to);
/// As `advance_positions` where only one process can have moved them: faster.
Result<void> save_positions(Session& session, std::string_view consumer, Stream stream,
                            const Positions& positions);

/// Tells the log how far each consumer has come, as committed (`EventLog::show_position`).
Result<void> show_positions(State& state, EventLog& log);

/// A function of its state and the log. Called by one thread at a time, with the records of a batch
/// in log order; what it writes through `session` commits together with the positions, so it
/// happens exactly once however often the process dies. It reads no clock and no randomness.
class Projection {
 public:
  virtual ~Projection() = default;
  [[nodiscard]] virtual std::string_view name() const = 0;
  virtual Result<void> apply(Session& session, std::span<const StoredRecord> batch) = 0;
  /// What can be done with a batch without state.
  struct Prepared {
    virtual ~Prepared() = default;
  };
  /// On another thread, while the batch before it is applied: pure. Null: nothing.
  [[nodiscard]] virtual std::unique_ptr<Prepared> prepare(std::span<const StoredRecord> batch);
  /// As `apply`, with what `prepare` made of the same batch. May be called again with it, when the
  /// transaction is repeated.
  virtual Result<void> apply_prepared(Session& session, std::span<const StoredRecord> batch,
                                      Prepared& prepared);
  /// `record` breaks the projection by itself: `why`. Keeps it where somebody finds it; commits
  /// with the position behind it, so that the partition goes on. As it stands the record is not
  /// given up: the error goes back, and the partition waits.
  virtual Result<void> refuse(Session& session, const StoredRecord& record, const Error& why);
};

/// True for errors that come from what a record holds (each adapter lists those of its store);
/// false where the store is what failed, or nobody knows: the same record may well do later.
bool lies_in_record(const Error& error);

/// Drives one projection over one stream on a thread of its own; sleeps while there is nothing to
/// do. While it is behind, the next batch is read and prepared beside the one at hand. After a
/// failure of a store it logs, waits (doubling, up to 10 s) and repeats the batch. After any other
/// it divides the batch, each part a transaction of its own, down to the record that does not do;
/// that is refused (`Projection::refuse`) and the rest goes on. When kRefusedInARowMax are refused
/// with none between them that does, it is not the records: it waits, too. Thread-safe.
class ProjectionRunner {
 public:
  static constexpr std::int64_t kRefusedInARowMax = 1000;
  struct Settings {
    Stream stream = Stream::kEvents;
    std::size_t batch_max = 200'000;
    /// Tells which partitions are this process's. Null: all of them, always. Must outlive the
    /// runner.
    const Membership* membership = nullptr;
    /// While others wait to write to the state (a callback, say; not who has `Patience`), and where
    /// it cannot tell, batches are kept so small that a transaction takes about this long. Else
    /// they grow until it takes twice as long: large ones write fewer pages.
    std::chrono::milliseconds transaction_aim{1500};
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
  /// Whether its thread works, so that waiting is enough.
  [[nodiscard]] bool running() const {
    MutexLock lock(mutex_);
    return running_ && !stopping_;
  }
  /// While held back, nothing is applied.
  void hold(bool held);
  /// Applies everything that is in the log now, on the caller's thread when not started, else waits
  /// for the runner. For tests and for the stepped clock. Fails with the projection's error when it
  /// fails meanwhile, with kUnavailable while held back or when the runner is stopped.
  Result<void> catch_up();

  [[nodiscard]] Positions positions() const;
  /// Records in the log that this projection has not yet dealt with (an upper bound).
  [[nodiscard]] std::int64_t lag() const;
  /// Records refused since the process began.
  [[nodiscard]] std::int64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  void run();
  /// Applies batches until nothing is left (or stopped, or held back). Returns how many records.
  Result<std::size_t> drain();
  Result<std::size_t> step() ZHIYIN_REQUIRES(step_mutex_);
  /// Records, and what was made of them ahead of their turn.
  struct Batch {
    Positions after{};
    std::vector<StoredRecord> records;
    std::unique_ptr<Projection::Prepared> prepared;
  };
  Result<Batch> next_batch() ZHIYIN_REQUIRES(step_mutex_);
  void read_ahead(const Positions& after) ZHIYIN_REQUIRES(step_mutex_);
  Result<void> apply(std::span<const StoredRecord> batch, Projection::Prepared* prepared)
      ZHIYIN_REQUIRES(step_mutex_);
  Result<void> refuse(const StoredRecord& record, const Error& why) ZHIYIN_REQUIRES(step_mutex_);
  Result<void> commit(std::span<const StoredRecord> batch,
                      const std::function<Result<void>(Session&)>& work)
      ZHIYIN_REQUIRES(step_mutex_);
  Result<void> load();
  Positions wanted() ZHIYIN_REQUIRES(step_mutex_);
  /// The number of records to ask for next, after so many took so long.
  void adapt(std::size_t records, Duration took) ZHIYIN_REQUIRES(step_mutex_);
  void refresh(bool at_once) const;
  [[nodiscard]] bool may_step() const;
  Result<void> wait_for(const Positions& target);
  Result<void> wait_for_all(const Positions& target, bool running);
  void back_off(Duration wait);

  EventLog& log_;
  State& state_;
  Projection& projection_;
  Logger& logger_;
  const Settings settings_;
  Mutex step_mutex_;  ///< one step at a time; taken before mutex_
  mutable Mutex mutex_;
  mutable CondVar changed_;
  mutable Positions positions_ ZHIYIN_GUARDED_BY(mutex_){};
  mutable std::chrono::steady_clock::time_point refreshed_ ZHIYIN_GUARDED_BY(mutex_){};
  bool loaded_ ZHIYIN_GUARDED_BY(mutex_) = false;
  bool woken_ ZHIYIN_GUARDED_BY(mutex_) = true;
  bool held_ ZHIYIN_GUARDED_BY(mutex_) = false;
  bool stopping_ ZHIYIN_GUARDED_BY(mutex_) = false;
  bool running_ ZHIYIN_GUARDED_BY(mutex_) = false;
  std::uint64_t failures_ ZHIYIN_GUARDED_BY(mutex_) = 0;
  Error last_error_ ZHIYIN_GUARDED_BY(mutex_);
  std::atomic<std::int64_t> refused_ = 0;
  std::int64_t refused_in_a_row_ ZHIYIN_GUARDED_BY(step_mutex_) = 0;
  Positions at_ ZHIYIN_GUARDED_BY(step_mutex_){};                 ///< of the batch at hand
  std::size_t batch_records_ ZHIYIN_GUARDED_BY(step_mutex_) = 0;  ///< to ask for; 0: not known yet
  std::future<Result<Batch>> ahead_ ZHIYIN_GUARDED_BY(step_mutex_);
  std::uint64_t generation_ ZHIYIN_GUARDED_BY(step_mutex_) = 0;  ///< of the duties last seen
  bool awaited_ ZHIYIN_GUARDED_BY(step_mutex_) =
      false;  ///< somebody waited for the last transaction
  bool overtaken_ ZHIYIN_GUARDED_BY(step_mutex_) = false;  ///< another has moved a position
  std::thread thread_;
};

}  // namespace zhiyin::storage
