#pragma once

#include <string_view>

#include "base/clock.h"
#include "base/metrics.h"
#include "ingest/quarantine.h"
#include "storage/event_log.h"

namespace zhiyin::ingest {

/// Entries of records that are no events; older ones make room, so that a flood of foreign bytes
/// does not push out what the intake refused.
inline constexpr std::int64_t kForeignRecordsMax = 10'000;
/// Of a record that cannot be read so many bytes are kept.
inline constexpr std::size_t kForeignBytesKept = 4 << 10;

/// Where records of the log go that a consumer cannot deal with, whatever it tries: into the
/// quarantine, with the consumer and the reason. The entry's JSON is the event, as a client would
/// have sent it, with a member `record`: `consumer`, `partition`, `offset`, and `bytes` (base64)
/// where there is no event to show. Thread-safe.
class RecordQuarantine {
 public:
  /// All must outlive it.
  RecordQuarantine(storage::Vault& vault, const Clock& clock, MetricsRegistry& metrics)
      : vault_(vault), clock_(clock), metrics_(metrics) {}

  /// Commits with `session`. The counter `zhiyin_records_refused_total` also counts attempts that
  /// are rolled back.
  Result<void> put(storage::Session& session, std::string_view consumer,
                   const storage::StoredRecord& record, const Error& why) const;

 private:
  [[nodiscard]] Json describe(const storage::StoredRecord& record, std::string_view consumer,
                              std::string& source) const;

  storage::Vault& vault_;
  const Clock& clock_;
  MetricsRegistry& metrics_;
};

/// Source of entries that are no events.
inline constexpr std::string_view kForeignSource = "log";

}  // namespace zhiyin::ingest
