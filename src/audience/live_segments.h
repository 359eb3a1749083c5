#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "audience/people_projection.h"
#include "audience/segment.h"
#include "catalogue/items.h"
#include "ingest/projection.h"
#include "storage/state.h"

/// Segments whose membership is kept up to date with each event instead of being asked for.
namespace zhiyin::audience {

inline constexpr std::size_t kLiveSegmentsMax = 200;

class RecentPeople;

/// Keeps the members of live segments. After each batch they are those of `evaluate` at the newest
/// moment that the log has named (received_at of an event, or a tick), whatever the sizes of the
/// batches were; somebody who enters and leaves within one batch is not news. Tells what changed as
/// own events `segment.entered` and `segment.left`, through the outbox, except while a segment is
/// being filled. Owned by the pipeline's thread; runs after `people`.
class LiveSegments final : public ingest::EventProjection {
 public:
  /// All must outlive it. `recent` is told, within the transaction, whose segments change; may be
  /// null.
  LiveSegments(const PeopleProjection& people, const catalogue::Items& items,
               RecentPeople* recent = nullptr);
  ~LiveSegments() override;

  Result<void> apply(storage::Session& session,
                     std::span<const ingest::LoggedEvent> events) override;
  Result<void> tick(storage::Session& session, Instant now) override;

 private:
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

/// What is known of a live segment.
struct LiveCount {
  bool filled = false;  ///< false: not everyone has been looked at yet
  std::int64_t members = 0;
  Instant as_of;        ///< nothing that was dealt with since has changed it
  double progress = 0;  ///< share of the people who have been looked at, about; 1 when filled
};

/// Nothing when the segment is not live. `now`: up to which time alone may have passed.
Result<std::optional<LiveCount>> live_count(storage::Session& session, const SegmentId& segment,
                                            Instant now);
/// Members in the order in which they came to be known.
struct LiveMembers {
  std::vector<PersonId> people;
  std::string next;  ///< `after` of the next page; empty: there is none
};
/// At most `limit` after `after`: empty, a `next`, or the id of somebody known.
Result<LiveMembers> live_members(storage::Session& session, const SegmentId& segment,
                                 std::string_view after, std::size_t limit);
/// The filled live segments of a person, in order of id.
Result<std::vector<SegmentId>> live_segments_of(storage::Session& session, const PersonId& person);

/// The two halves of that, for who keeps them: the numbers of the person's segments, ascending, and
/// the filled segments with theirs, in order of id. A number is never given twice.
using LiveNumbers = std::vector<std::int64_t>;
struct LiveName {
  SegmentId segment;
  std::int64_t number = 0;
};
Result<LiveNumbers> live_numbers_of(storage::Session& session, const PersonId& person);
Result<std::vector<LiveName>> filled_live_names(storage::Session& session);
std::vector<SegmentId> segments_of_numbers(std::span<const std::int64_t> numbers,
                                           std::span<const LiveName> filled);

/// Those of which every member is known.
Result<std::vector<SegmentId>> filled_live_segments(storage::Session& session);

/// True when time alone has something to do: a tick (`ingest::tick_record`) should go to the log.
/// Cheap.
Result<bool> tick_due(storage::Session& session, Instant now);

/// A segment became live, changed or ended; within the transaction that stores it. kLimitReached
/// above kLiveSegmentsMax.
Result<void> set_live(storage::Session& session, const SegmentId& segment, std::int64_t version,
                      bool live, bool changed);

/// What is kept of a person who was erased goes, within the caller's transaction; nothing is told.
Result<void> forget_live(storage::Session& session, const PersonId& person);

namespace detail {
/// A person's identities went elsewhere (or were erased): what is kept of both is to be made anew.
Result<void> note_moved(storage::Session& session, const std::string& from, const std::string& to);
}  // namespace detail

}  // namespace zhiyin::audience
