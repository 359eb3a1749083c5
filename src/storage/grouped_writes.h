#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "base/mutex.h"
#include "storage/state.h"

namespace zhiyin::storage {

/// Many small transactions of many threads as few synced ones: while one group is being committed,
/// whoever comes waits, and all that wait make the next group. To each caller it is `State::write`:
/// a work that fails is undone alone (the group is then run again, one by one), and its result
/// comes when what it wrote is synced.
///
/// A work runs on any of the waiting threads, and perhaps more than once, so it takes no lock that
/// its caller, or any other caller, holds. Where writers of the state do not wait for each other
/// (a server), each work is a transaction of its own. Thread-safe.
class GroupedWrites {
 public:
  using Work = std::function<Result<void>(Session&)>;
  /// The state must outlive it. `works_max`: of one transaction.
  explicit GroupedWrites(State& state, std::size_t works_max = 1000)
      : state_(state), works_max_(works_max), groups_them_(state.waits().has_value()) {}

  Result<void> write(const Work& work);

  /// Works that wait for the next group.
  [[nodiscard]] std::size_t waiting() const;
  /// Transactions of groups so far.
  [[nodiscard]] std::uint64_t groups() const;

 private:
  enum class Stage { kWaits, kLeads, kDone };
  struct Waiting {
    explicit Waiting(const Work& w) : work(w) {}
    const Work& work;
    Result<void> result;
    Stage stage = Stage::kWaits;  // with the mutex
    CondVar changed;
  };
  void run(const std::vector<Waiting*>& group);

  State& state_;
  const std::size_t works_max_;
  const bool groups_them_;
  mutable Mutex mutex_;
  std::deque<Waiting*> queue_ ZHIYIN_GUARDED_BY(mutex_);  // as many as threads wait
  bool busy_ ZHIYIN_GUARDED_BY(mutex_) = false;
  std::uint64_t groups_ ZHIYIN_GUARDED_BY(mutex_) = 0;
};

}  // namespace zhiyin::storage
