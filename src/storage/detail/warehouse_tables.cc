#include "storage/detail/warehouse_tables.h"

#include <algorithm>
#include <unordered_map>

#include "base/utf8.h"

namespace zhiyin::storage::detail {
namespace {

constexpr std::size_t kNameBytesMax = 63;

std::vector<std::size_t> key_columns(const Table& table) {
  std::vector<std::size_t> indexes;
  for (const std::string_view key : table.key) {
    const auto at = std::ranges::find(table.columns, key, &TableColumn::name);
    indexes.push_back(static_cast<std::size_t>(at - table.columns.begin()));
  }
  return indexes;
}

/// The key of a row as one string; kInvalidArgument when a part of it is null.
Result<std::string> key_of(const Table& table, const std::vector<std::size_t>& columns,
                           const Row& row) {
  std::string key;
  for (const std::size_t column : columns) {
    if (column >= row.size() || is_null(row[column])) {
      return fail(ErrorCode::kInvalidArgument, "warehouse: key {}.{} is null", table.name,
                  table.columns[column].name);
    }
    const Value& cell = row[column];
    const std::string part =
        std::holds_alternative<std::int64_t>(cell) || std::holds_alternative<double>(cell)
            ? fmt::format("{}", as_real(cell)) + fmt::format("/{}", as_int(cell))
            : std::string(as_text(cell));
    key += fmt::format("{}:", part.size());
    key += part;
  }
  return key;
}

std::string_view type_name(ColumnType type) {
  switch (type) {
    case ColumnType::kInt:
      return "an integer";
    case ColumnType::kReal:
      return "a number";
    case ColumnType::kText:
      return "text";
  }
  return "nothing";
}

bool fits(ColumnType type, const Value& cell) {
  if (is_null(cell)) return true;
  switch (type) {
    case ColumnType::kInt:
      return std::holds_alternative<std::int64_t>(cell);
    case ColumnType::kReal:
      return std::holds_alternative<double>(cell) || std::holds_alternative<std::int64_t>(cell);
    case ColumnType::kText:
      return std::holds_alternative<std::string>(cell);
  }
  return false;
}

}  // namespace

bool is_table_name(std::string_view name) {
  const auto ok = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !name.empty() && name.size() <= kNameBytesMax && std::ranges::all_of(name, ok);
}

Result<void> check_table(const Table& table) {
  if (!is_table_name(table.name) || table.columns.empty()) {
    return fail(ErrorCode::kInvalidArgument, "warehouse: table {} has no name or no columns",
                table.name);
  }
  const auto has_column = [&](std::string_view name) {
    return std::ranges::any_of(table.columns, [&](const auto& c) { return c.name == name; });
  };
  for (const TableColumn& column : table.columns) {
    if (is_table_name(column.name)) continue;
    return fail(ErrorCode::kInvalidArgument, "warehouse: {} is no column name", column.name);
  }
  for (const std::string_view key : table.key) {
    if (has_column(key)) continue;
    return fail(ErrorCode::kInvalidArgument, "warehouse: {} has no key column {}", table.name, key);
  }
  return {};
}

Result<void> check_row(const Table& table, const Row& row) {
  if (row.size() != table.columns.size()) {
    return fail(ErrorCode::kInvalidArgument, "warehouse: {} has {} columns, a row has {} cells",
                table.name, table.columns.size(), row.size());
  }
  for (std::size_t c = 0; c < row.size(); ++c) {
    const TableColumn& column = table.columns[c];
    if (!fits(column.type, row[c])) {
      return fail(ErrorCode::kInvalidArgument, "warehouse: {}.{} must be {}", table.name,
                  column.name, type_name(column.type));
    }
    if (const auto* text = std::get_if<std::string>(&row[c]);
        text != nullptr && !utf8::is_valid(*text)) {
      return fail(ErrorCode::kInvalidArgument, "warehouse: {}.{} is no UTF-8", table.name,
                  column.name);
    }
  }
  return {};
}

/// Of several rows with one key the last.
Result<std::vector<const Row*>> last_rows(const Table& table, std::span<const Row> rows) {
  const std::vector<std::size_t> columns = key_columns(table);
  std::unordered_map<std::string, std::size_t> place;
  std::vector<const Row*> last;
  for (const Row& row : rows) {
    ZHIYIN_TRY(std::string key, key_of(table, columns, row));
    const auto [known, is_new] = place.try_emplace(std::move(key), last.size());
    if (is_new) {
      last.push_back(&row);
    } else {
      last[known->second] = &row;
    }
  }
  return last;
}

}  // namespace zhiyin::storage::detail
