#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

// Clang checks the locking rules that these annotations state (`./dev lint`); g++ ignores them.
#if defined(__clang__)
#define ZHIYIN_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define ZHIYIN_THREAD_ATTRIBUTE(x)
#endif
#define ZHIYIN_GUARDED_BY(x) ZHIYIN_THREAD_ATTRIBUTE(guarded_by(x))
#define ZHIYIN_REQUIRES(...) ZHIYIN_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define ZHIYIN_EXCLUDES(...) ZHIYIN_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))

namespace zhiyin {

class ZHIYIN_THREAD_ATTRIBUTE(capability("mutex")) Mutex {
 public:
  void lock() ZHIYIN_THREAD_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }
  void unlock() ZHIYIN_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

class ZHIYIN_THREAD_ATTRIBUTE(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ZHIYIN_THREAD_ATTRIBUTE(acquire_capability(mutex))
      : mutex_(mutex) {
    mutex_.lock();
  }
  ~MutexLock() ZHIYIN_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

/// Waits with a held `Mutex`. The caller loops over its own condition.
class CondVar {
 public:
  void wait(Mutex& mutex) ZHIYIN_REQUIRES(mutex) { cv_.wait(mutex); }
  /// False when the time ran out.
  template <class Rep, class Period>
  bool wait_for(Mutex& mutex, std::chrono::duration<Rep, Period> d) ZHIYIN_REQUIRES(mutex) {
    return cv_.wait_for(mutex, d) == std::cv_status::no_timeout;
  }
  void notify_one() { cv_.notify_one(); }
  void notify_all() { cv_.notify_all(); }

 private:
  std::condition_variable_any cv_;
};

}  // namespace zhiyin
