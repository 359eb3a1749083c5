#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/detail/hash_set.h"
#include "ingest/event_view.h"
#include "storage/event_log.h"
#include "storage/vault.h"

namespace zhiyin::ingest::detail {

/// Turns checked events into records of the log: finds the distinct identities, has the vault make
/// keys for all of them in one step, seals, encodes. Not thread-safe; reused by its thread.
class RecordBatch {
 public:
  explicit RecordBatch(storage::Vault& vault) : vault_(vault) {}

  /// The records of `events` in their order. `event_id` and `occurred_at` of each must be set.
  Result<std::vector<storage::NewRecord>> encode(std::span<const EventView* const> events,
                                                 std::string_view source, Instant received_at);

 private:
  std::uint32_t index_of(std::string_view account, const IdentityView& identity);
  void grow();

  struct Slot {
    Hash128 key{0, 0};
    std::uint32_t index = 0;
    bool used = false;
  };
  storage::Vault& vault_;
  std::vector<Slot> slots_;
  std::vector<storage::Identity> identities_;  // distinct, in order of first use
  std::vector<std::uint32_t> uses_;            // of all events, one after the other
};

}  // namespace zhiyin::ingest::detail
