#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "audience/live_segments.h"
#include "audience/people.h"
#include "audience/segment.h"
#include "base/json_binding.h"
#include "base/mutex.h"
#include "catalogue/items.h"
#include "storage/state.h"
#include "storage/warehouse.h"

namespace zhiyin::audience {

/// A segment as people write it: the body of PUT /v1/segments/{id} and of `zhiyin segment apply
/// FILE`.
struct SegmentDefinition {
  SegmentId id;
  std::string name;
  Json tree;
  bool live = false;  ///< members are kept with each event
};

/// A stored segment.
struct Segment {
  SegmentId id;
  std::string name;
  SegmentTree tree;
  std::int64_t version = 0;  ///< 1, 2, …
  Instant updated_at;
  bool live = false;
};

struct SegmentCount {
  std::int64_t count = 0;
  Instant as_of;
};
struct SegmentPreview {
  std::int64_t count = 0;
  Instant as_of;
  std::vector<PersonId> sample;
};
struct Membership {
  bool member = false;
  Instant as_of;
  Json explanation;  ///< as `explain`
};

/// Segments that operators keep. Objects made by people: `version` and If-Match. Thread-safe.
class Segments {
 public:
  static constexpr std::size_t kSegmentsMax = 10'000;

  /// All must outlive it. `recent` is told, within the transaction, which segments are live; may be
  /// null.
  Segments(storage::State& state, storage::Warehouse& warehouse, const People& people,
           const catalogue::Items& items, RecentPeople* recent = nullptr)
      : state_(state), warehouse_(warehouse), people_(people), items_(items), recent_(recent) {}
  static std::span<const storage::Migration> migrations();

  /// In order of id.
  [[nodiscard]] Result<std::vector<Segment>> list() const;
  /// kNotFound when there is none.
  [[nodiscard]] Result<Segment> get(const SegmentId& id) const;
  /// Creates (without `if_match`: kConflict when it exists) or changes (with: kConflict when it
  /// moved on, kNotFound when it does not exist). kInvalidArgument when the definition is wrong.
  Result<Segment> put(const SegmentDefinition& definition, std::optional<std::int64_t> if_match,
                      Instant now);
  /// Creates or changes, whatever the version; an equal definition changes nothing.
  Result<Segment> apply(const SegmentDefinition& definition, Instant now);
  Result<void> remove(const SegmentId& id, std::optional<std::int64_t> if_match);

  /// In the warehouse, so as fresh as it is.
  [[nodiscard]] Result<std::vector<PersonId>> members(const SegmentId& id, Instant as_of) const;
  /// May be up to `age_max` old, in domain time; its `as_of` says how old.
  [[nodiscard]] Result<SegmentCount> count(const SegmentId& id, Instant as_of,
                                           Duration age_max = std::chrono::seconds(60)) const;
  /// Of a live segment, from state, without a query; nothing for others. `now`: up to which only
  /// time may have passed since the last event.
  [[nodiscard]] Result<std::optional<LiveCount>> live(const SegmentId& id, Instant now) const;
  /// Members of a live segment, by `live_members` of live_segments.h; kConflict while it is being
  /// filled or when it is not live.
  [[nodiscard]] Result<LiveMembers> live_members(const SegmentId& id, std::string_view after,
                                                 std::size_t limit) const;
  [[nodiscard]] Result<SegmentPreview> preview(const SegmentTree& tree, Instant as_of,
                                               std::size_t sample_size = 10) const;

  /// In memory, from state, so fresher than the warehouse.
  [[nodiscard]] Result<Membership> why(const SegmentId& id, const PersonId& person,
                                       Instant as_of) const;
  /// Live segments from state, the others evaluated in memory.
  [[nodiscard]] Result<std::vector<SegmentId>> segments_of(const PersonView& view,
                                                           Instant as_of) const;

 private:
  struct CachedCount {
    std::int64_t version = 0;
    SegmentCount count;
  };
  storage::State& state_;
  storage::Warehouse& warehouse_;
  const People& people_;
  const catalogue::Items& items_;
  RecentPeople* const recent_;
  mutable Mutex mutex_;
  mutable std::map<SegmentId, CachedCount> counts_ ZHIYIN_GUARDED_BY(mutex_);
};

}  // namespace zhiyin::audience

template <>
struct zhiyin::Fields<zhiyin::audience::SegmentDefinition> {
  using Definition = zhiyin::audience::SegmentDefinition;
  static constexpr std::string_view name = "SegmentDefinition";
  static constexpr auto list = field_list(
      field("id", &Definition::id, "[a-z0-9][a-z0-9_-]{0,63}").length(1, 64),
      field("name", &Definition::name, "as people see it").length(0, 200).optional(),
      field("tree", &Definition::tree, "conditions"),
      field("live", &Definition::live, "whether members are kept with each event").optional());
};
