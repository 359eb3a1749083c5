#include "ingest/projection.h"

#include <algorithm>
#include <optional>

#include "base/utf8.h"
#include "ingest/detail/recent_ids.h"
#include "ingest/detail/seen_events.h"
#include "ingest/event_view.h"

namespace zhiyin::ingest {
namespace {

constexpr storage::Migration kMigrations[] = {
    {"ingest-002-seen-events",
     "CREATE TABLE seen_event (id BYTEA PRIMARY KEY, received_at BIGINT NOT NULL, part BIGINT NOT "
     "NULL, off BIGINT NOT NULL);"
     "CREATE INDEX seen_event_received ON seen_event (received_at);"
     "CREATE TABLE duplicate_offset (part BIGINT NOT NULL, off BIGINT NOT NULL, PRIMARY KEY (part, "
     "off));"
     "CREATE TABLE damaged_record (part BIGINT NOT NULL, off BIGINT NOT NULL, reason TEXT NOT "
     "NULL, "
     "PRIMARY KEY (part, off))"},
    // Half the trees to write for each event.
    {"ingest-007-seen-events-clustered",
     "CREATE TABLE seen_event_clustered (id BYTEA PRIMARY KEY, received_at BIGINT NOT NULL, part "
     "BIGINT NOT NULL, off BIGINT NOT NULL) /*clustered*/;"
     "INSERT INTO seen_event_clustered (id, received_at, part, off) SELECT id, received_at, part, "
     "off FROM seen_event ORDER BY id;"
     "DROP TABLE seen_event;"
     "ALTER TABLE seen_event_clustered RENAME TO seen_event;"
     "CREATE INDEX seen_event_received ON seen_event (received_at)"},
};

// Old ids are forgotten once in so much time of the events.
constexpr Duration kForgetEvery = std::chrono::hours(1);
// So many damaged records are noted; more are a disaster that the first ones show well enough.
constexpr std::int64_t kDamagedNotedMax = 1000;

Result<void> note_damaged(storage::Session& session, const storage::StoredRecord& record,
                          const Error& error) {
  ZHIYIN_TRY(const auto count, session.query("SELECT COUNT(*) FROM damaged_record"));
  if (storage::as_int(count.rows.at(0).at(0)) >= kDamagedNotedMax) return {};
  ZHIYIN_TRY_VOID(
      session.execute("INSERT INTO damaged_record (part, off, reason) VALUES (?1, ?2, ?3) ON "
                      "CONFLICT (part, off) DO NOTHING",
                      {static_cast<std::int64_t>(record.partition), record.offset, error.message}));
  return {};
}

// What a record says must be what a database takes; others than the intake may have written it.
Result<Event> readable(const storage::StoredRecord& record) {
  ZHIYIN_TRY(Event event, decode_event(record.bytes));
  const auto text = [](std::string_view s) {
    return utf8::is_valid(s) && s.find('\0') == std::string_view::npos;
  };
  if (!text(event.event_id) || !text(event.account) || !text(event.kind) || !text(event.source) ||
      !text(event.properties) ||
      (event.item && (!text(event.item->kind) || !text(event.item->id)))) {
    return fail(ErrorCode::kInvalidArgument,
                "event record: a text is not UTF-8 without zero bytes");
  }
  if (has_zero_character(event.properties))
    return fail(ErrorCode::kInvalidArgument, "properties: contain the character zero");
  return event;
}

// The warehouse writer leaves out what is noted here.
Result<void> leave_out(storage::Session& session, std::int64_t partition, std::int64_t offset) {
  ZHIYIN_TRY_VOID(session.execute(
      "INSERT INTO duplicate_offset (part, off) VALUES (?1, ?2) ON CONFLICT (part, off) DO NOTHING",
      {partition, offset}));
  return {};
}

// Housekeeping only: whether something is a duplicate is decided by its window, forgotten or not.
Result<void> forget_old(storage::Session& session, std::span<const LoggedEvent> events,
                        Duration window) {
  Instant oldest = events.front().event.received_at;
  for (const LoggedEvent& e : events) oldest = std::min(oldest, e.event.received_at);
  ZHIYIN_TRY(const auto first, session.query("SELECT MIN(received_at) FROM seen_event"));
  if (first.rows.empty() || storage::is_null(first.rows[0][0])) return {};
  const Instant known{storage::as_int(first.rows[0][0])};
  // Ids within a window of the oldest event of this batch may still decide about one that comes
  // late.
  const Instant before = oldest - window;
  if (known + kForgetEvery >= before) return {};
  return detail::forget_sightings(session, before);
}

}  // namespace

Result<void> EventProjection::tick(storage::Session&, Instant) { return {}; }

std::span<const storage::Migration> EventPipeline::migrations() { return kMigrations; }

/// A batch, read without looking at state.
struct EventPipeline::Decoded {
  std::vector<LoggedEvent> events;
  std::vector<detail::Sighting> sightings;                ///< of the events, in their order
  std::vector<std::pair<std::size_t, Error>> unreadable;  ///< places in the batch
  std::optional<Instant> now;                             ///< the last moment that it names
};

namespace {

/// Taken by the first transaction; one that is repeated decodes again.
template <class T>
struct Once final : storage::Projection::Prepared {
  explicit Once(T made) : value(std::move(made)) {}
  std::optional<T> value;
};

}  // namespace

EventPipeline::Decoded EventPipeline::decode(std::span<const storage::StoredRecord> batch) {
  Decoded decoded;
  decoded.events.reserve(batch.size());
  decoded.sightings.reserve(batch.size());
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const storage::StoredRecord& record = batch[i];
    auto event = readable(record);
    if (!event) {
      decoded.unreadable.emplace_back(i, std::move(event.error()));
    } else if (event->kind == kTickKind) {
      decoded.now = std::max(decoded.now, std::optional(event->received_at));
    } else {
      decoded.sightings.push_back({detail::event_key(event->account, event->event_id),
                                   record.partition, record.offset, event->received_at});
      decoded.events.push_back({record.partition, record.offset, std::move(*event)});
    }
  }
  return decoded;
}

