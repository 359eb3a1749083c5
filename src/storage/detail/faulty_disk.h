#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/mutex.h"

namespace zhiyin::storage::detail {

/// For tests: a file layer of SQLite over the real one that can lose power, forgetting what was not
/// synced, and run full. Thread-safe. Must outlive every database opened with it.
class FaultyDisk {
 public:
  FaultyDisk();
  ~FaultyDisk();
  FaultyDisk(const FaultyDisk&) = delete;
  FaultyDisk& operator=(const FaultyDisk&) = delete;

  /// Name of the file layer, for `vfs` settings.
  [[nodiscard]] const std::string& name() const { return name_; }

  /// Writes, syncs, truncations and deletions so far.
  [[nodiscard]] std::int64_t operations() const;
  /// The power fails with the n-th operation from now on; from then on all of them fail.
  void lose_power_after(std::int64_t operations);
  /// After a power loss, with all databases closed: of what was written but not synced, each sector
  /// of 512 bytes survives or not, as a coin of `seed` says (0: none survives). Then all works
  /// again.
  void restart(std::uint64_t seed);

  /// The next sync reports an error; what was written stays as it is.
  void fail_next_sync();

  /// All files together cannot grow beyond this.
  void limit_bytes(std::int64_t bytes);

  /// Called by the file layer; results are SQLite's codes.
  struct File;
  static int open_file(struct FaultyVfs& vfs, const char* path, void* file, int flags, int* out);
  int write(File& file, const void* data, int size, std::int64_t offset);
  int truncate(File& file, std::int64_t size);
  int sync(File& file);
  int remove(const char* path, int sync_folder);

 private:
  struct Tracked;
  bool operation_fails() ZHIYIN_REQUIRES(mutex_);
  void remember(File& file, std::int64_t from, std::int64_t to) ZHIYIN_REQUIRES(mutex_);
  static void revert(const std::string& path, const Tracked& tracked, std::uint64_t seed);

  const std::string name_;
  std::unique_ptr<struct FaultyVfs> vfs_;
  mutable Mutex mutex_;
  std::map<std::string, Tracked> tracked_ ZHIYIN_GUARDED_BY(mutex_);
  std::int64_t operations_ ZHIYIN_GUARDED_BY(mutex_) = 0;
  std::int64_t power_until_ ZHIYIN_GUARDED_BY(mutex_);
  std::int64_t bytes_max_ ZHIYIN_GUARDED_BY(mutex_);
  bool next_sync_fails_ ZHIYIN_GUARDED_BY(mutex_) = false;
};

}  // namespace zhiyin::storage::detail
