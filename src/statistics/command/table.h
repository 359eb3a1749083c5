#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_binding.h"
#include "base/time.h"

namespace zhiyin::statistics {

/// A file of rows as the commands get it: texts with named columns, every row as long as the
/// header.
struct Table {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;

  [[nodiscard]] std::size_t size() const { return rows.size(); }
  [[nodiscard]] bool has(std::string_view column) const;
  /// kInvalidArgument naming `flag` and the columns there are; also when two have that name.
  [[nodiscard]] Result<std::size_t> place(std::string_view flag, std::string_view column) const;
};

/// A column read as numbers. Empty cells: NaN with `gaps`, else kInvalidArgument. Errors name
/// column and row (1: the first below the header).
Result<std::vector<double>> number_column(const Table& table, std::string_view flag,
                                          std::string_view column, bool gaps = false);
/// 0/1 (also true/false, yes/no).
Result<std::vector<std::uint8_t>> binary_column(const Table& table, std::string_view flag,
                                                std::string_view column);
/// Moments, by `parse_time`; a time without zone is in `zone`.
Result<std::vector<Instant>> time_column(const Table& table, std::string_view flag,
                                         std::string_view column, const TimeZone& zone);
/// Values as numbers in the order of first appearance, with their names.
struct Categories {
  std::vector<std::uint32_t> of_row;
  std::vector<std::string> names;
};
Result<Categories> category_column(const Table& table, std::string_view flag,
                                   std::string_view column);

/// The same of people, who have a name: kInvalidArgument, naming column and row, for an empty cell.
Result<Categories> person_column(const Table& table, std::string_view flag,
                                 std::string_view column);

/// The rows of two groups that are compared.
struct TwoGroups {
  std::vector<std::size_t> rows;  ///< of the table
  std::vector<std::uint8_t> treated;
};
/// By a 0/1 column, or by the two of its values that mean treated and not (both or none; rows with
/// other values are left out). Errors name the settings "treatment", "treated" and "control".
Result<TwoGroups> two_groups(const Table& table, std::string_view column,
                             const std::optional<std::string>& treated,
                             const std::optional<std::string>& control);

/// The first of `names` that the table has; the first of all when it has none (so that errors name
/// it).
std::string_view first_present(const Table& table, std::initializer_list<std::string_view> names);

}  // namespace zhiyin::statistics