std::unique_ptr<storage::Projection::Prepared> EventPipeline::prepare(
    std::span<const storage::StoredRecord> batch) {
  return std::make_unique<Once<Decoded>>(decode(batch));
}

Result<void> EventPipeline::apply_prepared(storage::Session& session,
                                           std::span<const storage::StoredRecord> batch,
                                           Prepared& prepared) {
  auto& decoded = static_cast<Once<Decoded>&>(prepared).value;
  if (!decoded) return apply(session, batch);
  Decoded taken = std::move(*decoded);
  decoded.reset();
  return apply_decoded(session, batch, std::move(taken));
}

Result<void> EventPipeline::refuse(storage::Session& session, const storage::StoredRecord& record,
                                   const Error& why) {
  if (refused_ == nullptr) return std::unexpected(why);
  ZHIYIN_TRY_VOID(leave_out(session, record.partition, record.offset));
  return refused_->put(session, name(), record, why);
}

Result<void> EventPipeline::apply(storage::Session& session,
                                  std::span<const storage::StoredRecord> batch) {
  return apply_decoded(session, batch, decode(batch));
}

Result<void> EventPipeline::apply_decoded(storage::Session& session,
                                          std::span<const storage::StoredRecord> batch,
                                          Decoded decoded) {
  for (const auto& [place, why] : decoded.unreadable) {
    if (refused_ != nullptr) {
      ZHIYIN_TRY_VOID(refuse(session, batch[place], why));
    } else {
      ZHIYIN_TRY_VOID(leave_out(session, batch[place].partition, batch[place].offset));
      ZHIYIN_TRY_VOID(note_damaged(session, batch[place], why));
    }
  }
  const std::optional<Instant> now = decoded.now;
  if (!decoded.events.empty()) ZHIYIN_TRY_VOID(apply_events(session, std::move(decoded)));
  if (!now) return {};
  for (EventProjection* projection : projections_) ZHIYIN_TRY_VOID(projection->tick(session, *now));
  return {};
}

Result<void> EventPipeline::apply_events(storage::Session& session, Decoded decoded) {
  std::vector<LoggedEvent>& events = decoded.events;
  ZHIYIN_TRY(const std::vector<bool> duplicate,
             detail::note_sightings(session, decoded.sightings, window_));
  ZHIYIN_TRY_VOID(forget_old(session, events, window_));
  std::size_t kept = 0;
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (duplicate[i]) {
      ZHIYIN_TRY_VOID(leave_out(session, events[i].partition, events[i].offset));
      continue;
    }
    if (kept != i) events[kept] = std::move(events[i]);
    ++kept;
  }
  events.resize(kept);
  if (events.empty()) return {};
  for (EventProjection* projection : counting_) ZHIYIN_TRY_VOID(projection->apply(session, events));
  // What machines did is in the log, the warehouse and the counts; people and items know nothing of
  // it.
  std::erase_if(events, [](const LoggedEvent& e) { return is_bot_kind(e.event.kind); });
  if (events.empty()) return {};
  for (EventProjection* projection : projections_)
    ZHIYIN_TRY_VOID(projection->apply(session, events));
  return {};
}

}  // namespace zhiyin::ingest
