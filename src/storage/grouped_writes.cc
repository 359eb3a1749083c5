#include "storage/grouped_writes.h"

#include <algorithm>

namespace zhiyin::storage {

Result<void> GroupedWrites::write(const Work& work) {
  if (!groups_them_) return state_.write(work);
  Waiting mine(work);
  std::vector<Waiting*> group;
  {
    MutexLock lock(mutex_);
    if (busy_) {
      queue_.push_back(&mine);
      while (mine.stage == Stage::kWaits) mine.changed.wait(mutex_);
      if (mine.stage == Stage::kDone) return mine.result;
    }
    // This thread commits for those who wait, with itself as the first.
    busy_ = true;
    const std::size_t more = std::min(queue_.size(), works_max_ - 1);
    group.push_back(&mine);
    group.insert(group.end(), queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(more));
    queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(more));
    ++groups_;
  }
  run(group);
  const MutexLock lock(mutex_);
  busy_ = !queue_.empty();
  if (busy_) {  // the first of those who came meanwhile goes on
    Waiting* next = queue_.front();
    queue_.pop_front();
    next->stage = Stage::kLeads;
    next->changed.notify_one();
  }
  for (Waiting* one : group) {
    // Under the lock: whoever sees that it is done goes, and takes what it waited on along.
    one->stage = Stage::kDone;
    one->changed.notify_one();
  }
  return mine.result;
}

void GroupedWrites::run(const std::vector<Waiting*>& group) {
  const Result<void> together = state_.write([&](Session& session) -> Result<void> {
    for (const Waiting* one : group) ZHIYIN_TRY_VOID(one->work(session));
    return {};
  });
  if (together || group.size() == 1) {
    for (Waiting* one : group) one->result = together;
    return;
  }
  for (Waiting* one : group) one->result = state_.write(one->work);
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
