#include "storage/detail/key_cache.h"

#include <algorithm>
#include <cstring>

namespace zhiyin::storage::detail {

std::size_t HashOfHash::operator()(const IdentityHash& hash) const {
  std::size_t word;
  std::memcpy(&word, hash.data(), sizeof(word));  // an HMAC is as good as random
  return word;
}

KeyCache::KeyCache(std::size_t size_max) {
  const std::size_t shard_max = std::max<std::size_t>(2, size_max / kShards);
  for (auto& shard : by_text_) shard = std::make_unique<TextShard>(shard_max);
  for (auto& shard : by_hash_) shard = std::make_unique<HashShard>(shard_max);
}

KeyCache::TextShard& KeyCache::shard_of(std::string_view text) {
  // The map uses the low bits.
  return *by_text_[(TextHash()(text) >> 56) % kShards];
}

KeyCache::HashShard& KeyCache::shard_of(const IdentityHash& hash) {
  return *by_hash_[hash.back() % kShards];
}

IdentityKeyPtr KeyCache::find_text(std::string_view text) {
  TextShard& shard = shard_of(text);
  MutexLock lock(shard.mutex);
  const IdentityKeyPtr* found = shard.keys.find(text);
  return found != nullptr && !(*found)->erased ? *found : nullptr;
}

IdentityKeyPtr KeyCache::find_hash(const IdentityHash& hash) {
  HashShard& shard = shard_of(hash);
  MutexLock lock(shard.mutex);
  const IdentityKeyPtr* found = shard.keys.find(hash);
  return found != nullptr && !(*found)->erased ? *found : nullptr;
}

void KeyCache::put_text(const std::string& text, const IdentityKeyPtr& key) {
  TextShard& shard = shard_of(text);
  MutexLock lock(shard.mutex);
  shard.keys.put(text, key);
}

void KeyCache::put_hash(const IdentityKeyPtr& key) {
  HashShard& shard = shard_of(key->hash);
  MutexLock lock(shard.mutex);
  shard.keys.put(key->hash, key);
}

void KeyCache::erase(const IdentityHash& hash) {
  HashShard& shard = shard_of(hash);
  MutexLock lock(shard.mutex);
  if (IdentityKeyPtr* found = shard.keys.find(hash)) (*found)->erased = true;
  shard.keys.erase(hash);
}

}  // namespace zhiyin::storage::detail
