#include "server/analysis_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "base/file.h"
#include "base/utf8.h"
#include "server/text_analysis.h"
#include "server/text_rows.h"

namespace zhiyin::server {
namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

constexpr std::size_t kFaultsShown = 20;
constexpr auto kSaveEvery = std::chrono::seconds(2);
constexpr std::size_t kSmallFileMax = 1 << 20;
/// Of one result: the rest is refused.
constexpr std::int64_t kResultBytesMax = std::int64_t{8} << 30;

/// How far a file has come: what is in `checkpoint.json`.
struct Done {
  std::int64_t rows = 0, bytes = 0;  ///< read; of the result
  std::int64_t faulty = 0, failed = 0;
  bool done = false;
  Json faults = Json::array();
  Json versions = Json::object();
};

Json done_json(const Done& done) {
  return Json()
      .set("rows", done.rows)
      .set("bytes", done.bytes)
      .set("faulty", done.faulty)
      .set("failed", done.failed)
      .set("done", done.done)
      .set("faults", done.faults)
      .set("versions", done.versions);
}

Result<Done> read_done(const fs::path& folder) {
  const auto text = read_file(folder / "checkpoint.json", kSmallFileMax);
  if (!text && text.error().code == ErrorCode::kNotFound) return Done();
  if (!text) return std::unexpected(text.error());
  ZHIYIN_TRY(const Json json, parse_json(*text));
  Done out;
  out.rows = json["rows"].int_or(-1);
  out.bytes = json["bytes"].int_or(-1);
  out.faulty = json["faulty"].int_or(0);
  out.failed = json["failed"].int_or(0);
  out.done = json["done"].bool_or(false);
  if (json["faults"].if_array() != nullptr) out.faults = json["faults"];
  if (json["versions"].if_object() != nullptr) out.versions = json["versions"];
  if (out.rows < 0 || out.bytes < 0)
    return fail(ErrorCode::kDataLoss, "analysis of a file: its checkpoint is damaged");
  return out;
}

/// The result's file, at whose end is written.
class ResultFile {
 public:
  static Result<ResultFile> open(const fs::path& path, std::int64_t bytes) {
    ResultFile out;
    out.fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (out.fd_ < 0 || ::ftruncate(out.fd_, bytes) != 0 || ::lseek(out.fd_, 0, SEEK_END) != bytes)
      return out.failed("cannot be opened");
    return out;
  }
  ResultFile() = default;
  ResultFile(ResultFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ResultFile& operator=(ResultFile&&) = delete;
  ~ResultFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  Result<void> append(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return failed("cannot be written");
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
  }
  Result<void> sync() const {
    return ::fdatasync(fd_) == 0 ? Result<void>() : Result<void>(failed("cannot be synced"));
  }

 private:
  static std::unexpected<Error> failed(std::string_view what) {
    return fail(ErrorCode::kUnavailable, "result of an analysis: {}: {}", what,
                std::strerror(errno));
  }
  int fd_ = -1;
};

Json fault_json(std::string_view message, std::int64_t row) {
  return Json()
      .set("code", to_string(ErrorCode::kInvalidArgument))
      .set("message", message)
      .set("field", fmt::format("row {}", row));
}

/// Whether a classifier had no turn or no memory: the same texts may do later.
bool may_do_later(const Json& item) {
  for (const auto& [task, answer] : *item.if_object()) {
    const std::string_view code = answer["error"]["code"].string_or("");
    if (code == to_string(ErrorCode::kUnavailable) || code == to_string(ErrorCode::kLimitReached) ||
        code == to_string(ErrorCode::kDeadline))
      return true;
  }
  return false;
}

std::unexpected<Error> cancelled() {
  return fail(ErrorCode::kConflict, "analysis of a file: cancelled; what is done so far is kept");
}

/// Answers to these texts, tried again while the encoder is busy; `failed` counts texts that got no
/// answer of a classifier all the same.
Result<Json> answers_of(Language& language, const AnalyzeRequest& request, const RunContext& run,
                        std::int64_t& failed) {
  constexpr int kTries = 60;
  constexpr auto kPauseMax = std::chrono::milliseconds(2000);
  auto pause = std::chrono::milliseconds(50);
  for (int tried = 1;; ++tried) {
    ZHIYIN_TRY(Json found, analyze(language, request, "files"));
    const auto missing = std::ranges::count_if(*found["items"].if_array(), may_do_later);
    if (missing == 0 || tried == kTries) {
      failed = missing;
      return found;
    }
    for (auto left = pause; left.count() > 0; left -= std::chrono::milliseconds(50)) {
      if (run.cancelled()) return cancelled();
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    pause = std::min(2 * pause, kPauseMax);
  }
}

/// The lines of one portion of rows.
Result<std::string> lines_of(Language& language, const AnalysisFile& file,
                             std::span<const TextRow> rows, const RunContext& run, Done& done) {
  AnalyzeRequest request;
  if (!file.tasks.empty()) request.tasks = file.tasks;
  request.keywords = file.keywords;
  for (const TextRow& row : rows)
    if (row.fault.empty()) request.texts.push_back(row.text);
  Json found;
  if (!request.texts.empty()) {
    std::int64_t failed = 0;
    ZHIYIN_TRY(found, answers_of(language, request, run, failed));
    done.failed += failed;
    done.versions = found["versions"];
  }
  std::string out;
  std::size_t next = 0;
  for (const TextRow& row : rows) {
    Json line = Json().set("row", row.number);
    if (!file.id_column.empty()) line.set("id", row.id);
    if (row.fault.empty()) {
      for (const auto& [name, value] : *(*found["items"].if_array())[next++].if_object())
        line.set(name, value);
    } else {
      line.set("error", fault_json(row.fault, row.number));
      ++done.faulty;
      if (done.faults.if_array()->size() < kFaultsShown)
        done.faults.push(Json().set("row", row.number).set("message", row.fault));
    }
    out += line.dump();
    out += '\n';
  }
  done.rows += static_cast<std::int64_t>(rows.size());
  return out;
}

Json result_json(const AnalysisFile& file, const Done& done) {
  return Json()
      .set("name", file.name)
      .set("rows", done.rows)
      .set("faulty", done.faulty)
      .set("failed", done.failed)
      .set("faults", done.faults)
      .set("versions", done.versions)
      .set("bytes", done.bytes);
}

Result<AnalysisFile> read_settings(const fs::path& folder) {
  ZHIYIN_TRY(const std::string text, read_file(folder / "settings.json", kSmallFileMax));
  ZHIYIN_TRY(const Json json, parse_json(text));
  return from_json<AnalysisFile>(json);
}

bool is_run(const std::string& name) {
  return name.starts_with("r_") && name.size() < 64 &&
         std::ranges::all_of(
             name,
             [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
             });
}

std::vector<fs::path> folders_in(const fs::path& folder) {
  std::vector<fs::path> out;
  std::error_code ec;
  for (fs::directory_iterator at(folder, ec), end; !ec && at != end; at.increment(ec))
    if (is_run(at->path().filename().string())) out.push_back(at->path());
  std::ranges::sort(out, std::ranges::greater());  // ids ascend with time
  return out;
}

std::int64_t bytes_in(const fs::path& folder) {
  std::int64_t bytes = 0;
  std::error_code ec;
  for (fs::directory_iterator at(folder, ec), end; !ec && at != end; at.increment(ec)) {
    std::error_code ignored;
    const auto size = fs::file_size(at->path(), ignored);
    if (!ignored) bytes += static_cast<std::int64_t>(size);
  }
  return bytes;
}

bool goes_on(const fs::path& folder) {
  std::error_code ec;
  return fs::exists(folder / "input", ec);
}

void remove_input(const fs::path& folder) {
  std::error_code ignored;
  fs::remove(folder / "input", ignored);
}

/// Ended, and so long ago that it goes.
bool is_old(const fs::path& folder) {
  std::error_code ec;
  const auto written = fs::last_write_time(folder, ec);
  return !ec && !goes_on(folder) &&
         fs::file_time_type::clock::now() - written > AnalysisFiles::kKept;
}

}  // namespace

Result<void> AnalysisFiles::check_room(std::size_t bytes) {
  std::int64_t there = static_cast<std::int64_t>(bytes);
  std::size_t files = 0;
  for (const fs::path& folder : folders_in(folder_)) {
    if (is_old(folder)) {
      std::error_code ignored;
      fs::remove_all(folder, ignored);
      continue;
    }
    there += bytes_in(folder);
    ++files;
  }
  if (files >= kFilesMax || there > kBytesMax)
    return fail(ErrorCode::kLimitReached,
                "analyses of files: {} with {} MiB are kept, at most {} and {} MiB; remove some",
                files, there >> 20, kFilesMax, kBytesMax >> 20);
  return {};
}

Result<RunId> AnalysisFiles::start(const AnalysisFile& file, std::string_view bytes) {
  if (bytes.empty()) return fail(ErrorCode::kInvalidArgument, "file: is empty");
  AnalyzeRequest trial;
  trial.texts = {"。"};
  if (!file.tasks.empty()) trial.tasks = file.tasks;
  ZHIYIN_TRY_VOID(analyze(language_, trial, "files"));
  const MutexLock lock(mutex_);
  ZHIYIN_TRY_VOID(check_room(bytes.size()));
  const RunId id = Runs::new_id();
  const fs::path folder = folder_ / id.value;
  std::error_code ec;
  fs::create_directories(folder, ec);
  fs::permissions(folder, fs::perms::owner_all, ec);
  const auto stored = [&]() -> Result<void> {
    ZHIYIN_TRY_VOID(write_file(folder / "settings.json", to_json(file).dump(), 0600));
    ZHIYIN_TRY_VOID(write_file(folder / "input", bytes, 0600));
    ZHIYIN_TRY_VOID(TextRows::open(folder / "input", file.name, file.column, file.id_column));
    return runs_.start_resumable(id, "analyze file", file.name,
                                 [this, folder](RunContext& run) { return work(folder, run); });
  }();
  if (stored) return id;
  std::error_code ignored;
  fs::remove_all(folder, ignored);
  return std::unexpected(stored.error());
}

void AnalysisFiles::resume() {
  for (const fs::path& folder : folders_in(folder_)) {
    std::error_code ignored;
    if (is_old(folder)) fs::remove_all(folder, ignored);
    if (!goes_on(folder)) continue;
    const RunId id(folder.filename().string());
    const auto begun =
        runs_.resume(id, [this, folder](RunContext& run) { return work(folder, run); });
    if (begun) {
      logger_.info("server", "analysis_resumed", {{"run", id.value}});
      continue;
    }
    logger_.warning("server", "analysis_not_resumed",
                    {{"run", id.value}, {"reason", begun.error().text()}});
    // Stored, and killed before its run began; or cancelled meanwhile.
    if (begun.error().code == ErrorCode::kNotFound) fs::remove_all(folder, ignored);
    if (begun.error().code == ErrorCode::kConflict) remove_input(folder);
  }
}

Result<Json> AnalysisFiles::work(const fs::path& folder, RunContext& run) {
  AnalysisFile file;
  Done done;
  const auto all = [&]() -> Result<void> {
    ZHIYIN_TRY(file, read_settings(folder));
    ZHIYIN_TRY(done, read_done(folder));
    ZHIYIN_TRY(const auto rows,
               TextRows::open(folder / "input", file.name, file.column, file.id_column));
    for (std::int64_t left = done.rows; left > 0;) {
      if (run.cancelled()) return cancelled();
      ZHIYIN_TRY(const auto skipped, rows->next(static_cast<std::size_t>(std::min<std::int64_t>(
                                         left, static_cast<std::int64_t>(kRowsAtOnce)))));
      if (skipped.empty()) break;
      left -= static_cast<std::int64_t>(skipped.size());
    }
    ZHIYIN_TRY(const auto out, ResultFile::open(folder / "result.jsonl", done.bytes));
    const auto save = [&]() -> Result<void> {
      ZHIYIN_TRY_VOID(out.sync());
      return write_file(folder / "checkpoint.json", done_json(done).dump(), 0600);
    };
    auto saved_at = steady_clock::now();
    for (;;) {
      if (run.cancelled()) return cancelled();
      ZHIYIN_TRY(const auto portion, rows->next(kRowsAtOnce));
      if (portion.empty()) break;
      Done next = done;  // of a portion that was cut off nothing counts
      ZHIYIN_TRY(const std::string lines, lines_of(language_, file, portion, run, next));
      ZHIYIN_TRY_VOID(out.append(lines));
      done = std::move(next);
      done.bytes += static_cast<std::int64_t>(lines.size());
      if (done.bytes > kResultBytesMax)
        return fail(ErrorCode::kLimitReached, "result of an analysis: is over {} MiB",
                    kResultBytesMax >> 20);
      constexpr double kNearlyAll = 0.99;
      run.report(rows->share() * kNearlyAll,
                 fmt::format("{0} 行，其中 {1} 行有误 / {0} rows, {1} of them with faults",
                             done.rows, done.faulty));
      if (steady_clock::now() - saved_at < kSaveEvery) continue;
      ZHIYIN_TRY_VOID(save());
      saved_at = steady_clock::now();
    }
    done.done = true;
    return save();
  }();
  // What a stop of the server cuts off goes on with the next one.
  if (!all && run.stopping()) return std::unexpected(all.error());
  if (!all) (void)write_file(folder / "checkpoint.json", done_json(done).dump(), 0600);
  remove_input(folder);
  if (all) return result_json(file, done);
  run.keep(result_json(file, done));
  return std::unexpected(all.error());
}

Result<Json> AnalysisFiles::list() const {
  Json items = Json::array();
  for (const fs::path& folder : folders_in(folder_)) {
    const auto file = read_settings(folder);
    const auto done = read_done(folder);
    if (!file || !done) continue;
    items.push(Json()
                   .set("run", folder.filename().string())
                   .set("name", file->name)
                   .set("rows", done->rows)
                   .set("faulty", done->faulty)
                   .set("failed", done->failed)
                   .set("done", done->done)
                   .set("running", goes_on(folder))
                   .set("bytes", done->bytes));
  }
  return Json().set("items", std::move(items)).set("next", Json());
}

Result<fs::path> AnalysisFiles::ended(const RunId& run) const {
  std::error_code ec;
  const fs::path folder = folder_ / run.value;
  if (!is_run(run.value) || !fs::exists(folder / "settings.json", ec))
    return fail(ErrorCode::kNotFound, "analysis of a file: there is no '{}'",
                run.value.substr(0, 80));
  if (!goes_on(folder)) return folder;
  const auto known = runs_.get(run);
  if (!known || (*known)["state"].string_or("") == "running")
    return fail(ErrorCode::kConflict, "analysis of a file: '{}' goes on; wait for it or cancel it",
                run.value);
  remove_input(folder);  // cancelled before it began
  return folder;
}

Result<fs::path> AnalysisFiles::result(const RunId& run) const {
  ZHIYIN_TRY(const fs::path folder, ended(run));
  return folder / "result.jsonl";
}

Result<void> AnalysisFiles::remove(const RunId& run) {
  ZHIYIN_TRY(const fs::path folder, ended(run));
  std::error_code ec;
  fs::remove_all(folder, ec);
  if (ec)
    return fail(ErrorCode::kUnavailable, "analysis of a file: cannot be removed: {}", ec.message());
  return {};
}

}  // namespace zhiyin::server
