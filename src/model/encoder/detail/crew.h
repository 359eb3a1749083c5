#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/mutex.h"

namespace zhiyin::model::detail {

struct Arena;

/// Those who go through the steps of one batch together: its owner, whose thread made this, and
/// helpers, who come and go as they like. A step is over when all its items are done; nobody waits
/// for a helper that has no item in hand.
class Crew {
 public:
  using Work = std::function<void(std::size_t item, const Arena& own)>;
  static constexpr std::size_t kItemsMax = 0xffff;

  /// The first arena is the owner's; of the others each helper has one while it helps. All must
  /// outlive this.
  explicit Crew(std::span<Arena* const> arenas);

  [[nodiscard]] Arena& own() const { return *arenas_[0]; }
  [[nodiscard]] std::size_t size() const { return arenas_.size(); }

  /// By the owner: calls work(item, arena of who does it) for every item from 0 to items - 1, each
  /// once, and returns when all are done. Requires items <= kItemsMax.
  void each(std::size_t items, const Work& work);
  /// By the owner, at the end: no step comes any more; waits until all helpers have left.
  void close();

  /// By a helper: takes part until `close`, or until `wanted` between two items. Returns at once
  /// where every arena is in use, or after `close`.
  void help(const std::function<bool()>& wanted);

 private:
  bool take(std::uint64_t& place, std::size_t& item);
  void finish(const Arena& own, std::uint64_t place, std::size_t item);
  void wait_for_step(std::uint64_t place);

  std::vector<Arena*> arenas_;
  const Work* work_ = nullptr;  // of the step; read by those who have one of its items
  /// The step's number, how many items it has and the next one, so that no item of an old step can
  /// be taken in a new one.
  std::atomic<std::uint64_t> place_ = 0;
  std::atomic<std::size_t> done_ = 0;  // items of the step
  std::atomic<bool> closed_ = false;
  Mutex mutex_;
  CondVar step_;  // a step began, or all are over
  CondVar over_;  // the last item was done, or a helper left
  std::vector<Arena*> free_ ZHIYIN_GUARDED_BY(mutex_);
};

}  // namespace zhiyin::model::detail
