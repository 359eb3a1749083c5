#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json_binding.h"
#include "base/log.h"
#include "server/language.h"
#include "server/runs.h"

namespace zhiyin::server {

/// What is asked about a file of texts.
struct AnalysisFile {
  std::string name;                ///< as the caller named it; its ending says what it is
  std::string column = "text";     ///< of a table: the texts
  std::string id_column;           ///< of a table: what the answers bear beside the row's number
  std::vector<std::string> tasks;  ///< as of AnalyzeRequest; none: the usual ones
  std::int64_t keywords = 10;
};

/// Analyses of whole files, as runs: progress, cancel, a result of one JSON line for each row,
/// faults of single rows in their place. A run that a stop or a kill cut off goes on behind the
/// last checkpoint when the server is there again. Files lie below one folder, which is this
/// process's own: `RUN/input` until the run ends, `RUN/result.jsonl` until it is removed, or kKept
/// behind the end. Thread-safe; the runs must end before this.
///
/// A file whose name ends in .csv, .tsv, .jsonl or .parquet (.gz, .zst) is a table, any other one
/// text a line.
class AnalysisFiles {
 public:
  static constexpr std::size_t kFilesMax = 100;
  static constexpr std::int64_t kBytesMax = std::int64_t{16} << 30;  ///< of all files here
  static constexpr Duration kKept = 7 * kDay;
  static constexpr std::size_t kRowsAtOnce = 256;

  /// All must outlive this.
  AnalysisFiles(std::filesystem::path folder, Language& language, Runs& runs, Logger& logger)
      : folder_(std::move(folder)), language_(language), runs_(runs), logger_(logger) {}

  /// Stores the file and starts. kInvalidArgument naming `column`, `id` or `name`, kNotFound naming
  /// `tasks[i]`, kLimitReached above kFilesMax or kBytesMax.
  Result<RunId> start(const AnalysisFile& file, std::string_view bytes);
  /// Goes on with what an earlier process left, and removes what is older than kKept. Once, before
  /// requests are served.
  void resume();

  /// {"items":[{"run","name","rows","faulty","failed","done","bytes"}],"next":null}, newest first.
  /// `faulty`: rows that could not be read or are no text; `failed`: rows whose classifier could
  /// not answer.
  Result<Json> list() const;
  /// The lines that are there; kNotFound; kConflict while the run goes on.
  Result<std::filesystem::path> result(const RunId& run) const;
  /// kNotFound; kConflict while the run goes on.
  Result<void> remove(const RunId& run);

 private:
  Result<Json> work(const std::filesystem::path& folder, RunContext& run);
  Result<std::filesystem::path> ended(const RunId& run) const;
  Result<void> check_room(std::size_t bytes);

  const std::filesystem::path folder_;
  Language& language_;
  Runs& runs_;
  Logger& logger_;
  Mutex mutex_;  // one file is stored at a time
};

}  // namespace zhiyin::server

namespace zhiyin {
template <>
struct Fields<server::AnalysisFile> {
  using F = server::AnalysisFile;
  [[maybe_unused]] static constexpr std::string_view name = "AnalysisFile";
  static constexpr auto list = field_list(
      field("name", &F::name, "of the file").length(1, 200),
      field("column", &F::column, "of a table: the texts").length(1, 200).optional(),
      field("id", &F::id_column, "of a table: what the answers bear").length(0, 200).optional(),
      field("tasks", &F::tasks, "as of an analysis").length(0, 32).optional(),
      field("keywords", &F::keywords, "most of a text").range(1, 100).optional());
};
}  // namespace zhiyin
