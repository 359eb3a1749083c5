#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>

#include "base/mutex.h"
#include "catalogue/items.h"
#include "recommend/exploration.h"
#include "recommend/recommend_model.h"
#include "storage/state.h"

namespace zhiyin::server {

/// What exploration knows of fresh items: how often they were listed by chance, and how many events
/// dealt with them since. Counts of several processes add up in state and survive a restart; what
/// this process counted since the last `flush` is known here only. Thread-safe.
class FreshArms {
 public:
  static constexpr std::size_t kItemsMax = 100'000;  ///< others count as never shown

  /// Both must outlive this.
  FreshArms(storage::State& state, catalogue::Items& items) : state_(state), items_(items) {}
  static std::span<const storage::Migration> migrations();

  void shown(const recommend::ItemRef& item);
  [[nodiscard]] recommend::Arm of(const recommend::ItemRef& item) const;
  /// Adds what was counted since to state, and learns what others counted. After an error the same
  /// counts go with the next call.
  Result<void> flush();

 private:
  struct Counts {
    std::int64_t stored = 0;      ///< shows of all processes, as last read
    std::int64_t own = 0;         ///< since the last flush
    std::int64_t dealt_with = 0;  ///< before it was first shown
  };
  Result<void> read_all();

  storage::State& state_;
  catalogue::Items& items_;
  mutable Mutex mutex_;
  std::unordered_map<recommend::ItemRef, Counts, recommend::ItemRefHash> counts_
      ZHIYIN_GUARDED_BY(mutex_);
};

}  // namespace zhiyin::server
