#include "storage/grouped_writes.h"

#include <algorithm>
#include <atomic>
#include <chrono>

namespace zhiyin::storage {

namespace {
enum class Stage : int { kWaits, kLeads, kDone };
}

/// Shared by the thread that waits and the one that wakes it: the first may be gone before the
/// second has finished doing so.
struct GroupedWrites::Waiting {
  explicit Waiting(const Work& w) : work(w) {}
  /// Each waits on a word of its own: with one lock for all, a group that is woken would stand in
  /// the way of the next one.
  void wake(Stage to) {
    stage.store(to);
    stage.notify_one();
  }
  const Work& work;
  Result<void> result;  // written before `stage` becomes kDone
  std::atomic<Stage> stage = Stage::kWaits;
};

GroupedWrites::GroupedWrites(State& state, Frame frame, std::size_t works_max)
    : state_(state),
      works_max_(works_max),
      frame_(std::move(frame)),
      groups_them_(state.waits().has_value()) {}

GroupedWrites::~GroupedWrites() = default;

Result<void> GroupedWrites::write(const Work& work) {
  if (!groups_them_) return state_.write(work);
  auto mine = std::make_shared<Waiting>(work);
  {
    const MutexLock lock(mutex_);
    if (!busy_) {
      busy_ = true;
      mine->stage = Stage::kLeads;
    } else {
      queue_.push_back(mine);
    }
  }
  mine->stage.wait(Stage::kWaits);
  return mine->stage == Stage::kDone ? mine->result : lead(std::move(mine));
}

/// Commits for those who wait, with `first` among them, and goes on with those who come meanwhile:
/// to hand over costs as much as a small group. But whoever leads wants to leave, too.
Result<void> GroupedWrites::lead(std::shared_ptr<Waiting> first) {
  constexpr std::chrono::milliseconds kLeadsMax(2);
  const auto end = std::chrono::steady_clock::now() + kLeadsMax;
  Group group{first};
  for (;;) {
    take_waiting(group);
    run(group);
    for (const auto& one : group) {
      if (one != first) one->wake(Stage::kDone);
    }
    group.clear();
    std::shared_ptr<Waiting> next;
    {
      const MutexLock lock(mutex_);
      busy_ = !queue_.empty();
      if (!busy_) return first->result;
      if (std::chrono::steady_clock::now() >= end) {
        next = std::move(queue_.front());
        queue_.pop_front();
      }
    }
    if (next) {
      next->wake(Stage::kLeads);
      return first->result;
    }
  }
}

/// Fills the group up with those who wait.
void GroupedWrites::take_waiting(Group& group) {
  const MutexLock lock(mutex_);
  const auto n = static_cast<std::ptrdiff_t>(std::min(queue_.size(), works_max_ - group.size()));
  group.insert(group.end(), queue_.begin(), queue_.begin() + n);
  queue_.erase(queue_.begin(), queue_.begin() + n);
  ++groups_;
}

void GroupedWrites::run(const Group& group) {
  const Result<void> together = commit([&](Session& session) -> Result<void> {
    for (const auto& one : group) ZHIYIN_TRY_VOID(one->work(session));
    return {};
  });
  if (together || group.size() == 1) {
    for (const auto& one : group) one->result = together;
    return;
  }
  for (const auto& one : group) one->result = commit(one->work);
}

Result<void> GroupedWrites::commit(const Work& works) {
  if (!frame_) return state_.write(works);
  return state_.write([&](Session& session) { return frame_(session, works); });
}

std::size_t GroupedWrites::waiting() const {
  const MutexLock lock(mutex_);
  return queue_.size();
}

std::uint64_t GroupedWrites::groups() const {
  const MutexLock lock(mutex_);
  return groups_;
}

}  // namespace zhiyin::storage
