#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "storage/detail/generations.h"
#include "storage/vault.h"

namespace zhiyin::storage::detail {

/// The key of one identity, unwrapped.
struct IdentityKey {
  IdentityHash hash{};
  int partition = 0;
  std::string key;  ///< 32 bytes
  std::string id;   ///< 4 bytes that tell this key from an earlier one of the identity
  std::atomic<bool> erased{false};  ///< set when the key was dropped while somebody holds it
};
/// Shared by the two maps of the cache and by those who are sealing with it just now.
using IdentityKeyPtr = std::shared_ptr<IdentityKey>;

/// Of an identity's hash, for tables in memory.
struct HashOfHash {
  std::size_t operator()(const IdentityHash& hash) const;
};

/// Keys by the text of an identity (`account \0 kind \0 value`) and by its hash. Bounded,
/// thread-safe; in shards, so that the threads of the intake rarely meet.
class KeyCache {
 public:
  explicit KeyCache(std::size_t size_max);

  /// Null when it is not here.
  IdentityKeyPtr find_text(std::string_view text);
  IdentityKeyPtr find_hash(const IdentityHash& hash);
  void put_text(const std::string& text, const IdentityKeyPtr& key);
  void put_hash(const IdentityKeyPtr& key);
  void erase(const IdentityHash& hash);

 private:
  static constexpr std::size_t kShards = 16;
  struct TextShard {
    explicit TextShard(std::size_t size_max) : keys(size_max) {}
    Mutex mutex;
    Generations<std::string, IdentityKeyPtr, TextHash> keys ZHIYIN_GUARDED_BY(mutex);
  };
  struct HashShard {
    explicit HashShard(std::size_t size_max) : keys(size_max) {}
    Mutex mutex;
    Generations<IdentityHash, IdentityKeyPtr, HashOfHash> keys ZHIYIN_GUARDED_BY(mutex);
  };
  TextShard& shard_of(std::string_view text);
  HashShard& shard_of(const IdentityHash& hash);

  std::array<std::unique_ptr<TextShard>, kShards> by_text_;
  std::array<std::unique_ptr<HashShard>, kShards> by_hash_;
};

}  // namespace zhiyin::storage::detail
