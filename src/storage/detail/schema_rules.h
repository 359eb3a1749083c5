#pragma once

#include <set>
#include <string>

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

}  // namespace zhiyin::storage::detail
