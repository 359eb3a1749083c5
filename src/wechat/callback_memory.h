#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/mutex.h"
#include "wechat/callback_store.h"

namespace zhiyin::wechat {

/// What is known in this process about callbacks and does not stand in state yet: those that are
/// being worked on, and those whose answers are written behind, many in one transaction. What a
/// callback reports is safe before it is answered (the event log has it, and drops a second one by
/// its id); that it was answered follows within `gather_for` and a commit. If the process dies in
/// between, a repeated delivery is worked on again and answered by the rules of then. Thread-safe.
class CallbackMemory {
 public:
  struct Settings {
    Duration gather_for = std::chrono::milliseconds(20);
    std::size_t unwritten_max = 50'000;  ///< of answers; `is_full` from then on
    std::size_t together_max = 1'000;    ///< in one transaction
    Duration retry_after = std::chrono::seconds(1);
  };

  /// Both must outlive it.
  CallbackMemory(CallbackStore& store, Logger& logger, Settings settings);
  /// Writes what is left, if state takes it.
  ~CallbackMemory();
  CallbackMemory(const CallbackMemory&) = delete;
  CallbackMemory& operator=(const CallbackMemory&) = delete;

  enum class Standing { kTaken, kBusy, kAnswered };
  /// kTaken: it is the caller's now, until `answered` or `release`. kBusy: the same occurrence, or
  /// the same request, is somebody's. kAnswered: `given` is the answer.
  Standing take(const Callback& callback, GivenAnswer& given);
  /// Runs `again` (briefly) once whoever has it lets go; at once if nobody has.
  void wait(const Callback& callback, std::function<void()> again);
  /// The caller no longer works on it; it may be taken by another.
  void release(const Callback& callback);
  /// It is answered so from now on; released.
  void answered(const ProcessedCallback& processed, Instant now);

  /// State takes no answers: nothing further should be answered.
  [[nodiscard]] bool is_full() const;
  /// Waits until everything that is answered stands in state, or until writing has failed.
  void settle();

 private:
  using Key = std::pair<AccountId, std::string>;
  struct Hand;
  static std::vector<Key> keys_of(const Callback& callback);
  void let_go(const std::shared_ptr<Hand>& hand, std::vector<std::function<void()>>& again)
      ZHIYIN_REQUIRES(mutex_);
  void run();
  /// What waits is written, as much as fits; whether it could be.
  bool write_some();
  Result<void> write_each(std::span<const SeenCallback* const> seen);

  CallbackStore& store_;
  Logger& logger_;
  const Settings settings_;
  mutable Mutex mutex_;
  CondVar came_;     ///< for the writer
  CondVar written_;  ///< for who settles
  bool stopping_ ZHIYIN_GUARDED_BY(mutex_) = false;
  std::uint64_t failures_ ZHIYIN_GUARDED_BY(mutex_) = 0;
  std::map<Key, std::shared_ptr<Hand>> hands_ ZHIYIN_GUARDED_BY(mutex_);  ///< by both keys
  std::vector<std::shared_ptr<Hand>> unwritten_ ZHIYIN_GUARDED_BY(mutex_);
  std::size_t writing_ ZHIYIN_GUARDED_BY(mutex_) = 0;
  std::thread thread_;
};

}  // namespace zhiyin::wechat
