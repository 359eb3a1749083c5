#pragma once

#include <functional>
#include <memory>

#include "base/mutex.h"
#include "storage/event_log.h"
#include "storage/state.h"

namespace zhiyin::storage {

/// Closes state and log for writing while an installation is moved, whoever wants to write. Reads
/// go on. Thread-safe.
class Gate {
 public:
  /// What else must hold for whoever writes to stores that other processes work on, too.
  struct Guard {
    /// Whether the others count on this process. Who is not counted on (it was suspended, say)
    /// appends nothing, and acknowledges nothing that it appended.
    std::function<bool()> lives;
    /// Within each transaction that writes.
    std::function<Result<void>(Session&)> check;
  };
  /// Before anybody writes; once.
  void set_guard(Guard guard) { guard_ = std::move(guard); }

  /// Refuses appends from now on (kUnavailable), and waits for those under way.
  void close_log();
  /// The same for transactions that write.
  void close_state();
  void open();
  [[nodiscard]] bool closed() const;

  /// While it lives, this thread passes closed gates: for whoever closed them.
  class Pass {
   public:
    Pass();
    ~Pass();
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;
  };

 private:
  friend class GatedState;
  friend class GatedLog;
  struct Side {
    bool closed = false;
    int under_way = 0;
  };
  [[nodiscard]] bool lives() const { return !guard_.lives || guard_.lives(); }
  bool enter(Side Gate::* side);
  void leave(Side Gate::* side);
  void close(Side Gate::* side);

  mutable Mutex mutex_;
  CondVar left_;
  Side log_ ZHIYIN_GUARDED_BY(mutex_);
  Side state_ ZHIYIN_GUARDED_BY(mutex_);
  Guard guard_;
};

/// The same store behind the gate, which must outlive it.
std::unique_ptr<State> gated(std::unique_ptr<State> state, Gate& gate);
std::unique_ptr<EventLog> gated(std::unique_ptr<EventLog> log, Gate& gate);

}  // namespace zhiyin::storage
