#pragma once

#include <algorithm>
#include <cstdlib>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/crypto.h"
#include "storage/state.h"

/// What every adapter of the state does with the record of applied migrations.
namespace zhiyin::storage::detail {

inline std::string checksum_of(const Migration& migration) {
  return crypto::hex(crypto::sha256(migration.sql));
}

/// `applied`: name, checksum. kUnsupported when one is not among `known`.
inline Result<void> check_known(const Rows& applied, const std::set<std::string>& known) {
  for (const Row& row : applied.rows) {
    if (known.contains(std::string(as_text(row[0])))) continue;
    return fail(ErrorCode::kUnsupported, "state: schema {} is from a newer version of this program",
                as_text(row[0]));
  }
  return {};
}

/// `applied`: name, checksum. kDataLoss when the migration is not what it was when it was applied.
inline Result<bool> is_applied(const Migration& migration, const Rows& applied) {
  for (const Row& row : applied.rows) {
    if (as_text(row[0]) != migration.name) continue;
    if (as_text(row[1]) == checksum_of(migration)) return true;
    return fail(ErrorCode::kDataLoss, "state: schema {} was changed after it was applied",
                migration.name);
  }
  return false;
}

/// `columns`: table, column, place in the primary key (1, 2, …; 0: none), in the order of tables
/// and columns.
inline std::vector<StateTable> tables_of(const Rows& columns) {
  static const std::set<std::string, std::less<>> own = {
      "schema_migration", "state_identity", "write_turn", "projection_turn", "write_mark"};
  std::vector<StateTable> tables;
  std::vector<std::pair<std::int64_t, std::string>> key;
  const auto finish = [&] {
    std::ranges::sort(key);
    for (auto& [place, column] : key) tables.back().key.push_back(std::move(column));
    key.clear();
  };
  for (const Row& row : columns.rows) {
    const std::string_view table = as_text(row[0]);
    if (own.contains(table)) continue;
    if (tables.empty() || tables.back().name != table) {
      if (!tables.empty()) finish();
      tables.push_back({std::string(table), {}, {}});
    }
    tables.back().columns.emplace_back(as_text(row[1]));
    const auto* text = std::get_if<std::string>(&row[2]);
    const std::int64_t place =
        text != nullptr ? std::strtoll(text->c_str(), nullptr, 10) : as_int(row[2]);
    if (place > 0) key.emplace_back(place, std::string(as_text(row[1])));
  }
  if (!tables.empty()) finish();
  std::ranges::sort(tables, {}, &StateTable::name);
  return tables;
}

}  // namespace zhiyin::storage::detail
