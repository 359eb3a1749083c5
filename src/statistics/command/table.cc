#include "statistics/command/table.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "base/utf8.h"
#include "statistics/limits.h"

namespace zhiyin::statistics {
namespace {

std::unexpected<Error> bad_cell(std::string_view column, std::size_t row, std::string_view cell,
                                std::string_view expected) {
  return fail_field(column, "row {}: '{}' is not {}", row + 1, utf8::truncate(cell, 40), expected);
}

}  // namespace

bool Table::has(std::string_view column) const {
  return std::ranges::find(columns, column) != columns.end();
}

Result<std::size_t> Table::place(std::string_view flag, std::string_view column) const {
  const auto found = std::ranges::find(columns, column);
  if (std::find(found == columns.end() ? found : found + 1, columns.end(), column) !=
      columns.end()) {
    return fail_field(flag, "there are two columns '{}'", column);
  }
  if (found != columns.end()) return static_cast<std::size_t>(found - columns.begin());
  std::string known;
  for (const std::string& c : columns) known += (known.empty() ? "" : ", ") + c;
  return fail_field(flag, "there is no column '{}'; there are: {}", column, known);
}

Result<std::vector<double>> number_column(const Table& table, std::string_view flag,
                                          std::string_view column, bool gaps) {
  ZHIYIN_TRY(const std::size_t at, table.place(flag, column));
  std::vector<double> out;
  out.reserve(table.size());
  for (std::size_t r = 0; r < table.size(); ++r) {
    std::string_view cell = table.rows[r][at];
    while (cell.starts_with(' ')) cell.remove_prefix(1);
    while (cell.ends_with(' ')) cell.remove_suffix(1);
    if (cell.empty() && gaps) {
      out.push_back(std::numeric_limits<double>::quiet_NaN());
      continue;
    }
    double value = 0;
    const auto [end, ec] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
    if (ec != std::errc() || end != cell.data() + cell.size() || !std::isfinite(value)) {
      return bad_cell(column, r, cell, "a finite number");
    }
    if (!is_usable(value)) {
      return bad_cell(column, r, cell, fmt::format("a number up to {}", kValueMax));
    }
    out.push_back(value);
  }
  return out;
}

Result<std::vector<std::uint8_t>> binary_column(const Table& table, std::string_view flag,
                                                std::string_view column) {
  ZHIYIN_TRY(const std::size_t at, table.place(flag, column));
  std::vector<std::uint8_t> out;
  out.reserve(table.size());
  for (std::size_t r = 0; r < table.size(); ++r) {
    const std::string& cell = table.rows[r][at];
    const bool yes = cell == "1" || cell == "true" || cell == "yes" || cell == "1.0";
    const bool no = cell == "0" || cell == "false" || cell == "no" || cell == "0.0";
    if (!yes && !no) return bad_cell(column, r, cell, "0 or 1");
    out.push_back(yes ? 1 : 0);
  }
  return out;
}

Result<std::vector<Instant>> time_column(const Table& table, std::string_view flag,
                                         std::string_view column, const TimeZone& zone) {
  ZHIYIN_TRY(const std::size_t at, table.place(flag, column));
  std::vector<Instant> out;
  out.reserve(table.size());
  for (std::size_t r = 0; r < table.size(); ++r) {
    const auto time = parse_time(table.rows[r][at], zone);
    if (!time) return bad_cell(column, r, table.rows[r][at], "a time");
    out.push_back(*time);
  }
  return out;
}

Result<Categories> category_column(const Table& table, std::string_view flag,
                                   std::string_view column) {
  ZHIYIN_TRY(const std::size_t at, table.place(flag, column));
  Categories out;
  std::unordered_map<std::string_view, std::uint32_t> known;
  for (const auto& row : table.rows) {
    const auto [found, is_new] =
        known.emplace(row[at], static_cast<std::uint32_t>(out.names.size()));
    if (is_new) out.names.push_back(row[at]);
    out.of_row.push_back(found->second);
  }
  return out;
}

Result<Categories> person_column(const Table& table, std::string_view flag,
                                 std::string_view column) {
  ZHIYIN_TRY(const std::size_t at, table.place(flag, column));
  for (std::size_t r = 0; r < table.size(); ++r) {
    if (table.rows[r][at].find_first_not_of(" \t") != std::string::npos) continue;
    return fail_field(column, "row {}: is empty: nobody can be told from others without a name",
                      r + 1);
  }
  return category_column(table, flag, column);
}

Result<TwoGroups> two_groups(const Table& table, std::string_view column,
                             const std::optional<std::string>& treated,
                             const std::optional<std::string>& control) {
  TwoGroups out;
  if (!treated && !control) {
    ZHIYIN_TRY(out.treated, binary_column(table, "treatment", column));
    for (std::size_t r = 0; r < table.size(); ++r) out.rows.push_back(r);
    return out;
  }
  if (!treated || !control) {
    return fail_field(treated ? "control" : "treated", "is missing: both values or none");
  }
  if (*treated == *control) return fail_field("control", "is '{}', as is treated", *control);
  ZHIYIN_TRY(const std::size_t at, table.place("treatment", column));
  for (std::size_t r = 0; r < table.size(); ++r) {
    const std::string& value = table.rows[r][at];
    if (value != *treated && value != *control) continue;
    out.rows.push_back(r);
    out.treated.push_back(value == *treated);
  }
  if (out.rows.empty()) return fail_field("treated", "no row has one of the two values");
  return out;
}

std::string_view first_present(const Table& table, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    if (table.has(name)) return name;
  }
  return *names.begin();
}

}  // namespace zhiyin::statistics
