#include "storage/vault.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <unordered_map>

#include "base/check.h"
#include "base/crypto.h"
#include "base/mutex.h"
#include "storage/detail/key_cache.h"
#include "storage/event_log.h"
#include "storage/in_list.h"

namespace zhiyin::storage {
namespace {

using detail::IdentityKey;
using detail::IdentityKeyPtr;

constexpr std::size_t kSecretBytes = 32;
constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kKeyIdBytes = 4;
constexpr char kSealedVersion = 1;

constexpr Migration kMigrations[] = {
    {"storage-003-identity",
     "CREATE TABLE identity("
     "  hash BYTEA PRIMARY KEY,"
     "  account TEXT NOT NULL,"
     "  kind TEXT NOT NULL,"
     "  part BIGINT NOT NULL,"
     "  key_wrapped BYTEA,"   // null: erased
     "  value_sealed BYTEA,"  // null: erased
     "  first_seen BIGINT NOT NULL);"
     "CREATE TABLE vault_check("
     "  id BIGINT PRIMARY KEY,"
     "  sealed BYTEA NOT NULL)"},
    // So that other processes drop what they remember of a key, too.
    {"storage-005-vault-erasure",
     "CREATE TABLE vault_erasure(number BIGINT PRIMARY KEY, hash BYTEA NOT NULL)"},
};

std::string_view view(const IdentityHash& hash) {
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

void write_text(const Identity& identity, std::string& out) {
  out.clear();
  out += identity.account;
  out += '\0';
  out += identity.kind;
  out += '\0';
  out += identity.value;
}

// What is sealed for one identity and purpose cannot pass for another's.
std::string value_context(const IdentityHash& hash) { return "value:" + std::string(view(hash)); }
std::string field_context(const IdentityHash& hash) { return "field:" + std::string(view(hash)); }

std::unexpected<Error> not_known(const IdentityHash& hash) {
  return fail(ErrorCode::kNotFound, "vault: identity {}… is unknown or erased",
              to_hex(hash).substr(0, 8));
}

IdentityKeyPtr make_key(const IdentityHash& hash, int partition, std::string key) {
  auto made = std::make_shared<IdentityKey>();
  made->hash = hash;
  made->partition = partition;
  made->id = crypto::sha256("zhiyin key id" + key).substr(0, kKeyIdBytes);
  made->key = std::move(key);
  return made;
}

/// An identity whose key somebody waits for.
struct Wanted {
  const Identity* identity = nullptr;
  std::string text;
  IdentityKeyPtr key;
  bool is_new = false;  ///< had no key when it was looked up
};
using WantedByHash = std::map<IdentityHash, Wanted>;

class StateVault final : public Vault {
 public:
  StateVault(State& state, const Secret& secret, std::size_t cache_max)
      : state_(state),
        hash_key_(crypto::hmac_sha256(secret.reveal(), "zhiyin vault: identity hash, version 1")),
        wrap_key_(crypto::hmac_sha256(secret.reveal(), "zhiyin vault: key wrap, version 1")),
        secret_key_(crypto::hmac_sha256(secret.reveal(), "zhiyin vault: secrets, version 1")),
        sign_key_(crypto::hmac_sha256(secret.reveal(), "zhiyin vault: signatures, version 1")),
        cache_(cache_max) {}

  Result<void> check_secret();

  [[nodiscard]] IdentityHash hash(const Identity& identity) const override {
    std::string text;
    write_text(identity, text);
    return hash_text(text);
  }

  Result<std::vector<IdentityHash>> ensure(std::span<const Identity> identities,
                                           Instant now) override;
  Result<std::string> seal(const IdentityHash& identity, std::string_view plain) override;
  Result<std::string> unseal(const IdentityHash& identity, std::string_view sealed) override;
  Result<Identity> reveal(const IdentityHash& identity) override;
  Result<std::vector<std::optional<Identity>>> reveal_all(
      std::span<const IdentityHash> identities) override;
  Result<int> partition(const IdentityHash& identity) override;
  Result<std::vector<int>> partitions(std::span<const IdentityHash> identities) override;
  Result<void> erase(std::span<const IdentityHash> identities) override;
  Result<void> forget_erased() override;

  [[nodiscard]] std::string sign(std::string_view bytes, std::string_view purpose) const override {
    return crypto::hmac_sha256(crypto::hmac_sha256(sign_key_, purpose), bytes);
  }
  [[nodiscard]] std::string seal_secret(const Secret& plain,
                                        std::string_view context) const override {
    return crypto::seal(secret_key_, plain.reveal(), context);
  }
  [[nodiscard]] Result<Secret> unseal_secret(std::string_view sealed,
                                             std::string_view context) const override {
    ZHIYIN_TRY(std::string plain, crypto::unseal(secret_key_, sealed, context));
    return Secret(std::move(plain));
  }

 private:
  /// One call of `ensure` that waits for its new keys to be written.
  struct Request {
    WantedByHash& wanted;
    Instant now;
    bool done = false;
    Result<void> outcome;
  };

  [[nodiscard]] IdentityHash hash_text(std::string_view text) const;
  Result<void> provide(WantedByHash& wanted, Instant now);
  Result<void> read_keys(WantedByHash& wanted);
  Result<void> write_in_group(WantedByHash& wanted, Instant now);
  Result<void> write_group(const std::vector<Request*>& group);
  Result<void> write_keys(Session& session, WantedByHash& wanted, Instant now);
  Result<bool> insert(Session& session, const Wanted& wanted, const IdentityKey& key, Instant now);
  /// Null when unknown or erased.
  Result<IdentityKeyPtr> select(Session& session, const IdentityHash& hash);
  Result<IdentityKeyPtr> key_of(const IdentityHash& hash);
  /// Of `account, kind, value_sealed, key_wrapped`.
  [[nodiscard]] Result<Identity> opened(const IdentityHash& hash, std::span<const Value> row) const;

  State& state_;
  const std::string hash_key_;
  const std::string wrap_key_;
  const std::string secret_key_;
  const std::string sign_key_;
  detail::KeyCache cache_;
  std::atomic<std::uint64_t> erasures_{0};  // counted before erased keys leave the cache
  std::atomic<std::int64_t> erasure_seen_{0};
  Mutex group_mutex_;
  CondVar group_done_;
  std::vector<Request*> waiting_ ZHIYIN_GUARDED_BY(group_mutex_);
  bool leading_ ZHIYIN_GUARDED_BY(group_mutex_) = false;
};

/// With another secret every identity would look new; that must not happen unnoticed.
Result<void> StateVault::check_secret() {
  constexpr std::string_view kContext = "vault check";
  return state_.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(const Rows rows, session.query("SELECT sealed FROM vault_check WHERE id = 1"));
    if (rows.rows.empty()) {
      ZHIYIN_TRY_VOID(session.execute("INSERT INTO vault_check(id, sealed) VALUES(1, ?1)",
                                      {Blob{crypto::seal(wrap_key_, "", kContext)}}));
      return {};
    }
    ZHIYIN_TRY(const Rows seen,
               session.query("SELECT COALESCE(MAX(number), 0) FROM vault_erasure"));
    erasure_seen_ = as_int(seen.rows.at(0).at(0));
    if (crypto::unseal(wrap_key_, as_text(rows.rows[0][0]), kContext)) return {};
    return fail(ErrorCode::kPermissionDenied,
                "vault: the secret is not the one that this state was made with");
  });
}

IdentityHash StateVault::hash_text(std::string_view text) const {
  const std::string mac = crypto::hmac_sha256(hash_key_, text);
  IdentityHash hash;
  std::copy_n(mac.begin(), hash.size(), reinterpret_cast<char*>(hash.data()));
  return hash;
}

Result<std::vector<IdentityHash>> StateVault::ensure(std::span<const Identity> identities,
                                                     Instant now) {
  std::vector<IdentityHash> hashes(identities.size());
  WantedByHash wanted;
  std::string text;
  for (std::size_t i = 0; i < identities.size(); ++i) {
    write_text(identities[i], text);
    if (const IdentityKeyPtr key = cache_.find_text(text)) {
      hashes[i] = key->hash;
      continue;
    }
    if (std::ranges::count(text, '\0') != 2) {
      return fail(ErrorCode::kInvalidArgument, "vault: identity holds a zero byte");
    }
    hashes[i] = hash_text(text);
    wanted.try_emplace(hashes[i], Wanted{&identities[i], text, nullptr, false});
  }
  if (!wanted.empty()) ZHIYIN_TRY_VOID(provide(wanted, now));
  return hashes;
}

Result<void> StateVault::provide(WantedByHash& wanted, Instant now) {
  const std::uint64_t erasures = erasures_;
  ZHIYIN_TRY_VOID(read_keys(wanted));
  const bool any_new = std::ranges::any_of(wanted, [](const auto& w) { return w.second.is_new; });
  if (any_new) ZHIYIN_TRY_VOID(write_in_group(wanted, now));
  for (const auto& [hash, want] : wanted) {
    cache_.put_hash(want.key);
    cache_.put_text(want.text, want.key);
    // Something was erased meanwhile, perhaps this one: whoever needs it reads it again.
    if (erasures_ != erasures) {
      want.key->erased = true;
      cache_.erase(hash);
    }
  }
  return {};
}

Result<void> StateVault::read_keys(WantedByHash& wanted) {
  return state_.read([&](Session& session) -> Result<void> {
    for (auto& [hash, want] : wanted) {
      ZHIYIN_TRY(want.key, select(session, hash));
      want.is_new = want.key == nullptr;
    }
    return {};
  });
}

/// Callers that come while a transaction is under way share the next one: its sync costs them all
/// once.
Result<void> StateVault::write_in_group(WantedByHash& wanted, Instant now) {
  Request request{wanted, now, false, {}};
  MutexLock lock(group_mutex_);
  waiting_.push_back(&request);
  while (!request.done) {
    if (leading_) {
      group_done_.wait(group_mutex_);
      continue;
    }
    leading_ = true;
    const std::vector<Request*> group = std::exchange(waiting_, {});
    group_mutex_.unlock();
    const Result<void> outcome = write_group(group);
    group_mutex_.lock();
    leading_ = false;
    for (Request* member : group) {
      member->outcome = outcome;
      member->done = true;
    }
    group_done_.notify_all();
  }
  return request.outcome;
}

Result<void> StateVault::write_group(const std::vector<Request*>& group) {
  return state_.write([&](Session& session) -> Result<void> {
    for (const Request* request : group) {
      ZHIYIN_TRY_VOID(write_keys(session, request->wanted, request->now));
    }
    return {};
  });
}

Result<void> StateVault::write_keys(Session& session, WantedByHash& wanted, Instant now) {
  for (auto& [hash, want] : wanted) {
    if (!want.is_new) continue;
    const Identity& identity = *want.identity;
    auto key = make_key(hash, partition_of(identity.account, identity.kind, identity.value),
                        crypto::random_bytes(kKeyBytes));
    ZHIYIN_TRY(const bool inserted, insert(session, want, *key, now));
    if (inserted) {
      want.key = std::move(key);
    } else {
      ZHIYIN_TRY(want.key, select(session, hash));
    }
    if (!want.key) return fail(ErrorCode::kInternal, "vault: key of a new identity is not there");
  }
  return {};
}

/// False when somebody else was first. An erased identity that comes again gets a new key.
Result<bool> StateVault::insert(Session& session, const Wanted& wanted, const IdentityKey& key,
                                Instant now) {
  const Identity& identity = *wanted.identity;
  ZHIYIN_TRY(const std::int64_t changed,
             session.execute(
                 "INSERT INTO identity(hash, account, kind, part, key_wrapped, value_sealed, "
                 "first_seen) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) "
                 "ON CONFLICT(hash) DO UPDATE SET key_wrapped = excluded.key_wrapped, "
                 "value_sealed = excluded.value_sealed, first_seen = excluded.first_seen "
                 "WHERE identity.key_wrapped IS NULL",
                 {to_blob(key.hash), identity.account, identity.kind, std::int64_t{key.partition},
                  Blob{crypto::seal(wrap_key_, key.key, view(key.hash))},
                  Blob{crypto::seal(key.key, identity.value, value_context(key.hash))}, now.us}));
  return changed == 1;
}

Result<IdentityKeyPtr> StateVault::select(Session& session, const IdentityHash& hash) {
  ZHIYIN_TRY(const Rows rows,
             session.query("SELECT part, key_wrapped FROM identity WHERE hash = ?1 AND key_wrapped "
                           "IS NOT NULL",
                           {to_blob(hash)}));
  if (rows.rows.empty()) return IdentityKeyPtr();
  const Row& row = rows.rows[0];
  ZHIYIN_TRY(std::string key, crypto::unseal(wrap_key_, as_text(row[1]), view(hash)));
  return make_key(hash, static_cast<int>(as_int(row[0])), std::move(key));
}

Result<IdentityKeyPtr> StateVault::key_of(const IdentityHash& hash) {
  if (auto key = cache_.find_hash(hash)) return key;
  const std::uint64_t erasures = erasures_;
  IdentityKeyPtr key;
  ZHIYIN_TRY_VOID(state_.read([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(key, select(session, hash));
    return {};
  }));
  if (!key) return not_known(hash);
  cache_.put_hash(key);
  if (erasures_ != erasures) cache_.erase(hash);
  return key;
}

Result<std::string> StateVault::seal(const IdentityHash& identity, std::string_view plain) {
  ZHIYIN_TRY(const IdentityKeyPtr key, key_of(identity));
  std::string out(1, kSealedVersion);
  out += key->id;
  out += crypto::seal(key->key, plain, field_context(identity));
  return out;
}

Result<std::string> StateVault::unseal(const IdentityHash& identity, std::string_view sealed) {
  ZHIYIN_TRY(const IdentityKeyPtr key, key_of(identity));
  if (sealed.size() < 1 + kKeyIdBytes || sealed[0] != kSealedVersion) {
    return fail(ErrorCode::kDataLoss, "vault: {} bytes are nothing sealed", sealed.size());
  }
  if (sealed.substr(1, kKeyIdBytes) != key->id) return not_known(identity);
  return crypto::unseal(key->key, sealed.substr(1 + kKeyIdBytes), field_context(identity));
}

Result<Identity> StateVault::reveal(const IdentityHash& identity) {
  ZHIYIN_TRY(const Rows rows,
             state_.query("SELECT account, kind, value_sealed, key_wrapped FROM identity WHERE "
                          "hash = ?1 AND key_wrapped IS NOT NULL",
                          {to_blob(identity)}));
  if (rows.rows.empty()) return not_known(identity);
  return opened(identity, rows.rows[0]);
}

Result<Identity> StateVault::opened(const IdentityHash& hash, std::span<const Value> row) const {
  ZHIYIN_TRY(const std::string key, crypto::unseal(wrap_key_, as_text(row[3]), view(hash)));
  ZHIYIN_TRY(std::string value, crypto::unseal(key, as_text(row[2]), value_context(hash)));
  return Identity{std::string(as_text(row[0])), std::string(as_text(row[1])), std::move(value)};
}

Result<std::vector<std::optional<Identity>>> StateVault::reveal_all(
    std::span<const IdentityHash> identities) {
  std::unordered_map<IdentityHash, Identity, detail::HashOfHash> found;
  ZHIYIN_TRY_VOID(state_.read([&](Session& session) -> Result<void> {
    found.clear();
    Result<void> outcome;
    ZHIYIN_TRY_VOID(
        query_in_lists(session,
                       "SELECT hash, account, kind, value_sealed, key_wrapped FROM identity"
                       " WHERE key_wrapped IS NOT NULL AND hash IN ({})",
                       {}, to_blobs(identities), [&](const Row& row) {
                         const IdentityHash hash = from_blob(row[0]);
                         if (!outcome || found.contains(hash)) return;
                         Result<Identity> identity = opened(hash, std::span(row).subspan(1));
                         if (!identity) {
                           outcome = std::unexpected(std::move(identity.error()));
                         } else {
                           found.emplace(hash, std::move(*identity));
                         }
                       }));
    return outcome;
  }));
  std::vector<std::optional<Identity>> out;
  out.reserve(identities.size());
  for (const IdentityHash& hash : identities) {
    const auto known = found.find(hash);
    out.push_back(known == found.end() ? std::nullopt : std::optional(known->second));
  }
  return out;
}

Result<int> StateVault::partition(const IdentityHash& identity) {
  if (const auto key = cache_.find_hash(identity)) return key->partition;
  ZHIYIN_TRY(const Rows rows,
             state_.query("SELECT part FROM identity WHERE hash = ?1", {to_blob(identity)}));
  if (rows.rows.empty()) return not_known(identity);
  return static_cast<int>(as_int(rows.rows[0][0]));
}

Result<std::vector<int>> StateVault::partitions(std::span<const IdentityHash> identities) {
  std::vector<int> out(identities.size(), -1);
  std::vector<IdentityHash> unknown;
  for (std::size_t i = 0; i < identities.size(); ++i) {
    if (const auto key = cache_.find_hash(identities[i])) {
      out[i] = key->partition;
    } else {
      unknown.push_back(identities[i]);
    }
  }
  if (unknown.empty()) return out;
  std::unordered_map<IdentityHash, int, detail::HashOfHash> found;
  ZHIYIN_TRY_VOID(state_.read([&](Session& session) {
    found.clear();
    return query_in_lists(
        session, "SELECT hash, part FROM identity WHERE hash IN ({})", {}, to_blobs(unknown),
        [&](const Row& row) { found[from_blob(row[0])] = static_cast<int>(as_int(row[1])); });
  }));
  for (std::size_t i = 0; i < identities.size(); ++i) {
    if (out[i] >= 0) continue;
    const auto known = found.find(identities[i]);
    if (known == found.end()) return not_known(identities[i]);
    out[i] = known->second;
  }
  return out;
}

Result<void> StateVault::erase(std::span<const IdentityHash> identities) {
  ZHIYIN_TRY_VOID(state_.write([&](Session& session) -> Result<void> {
    for (const IdentityHash& hash : identities) {
      ZHIYIN_TRY_VOID(session.execute(
          "UPDATE identity SET key_wrapped = NULL, value_sealed = NULL WHERE hash = ?1",
          {to_blob(hash)}));
      ZHIYIN_TRY_VOID(
          session.execute("INSERT INTO vault_erasure(number, hash) VALUES((SELECT "
                          "COALESCE(MAX(number), 0) + 1 FROM vault_erasure), ?1)",
                          {to_blob(hash)}));
    }
    return {};
  }));
  ++erasures_;
  for (const IdentityHash& hash : identities) cache_.erase(hash);
  return {};
}

Result<void> StateVault::forget_erased() {
  ZHIYIN_TRY(
      const Rows rows,
      state_.query("SELECT number, hash FROM vault_erasure WHERE number > ?1 ORDER BY number",
                   {erasure_seen_.load()}));
  if (rows.rows.empty()) return {};
  ++erasures_;
  for (const Row& row : rows.rows) cache_.erase(from_blob(row[1]));
  erasure_seen_ = as_int(rows.rows.back()[0]);
  return {};
}

}  // namespace

