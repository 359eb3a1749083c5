#include "model/encoder/detail/shared_work.h"

#include <algorithm>

namespace zhiyin::model::detail {
namespace {

/// Shared with helpers, of which the last may begin after the caller has gone.
class Desk {
 public:
  explicit Desk(std::size_t items) : items_(items) {}

  bool take(std::size_t& item) { return (item = next_.fetch_add(1)) < items_; }

  /// False when the caller has gone.
  bool enter() {
    const MutexLock lock(mutex_);
    if (!closed_) ++inside_;
    return !closed_;
  }
  void leave() {
    const MutexLock lock(mutex_);
    if (--inside_ == 0) empty_.notify_all();
  }
  void close() {
    const MutexLock lock(mutex_);
    closed_ = true;
    while (inside_ != 0) empty_.wait(mutex_);
  }

 private:
  const std::size_t items_;
  std::atomic<std::size_t> next_ = 0;
  Mutex mutex_;
  CondVar empty_;
  bool closed_ ZHIYIN_GUARDED_BY(mutex_) = false;
  std::size_t inside_ ZHIYIN_GUARDED_BY(mutex_) = 0;
};

}  // namespace

void share_work(std::size_t items, std::size_t helpers, ThreadPool* pool,
                const std::function<void(std::size_t item, std::size_t helper)>& work) {
  // Shared by this call and its helpers.
  const auto desk = std::make_shared<Desk>(items);
  const std::size_t count = pool == nullptr ? 1 : std::min(helpers, items);
  for (std::size_t helper = 1; helper < count; ++helper) {
    const bool queued = pool->try_submit([desk, helper, &work] {
      if (!desk->enter()) return;
      for (std::size_t item = 0; desk->take(item);) work(item, helper);
      desk->leave();
    });
    if (!queued) break;
  }
  for (std::size_t item = 0; desk->take(item);) work(item, 0);
  desk->close();
}

}  // namespace zhiyin::model::detail
