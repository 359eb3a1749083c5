#include "storage/detail/checkpointer.h"

#include "base/machine.h"

namespace zhiyin::storage::detail {
namespace {

/// So many times its beginning a log may grow before it is to begin anew.
constexpr int kLongLog = 4;
/// So many times before the writer waits for that, whatever is left to copy.
constexpr int kFullLog = 8;
/// What the writer stops for is this share of the beginning.
constexpr int kShortRest = 8;

}  // namespace

Checkpointer::Checkpointer(Database db, int pages)
    : db_(std::move(db)), pages_(pages), thread_([this] { run(); }) {}

Checkpointer::~Checkpointer() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Checkpointer::committed(int pages) {
  {
    MutexLock lock(mutex_);
    if (pages < in_log_) copied_ = 0;  // it has begun anew
    in_log_ = pages;
    if (in_log_ - copied_ < pages_) return;
    wanted_ = true;
  }
  changed_.notify_all();
}

void Checkpointer::make_room() {
  {
    MutexLock lock(mutex_);
    if (!is_long()) return;
    if (in_log_ < pages_ * kFullLog && (busy_ || rest_is_long())) return;
    while (busy_ && !stopping_) changed_.wait(mutex_);
    if (stopping_) return;
    busy_ = true;
    wanted_ = false;
  }
  const auto done = db_.checkpoint();
  {
    MutexLock lock(mutex_);
    busy_ = false;
    if (done) note(*done);
  }
  changed_.notify_all();
}

bool Checkpointer::is_long() const { return in_log_ >= pages_ * kLongLog; }
bool Checkpointer::rest_is_long() const { return in_log_ - copied_ > pages_ / kShortRest; }

/// A log that was copied as a whole, with nothing added meanwhile, begins anew with the next
/// transaction.
void Checkpointer::note(const Database::Checkpoint& done) {
  const bool whole = done.copied == done.pages && in_log_ <= done.pages;
  copied_ = whole ? 0 : done.copied;
  if (whole) in_log_ = 0;
}

/// What fails (a full disk, say) stays in the log, and is copied after a later commit.
void Checkpointer::run() {
  give_way();
  for (;;) {
    {
      MutexLock lock(mutex_);
      while (!stopping_ && (!wanted_ || busy_)) changed_.wait(mutex_);
      if (stopping_) return;
      wanted_ = false;
      busy_ = true;
    }
    const auto done = db_.checkpoint();
    {
      MutexLock lock(mutex_);
      busy_ = false;
      if (done) {
        // What came meanwhile takes less time than what was there: the rest becomes short.
        const bool further = done->copied > copied_;
        note(*done);
        wanted_ = wanted_ || (further && is_long() && rest_is_long());
      }
    }
    changed_.notify_all();
  }
}

}  // namespace zhiyin::storage::detail
