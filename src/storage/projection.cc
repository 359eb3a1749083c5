#include "storage/projection.h"

#include <algorithm>

#include "base/check.h"

namespace zhiyin::storage {
namespace {

constexpr Duration kBackOffFirst = std::chrono::milliseconds(100);
constexpr Duration kBackOffMax = std::chrono::seconds(10);

bool reached(const Positions& positions, const Positions& target) {
  for (std::size_t i = 0; i < target.size(); ++i) {
    if (positions[i] < target[i]) return false;
  }
  return true;
}

}  // namespace

ProjectionRunner::ProjectionRunner(EventLog& log, State& state, Projection& projection,
                                   Logger& logger, Settings settings)
    : log_(log), state_(state), projection_(projection), logger_(logger), settings_(settings) {}

ProjectionRunner::~ProjectionRunner() { stop(); }

void ProjectionRunner::start() {
  {
    MutexLock lock(mutex_);
    ZHIYIN_CHECK(!running_);
    running_ = true;
    stopping_ = false;
    woken_ = true;
  }
  thread_ = std::thread([this] { run(); });
}

void ProjectionRunner::stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  {
    MutexLock lock(mutex_);
    running_ = false;
    stopping_ = false;
  }
  changed_.notify_all();
}

void ProjectionRunner::wake() {
  {
    MutexLock lock(mutex_);
    woken_ = true;
  }
  changed_.notify_all();
}

void ProjectionRunner::hold(bool held) {
  {
    MutexLock lock(mutex_);
    held_ = held;
    woken_ = true;
  }
  changed_.notify_all();
  // Whoever holds back may rely on nothing being applied from here on.
  if (held) MutexLock wait_for_batch_at_hand(step_mutex_);
}

Result<void> ProjectionRunner::catch_up() {
  ZHIYIN_TRY(const Positions target, log_.end(settings_.stream));
  bool running = false;
  {
    MutexLock lock(mutex_);
    running = running_;
    woken_ = true;
  }
  if (running) {
    changed_.notify_all();
    return wait_for(target);
  }
  ZHIYIN_TRY_VOID(drain());
  if (reached(positions(), target)) return {};
  return fail(ErrorCode::kUnavailable, "projection {}: held back", projection_.name());
}

Positions ProjectionRunner::positions() const {
  MutexLock lock(mutex_);
  return positions_;
}

std::int64_t ProjectionRunner::lag() const {
  return log_.behind(settings_.stream, positions()).value_or(0);
}

void ProjectionRunner::run() {
  (void)
      load();  // so that `lag` is right while held back; a failure comes again with the first step
  Duration wait = kBackOffFirst;
  for (;;) {
    {
      MutexLock lock(mutex_);
      while (!stopping_ && (held_ || !woken_)) changed_.wait(mutex_);
      if (stopping_) return;
      woken_ = false;
    }
    auto drained = drain();
    if (drained) {
      wait = kBackOffFirst;
      continue;
    }
    logger_.error("storage", "projection.failed",
                  {{"projection", projection_.name()}, {"error", drained.error().text()}});
    {
      MutexLock lock(mutex_);
      ++failures_;
      last_error_ = std::move(drained.error());
    }
    changed_.notify_all();
    back_off(wait);
    wait = std::min(wait * 2, kBackOffMax);
  }
}

void ProjectionRunner::back_off(Duration wait) {
  const auto until = std::chrono::steady_clock::now() + wait;
  MutexLock lock(mutex_);
  woken_ = true;  // the batch is to be repeated
  while (!stopping_) {
    const auto left = until - std::chrono::steady_clock::now();
    if (left <= left.zero() || !changed_.wait_for(mutex_, left)) return;
  }
}

Result<void> ProjectionRunner::wait_for(const Positions& target) {
  MutexLock lock(mutex_);
  const std::uint64_t failures = failures_;
  for (;;) {
    if (loaded_ && reached(positions_, target)) return {};
    if (failures_ != failures) return std::unexpected(last_error_);
    if (held_ || stopping_ || !running_) {
      return fail(ErrorCode::kUnavailable, "projection {}: {}", projection_.name(),
                  held_ ? "held back" : "stopped");
    }
    changed_.wait(mutex_);
  }
}

bool ProjectionRunner::may_step() const {
  MutexLock lock(mutex_);
  return !held_ && !stopping_;
}

Result<std::size_t> ProjectionRunner::drain() {
  std::size_t total = 0;
  for (;;) {
    MutexLock step_lock(step_mutex_);
    if (!may_step()) return total;
    ZHIYIN_TRY(const std::size_t applied, step());
    if (applied == 0) return total;
    total += applied;
  }
}

Result<std::size_t> ProjectionRunner::step() {
  ZHIYIN_TRY_VOID(load());
  const Positions before = positions();
  ZHIYIN_TRY(const std::vector<StoredRecord> batch,
             log_.read(settings_.stream, before, settings_.batch_max));
  if (batch.empty()) return 0;
  const Positions after = log_.advance(before, batch);
  ZHIYIN_TRY_VOID(state_.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(projection_.apply(session, batch));
    return save_positions(session, projection_.name(), settings_.stream, after);
  }));
  {
    MutexLock lock(mutex_);
    positions_ = after;
  }
  changed_.notify_all();
  return batch.size();
}

Result<void> ProjectionRunner::load() {
  {
    MutexLock lock(mutex_);
    if (loaded_) return {};
  }
  // Twice at a time does no harm: nothing can be applied before the first of them has ended.
  Positions positions{};
  ZHIYIN_TRY_VOID(state_.read([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(positions, load_positions(session, projection_.name(), settings_.stream));
    return {};
  }));
  {
    MutexLock lock(mutex_);
    if (!loaded_) positions_ = positions;
    loaded_ = true;
  }
  changed_.notify_all();
  return {};
}

}  // namespace zhiyin::storage
