#include "statistics/command/series.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <span>

namespace zhiyin::statistics {
namespace {

double hours_of(Instant t) { return static_cast<double>(t.us) / 3.6e9; }

/// Which step each row is, from 0; rows that are no whole number of steps apart: an error.
Result<std::vector<std::int64_t>> steps_of(std::span<const double> clock, const Series& series) {
  constexpr double kOff = 0.1;  // of a step: clocks that are a little late, months of 28 to 31 days
  constexpr double kOffMax = 0.4;
  std::vector<double> apart;
  for (std::size_t i = 1; i < clock.size(); ++i) apart.push_back(clock[i] - clock[i - 1]);
  std::vector<std::int64_t> out{0};
  if (apart.empty()) return out;
  std::vector<double> sorted = apart;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>((sorted.size() - 1) / 2);
  std::ranges::nth_element(sorted, middle);
  const double step = *middle;
  const auto steps_max = static_cast<double>(10 * clock.size() + 100);
  for (std::size_t i = 0; i < apart.size(); ++i) {
    const double steps = std::round(apart[i] / step);
    const double off = std::fabs(apart[i] / step - steps);
    if (!(steps >= 1) || off > std::min(kOff * steps, kOffMax)) {
      return fail_field("time",
                        "row {}: {} comes {:.3g} steps after {}; the method needs equal steps (a "
                        "step may be without a row)",
                        i + 2, series.label[i + 1], apart[i] / step, series.label[i]);
    }
    if (!(static_cast<double>(out.back()) + steps <= steps_max)) {
      return fail_field("time", "row {}: {} comes {:.3g} steps after {}: too many have no row",
                        i + 2, series.label[i + 1], apart[i] / step, series.label[i]);
    }
    out.push_back(out.back() + static_cast<std::int64_t>(steps));
  }
  return out;
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

/// Working days of the times, when all are on different ones and none on a weekend.
std::optional<std::vector<double>> working_days_of(const Series& series) {
  std::vector<double> out;
  for (const Instant t : series.time) {
    const std::int64_t since_monday = local_day(t, series.zone) + 3;  // 1970-01-01: a Thursday
    const std::int64_t weekday = (since_monday % 7 + 7) % 7;
    if (weekday > 4) return std::nullopt;
    out.push_back(static_cast<double>((since_monday - weekday) / 7 * 5 + weekday));
    if (out.size() > 1 && !(out.back() > out[out.size() - 2])) return std::nullopt;
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
    const auto moment = parse_time(start, zone);
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
  if (auto numbers = number_column(table, "time", columns.time)) {
    out.number = std::move(*numbers);
  } else {
    ZHIYIN_TRY(out.time, time_column(table, "time", columns.time, out.zone));
    for (const Instant t : out.time) out.number.push_back(hours_of(t));
  }
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
