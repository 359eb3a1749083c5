#include "storage/grouped_writes.h"

#include <algorithm>
#include <atomic>

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

/// Commits for those who wait, with `first` among them.
Result<void> GroupedWrites::lead(std::shared_ptr<Waiting> first) {
  Group group{first};
  {
    const MutexLock lock(mutex_);
    const auto more = static_cast<std::ptrdiff_t>(std::min(queue_.size(), works_max_ - 1));
    group.insert(group.end(), queue_.begin(), queue_.begin() + more);
    queue_.erase(queue_.begin(), queue_.begin() + more);
    ++groups_;
  }
  run(group);
  std::shared_ptr<Waiting> next;  // the first of those who came meanwhile goes on
  {
    const MutexLock lock(mutex_);
    busy_ = !queue_.empty();
    if (busy_) {
      next = std::move(queue_.front());
      queue_.pop_front();
    }
  }
  if (next) next->wake(Stage::kLeads);
  for (std::size_t i = 1; i < group.size(); ++i) group[i]->wake(Stage::kDone);
  return first->result;
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
