#pragma once

#include <cstddef>
#include <string>

namespace zhiyin::delivery::detail {

/// How many of `left` values the next statement takes that holds a list of them (`IN (?5, ?6 …)`,
/// rows of an INSERT), at most `max`: one of few numbers, so that the database finds its text
/// prepared. Requires left > 0.
std::size_t list_size(std::size_t left, std::size_t max = 512);

/// Parameters `first` and following, `n` of them.
std::string placeholders(std::size_t first, std::size_t n);

/// `(?1, ?2), (?3, ?4)`: rows of so many columns.
std::string rows_of_placeholders(std::size_t rows, std::size_t columns);

}  // namespace zhiyin::delivery::detail
