#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "ingest/table_reader.h"

namespace zhiyin::ingest::detail {

/// Reads a table ahead on a thread of its own, a few blocks at a time. Used by one thread.
class BlockQueue {
 public:
  /// `reader` must outlive the queue.
  explicit BlockQueue(TableReader& reader) : reader_(reader) {
    for (int i = 0; i < kBlocks; ++i) free_.push_back(std::make_unique<RowBlock>());
    thread_ = std::thread([this] { run(); });
  }
  ~BlockQueue() {
    {
      const MutexLock lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  BlockQueue(const BlockQueue&) = delete;
  BlockQueue& operator=(const BlockQueue&) = delete;

  /// The next block; null at the end. An error comes after everything that could be read.
  Result<std::unique_ptr<RowBlock>> next() {
    const MutexLock lock(mutex_);
    while (full_.empty() && !ended_) changed_.wait(mutex_);
    if (!full_.empty()) {
      auto block = std::move(full_.front());
      full_.pop_front();
      return block;
    }
    if (error_) return std::unexpected(*error_);
    return nullptr;
  }
  /// Gives a block back to be filled again.
  void recycle(std::unique_ptr<RowBlock> block) {
    const MutexLock lock(mutex_);
    free_.push_back(std::move(block));
    changed_.notify_all();
  }

 private:
  static constexpr int kBlocks = 4;

  std::unique_ptr<RowBlock> take_free() {
    const MutexLock lock(mutex_);
    while (free_.empty() && !stopping_) changed_.wait(mutex_);
    if (stopping_) return nullptr;
    auto block = std::move(free_.back());
    free_.pop_back();
    return block;
  }
  void run() {
    while (auto block = take_free()) {
      auto more = reader_.next(*block);
      const MutexLock lock(mutex_);
      if (more && *more) {
        full_.push_back(std::move(block));
      } else {
        if (!more) error_ = std::move(more.error());
        ended_ = true;
      }
      changed_.notify_all();
      if (ended_) return;
    }
  }

  TableReader& reader_;
  Mutex mutex_;
  CondVar changed_;
  std::vector<std::unique_ptr<RowBlock>> free_ ZHIYIN_GUARDED_BY(mutex_);
  std::deque<std::unique_ptr<RowBlock>> full_ ZHIYIN_GUARDED_BY(mutex_);
  std::optional<Error> error_ ZHIYIN_GUARDED_BY(mutex_);
  bool ended_ ZHIYIN_GUARDED_BY(mutex_) = false;
  bool stopping_ ZHIYIN_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace zhiyin::ingest::detail
