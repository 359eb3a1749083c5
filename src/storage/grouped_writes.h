#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
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
  /// Runs the works of one transaction, with what they share around them.
  using Frame = std::function<Result<void>(Session&, const Work& works)>;
  /// The state must outlive it. `frame` may run more than once for the same works; absent: they
  /// share nothing. `works_max`: of one transaction.
  explicit GroupedWrites(State& state, Frame frame = {}, std::size_t works_max = 1000);
  ~GroupedWrites();

  Result<void> write(const Work& work);

  /// Works that wait for the next group.
  [[nodiscard]] std::size_t waiting() const;
  /// Transactions of groups so far.
  [[nodiscard]] std::uint64_t groups() const;

 private:
  struct Waiting;
  using Group = std::vector<std::shared_ptr<Waiting>>;
  Result<void> lead(std::shared_ptr<Waiting> first);
  void take_waiting(Group& group);
  void run(const Group& group);
  Result<void> commit(const Work& works);

  State& state_;
  const std::size_t works_max_;
  const Frame frame_;
  const bool groups_them_;
  mutable Mutex mutex_;
  // As many as threads wait.
  std::deque<std::shared_ptr<Waiting>> queue_ ZHIYIN_GUARDED_BY(mutex_);
  bool busy_ ZHIYIN_GUARDED_BY(mutex_) = false;
  std::uint64_t groups_ ZHIYIN_GUARDED_BY(mutex_) = 0;
};

}  // namespace zhiyin::storage
