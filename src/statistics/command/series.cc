#include "statistics/command/series.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace zhiyin::statistics {
namespace {

double hours_of(Instant t) { return static_cast<double>(t.us) / 3.6e9; }

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

}  // namespace zhiyin::statistics
