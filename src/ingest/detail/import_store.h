#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/time.h"
#include "ingest/import.h"
#include "storage/state.h"

namespace zhiyin::ingest::detail {

/// What is known about earlier imports of the same file (same mapping, same account).
struct EarlierImports {
  bool finished_once = false;  ///< it was brought in completely before
  Instant finished_at;
  std::int64_t rows_done = 0;         ///< rows known to be synced, of the last interrupted run
  std::optional<Instant> started_at;  ///< of the first run: what rows without time are dated by
  bool ids_may_repeat = false;        ///< this or another file made ids in the same space before
};

/// `fingerprint` names file, mapping and account; `id_space` what made ids depend on beside the
/// rows.
Result<EarlierImports> find_earlier(storage::State& state, std::string_view fingerprint,
                                    std::string_view id_space);

/// A run as it begins.
struct NewRun {
  RunId run;
  std::string fingerprint;
  std::string id_space;
  std::string account;
  std::string file;
  std::int64_t rows_done = 0;
};
/// Notes that a run begins. kConflict when the run is known already under another fingerprint.
Result<void> begin_run(storage::State& state, const NewRun& run, Instant now);
/// Every row up to `rows_done` is synced.
Result<void> save_rows_done(storage::State& state, const RunId& run, std::int64_t rows_done,
                            Instant now);
Result<void> end_run(storage::State& state, const RunId& run, ImportState outcome,
                     std::int64_t rows_done, Instant now);

}  // namespace zhiyin::ingest::detail
