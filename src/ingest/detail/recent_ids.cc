#include "ingest/detail/recent_ids.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "base/crypto.h"
#include "ingest/event.h"

namespace zhiyin::ingest::detail {

namespace {

std::optional<std::uint64_t> number_of_own(std::string_view event_id) {
  constexpr std::size_t kDigits = 16;
  if (!event_id.starts_with(kOwnIdPrefix)) return std::nullopt;
  event_id.remove_prefix(kOwnIdPrefix.size());
  if (event_id.size() <= kDigits || event_id[kDigits] != '.') return std::nullopt;
  std::uint64_t number = 0;
  const char* const end = event_id.data() + kDigits;
  const auto [stop, error] = std::from_chars(event_id.data(), end, number, 16);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

/// The 48 bits of milliseconds of a UUID of version 7 (RFC 9562), whatever follows it.
std::optional<std::uint64_t> time_of_uuid(std::string_view event_id) {
  constexpr std::size_t kUuidBytes = 36;
  if (event_id.size() < kUuidBytes || event_id[8] != '-' || event_id[13] != '-' ||
      event_id[14] != '7' || event_id[18] != '-' || event_id[23] != '-')
    return std::nullopt;
  std::uint64_t ms = 0;
  for (const auto& [begin, end] : {std::pair(0, 8), std::pair(9, 13)}) {
    std::uint64_t part = 0;
    const auto [stop, error] =
        std::from_chars(event_id.data() + begin, event_id.data() + end, part, 16);
    if (error != std::errc() || stop != event_id.data() + end) return std::nullopt;
    ms = ms << 4 * (end - begin) | part;
  }
  return ms;
}

std::uint64_t big_endian(std::uint64_t v) {
  return std::endian::native == std::endian::little ? std::byteswap(v) : v;
}

}  // namespace

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
  Hash128 key = crypto::xxh3_128({p, size});
  // The bytes are what is compared. Eight (of a UUID: ten) of them tell ids of one number apart.
  if (const auto number = number_of_own(event_id)) {
    key[0] = big_endian(*number);
  } else if (const auto ms = time_of_uuid(event_id)) {
    key[0] = big_endian(*ms << 16 | (key[0] & 0xffff));
  }
  return key;
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