std::string to_hex(const IdentityHash& hash) { return crypto::hex(view(hash)); }

Result<IdentityHash> identity_hash_from_hex(std::string_view hex) {
  ZHIYIN_TRY(const std::string bytes, crypto::unhex(hex));
  IdentityHash hash;
  if (bytes.size() != hash.size()) {
    return fail(ErrorCode::kInvalidArgument, "identity hash: {} bytes, {} expected", bytes.size(),
                hash.size());
  }
  std::ranges::copy(bytes, reinterpret_cast<char*>(hash.data()));
  return hash;
}

Blob to_blob(const IdentityHash& hash) { return Blob{std::string(view(hash))}; }

std::vector<Value> to_blobs(std::span<const IdentityHash> hashes) {
  std::vector<Value> out;
  out.reserve(hashes.size());
  for (const IdentityHash& hash : hashes) out.emplace_back(to_blob(hash));
  return out;
}

IdentityHash from_blob(const Value& value) {
  const std::string_view bytes = as_text(value);
  IdentityHash hash;
  ZHIYIN_CHECK(bytes.size() == hash.size());
  std::ranges::copy(bytes, reinterpret_cast<char*>(hash.data()));
  return hash;
}

Result<std::unique_ptr<Vault>> Vault::create(State& state, const Secret& secret,
                                             std::size_t cache_max) {
  if (secret.reveal().size() != kSecretBytes) {
    return fail(ErrorCode::kInvalidArgument, "vault: secret has {} bytes, {} expected",
                secret.reveal().size(), kSecretBytes);
  }
  auto vault = std::make_unique<StateVault>(state, secret, cache_max);
  ZHIYIN_TRY_VOID(vault->check_secret());
  return vault;
}

std::span<const Migration> Vault::migrations() { return kMigrations; }

}  // namespace zhiyin::storage
