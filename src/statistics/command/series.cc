#include "statistics/command/series.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <utility>

namespace zhiyin::statistics {
namespace {

double hours_of(Instant t) { return static_cast<double>(t.us) / 3.6e9; }

using Steps = std::vector<std::int64_t>;

/// The median of what lies between neighbours. Requires two of `clock` at least.
double median_gap(std::span<const double> clock) {
  std::vector<double> apart;
  for (std::size_t i = 1; i < clock.size(); ++i) apart.push_back(clock[i] - clock[i - 1]);
  const auto middle = apart.begin() + static_cast<std::ptrdiff_t>((apart.size() - 1) / 2);
  std::ranges::nth_element(apart, middle);
  return *middle;
}

/// How far from whole steps neighbours may lie.
struct Tolerance {
  double each;  ///< of a step, for each step between them
  double most;  ///< of a step
};

/// Which step each row is, from 0, where neighbours are whole numbers of steps apart; else an
/// error.
Result<Steps> steps_between(std::span<const double> clock, double step, Tolerance tolerance,
                            const Series& series) {
  const auto steps_max = static_cast<double>(10 * clock.size() + 100);
  Steps out{0};
  for (std::size_t i = 1; i < clock.size(); ++i) {
    const double apart = (clock[i] - clock[i - 1]) / step;
    const double steps = std::round(apart);
    if (!(steps >= 1) ||
        std::fabs(apart - steps) > std::min(tolerance.each * steps, tolerance.most)) {
      return fail_field("time",
                        "row {}: {} comes {:.3g} steps after {}; the method needs equal steps (a "
                        "step may be without a row)",
                        i + 1, series.label[i], apart, series.label[i - 1]);
    }
    if (!(static_cast<double>(out.back()) + steps <= steps_max)) {
      return fail_field("time", "row {}: {} comes {:.3g} steps after {}: too many have no row",
                        i + 1, series.label[i], apart, series.label[i - 1]);
    }
    out.push_back(out.back() + static_cast<std::int64_t>(steps));
  }
  return out;
}

/// The step that clocks keep, within a tenth of `gap` hours: a second … a week.
std::optional<double> usual_step(double gap) {
  constexpr double kSeconds[] = {1,     5,     10,    15,    30,    60,    120,
                                 300,   600,   900,   1200,  1800,  3600,  7200,
                                 10800, 14400, 21600, 28800, 43200, 86400, 604800};
  for (const double seconds : kSeconds) {
    const double hours = seconds / 3600;
    if (std::fabs(gap - hours) <= 0.1 * hours) return hours;
  }
  return std::nullopt;
}

/// Which step each row is, from 0, where each has one of its own within 0.4 of a step: rows of an
/// unsteady clock.
std::optional<Steps> steps_nearby(std::span<const double> clock, double step) {
  constexpr double kOffMax = 0.4;
  constexpr double kTurn = 6.283185307179586;
  double x = 0;
  double y = 0;
  for (const double t : clock) {
    const double turn = kTurn * std::fmod((t - clock[0]) / step, 1.0);
    x += std::cos(turn);
    y += std::sin(turn);
  }
  const double origin = clock[0] + step * std::atan2(y, x) / kTurn;
  const auto steps_max = static_cast<double>(10 * clock.size() + 100);
  Steps out;
  for (const double t : clock) {
    const double place = (t - origin) / step;
    const double whole = std::round(place);
    if (std::fabs(place - whole) > kOffMax || whole > steps_max) return std::nullopt;
    const auto found = static_cast<std::int64_t>(whole);
    if (!out.empty() && found <= out.back()) return std::nullopt;
    out.push_back(found);
  }
  const std::int64_t first = out.front();
  for (std::int64_t& place : out) place -= first;
  return out;
}

/// By the median gap; by the step that clocks keep near to it; or by a half to a seventh of it, as
/// of schedules (Monday, Wednesday, Friday) and where most steps have no row.
Result<Steps> steps_of(std::span<const double> clock, const Series& series) {
  if (clock.size() < 2) return Steps(clock.size(), 0);
  const double gap = median_gap(clock);
  // Clocks that are a little late, months of 28 to 31 days.
  auto steps = steps_between(clock, gap, {0.1, 0.4}, series);
  if (steps) return steps;
  if (const auto step = series.time.empty() ? std::nullopt : usual_step(gap)) {
    if (auto found = steps_nearby(clock, *step)) return std::move(*found);
  }
  constexpr int kPartsMax = 7;
  for (int parts = 2; parts <= kPartsMax; ++parts) {
    if (auto found = steps_between(clock, gap / parts, {0.02, 0.02}, series)) return found;
  }
  return steps;
}

/// Months of the times, when all are of one day of the month and one time of the day.
std::optional<std::vector<double>> months_of(const Series& series) {
  std::vector<double> out;
  std::optional<std::int64_t> within;
  for (const Instant t : series.time) {
    const CivilTime c = to_civil(t, series.zone);
    const std::int64_t part = (c.day * 24 + c.hour) * 3600 + c.minute * 60 + c.second;
    if (within.value_or(part) != part) return std::nullopt;
    within = part;
    out.push_back(c.year * 12.0 + c.month);
    if (out.size() > 1 && !(out.back() > out[out.size() - 2])) return std::nullopt;
  }
  return out;
}

/// Working days of the times, when all are on different days and few of the weekends' days are
/// among them: those were worked.
std::optional<std::vector<double>> working_days_of(const Series& series) {
  constexpr double kWorkedMax = 0.25;
  std::vector<double> out;
  std::int64_t worked = 0;
  for (const Instant t : series.time) {
    const std::int64_t since_monday = local_day(t, series.zone) + 3;  // 1970-01-01: a Thursday
    const std::int64_t weekday = (since_monday % 7 + 7) % 7;
    const std::int64_t before =
        (since_monday - weekday) / 7 * 5 + std::min<std::int64_t>(weekday, 5);
    out.push_back(static_cast<double>(before + worked));
    if (weekday > 4) ++worked;
    if (out.size() > 1 && !(out.back() > out[out.size() - 2])) return std::nullopt;
  }
  const double days =
      static_cast<double>(series.time.back().us - series.time.front().us) / 8.64e10 + 1;
  if (static_cast<double>(worked) > kWorkedMax * days * 2 / 7) return std::nullopt;
  return out;
}

/// Of 20260131 or 202601: 2026-01-31, 2026-01-01; none where it is no such date.
std::optional<std::string> dashed_date(std::string_view text) {
  if (text.size() != 8 && text.size() != 6) return std::nullopt;
  if (!std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
  if (!text.starts_with("19") && !text.starts_with("20")) return std::nullopt;
  const std::string_view day = text.size() == 8 ? text.substr(6) : std::string_view("01");
  return fmt::format("{}-{}-{}", text.substr(0, 4), text.substr(4, 2), day);
}

/// Times of a column whose values are all dates without dashes.
std::optional<std::vector<Instant>> bare_dates(const std::vector<std::string>& labels,
                                               const TimeZone& zone) {
  std::vector<Instant> out;
  for (const std::string& label : labels) {
    const auto dashed = dashed_date(label);
    if (!dashed || label.size() != labels[0].size()) return std::nullopt;
    const auto moment = parse_time(*dashed, zone);
    if (!moment) return std::nullopt;
    out.push_back(*moment);
  }
  return out;
}

}  // namespace

Result<std::size_t> Series::place_of(std::string_view start) const {
  double wanted = 0;
  if (time.empty()) {
    const auto [end, ec] = std::from_chars(start.data(), start.data() + start.size(), wanted);
    if (ec != std::errc() || end != start.data() + start.size() || !std::isfinite(wanted)) {
      return fail_field("start", "'{}' is no number, but the times of the series are", start);
    }
  } else {
    const auto moment = parse_time(dashed_date(start).value_or(std::string(start)), zone);
    if (!moment) return fail_field("start", "'{}' is no time", start);
    wanted = hours_of(*moment);
  }
  const auto at = std::ranges::lower_bound(number, wanted);
  if (at == number.end()) return fail_field("start", "'{}' is after the whole series", start);
  return static_cast<std::size_t>(at - number.begin());
}

Result<Series> read_series(const Table& table, const SeriesColumns& columns) {
  Series out;
  if (table.size() == 0) return fail_field("series", "has no rows");
  ZHIYIN_TRY(out.zone, TimeZone::create(columns.zone));
  if (!columns.value.empty()) {
    ZHIYIN_TRY(out.value, number_column(table, "value", columns.value, true));
  }
  if (!table.has(columns.time) && columns.time == "time") {
    for (std::size_t i = 0; i < table.size(); ++i) {
      out.label.push_back(std::to_string(i));
      out.number.push_back(static_cast<double>(i));
    }
    return out;
  }
  ZHIYIN_TRY(const std::size_t at, table.place("time", columns.time));
  for (const auto& row : table.rows) out.label.push_back(row[at]);
  if (auto dates = bare_dates(out.label, out.zone)) {
    out.time = std::move(*dates);
  } else if (auto numbers = number_column(table, "time", columns.time)) {
    out.number = std::move(*numbers);
  } else {
    ZHIYIN_TRY(out.time, time_column(table, "time", columns.time, out.zone));
  }
  for (const Instant t : out.time) out.number.push_back(hours_of(t));
  for (std::size_t i = 1; i < out.number.size(); ++i) {
    if (!(out.number[i] > out.number[i - 1])) {
      return fail_field("time", "row {}: {} does not come after {}", i + 1, out.label[i],
                        out.label[i - 1]);
    }
  }
  return out;
}

Result<Series> with_equal_steps(Series series) {
  const auto months = series.time.empty() ? std::nullopt : months_of(series);
  auto steps = steps_of(months ? *months : series.number, series);
  const auto working_days = series.time.empty() ? std::nullopt : working_days_of(series);
  if (working_days && !months) {
    auto other = steps_of(*working_days, series);
    if (other && (!steps || other->back() < steps->back())) steps = std::move(other);
  }
  if (!steps) return std::unexpected(steps.error());
  const auto count = static_cast<std::size_t>(steps->back() + 1);
  if (count == series.number.size()) return series;
  Series out;
  out.zone = series.zone;
  out.steps_absent = count - series.number.size();
  for (std::size_t i = 0; i < series.number.size(); ++i) {
    if (i > 0) {
      const std::int64_t before = (*steps)[i - 1];
      const auto apart = static_cast<double>((*steps)[i] - before);
      const double from = series.number[i - 1];
      for (std::int64_t k = before + 1; k < (*steps)[i]; ++k) {
        const double share = static_cast<double>(k - before) / apart;
        out.number.push_back(from + share * (series.number[i] - from));
        out.row.push_back(Series::kAbsent);
        out.label.emplace_back();
        if (!series.time.empty()) {
          out.time.push_back(Instant{static_cast<std::int64_t>(out.number.back() * 3.6e9)});
        }
        if (!series.value.empty()) out.value.push_back(std::numeric_limits<double>::quiet_NaN());
      }
    }
    out.number.push_back(series.number[i]);
    out.row.push_back(i);
    out.label.push_back(std::move(series.label[i]));
    if (!series.time.empty()) out.time.push_back(series.time[i]);
    if (!series.value.empty()) out.value.push_back(series.value[i]);
  }
  return out;
}

}  // namespace zhiyin::statistics
