#include "ingest/projection.h"

#include <algorithm>
#include <optional>

#include "ingest/detail/recent_ids.h"
#include "ingest/detail/seen_events.h"
#include "ingest/event_view.h"

namespace zhiyin::ingest {
namespace {

constexpr storage::Migration kMigrations[] = {
    {"ingest-002-seen-events",
     "CREATE TABLE seen_event (id BYTEA PRIMARY KEY, received_at BIGINT NOT NULL, part BIGINT NOT NULL, off BIGINT NOT NULL);"
     "CREATE INDEX seen_event_received ON seen_event (received_at);"
     "CREATE TABLE duplicate_offset (part BIGINT NOT NULL, off BIGINT NOT NULL, PRIMARY KEY (part, off));"
     "CREATE TABLE damaged_record (part BIGINT NOT NULL, off BIGINT NOT NULL, reason TEXT NOT NULL, "
     "PRIMARY KEY (part, off))"},
};

// Old ids are forgotten once in so much time of the events.
constexpr Duration kForgetEvery = std::chrono::hours(1);
// So many damaged records are noted; more are a disaster that the first ones show well enough.
constexpr std::int64_t kDamagedNotedMax = 1000;

Result<void> note_damaged(storage::Session& session, const storage::StoredRecord& record, const Error& error) {
  ZHIYIN_TRY(const auto count, session.query("SELECT COUNT(*) FROM damaged_record"));
  if (storage::as_int(count.rows.at(0).at(0)) >= kDamagedNotedMax) return {};
  ZHIYIN_TRY_VOID(session.execute(
      "INSERT INTO damaged_record (part, off, reason) VALUES (?1, ?2, ?3) ON CONFLICT (part, off) DO NOTHING",
      {static_cast<std::int64_t>(record.partition), record.offset, error.message}));
  return {};
}

Result<std::vector<LoggedEvent>> decode_all(storage::Session& session,
                                            std::span<const storage::StoredRecord> batch) {
  std::vector<LoggedEvent> events;
  events.reserve(batch.size());
  for (const storage::StoredRecord& record : batch) {
    auto event = decode_event(record.bytes);
    // Logged before intake refused it; no projection could keep it, and the partition has to go on.
    if (event && has_zero_character(event->properties)) {
      event = fail(ErrorCode::kInvalidArgument, "properties: contain the character zero");
    }
    if (event) {
      events.push_back({record.partition, record.offset, std::move(*event)});
    } else {
      ZHIYIN_TRY_VOID(note_damaged(session, record, event.error()));
    }
  }
  return events;
}

Result<void> note_duplicate(storage::Session& session, const LoggedEvent& event) {
  ZHIYIN_TRY_VOID(session.execute(
      "INSERT INTO duplicate_offset (part, off) VALUES (?1, ?2) ON CONFLICT (part, off) DO NOTHING",
      {static_cast<std::int64_t>(event.partition), event.offset}));
  return {};
}

// Housekeeping only: whether something is a duplicate is decided by its window, forgotten or not.
Result<void> forget_old(storage::Session& session, std::span<const LoggedEvent> events, Duration window) {
  Instant oldest = events.front().event.received_at;
  for (const LoggedEvent& e : events) oldest = std::min(oldest, e.event.received_at);
  ZHIYIN_TRY(const auto first, session.query("SELECT MIN(received_at) FROM seen_event"));
  if (first.rows.empty() || storage::is_null(first.rows[0][0])) return {};
  const Instant known{storage::as_int(first.rows[0][0])};
  // Ids within a window of the oldest event of this batch may still decide about one that comes late.
  const Instant before = oldest - window;
  if (known + kForgetEvery >= before) return {};
  return detail::forget_sightings(session, before);
}

}  // namespace

Result<void> EventProjection::tick(storage::Session&, Instant) { return {}; }

std::span<const storage::Migration> EventPipeline::migrations() { return kMigrations; }

Result<void> EventPipeline::apply(storage::Session& session, std::span<const storage::StoredRecord> batch) {
  ZHIYIN_TRY(std::vector<LoggedEvent> events, decode_all(session, batch));
  std::optional<Instant> now;
  std::erase_if(events, [&](const LoggedEvent& e) {
    if (e.event.kind != kTickKind) return false;
    now = std::max(now, std::optional(e.event.received_at));
    return true;
  });
  if (!events.empty()) {
    ZHIYIN_TRY_VOID(apply_events(session, std::move(events)));
  }
  if (!now) return {};
  for (EventProjection* projection : projections_) ZHIYIN_TRY_VOID(projection->tick(session, *now));
  return {};
}

Result<void> EventPipeline::apply_events(storage::Session& session, std::vector<LoggedEvent> events) {
  std::vector<detail::Sighting> sightings;
  sightings.reserve(events.size());
  for (const LoggedEvent& e : events) {
    sightings.push_back({detail::event_key(e.event.account, e.event.event_id), e.partition, e.offset, e.event.received_at});
  }
  ZHIYIN_TRY(const std::vector<bool> duplicate, detail::note_sightings(session, sightings, window_));
  ZHIYIN_TRY_VOID(forget_old(session, events, window_));
  std::size_t kept = 0;
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (duplicate[i]) {
      ZHIYIN_TRY_VOID(note_duplicate(session, events[i]));
      continue;
    }
    if (kept != i) events[kept] = std::move(events[i]);
    ++kept;
  }
  events.resize(kept);
  if (events.empty()) return {};
  for (EventProjection* projection : counting_) ZHIYIN_TRY_VOID(projection->apply(session, events));
  // What machines did is in the log, the warehouse and the counts; people and items know nothing of it.
  std::erase_if(events, [](const LoggedEvent& e) { return is_bot_kind(e.event.kind); });
  if (events.empty()) return {};
  for (EventProjection* projection : projections_) ZHIYIN_TRY_VOID(projection->apply(session, events));
  return {};
}

}  // namespace zhiyin::ingest
