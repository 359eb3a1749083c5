#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "base/mutex.h"
#include "ingest/detail/hash_set.h"

namespace zhiyin::ingest::detail {

/// The 128-bit name of an event: what duplicates are recognised by. Ids of `own_event_id` and UUIDs
/// of version 7 (also with something behind them) keep their order, so that those of one time lie
/// beside each other in a table: a batch changes few of its pages.
Hash128 event_key(std::string_view account, std::string_view event_id);

/// Remembers at least the newest half of `capacity` ids and never more than `capacity`: two
/// generations of sets, of which the older is dropped when the newer is full. Thread-safe.
class RecentIds {
 public:
  explicit RecentIds(std::size_t capacity);
  [[nodiscard]] bool contains(const Hash128& key) const;
  void add(std::span<const Hash128> keys);

 private:
  static constexpr std::size_t kShards = 16;
  struct Shard {
    mutable Mutex mutex;
    HashSet current ZHIYIN_GUARDED_BY(mutex);
    HashSet previous ZHIYIN_GUARDED_BY(mutex);
  };
  const std::size_t per_generation_;
  std::array<Shard, kShards> shards_;
};

}  // namespace zhiyin::ingest::detail
