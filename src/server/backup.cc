#include "server/backup.h"

#include "base/file.h"
#include "campaign/engine.h"
#include "storage/open.h"

namespace zhiyin::server {
namespace {

namespace fs = std::filesystem;

constexpr double kCopyingShare = 0.2;
constexpr std::string_view kUnfinished = "restore.unfinished";  // in the data folder

/// A folder for copies within the backup folder; removed with this value.
class Staging {
 public:
  explicit Staging(fs::path folder) : folder_(std::move(folder)) {}
  ~Staging() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;
  /// Also clears what a backup that was killed left behind.
  Result<void> create() {
    std::error_code error;
    fs::remove_all(folder_, error);
    fs::create_directories(folder_, error);
    if (error)
      return fail(ErrorCode::kUnavailable, "backup: cannot create {}: {}", folder_.string(),
                  error.message());
    return {};
  }
  [[nodiscard]] fs::path path(std::string_view name) const { return folder_ / name; }

 private:
  fs::path folder_;
};

Result<void> check_room(Services& s, const fs::path& folder) {
  std::uintmax_t needed = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(s.options.text("data_dir"), error)) {
    if (entry.is_regular_file(error)) needed += entry.file_size(error);
  }
  const auto space = fs::space(folder, error);
  if (!error && space.available < needed) {
    return fail(ErrorCode::kUnavailable, "backup: {} has {} MB free; the copies need up to {} MB",
                folder.string(), space.available >> 20, needed >> 20);
  }
  return {};
}

void add_when_there(std::vector<storage::BackupStore::Source>& sources, std::string name,
                    const fs::path& path) {
  std::error_code error;
  if (fs::is_regular_file(path, error)) sources.push_back({std::move(name), path});
}

/// Marks the folder, and clears what an earlier attempt left there.
Result<void> begin_restore(const storage::BackupManifest& manifest, const fs::path& target) {
  const fs::path data = target / "data";
  std::error_code error;
  if (fs::exists(data / kUnfinished, error)) {
    for (const storage::BackupFile& file : manifest.files) fs::remove(target / file.name, error);
    for (const auto& entry : fs::directory_iterator(data, error)) {
      if (entry.path().filename() != kUnfinished) fs::remove_all(entry.path(), error);
    }
  } else if (fs::exists(data, error) && !fs::is_empty(data, error)) {
    return fail(ErrorCode::kConflict,
                "restore: {} holds data already; restore into an empty folder", target.string());
  }
  fs::create_directories(data, error);
  return write_file(data / kUnfinished, manifest.id + "\n", 0600);
}

}  // namespace

Json backup_json(const storage::BackupManifest& manifest) {
  std::int64_t bytes = 0;
  Json files = Json::array();
  for (const storage::BackupFile& file : manifest.files) {
    bytes += file.bytes;
    files.push(Json().set("name", file.name).set("bytes", file.bytes));
  }
  return Json()
      .set("id", manifest.id)
      .set("created_at", to_json(manifest.created_at))
      .set("program", manifest.program)
      .set("note", manifest.note)
      .set("bytes", bytes)
      .set("new_bytes", manifest.new_bytes)
      .set("files", std::move(files));
}

Result<Json> make_backup(Services& s, const BackupJob& job, RunContext& run) {
  ZHIYIN_TRY(storage::BackupStore store, storage::BackupStore::open(job.folder, true));
  ZHIYIN_TRY_VOID(check_room(s, job.folder));
  Staging staging(job.folder / "staging");
  ZHIYIN_TRY_VOID(staging.create());
  run.report(0, "复制数据 / copying the stores");
  ZHIYIN_TRY_VOID(s.while_warehouse_stands([&]() -> Result<void> {
    ZHIYIN_TRY_VOID(s.warehouse.copy_to(staging.path("warehouse.duckdb")));
    return s.state.copy_to(staging.path("state.db"));
  }));
  // Behind state: every position that state knows lies in this copy of the log.
  ZHIYIN_TRY_VOID(s.log.copy_to(staging.path("log.db")));
  // Behind the log: whoever it names has a key in this copy, unless erased.
  if (s.keys != nullptr) ZHIYIN_TRY_VOID(s.keys->copy_to(staging.path("keys.db")));
  std::vector<storage::BackupStore::Source> sources;
  for (const char* name :
       {"state.db", "keys.db", "log.db", "warehouse.duckdb", "warehouse.duckdb.wal"}) {
    add_when_there(sources, std::string("data/") + name, staging.path(name));
  }
  if (job.with_key)
    add_when_there(sources, "data/secret.key", fs::path(s.options.text("data_dir")) / "secret.key");
  if (!job.config_file.empty()) add_when_there(sources, "zhiyin.toml", job.config_file);
  ZHIYIN_TRY(const storage::BackupManifest made,
             store.add(sources, job.note, SystemClock().now(), [&](double share) {
               run.report(kCopyingShare + (1 - kCopyingShare) * share,
                          "存储备份 / storing the backup");
               return !run.cancelled();
             }));
  Json out = backup_json(made);
  if (job.keep > 0) {
    ZHIYIN_TRY(const std::int64_t removed, store.prune(job.keep));
    out.set("removed", removed);
  }
  return out;
}

Result<Json> restore_backup(const fs::path& folder, std::string_view id, const fs::path& target,
                            const storage::BackupStore::Progress& progress) {
  ZHIYIN_TRY(const storage::BackupStore store, storage::BackupStore::open(folder, false));
  ZHIYIN_TRY(const storage::BackupManifest manifest, store.find(id));
  ZHIYIN_TRY_VOID(begin_restore(manifest, target));
  ZHIYIN_TRY_VOID(store.extract(manifest, target, progress));
  std::vector<CampaignId> paused;
  {
    ZHIYIN_TRY(const auto state,
               storage::open_state("sqlite:" + (target / "data/state.db").string(), null_logger()));
    ZHIYIN_TRY(paused,
               campaign::pause_all(
                   *state, fmt::format("restored from backup {}: what was sent since is not known",
                                       manifest.id)));
    // Copied while it was about to be moved: that ended with the process, and a state from before
    // such marks has none.
    (void)state->write([](storage::Session& db) -> Result<void> {
      ZHIYIN_TRY_VOID(db.execute("DELETE FROM move_mark WHERE role = 'moving'"));
      return {};
    });
  }
  return backup_json(manifest).set("paused", to_json(paused)).set("folder", target.string());
}

Result<void> finish_restore(const fs::path& target) {
  const fs::path mark = target / "data" / kUnfinished;
  ZHIYIN_TRY_VOID(write_file(mark, "", 0600));  // syncs the folder with all that is in it
  std::error_code error;
  fs::remove(mark, error);
  if (error)
    return fail(ErrorCode::kUnavailable, "restore: cannot remove {}: {}", mark.string(),
                error.message());
  return {};
}

Result<void> check_restored(const fs::path& data_dir) {
  std::error_code error;
  if (!fs::exists(data_dir / kUnfinished, error)) return {};
  return fail(ErrorCode::kUnsupported,
              "restore: a backup was being written into {} and is not complete; run zhiyin restore "
              "again with --into {}",
              data_dir.string(), data_dir.parent_path().string());
}

}  // namespace zhiyin::server
