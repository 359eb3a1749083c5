#pragma once

#include <functional>
#include <optional>
#include <string>

#include "server/services.h"
#include "storage/gate.h"

namespace zhiyin::server {

/// Empty stores, or those into which an earlier move of the same installation was cut off.
struct MoveTarget {
  storage::EventLog& log;  ///< without a base for its offsets
  storage::State& state;   ///< with all tables
  storage::State* keys;    ///< adopted by `state`; null where they are among its tables
  storage::Warehouse& warehouse;
  std::string text;         ///< for people: where it is
  std::string source_text;  ///< and from where
  /// What is outside the stores and has to be there before the installation may be started from the
  /// target.
  std::function<Result<void>()> before_release;
};

/// Told what is being done; false stops.
using MoveProgress = std::function<bool(std::optional<double> share, const std::string& detail)>;

/// True for a state without a row in any table that a move copies.
Result<bool> is_empty(storage::State& state);

/// Copies the installation into the target while it goes on; then closes it for a moment, copies
/// what is left, compares everything, and ends it here: from then on only the target may be
/// started. After an error before that nothing has changed here, and the next attempt goes on where
/// this one stopped. kConflict when the target holds something else; kDataLoss when the copy is not
/// what was copied. `dry_run` only looks.
Result<Json> move_installation(Services& services, const MoveTarget& target, bool dry_run,
                               const MoveProgress& progress);

}  // namespace zhiyin::server
