#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "recommend/evaluation_data.h"
#include "recommend/interactions.h"

/// Offline evaluation of what really happened, in the order of time: a model learns from what was
/// before a moment and is asked for what came after it. Pure.
namespace zhiyin::recommend {

/// Who liked what, and when: in any order.
struct TimedEvent {
  std::uint32_t user = 0;
  std::uint32_t item = 0;
  Instant at;
};
struct TimedEvents {
  NameIndex users;
  NameIndex items;
  std::vector<TimedEvent> rows;

  void add(std::string_view user, std::string_view item, Instant at) {
    rows.push_back({users.add(user), items.add(item), at});
  }
};

/// A file with a header, one event a row, separated as interaction files are: columns for user and
/// item as there, and `timestamp`, `time`, `datetime`, `date`, `occurred_at`, `created_at` or `ts`
/// (large or small). Times are numbers, all of the file seconds, milliseconds or microseconds since
/// 1970 (which of them the largest says), or RFC 3339 (a date or a time without zone in Shanghai).
/// Errors name the file and the line.
Result<TimedEvents> read_event_file(const std::filesystem::path& path);
/// The same on text; `name` stands for the file in errors.
Result<TimedEvents> parse_events(std::string_view text, std::string_view name);

/// Where the test part begins. Neither: the newest tenth of the events, or as many as it takes for
/// kPeopleWanted people with events on both sides, half of them at most.
struct TimeCut {
  std::optional<Instant> at;
  std::optional<Duration> newest;  ///< so long before the newest event
};
/// `7d`, a date or a time (docs as parse_time, Shanghai); empty: neither. kInvalidArgument, field
/// `cut`.
Result<TimeCut> parse_cut(std::string_view text);
inline constexpr std::size_t kPeopleWanted = 50;
/// Fewer people with both are refused.
inline constexpr std::size_t kPeopleWithBothMin = 20;

struct TimeSplit {
  /// `test`: what people who have a history liked from the cut on and had not before, each once.
  /// Items of all events are candidates; no validation part.
  EvaluationData data;
  Instant first;
  Instant cut;  ///< what lies before it is training, the rest is test
  Instant last;
  std::size_t events_before = 0;
  std::size_t events_after = 0;
  std::size_t people_before = 0;
  std::size_t people_only_after = 0;  ///< without a history: left out of the test
  std::size_t wanted = 0;             ///< items to be found, over all people
  std::size_t wanted_unseen = 0;      ///< of them: never seen in training, which no model finds
};

/// The same events in any order give the same. kInvalidArgument, field `cut`, when nothing is
/// before or after it; kUnsupported, with the figures, for fewer than kPeopleWithBothMin people
/// with both, or no events.
Result<TimeSplit> split_by_time(const TimedEvents& events, const TimeCut& cut);
/// The events before the moment.
TimedEvents events_before(const TimedEvents& events, Instant cut);

}  // namespace zhiyin::recommend
