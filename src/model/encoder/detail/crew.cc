#include "model/encoder/detail/crew.h"

#include "base/check.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace zhiyin::model::detail {
namespace {

/// Looks before somebody sleeps: steps follow each other within fractions of a millisecond, and to
/// be woken takes tens of microseconds.
constexpr int kLooks = 1000;

void pause() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

constexpr std::uint64_t kStep = std::uint64_t{1} << 32;
std::uint64_t first_place(std::uint64_t before, std::size_t items) {
  return (before / kStep + 1) * kStep + (std::uint64_t{items} << 16);
}
std::size_t items_of(std::uint64_t place) { return place >> 16 & 0xffff; }
std::size_t next_of(std::uint64_t place) { return place & 0xffff; }

}  // namespace

Crew::Crew(std::span<Arena* const> arenas) : arenas_(arenas.begin(), arenas.end()) {
  ZHIYIN_CHECK(!arenas_.empty());
  const MutexLock lock(mutex_);
  free_.assign(arenas_.begin() + 1, arenas_.end());
}

/// The next item of the step; `place` is where the step stood. False when all are taken.
bool Crew::take(std::uint64_t& place, std::size_t& item) {
  place = place_.load(std::memory_order_acquire);
  while (next_of(place) < items_of(place)) {
    if (place_.compare_exchange_weak(place, place + 1, std::memory_order_acq_rel,
                                     std::memory_order_acquire)) {
      item = next_of(place);
      return true;
    }
  }
  return false;
}

void Crew::finish(const Arena& own, std::uint64_t place, std::size_t item) {
  (*work_)(item, own);
  if (done_.fetch_add(1, std::memory_order_acq_rel) + 1 < items_of(place)) return;
  {
    const MutexLock lock(mutex_);
  }
  over_.notify_all();
}

void Crew::each(std::size_t items, const Work& work) {
  ZHIYIN_CHECK(items <= kItemsMax);
  if (arenas_.size() == 1) {
    for (std::size_t item = 0; item < items; ++item) work(item, *arenas_[0]);
    return;
  }
  if (items == 0) return;
  work_ = &work;
  done_.store(0, std::memory_order_relaxed);
  {
    const MutexLock lock(mutex_);
    place_.store(first_place(place_.load(std::memory_order_relaxed), items),
                 std::memory_order_release);
  }
  step_.notify_all();
  std::uint64_t place = 0;
  for (std::size_t item = 0; take(place, item);) finish(*arenas_[0], place, item);
  for (int look = 0; look < kLooks; ++look) {
    if (done_.load(std::memory_order_acquire) == items) return;
    pause();
  }
  const MutexLock lock(mutex_);
  while (done_.load(std::memory_order_acquire) < items) over_.wait(mutex_);
}

/// Returns when there is another step than the one at `place`, or this is closed.
void Crew::wait_for_step(std::uint64_t place) {
  const auto same = [&] {
    return place_.load(std::memory_order_acquire) == place &&
           !closed_.load(std::memory_order_acquire);
  };
  for (int look = 0; look < kLooks; ++look) {
    if (!same()) return;
    pause();
  }
  const MutexLock lock(mutex_);
  while (same()) step_.wait(mutex_);
}

void Crew::help(const std::function<bool()>& wanted) {
  Arena* own = nullptr;
  {
    const MutexLock lock(mutex_);
    if (closed_.load() || free_.empty()) return;
    own = free_.back();
    free_.pop_back();
  }
  while (!closed_.load(std::memory_order_acquire) && !wanted()) {
    std::uint64_t place = 0;
    std::size_t item = 0;
    if (take(place, item))
      finish(*own, place, item);
    else
      wait_for_step(place);
  }
  const MutexLock lock(mutex_);
  free_.push_back(own);
  over_.notify_all();
}

void Crew::close() {
  const MutexLock lock(mutex_);
  closed_.store(true, std::memory_order_release);
  step_.notify_all();
  while (free_.size() + 1 < arenas_.size()) over_.wait(mutex_);
}

}  // namespace zhiyin::model::detail
