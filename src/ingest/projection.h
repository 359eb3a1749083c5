#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "ingest/event.h"
#include "ingest/record_quarantine.h"
#include "storage/projection.h"

namespace zhiyin::ingest {

/// An event with its place in the log, after deduplication.
struct LoggedEvent {
  int partition = 0;
  std::int64_t offset = 0;
  Event event;
};

/// What builds state from events. Called in registration order inside one transaction that also
/// commits the positions; sees every distinct event once, in order per identity. Reads no clock.
class EventProjection {
 public:
  virtual ~EventProjection() = default;
  virtual Result<void> apply(storage::Session& session, std::span<const LoggedEvent> events) = 0;
  /// The log says that it is `now` (`tick_record`); comes after the events of its batch.
  virtual Result<void> tick(storage::Session& session, Instant now);
};

/// The first consumer of the events stream: decodes once, drops duplicates by (account, event_id)
/// within the window, and hands the rest to the projections. Duplicates are noted (partition,
/// offset) in state, so that the warehouse writer, which follows behind, drops the same ones.
class EventPipeline final : public storage::Projection {
 public:
  /// `window`: how long an id is remembered, by received_at. `refused` takes what cannot be dealt
  /// with, and must outlive the pipeline; without one, records that are no events are noted and
  /// others that fail stop the pipeline.
  explicit EventPipeline(Duration window, const RecordQuarantine* refused = nullptr)
      : window_(window), refused_(refused) {}
  static std::span<const storage::Migration> migrations();

  void add(EventProjection& projection) { projections_.push_back(&projection); }
  /// One that counts: it sees what bots did too, and runs before the others.
  void add_counting(EventProjection& projection) { counting_.push_back(&projection); }
  [[nodiscard]] std::string_view name() const override { return "events"; }
  Result<void> apply(storage::Session& session,
                     std::span<const storage::StoredRecord> batch) override;
  [[nodiscard]] std::unique_ptr<Prepared> prepare(
      std::span<const storage::StoredRecord> batch) override;
  Result<void> apply_prepared(storage::Session& session,
                              std::span<const storage::StoredRecord> batch,
                              Prepared& prepared) override;
  Result<void> refuse(storage::Session& session, const storage::StoredRecord& record,
                      const Error& why) override;

 private:
  struct Decoded;
  static Decoded decode(std::span<const storage::StoredRecord> batch);
  Result<void> apply_decoded(storage::Session& session,
                             std::span<const storage::StoredRecord> batch, Decoded decoded);
  Result<void> apply_events(storage::Session& session, Decoded decoded);

  const Duration window_;
  const RecordQuarantine* const refused_;
  std::vector<EventProjection*> projections_;
  std::vector<EventProjection*> counting_;
};

}  // namespace zhiyin::ingest
