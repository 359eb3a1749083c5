#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json_binding.h"
#include "base/time.h"

namespace zhiyin::storage {

/// A file of a backup: the hashes of its blocks, in order.
struct BackupFile {
  std::string name;  ///< relative path, `data/state.db`
  std::int64_t bytes = 0;
  std::vector<std::string> blocks;  ///< hex SHA-256 of kBackupBlockBytes each, the last one shorter
};

/// What a backup holds (docs/formats/backup.md). A pure value.
struct BackupManifest {
  std::int64_t format = 1;
  std::string id;       ///< sorts by time: `20260301T101500.123456Z-5f2c`
  Instant created_at;   ///< real time
  std::string program;  ///< version that made it
  std::string note;     ///< or empty
  std::vector<BackupFile> files;
  std::int64_t new_blocks = 0;  ///< that no earlier backup had
  std::int64_t new_bytes = 0;   ///< of those, as stored
  std::string digest;           ///< hex SHA-256 over names, sizes and blocks
};
inline constexpr std::size_t kBackupBlockBytes = 1 << 20;

/// Backups in a folder: blocks by their hash, each stored once however many backups hold it, and a
/// manifest per backup. A backup exists once its manifest does; what a crash leaves before that is
/// found and reused or cleaned by `prune`. One writer at a time (a lock file); readers need none.
class BackupStore {
 public:
  /// Creates the folder when `create`; kNotFound otherwise when it is no backup folder.
  static Result<BackupStore> open(const std::filesystem::path& folder, bool create);

  struct Source {
    std::string name;
    std::filesystem::path path;
  };
  /// Progress from 0 to 1; false cancels (kDeadline).
  using Progress = std::function<bool(double)>;
  /// Reads the files, stores blocks that are new, then the manifest. kUnavailable when the disk is
  /// full (nothing of an earlier backup is touched), kConflict while another backup is being
  /// written.
  Result<BackupManifest> add(const std::vector<Source>& sources, std::string note, Instant now,
                             const Progress& progress);

  /// Oldest first.
  [[nodiscard]] Result<std::vector<BackupManifest>> list() const;
  /// The newest when `id` is empty. kNotFound; kDataLoss when the manifest is damaged.
  [[nodiscard]] Result<BackupManifest> find(std::string_view id) const;
  /// Reads and checks every block. kDataLoss naming file and block.
  Result<void> verify(const BackupManifest& manifest, const Progress& progress) const;
  /// Writes the files below `target`, checking every block, each synced. kConflict when one exists.
  Result<void> extract(const BackupManifest& manifest, const std::filesystem::path& target,
                       const Progress& progress) const;
  /// Keeps the newest `keep` backups (at least 1), removes the others and every block that none of
  /// them holds. Returns how many backups were removed.
  Result<std::int64_t> prune(std::size_t keep);

 private:
  explicit BackupStore(std::filesystem::path folder) : folder_(std::move(folder)) {}
  [[nodiscard]] std::filesystem::path block_path(std::string_view hash) const;
  [[nodiscard]] Result<std::string> read_block(std::string_view hash) const;
  Result<BackupFile> add_file(const Source& source, BackupManifest& manifest,
                              const std::function<bool(std::int64_t)>& moved);
  std::filesystem::path folder_;
};

}  // namespace zhiyin::storage

template <>
struct zhiyin::Fields<zhiyin::storage::BackupFile> {
  using T = storage::BackupFile;
  static constexpr std::string_view name = "BackupFile";
  static constexpr auto list =
      field_list(field("name", &T::name, "relative path"), field("bytes", &T::bytes, "size"),
                 field("blocks", &T::blocks, "hashes of the blocks"));
};
template <>
struct zhiyin::Fields<zhiyin::storage::BackupManifest> {
  using T = storage::BackupManifest;
  static constexpr std::string_view name = "BackupManifest";
  static constexpr auto list = field_list(
      field("format", &T::format, "version of the format"), field("id", &T::id, "sorts by time"),
      field("created_at", &T::created_at, "when it was made"),
      field("program", &T::program, "by which version"), field("note", &T::note, "or empty"),
      field("files", &T::files, "what it holds"),
      field("new_blocks", &T::new_blocks, "that no earlier backup had"),
      field("new_bytes", &T::new_bytes, "of those, as stored"),
      field("digest", &T::digest, "hex SHA-256 over names, sizes and blocks"));
};
