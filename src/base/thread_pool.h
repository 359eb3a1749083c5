#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace zhiyin {

/// A fixed number of threads and a bounded queue of work. Thread-safe.
/// The destructor finishes what is queued and joins.
class ThreadPool {
 public:
  /// Requires threads >= 1 and queue_max >= 1.
  ThreadPool(std::size_t threads, std::size_t queue_max);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  /// False when the queue is full or the pool is stopping; the work is then not run.
  [[nodiscard]] bool try_submit(std::move_only_function<void()> work);
  /// Takes nothing more, finishes what is queued and joins. May be called again, by one thread at a
  /// time.
  void stop();

 private:
  void run();

  const std::size_t queue_max_;
  Mutex mutex_;
  CondVar wake_;
  std::deque<std::move_only_function<void()>> queue_ ZHIYIN_GUARDED_BY(mutex_);
  bool stopping_ ZHIYIN_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace zhiyin
