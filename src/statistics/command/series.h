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

  /// The first row at or after `start`, which is a number or a time as the series has; errors name
  /// `start`.
  [[nodiscard]] Result<std::size_t> place_of(std::string_view start) const;
};
struct SeriesColumns {
  std::string_view time;   ///< a column "time" may be absent: then rows are counted from 0
  std::string_view value;  ///< empty: times only
  std::string_view zone;
};
/// kInvalidArgument, naming row and column, also for times that do not rise.
Result<Series> read_series(const Table& table, const SeriesColumns& columns);

}  // namespace zhiyin::statistics
