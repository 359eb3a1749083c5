#include "recommend/timed_events.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <tuple>

#include "model/text_file.h"
#include "recommend/interaction_file.h"

namespace zhiyin::recommend {
namespace {

/// A time that was written as a number, until it is known of what.
struct WrittenTime {
  std::optional<double> number;
  Instant at;
};

std::optional<double> number_of(std::string_view text) {
  double out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(out))
    return std::nullopt;
  return out;
}

/// Microseconds in what times are counted in, by the largest of them: 1e11 seconds are far in the
/// future, as milliseconds they are 1973.
double unit_of(double largest) {
  constexpr double kSecondsMax = 1e11;
  constexpr double kMillisecondsMax = 1e14;
  if (largest < kSecondsMax) return 1e6;
  return largest < kMillisecondsMax ? 1e3 : 1;
}

}  // namespace

Result<TimedEvents> parse_events(std::string_view text, std::string_view name) {
  TimedEvents out;
  std::vector<std::optional<double>> numbers;
  double largest = 0;
  ZHIYIN_TRY_VOID(for_each_timed_row(text, name, [&](const TimedRow& row) -> Result<void> {
    const auto number = number_of(row.time);
    if (number && *number < 0)
      return fail(ErrorCode::kInvalidArgument, "the time '{}' is before 1970", row.time);
    Instant at;
    if (!number) {
      ZHIYIN_TRY(at, parse_time(row.time, TimeZone::shanghai()));
    }
    largest = std::max(largest, number.value_or(0));
    numbers.push_back(number);
    out.add(row.user, row.item, at);
    return {};
  }));
  const double unit = unit_of(largest);
  constexpr double kMicrosecondsMax = 1e17;  // the year 5138
  if (largest * unit > kMicrosecondsMax)
    return fail(ErrorCode::kInvalidArgument, "{}: a time of {} is none since 1970", name, largest);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (numbers[i]) out.rows[i].at = Instant{std::llround(*numbers[i] * unit)};
  }
  return out;
}

Result<TimedEvents> read_event_file(const std::filesystem::path& path) {
  ZHIYIN_TRY(const std::string text, model::read_text_file(path));
  return parse_events(text, path.string());
}

Result<TimeCut> parse_cut(std::string_view text) {
  TimeCut out;
  if (text.empty()) return out;
  if (const auto newest = parse_duration(text)) {
    out.newest = *newest;
    return out;
  }
  const auto at = parse_time(text, TimeZone::shanghai());
  if (!at)
    return fail_field("cut", "'{}' is neither a duration like 7d nor a date or time",
                      text.substr(0, 40));
  out.at = *at;
  return out;
}

