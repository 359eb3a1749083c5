#include "ingest/detail/recent_ids.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "base/crypto.h"

namespace zhiyin::ingest::detail {

Hash128 event_key(std::string_view account, std::string_view event_id) {
  constexpr std::size_t kOnStack = 256;
  const std::size_t size = account.size() + 1 + event_id.size();
  char stack[kOnStack];
  std::string heap;
  char* p = stack;
  if (size > kOnStack) {
    heap.resize(size);
    p = heap.data();
  }
  if (!account.empty()) std::memcpy(p, account.data(), account.size());
  p[account.size()] = '\0';
  if (!event_id.empty()) std::memcpy(p + account.size() + 1, event_id.data(), event_id.size());
  return crypto::xxh3_128({p, size});
}

RecentIds::RecentIds(std::size_t capacity)
    : per_generation_(std::max<std::size_t>(1, capacity / (2 * kShards))) {}

bool RecentIds::contains(const Hash128& key) const {
  const Shard& shard = shards_[key[1] % kShards];
  const MutexLock lock(shard.mutex);
  return shard.current.contains(key) || shard.previous.contains(key);
}

void RecentIds::add(std::span<const Hash128> keys) {
  for (const Hash128& key : keys) {
    Shard& shard = shards_[key[1] % kShards];
    const MutexLock lock(shard.mutex);
    if (shard.current.size() >= per_generation_) {
      std::swap(shard.current, shard.previous);
      shard.current.clear();
    }
    shard.current.insert(key);
  }
}

}  // namespace zhiyin::ingest::detail
