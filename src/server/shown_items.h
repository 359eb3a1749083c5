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

#include "base/ids.h"
#include "base/mutex.h"
#include "recommend/recommend_model.h"
#include "storage/state.h"

namespace zhiyin::server {

/// When an item is shown too often: `shows` times within `window` without effect.
struct FatigueRule {
  std::int64_t shows = 0;  ///< 0: never
  Duration window = 7 * kDay;
  bool leaves_out = false;  ///< else it moves behind all others
};

/// What was shown to whom, oldest first, as far as fatigue needs it: one small row per person in
/// state, at most kPerPerson items. Shows of several processes add up.
///
/// With memory the rows of people who were asked about of late stay in it, as they are in state:
/// for a state that no other process writes to. Thread-safe.
class ShownItems {
 public:
  static constexpr std::size_t kPerPerson = 100;
  static constexpr std::size_t kGatheredMax =
      20'000;  ///< lists between two flushes; more are left out

  /// `state` must outlive this. `bytes_max`: of the rows in memory, about; who was not asked about
  /// for longest goes first. 0: none are. A show takes about 10 bytes, a person 250 more.
  ShownItems(storage::State& state, FatigueRule rule, std::size_t bytes_max = 0)
      : state_(state), rule_(rule), bytes_max_(bytes_max) {}
  static std::span<const storage::Migration> migrations();

  [[nodiscard]] const FatigueRule& rule() const { return rule_; }
  /// Notes a list; it counts from now on here, for others after `flush`. Does nothing without a
  /// rule.
  void shown(const PersonId& person, std::vector<recommend::ItemRef> items, Instant at);
  /// Items that were shown to the person so often, within the window before `now`.
  [[nodiscard]] Result<std::vector<recommend::ItemRef>> tired(const PersonId& person, Instant now);
  /// The same where what was shown is in memory. Never waits for state.
  [[nodiscard]] std::optional<std::vector<recommend::ItemRef>> known_tired(const PersonId& person,
                                                                           Instant now);
  /// Nothing was ever shown to the person.
  Result<void> forget(const PersonId& person);
  /// Writes what was gathered. After an error it goes with the next call.
  Result<void> flush();
  /// Removes people to whom nothing was shown within the window.
  Result<void> tidy(Instant now);

  struct Counts {
    std::size_t people = 0;  ///< in memory
    std::size_t bytes = 0;
  };
  [[nodiscard]] Counts counts() const;

 private:
  struct Show {
    recommend::ItemRef item;
    Instant at;
  };
  using Shows = std::vector<Show>;  ///< oldest first
  using Gathered = std::unordered_map<std::string, Shows>;
  struct Kept {
    std::string person;
    /// The row in few bytes. Shared with those who read it; immutable.
    std::shared_ptr<const std::string> packed;
    Instant newest;
    std::size_t bytes = 0;
  };
  using Place = std::list<Kept>::iterator;
  /// Rows by person.
  struct Row {
    std::shared_ptr<const std::string> packed;
    Instant newest;
  };
  using Written = std::unordered_map<std::string, Row>;
  /// What there is of a person: the row, and what is not in state yet.
  struct Looked {
    std::string packed;
    Shows since;
  };

  static std::string encode(const Shows& shows);
  static Shows decode(std::string_view bytes);
  static Result<Shows> read(storage::Session& db, const PersonId& person);
  static std::string pack(const Shows& shows);
  static Shows unpack(std::string_view packed);
  /// Of the kept row and what was shown since.
  [[nodiscard]] std::vector<recommend::ItemRef> tired_of(std::string_view packed,
                                                         const Shows& since, Instant now) const;
  /// The row, when it is in memory; asked about last from now on.
  std::shared_ptr<const std::string> find(const std::string& person) ZHIYIN_REQUIRES(mutex_);
  /// What is not in state yet, oldest first.
  [[nodiscard]] Shows since(const std::string& person) const ZHIYIN_REQUIRES(mutex_);
  void keep(const std::string& person, const Shows& shows) ZHIYIN_REQUIRES(mutex_);
  void drop(Place place) ZHIYIN_REQUIRES(mutex_);
  void keep_written(const Written& written) ZHIYIN_REQUIRES(mutex_);
  /// From state. Nothing: a writer came in between, to be asked again without one.
  Result<std::optional<Looked>> look(const PersonId& person);
  /// Adds to the rows in state; those in `kept` need no reading, and are returned as they are then.
  Result<Written> write(const Gathered& gathered, const Written& kept);

  storage::State& state_;
  const FatigueRule rule_;
  const std::size_t bytes_max_;
  Mutex writing_mutex_;  ///< one writer at a time; taken before mutex_
  mutable Mutex mutex_;
  Gathered gathered_ ZHIYIN_GUARDED_BY(mutex_);
  /// What a flush is writing; null: none. Shared with that flush; immutable.
  std::shared_ptr<const Gathered> writing_ ZHIYIN_GUARDED_BY(mutex_);
  std::list<Kept> kept_ ZHIYIN_GUARDED_BY(mutex_);  ///< asked about last: first
  std::unordered_map<std::string_view, Place> by_person_ ZHIYIN_GUARDED_BY(mutex_);
  std::size_t bytes_ ZHIYIN_GUARDED_BY(mutex_) = 0;
  std::uint64_t changes_ ZHIYIN_GUARDED_BY(mutex_) = 0;  ///< odd: a writer is at work
};

}  // namespace zhiyin::server
