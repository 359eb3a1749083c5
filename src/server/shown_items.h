#pragma once

#include <cstdint>
#include <span>
#include <string>
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

/// What was shown to whom, newest first, as far as fatigue needs it: one small row per person in
/// state, at most kPerPerson items. Shows of several processes add up. Thread-safe.
class ShownItems {
 public:
  static constexpr std::size_t kPerPerson = 100;
  static constexpr std::size_t kGatheredMax =
      20'000;  ///< lists between two flushes; more are left out

  /// `state` must outlive this.
  ShownItems(storage::State& state, FatigueRule rule) : state_(state), rule_(rule) {}
  static std::span<const storage::Migration> migrations();

  [[nodiscard]] const FatigueRule& rule() const { return rule_; }
  /// Notes a list; it counts from now on here, for others after `flush`. Does nothing without a
  /// rule.
  void shown(const PersonId& person, std::vector<recommend::ItemRef> items, Instant at);
  /// Items that were shown to the person so often, within the window before `now`.
  [[nodiscard]] Result<std::vector<recommend::ItemRef>> tired(const PersonId& person,
                                                              Instant now) const;
  /// Nothing was ever shown to the person.
  Result<void> forget(const PersonId& person);
  /// Writes what was gathered. After an error it goes with the next call.
  Result<void> flush();
  /// Removes people to whom nothing was shown within the window.
  Result<void> tidy(Instant now);

 private:
  struct Show {
    recommend::ItemRef item;
    Instant at;
  };
  using Shows = std::vector<Show>;  ///< oldest first
  static std::string encode(const Shows& shows);
  static Shows decode(std::string_view bytes);
  static Result<Shows> read(storage::Session& db, const PersonId& person);

  storage::State& state_;
  const FatigueRule rule_;
  mutable Mutex mutex_;
  std::unordered_map<std::string, Shows> gathered_ ZHIYIN_GUARDED_BY(mutex_);
};

}  // namespace zhiyin::server
