#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include "base/mutex.h"
#include "storage/detail/sqlite.h"

namespace zhiyin::storage::detail {

/// Copies the write-ahead log of an SQLite file into the file beside the writer, on a thread and a
/// connection of its own, so that a commit costs the log only. Thread-safe.
class Checkpointer {
 public:
  /// Begins once the log has grown by `pages` since the last copy.
  Checkpointer(Database db, int pages);
  ~Checkpointer();
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  /// After a commit of the writer, which has left `pages` in the log.
  void committed(int pages);
  /// Before the writer's next transaction. The log begins anew only if all of it was copied before
  /// a transaction began, which a writer without pauses never lets happen. When the log has become
  /// long, copies follow each other until little is left, and that is copied here (as far as
  /// readers allow); a log twice as long makes the writer wait for however much it is.
  void make_room();

 private:
  void run();
  [[nodiscard]] bool is_long() const ZHIYIN_REQUIRES(mutex_);
  [[nodiscard]] bool rest_is_long() const ZHIYIN_REQUIRES(mutex_);
  void note(const Database::Checkpoint& done) ZHIYIN_REQUIRES(mutex_);

  Database db_;  // used by who has set busy_
  const int pages_;
  Mutex mutex_;
  CondVar changed_;
  bool stopping_ ZHIYIN_GUARDED_BY(mutex_) = false;
  bool wanted_ ZHIYIN_GUARDED_BY(mutex_) = false;
  bool busy_ ZHIYIN_GUARDED_BY(mutex_) = false;
  int in_log_ ZHIYIN_GUARDED_BY(mutex_) = 0;
  int copied_ ZHIYIN_GUARDED_BY(mutex_) = 0;
  std::thread thread_;
};

}  // namespace zhiyin::storage::detail
