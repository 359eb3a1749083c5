#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/warehouse.h"

/// What every warehouse adapter checks before a row leaves the program. Pure.
namespace zhiyin::storage::detail {

/// Lower-case letters, digits and `_`, 1 to 63 bytes.
bool is_table_name(std::string_view name);
/// kInvalidArgument naming table and column.
Result<void> check_table(const Table& table);
/// Number of cells, their types, well-formed text. kInvalidArgument naming the column.
Result<void> check_row(const Table& table, const Row& row);
/// Of several rows with one key the last, in the order of first appearance; kInvalidArgument when a
/// part of a key is null.
Result<std::vector<const Row*>> last_rows(const Table& table, std::span<const Row> rows);

}  // namespace zhiyin::storage::detail
