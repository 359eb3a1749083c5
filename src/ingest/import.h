#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "ingest/intake.h"
#include "ingest/mapping.h"
#include "ingest/quality_report.h"
#include "storage/state.h"

namespace zhiyin::ingest {

/// A catalogue item as a row describes it.
struct ImportedItem {
  ItemRef ref;
  std::string title;
  std::string text;
  std::vector<std::string> tags;
  std::string category;
  std::string author;
  std::string url;
  std::optional<Fen> price;
  std::optional<Instant> published_at;
  std::string cover;
  std::string campaign;
  std::optional<std::int64_t> stock;  ///< pieces left
  std::optional<Instant> valid_from;
  std::optional<Instant> valid_until;
};

struct ImportRequest {
  std::filesystem::path path;
  std::string file_name;  ///< what the format is guessed from and reports show; empty: of `path`
  std::optional<Mapping> mapping;  ///< absent: detected from the header
  std::string account;             ///< overrides the mapping's
  std::string encoding;            ///< overrides the mapping's
  bool rows_are_people = false;    ///< without a mapping: no column says whose rows these are, each
                                   ///< is a person (detect_mapping)
  RunId run;  ///< empty: one is made; reports and the events' source `import:RUN` carry it
};

struct ImportProgress {
  std::int64_t bytes_done = 0;
  std::int64_t bytes_total = 0;
  std::int64_t rows = 0;
  std::int64_t events = 0;
};

/// What an import works with. All references must outlive the call.
struct ImportContext {
  Intake& intake;
  storage::State& state;
  const Clock& clock;
  /// Where items go; empty: a mapping with items is refused. Must be repeatable.
  std::function<Result<void>(std::vector<ImportedItem>)> put_items = {};
  /// What is wrong with an item, with its field: its row is a bad one, and it is not put. Empty:
  /// nothing is. Pure.
  std::function<Result<void>(const ImportedItem&)> check_item = {};
  /// Called about twice a second and at the end, on the caller's thread.
  std::function<void(const ImportProgress&)> progress = {};
  /// Asked between blocks; true stops after what is under way is synced, so the import can be
  /// resumed.
  std::function<bool()> cancelled = {};
  /// Called before a file is read whose ids may be known already: brings the event pipeline up to
  /// date. Its error ends the import.
  std::function<Result<void>()> settle = {};
};

enum class ImportState { kRunning, kDone, kCancelled, kFailed };

/// Why an import did not come to its end.
struct ImportFailure {
  std::string code;  ///< to_string of the ErrorCode
  std::string message;
};

/// Its code as an error code; kInternal for a name that is none.
ErrorCode code_of(const ImportFailure& failure);

struct ImportReport {
  RunId run;
  ImportState state = ImportState::kDone;
  std::optional<ImportFailure> error;  ///< of kFailed
  std::string account;
  std::int64_t resumed_from_row =
      0;  ///< rows that an earlier, interrupted run of the same file had brought in
  double seconds = 0;
  std::optional<std::int64_t> behind;  ///< records that portraits had not taken in yet when it
                                       ///< ended; set by callers who know
  QualityReport quality;
};

/// Imports a file: reads, maps, appends, until every event is synced. Rows that equal rows of
/// earlier imports (same mapping name, account and header) make only duplicates, so that a file may
/// come again, grown or sorted anew; after an interruption it goes on behind the last row known to
/// be synced. Blocks; one call per file at a time (kConflict otherwise is up to the caller). Bad
/// rows are reported and never stop the rest. What ends it half way once rows were read (a damaged
/// file, a full disk) is in the report, with kFailed; what was synced until then stays.
Result<ImportReport> run_import(const ImportRequest& request, ImportContext context);

std::span<const storage::Migration> import_migrations();

}  // namespace zhiyin::ingest

namespace zhiyin {
template <>
struct EnumNames<ingest::ImportState> {
  static constexpr std::pair<ingest::ImportState, std::string_view> list[] = {
      {ingest::ImportState::kRunning, "running"},
      {ingest::ImportState::kDone, "done"},
      {ingest::ImportState::kCancelled, "cancelled"},
      {ingest::ImportState::kFailed, "failed"}};
};
template <>
struct Fields<ingest::ImportFailure> {
  using F = ingest::ImportFailure;
  static constexpr std::string_view name = "ImportFailure";
  static constexpr auto list = field_list(field("code", &F::code, "kind of error"),
                                          field("message", &F::message, "what was wrong"));
};
template <>
struct Fields<ingest::ImportReport> {
  using R = ingest::ImportReport;
  static constexpr std::string_view name = "ImportReport";
  static constexpr auto list =
      field_list(field("run", &R::run, "id of the run"), field("state", &R::state, "how it ended"),
                 field("error", &R::error, "why it failed"),
                 field("account", &R::account, "whose events they are"),
                 field("resumed_from_row", &R::resumed_from_row,
                       "rows that an interrupted run had brought in"),
                 field("seconds", &R::seconds, "it took"),
                 field("behind", &R::behind, "records that portraits had not taken in yet"),
                 field("quality", &R::quality, "data-quality report"));
};
}  // namespace zhiyin
