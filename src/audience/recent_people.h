#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "audience/live_segments.h"
#include "audience/people.h"
#include "audience/people_projection.h"
#include "base/mutex.h"
#include "ingest/projection.h"

namespace zhiyin::audience {

/// The histories of people who were asked about of late and the live segments that they are in, in
/// memory: `view_of` answers as `People::view_of` does, `segments_of` as `live_segments_of`, mostly
/// without asking state.
///
/// Never older than state. Whoever changes what a view holds calls `changed` within the transaction
/// that changes it: from then on it is read from state, and kept again only from a snapshot that
/// has that transaction in it (its number grows with each of them). A transaction that is rolled
/// back costs a reading, nothing else. That holds within one process, so it is for a state that no
/// other process writes to. The projection of events (RecentPeopleProjection), `erase` and
/// `remove_activity` call it; so must whoever calls `remove_edge`, with the person's identities.
/// LiveSegments and Segments tell of segments likewise.
///
/// About 30 bytes an event, 8 a segment and 400 a person. Thread-safe.
class RecentPeople {
 public:
  /// Holds at most about `bytes_max`: who was not asked about for longest goes first, and whoever
  /// would take more than 1/64 of it is not kept. 0: nothing is kept.
  explicit RecentPeople(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  [[nodiscard]] Result<PersonView> view_of(const People& people, std::string_view ref);
  /// The same where it is in memory. Never waits for state.
  [[nodiscard]] std::optional<PersonView> known(const People& people, std::string_view ref);
  /// The filled live segments of a person, in order of id; from memory after a `view_of`.
  [[nodiscard]] Result<std::vector<SegmentId>> segments_of(storage::State& state,
                                                           const PersonId& person);
  /// The same where they are in memory. Never waits for state.
  [[nodiscard]] std::optional<std::vector<SegmentId>> known_segments(const PersonId& person);
  /// What is known of these identities is about to change, with the transaction of `session`.
  Result<void> changed(storage::Session& session, std::span<const IdentityHash> identities);
  /// The same of the segments of these people (by their ids).
  Result<void> memberships_changed(storage::Session& session, std::span<const std::string> people);
  /// The same of which segments are live and filled.
  Result<void> live_segments_changed(storage::Session& session);

  struct Counts {
    std::size_t people = 0;
    std::size_t bytes = 0;
    std::uint64_t found = 0;  ///< answers from memory
    std::uint64_t read = 0;   ///< from state
  };
  [[nodiscard]] Counts counts() const;

 private:
  struct Entry {
    std::string person;
    std::vector<IdentityHash> identities;
    /// Shared with those who are unpacking it; immutable.
    std::shared_ptr<const std::string> packed;
    LiveNumbers segments;
    std::size_t bytes = 0;
  };
  using Place = std::list<Entry>::iterator;
  /// The live segments that are filled. Shared with those who look into it; immutable.
  using Names = std::shared_ptr<const std::vector<LiveName>>;
  /// What one snapshot of state says.
  struct Read {
    PersonView view;
    LiveNumbers segments;
    Names names;  ///< null: not read
    std::int64_t as_of = 0;
  };

  /// What is kept of whom `ref` names; null: nothing. Asked about last from now on.
  std::shared_ptr<const std::string> find(const People& people, std::string_view ref);
  void keep(const Read& read);
  void keep_names(const Names& names, std::int64_t as_of) ZHIYIN_REQUIRES(mutex_);
  /// Of each transaction that changes what is kept. Grows.
  static Result<std::int64_t> next_number(storage::Session& session);
  [[nodiscard]] bool has_names() const;
  void drop(Place place) ZHIYIN_REQUIRES(mutex_);

  const std::size_t bytes_max_;
  mutable Mutex mutex_;
  std::list<Entry> entries_ ZHIYIN_GUARDED_BY(mutex_);  ///< asked about last: first
  std::unordered_map<std::string_view, Place> by_person_ ZHIYIN_GUARDED_BY(mutex_);
  std::unordered_map<IdentityHash, Place, HashOfIdentity> by_identity_ ZHIYIN_GUARDED_BY(mutex_);
  /// The number of the last transaction that changed one of the identities of a mark.
  static constexpr std::size_t kMarks = 8192;
  std::vector<std::int64_t> marks_ ZHIYIN_GUARDED_BY(mutex_) = std::vector<std::int64_t>(kMarks);
  Names names_ ZHIYIN_GUARDED_BY(mutex_);                  ///< null: state knows
  std::int64_t names_mark_ ZHIYIN_GUARDED_BY(mutex_) = 0;  ///< of the last that changed them
  Counts counts_ ZHIYIN_GUARDED_BY(mutex_);
};

/// Tells of the people of each batch. Registered behind PeopleProjection, in its transaction:
/// whoever a batch merges or moves has an identity in it. Owned by the pipeline's thread.
class RecentPeopleProjection final : public ingest::EventProjection {
 public:
  /// `recent` must outlive this.
  explicit RecentPeopleProjection(RecentPeople& recent) : recent_(recent) {}
  Result<void> apply(storage::Session& session,
                     std::span<const ingest::LoggedEvent> events) override;

 private:
  RecentPeople& recent_;
};

namespace detail {
/// A view in few bytes, and back. `unpack` requires what `pack` made.
std::string pack(const PersonView& view);
PersonView unpack(std::string_view packed);
}  // namespace detail

}  // namespace zhiyin::audience
