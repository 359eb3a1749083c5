#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/secret.h"
#include "base/time.h"
#include "storage/state.h"

namespace zhiyin::storage {

/// An identity as others send it. `kind` is from the closed list in ingest/event.h.
struct Identity {
  std::string account;
  std::string kind;
  std::string value;
  auto operator<=>(const Identity&) const = default;
};

/// First 16 bytes of HMAC-SHA256 (secret of the installation, `account \0 kind \0 value`). This,
/// never the value, stands in log, warehouse and keys of tables.
using IdentityHash = std::array<unsigned char, 16>;
std::string to_hex(const IdentityHash& hash);
Result<IdentityHash> identity_hash_from_hex(std::string_view hex);
/// As a state cell, and back. Requires 16 bytes.
Blob to_blob(const IdentityHash& hash);
std::vector<Value> to_blobs(std::span<const IdentityHash> hashes);
IdentityHash from_blob(const Value& value);

/// Keeps a key per identity in state, wrapped by the installation's secret, with the identity's own
/// value sealed under it. What is sealed for an identity can be read as long as its key exists;
/// erasing drops the key. Thread-safe.
class Vault {
 public:
  /// `secret` has 32 bytes (data/secret.key or ZHIYIN_SECRET_KEY). `cache_max` identities stay in
  /// memory. The tables of `migrations()` must be there. kPermissionDenied when the state was made
  /// with another secret.
  static Result<std::unique_ptr<Vault>> create(State& state, const Secret& secret,
                                               std::size_t cache_max = 200'000);
  virtual ~Vault() = default;

  static std::span<const Migration> migrations();

  [[nodiscard]] virtual IdentityHash hash(const Identity& identity) const = 0;

  /// Makes keys for those that have none, in one synced transaction when any is new. Returns hashes
  /// in the order given.
  virtual Result<std::vector<IdentityHash>> ensure(std::span<const Identity> identities,
                                                   Instant now) = 0;

  /// Seals `plain` under the identity's key. Requires an earlier `ensure`; kNotFound otherwise.
  virtual Result<std::string> seal(const IdentityHash& identity, std::string_view plain) = 0;
  /// kNotFound when the identity was erased.
  virtual Result<std::string> unseal(const IdentityHash& identity, std::string_view sealed) = 0;
  /// The raw identity behind a hash; kNotFound when unknown or erased.
  virtual Result<Identity> reveal(const IdentityHash& identity) = 0;

  /// The partition of the log in which this identity's events lie (from the raw value, stored at
  /// `ensure`).
  virtual Result<int> partition(const IdentityHash& identity) = 0;

  /// Drops the keys. What was sealed under them is lost for good. The hashes and their partitions
  /// stay known; a later `ensure` of such an identity makes a new key.
  virtual Result<void> erase(std::span<const IdentityHash> identities) = 0;
  /// Drops keys that other processes have erased since the last call; until then they may still be
  /// used here.
  virtual Result<void> forget_erased() = 0;

  /// A code over `bytes` that only who has the installation's secret can make (HMAC-SHA256, 32
  /// bytes), under a key of its own for each purpose.
  [[nodiscard]] virtual std::string sign(std::string_view bytes,
                                         std::string_view purpose) const = 0;

  /// For secrets of accounts and the like, sealed by the installation's own key.
  [[nodiscard]] virtual std::string seal_secret(const Secret& plain,
                                                std::string_view context) const = 0;
  [[nodiscard]] virtual Result<Secret> unseal_secret(std::string_view sealed,
                                                     std::string_view context) const = 0;

  /// As `reveal` and `partition`, of many, in their order, in few statements; nothing where one is
  /// unknown or erased.
  virtual Result<std::vector<std::optional<Identity>>> reveal_all(
      std::span<const IdentityHash> identities) = 0;
  /// kNotFound when one of them is unknown.
  virtual Result<std::vector<int>> partitions(std::span<const IdentityHash> identities) = 0;
};

}  // namespace zhiyin::storage
