#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "storage/state.h"

namespace zhiyin::storage {

/// How many of `left` values the next statement takes that holds a list of them (`IN (?5, ?6 …)`,
/// rows of an INSERT), at most `max`: one of few numbers, so that the database finds its text
/// prepared. Requires left > 0.
std::size_t list_size(std::size_t left, std::size_t max = 512);

/// Parameters `first` and following, `n` of them.
std::string placeholders(std::size_t first, std::size_t n);

/// `(?1, ?2), (?3, ?4)`: rows of so many columns.
std::string rows_of_placeholders(std::size_t rows, std::size_t columns);

/// Asks about many values in few statements. `sql` is a query in which `IN ({})` takes the list and
/// `?1` and following are `first`; `row` sees each row, in no order over the whole. A value that is
/// there twice is asked about once or twice: rows may come again.
Result<void> query_in_lists(Session& session, std::string_view sql, std::span<const Value> first,
                            std::span<const Value> list, const std::function<void(Row&)>& row);

}  // namespace zhiyin::storage
