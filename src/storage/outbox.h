#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "storage/event_log.h"
#include "storage/state.h"

namespace zhiyin::storage {

/// Own events: written in the state transaction that they report, relayed to the log afterwards.
/// Ids are made from what they report (touch and status), so a relay that repeats after a crash
/// produces a duplicate, which the deduplication drops.
class Outbox {
 public:
  static std::span<const Migration> migrations();

  /// Puts a record (as `ingest::encode_event` makes it) into the outbox within the caller's
  /// transaction.
  static Result<void> put(Session& session, Stream stream, const NewRecord& record);

  /// Many at once, in their order.
  static Result<void> put_all(Session& session, Stream stream, std::span<const NewRecord> records);

  /// Moves everything that waits into the log: append, synced, then deleted here. Returns how many.
  /// Of several callers at a time some move the same: duplicates, as after a crash.
  static Result<std::size_t> relay(State& state, EventLog& log);
};

}  // namespace zhiyin::storage