namespace {

/// The events by time, people and items numbered as EvaluationData numbers them.
std::vector<TimedEvent> in_time(const TimedEvents& events) {
  const auto user_of = evaluation_numbers(events.users);
  const auto item_of = evaluation_numbers(events.items);
  std::vector<TimedEvent> out = events.rows;
  for (TimedEvent& row : out) {
    row.user = user_of[row.user];
    row.item = item_of[row.item];
  }
  std::ranges::sort(out, {}, [](const TimedEvent& e) { return std::tuple(e.at, e.user, e.item); });
  return out;
}

/// Where the newest tenth begins, or so many that there are people enough.
std::size_t newest_part(const std::vector<TimedEvent>& rows, std::size_t users) {
  constexpr std::size_t kShare = 10;
  std::vector<std::size_t> first(users, rows.size());
  for (std::size_t i = rows.size(); i-- > 0;) first[rows[i].user] = i;
  std::vector<bool> is_after(users);
  std::size_t with_both = 0;
  std::size_t begin = rows.size();
  const std::size_t least = rows.size() - std::max<std::size_t>(1, rows.size() / kShare);
  const std::size_t most = (rows.size() + 1) / 2;
  while (begin > 0 && (begin > least || (begin > most && with_both < kPeopleWanted))) {
    const std::uint32_t user = rows[--begin].user;
    const bool has_before = first[user] < begin;
    if (!is_after[user] && has_before) ++with_both;
    if (is_after[user] && !has_before) --with_both;  // the last of the history went over
    is_after[user] = true;
  }
  return begin;
}

Instant moment_of(const TimeCut& cut, const std::vector<TimedEvent>& rows, std::size_t users) {
  if (cut.at) return *cut.at;
  if (cut.newest) return rows.back().at - *cut.newest;
  return rows[newest_part(rows, users)].at;
}

/// What people with a history liked later and had not before.
void add_cases(std::span<const TimedEvent> later, TimeSplit& out) {
  std::vector<EvaluationCase> by_user(out.data.histories.size());
  std::vector<bool> is_cold(by_user.size());
  for (const TimedEvent& row : later) {
    if (out.data.histories[row.user].empty()) {
      if (!is_cold[row.user]) ++out.people_only_after;
      is_cold[row.user] = true;
    } else if (!out.data.train.contains(row.user, row.item)) {
      by_user[row.user].wanted.push_back(row.item);
    }
  }
  for (std::uint32_t user = 0; user < by_user.size(); ++user) {
    EvaluationCase& one = by_user[user];
    if (one.wanted.empty()) continue;
    one.user = user;
    std::ranges::sort(one.wanted);
    const auto again = std::ranges::unique(one.wanted);
    one.wanted.erase(again.begin(), again.end());
    out.wanted += one.wanted.size();
    out.wanted_unseen += static_cast<std::size_t>(std::ranges::count_if(
        one.wanted, [&](std::uint32_t item) { return out.data.degrees[item] == 0; }));
    out.data.test.push_back(std::move(one));
  }
}

std::string time_text(Instant t) { return format_time(t, TimeZone::shanghai()); }

}  // namespace

Result<TimeSplit> split_by_time(const TimedEvents& events, const TimeCut& cut) {
  if (events.rows.empty())
    return fail(ErrorCode::kUnsupported, "time split: there are no events to learn from");
  const std::vector<TimedEvent> rows = in_time(events);
  TimeSplit out;
  out.first = rows.front().at;
  out.last = rows.back().at;
  out.cut = moment_of(cut, rows, events.users.size());
  const auto at = std::ranges::lower_bound(rows, out.cut, {}, &TimedEvent::at);
  out.events_before = static_cast<std::size_t>(at - rows.begin());
  out.events_after = rows.size() - out.events_before;
  if (out.events_before == 0 || out.events_after == 0)
    return fail_field("cut", "is {}, the {} events are from {} to {}: nothing is {} it",
                      time_text(out.cut), rows.size(), time_text(out.first), time_text(out.last),
                      out.events_before == 0 ? "before" : "after");
  std::vector<Interaction> before;
  for (auto row = rows.begin(); row != at; ++row) before.push_back({row->user, row->item, 1});
  out.data = training_data(std::move(before), events.users.size(), events.items.size());
  for (const auto& history : out.data.histories) out.people_before += history.empty() ? 0 : 1;
  add_cases({at, rows.end()}, out);
  if (out.data.test.size() < kPeopleWithBothMin)
    return fail(ErrorCode::kUnsupported,
                "time split at {}: {} people have events before it and something new after it, at "
                "least {} are needed ({} events by {} people before, {} events after, {} people "
                "only after)",
                time_text(out.cut), out.data.test.size(), kPeopleWithBothMin, out.events_before,
                out.people_before, out.events_after, out.people_only_after);
  return out;
}

TimedEvents events_before(const TimedEvents& events, Instant cut) {
  TimedEvents out;
  for (const TimedEvent& row : events.rows) {
    if (row.at < cut) out.add(events.users.name(row.user), events.items.name(row.item), row.at);
  }
  return out;
}

}  // namespace zhiyin::recommend
