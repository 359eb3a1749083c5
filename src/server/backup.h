#pragma once

#include <filesystem>
#include <string>

#include "server/runs.h"
#include "server/services.h"
#include "storage/backup_store.h"

namespace zhiyin::server {

/// What `zhiyin backup` does.
struct BackupJob {
  std::filesystem::path folder;       ///< the backup folder; made when it is not there
  std::filesystem::path config_file;  ///< settings to go with it; may be missing
  std::size_t keep = 0;  ///< older backups beyond so many are removed afterwards; 0: keep all
  bool with_key = true;  ///< with `secret.key`, without which what is sealed cannot be read
  std::string note;
};

/// Copies the stores of a running embedded installation so that they fit together: warehouse and
/// state while the warehouse writer stands still, then the log, which so holds everything that
/// state has dealt with. Intake and sending go on. The copies lie in the backup folder until they
/// are stored, so it needs room for them. kUnsupported on a cluster.
Result<Json> make_backup(Services& services, const BackupJob& job, RunContext& run);

/// {"id","created_at","program","note","bytes","new_bytes","files":[{"name","bytes"}]}.
Json backup_json(const storage::BackupManifest& manifest);

/// Writes a backup below `target` (which must not hold an installation, but may hold what an
/// earlier attempt left), and pauses the campaigns that were running when it was made: what they
/// sent since is not in it. What lies there cannot be started before `finish_restore`. Returns
/// backup_json with "paused": the campaigns.
Result<Json> restore_backup(const std::filesystem::path& folder, std::string_view id,
                            const std::filesystem::path& target,
                            const storage::BackupStore::Progress& progress);
/// The last step, once all that belongs to a restore is done.
Result<void> finish_restore(const std::filesystem::path& target);
/// kUnsupported, saying what to do, when a restore into this data folder was cut off.
Result<void> check_restored(const std::filesystem::path& data_dir);

}  // namespace zhiyin::server
