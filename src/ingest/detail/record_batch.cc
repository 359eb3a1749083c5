#include "ingest/detail/record_batch.h"

#include <cstring>

#include "base/check.h"
#include "base/crypto.h"
#include "ingest/detail/record_codec.h"

namespace zhiyin::ingest::detail {
namespace {

// Longest checked identity: account 64, kind 15, value 256, two separators.
constexpr std::size_t kIdentityBytesMax = 512;

Hash128 identity_key(std::string_view account, const IdentityView& identity) {
  char buffer[kIdentityBytesMax];
  std::size_t n = 0;
  auto put = [&](std::string_view text) {
    ZHIYIN_CHECK(n + text.size() + 1 <= kIdentityBytesMax);
    if (!text.empty()) std::memcpy(buffer + n, text.data(), text.size());
    n += text.size();
    buffer[n++] = '\0';
  };
  put(account);
  put(identity.kind);
  put(identity.value);
  return crypto::xxh3_128({buffer, n});
}

}  // namespace

void RecordBatch::grow() {
  std::vector<Slot> old(std::max<std::size_t>(64, slots_.size() * 2));
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (!slot.used) continue;
    std::size_t i = slot.key[0] & (slots_.size() - 1);
    while (slots_[i].used) i = (i + 1) & (slots_.size() - 1);
    slots_[i] = slot;
  }
}

std::uint32_t RecordBatch::index_of(std::string_view event_account, const IdentityView& identity) {
  const std::string_view account = identity.account.empty() ? event_account : identity.account;
  if ((identities_.size() + 1) * 2 > slots_.size()) grow();
  const Hash128 key = identity_key(account, identity);
  std::size_t i = key[0] & (slots_.size() - 1);
  while (slots_[i].used && slots_[i].key != key) i = (i + 1) & (slots_.size() - 1);
  if (!slots_[i].used) {
    slots_[i] = {key, static_cast<std::uint32_t>(identities_.size()), true};
    identities_.push_back(
        {std::string(account), std::string(identity.kind), std::string(identity.value)});
  }
  return slots_[i].index;
}

Result<std::vector<storage::NewRecord>> RecordBatch::encode(
    std::span<const EventView* const> events, std::string_view source, Instant received_at) {
  slots_.assign(slots_.size(), Slot{});
  identities_.clear();
  uses_.clear();
  for (const EventView* event : events) {
    for (const IdentityView& identity : event->identities)
      uses_.push_back(index_of(event->account, identity));
  }
  ZHIYIN_TRY(const std::vector<storage::IdentityHash> hashes,
             vault_.ensure(identities_, received_at));
  std::vector<int> partitions(identities_.size(), -1);
  std::vector<storage::NewRecord> records;
  records.reserve(events.size());
  std::vector<storage::IdentityHash> own;
  std::size_t use = 0;
  for (const EventView* event : events) {
    own.clear();
    const std::uint32_t key = uses_[use];
    for (std::size_t i = 0; i < event->identities.size(); ++i) own.push_back(hashes[uses_[use++]]);
    if (partitions[key] < 0) {
      const storage::Identity& identity = identities_[key];
      partitions[key] = storage::partition_of(identity.account, identity.kind, identity.value);
    }
    std::string sealed;
    if (!event->personal.empty()) {
      ZHIYIN_TRY(sealed, vault_.seal(own.front(), event->personal));
    }
    records.push_back({partitions[key], encode_record({*event, own, sealed, source, received_at})});
  }
  return records;
}

}  // namespace zhiyin::ingest::detail
