#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "statistics/command/table.h"

/// A series as the commands read it. Pure, thread-safe.
namespace zhiyin::statistics {

struct Series {
  std::vector<std::string> label;        ///< of the time, as given
  std::vector<double> value;             ///< NaN: gap
  std::vector<Instant> time;             ///< empty when times are plain numbers
  std::vector<double> number;            ///< the times as numbers (hours for moments), rising
  TimeZone zone = TimeZone::shanghai();  ///< of times without one
  std::vector<std::size_t> row;  ///< of the table; kAbsent where a step has none. Empty: 0, 1, 2 …
  std::size_t steps_absent = 0;  ///< steps without a row, which `with_equal_steps` added
  bool rows_are_steps = false;   ///< as their times are not those of equal steps

  static constexpr std::size_t kAbsent = static_cast<std::size_t>(-1);
  [[nodiscard]] std::size_t row_of(std::size_t i) const { return row.empty() ? i : row[i]; }

  /// The first row at or after `start`, which is a number or a time as the series has; errors name
  /// `start`.
  [[nodiscard]] Result<std::size_t> place_of(std::string_view start) const;
};
struct SeriesColumns {
  std::string_view time;   ///< a column "time" may be absent: then rows are counted from 0
  std::string_view value;  ///< empty: times only
  std::string_view zone;
};
/// Columns of dates without dashes (20260131, 202601) are times, not numbers. kInvalidArgument,
/// naming row and column, also for times that do not rise.
Result<Series> read_series(const Table& table, const SeriesColumns& columns);

/// With a place for every step from the first time to the last: one that has no row is a gap
/// without a label. A step is the median difference of the times, up to a tenth of it, or what
/// clocks keep near to it (each row within 0.4 of a step of its own), or a half to a seventh of it;
/// of days with hardly a weekend the next working day, of one day of each month the next month.
/// kInvalidArgument, naming `time` and the row, where times are no multiple of a step apart, or
/// when steps without a row are far more than the rows.
Result<Series> with_equal_steps(Series series);

}  // namespace zhiyin::statistics
