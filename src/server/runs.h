#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/json.h"
#include "base/mutex.h"
#include "base/thread_pool.h"
#include "storage/membership.h"
#include "storage/state.h"

namespace zhiyin::server {

/// What a run's work sees: where it tells its progress, and whether it shall stop. Thread-safe.
class RunContext {
 public:
  void report(std::optional<double> progress, std::string detail);
  [[nodiscard]] bool cancelled() const { return cancelled_.load(); }
  /// Cancelled because the server stops, by nobody's wish.
  [[nodiscard]] bool stopping() const { return stopping_.load(); }
  /// Of the run; empty until it has begun.
  [[nodiscard]] const RunId& id() const { return id_; }
  void cancel() { cancelled_ = true; }
  /// What shall be shown as the run's result although its work ends with an error: how far it came.
  void keep(Json result);
  [[nodiscard]] std::optional<Json> kept() const;
  /// What was reported last.
  [[nodiscard]] std::pair<std::optional<double>, std::string> status() const {
    MutexLock lock(mutex_);
    return {progress_, detail_};
  }

 private:
  friend class Runs;
  RunId id_;  // set before the work sees it
  std::atomic<bool> cancelled_ = false;
  std::atomic<bool> stopping_ = false;
  mutable Mutex mutex_;
  std::optional<double> progress_ ZHIYIN_GUARDED_BY(mutex_);
  std::string detail_ ZHIYIN_GUARDED_BY(mutex_);
  std::optional<Json> kept_ ZHIYIN_GUARDED_BY(mutex_);
};

/// Executions of imports, trainings and the like: kept in state, progress in memory. Two run at a
/// time, the rest queue (at most kQueueMax). A run found running at start was cut off by a stop; it
/// is closed as failed and says so, unless whoever started it can take it up again (`resume`).
/// Where several processes work on the state, a run belongs to one of them: the others show what it
/// tells with each beat, pass on that it shall be cancelled, and close it when its process has
/// died. Thread-safe; the destructor cancels what runs and waits for it.
class Runs {
 public:
  static constexpr std::size_t kQueueMax = 64;
  using Work = std::move_only_function<Result<Json>(RunContext&)>;

  /// Without `membership` this process is the only one; it must outlive this.
  static Result<std::unique_ptr<Runs>> create(storage::State& state,
                                              const storage::Membership* membership = nullptr);
  ~Runs();
  static std::span<const storage::Migration> migrations();

  /// kLimitReached when too many wait.
  Result<RunId> start(std::string_view kind, std::string_view title, Work work);
  /// A run that may be taken up again. `id` from `new_id`. When the server stops before its work
  /// ends, it stays open.
  static RunId new_id();
  Result<void> start_resumable(const RunId& id, std::string_view kind, std::string_view title,
                               Work work);
  /// Goes on with a resumable run that a stop of this server cut off. kNotFound; kConflict when it
  /// has ended otherwise.
  Result<void> resume(const RunId& id, Work work);
  /// Runs it on the caller's thread, recorded, shown and cancellable like the others.
  Result<Json> run_now(std::string_view kind, std::string_view title, RunContext& context,
                       Work work);
  Result<void> cancel(const RunId& id);
  /// docs/api.md, GET /v1/runs/{id}.
  [[nodiscard]] Result<Json> get(const RunId& id) const;
  /// Newest first.
  [[nodiscard]] Result<Json> list(std::size_t limit, std::string_view before) const;
  /// True when none is running or queued in this process.
  [[nodiscard]] bool idle() const;
  /// Tells the other processes how far the runs of this one are, hears from them what to cancel,
  /// and closes what a dead one left open. Does nothing without `membership`.
  Result<void> beat();

 private:
  Runs(storage::State& state, const storage::Membership* membership)
      : state_(state), membership_(membership) {}
  Result<void> close_orphans();
  Result<void> exchange(const RunId& id, RunContext& context);
  Result<void> open(const RunId& id, std::string_view kind, std::string_view title);
  Result<void> submit(const RunId& id, bool resumable, Work work);
  void close(const RunId& id, bool cancelled, const Result<Json>& outcome,
             const std::optional<Json>& kept = {});
  [[nodiscard]] Json to_json_row(const storage::Row& row) const;

  storage::State& state_;
  const storage::Membership* const membership_;
  mutable Mutex mutex_;
  std::map<std::string, std::shared_ptr<RunContext>> active_
      ZHIYIN_GUARDED_BY(mutex_);  // shared with the work
  std::unique_ptr<ThreadPool> pool_ = std::make_unique<ThreadPool>(2, kQueueMax);
};

}  // namespace zhiyin::server
