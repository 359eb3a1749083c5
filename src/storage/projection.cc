#include "storage/projection.h"

#include <algorithm>

#include "base/check.h"

namespace zhiyin::storage {
namespace {

constexpr Duration kBackOffFirst = std::chrono::milliseconds(100);
constexpr Duration kBackOffMax = std::chrono::seconds(10);
constexpr std::size_t kBatchFirst = 5000;
constexpr std::size_t kBatchLeast = 500;
// How much longer a transaction may take while nobody waits for it to end.
constexpr int kPatientFactor = 2;
// A record alone gets so many chances: an error that passes must cost nobody their event.
constexpr int kTriesOfOne = 3;
constexpr std::chrono::milliseconds kLookEvery{
    50};  // at what other processes have done, while waiting
constexpr std::chrono::seconds kOthersPatience{60};
constexpr std::chrono::seconds kRefreshEvery{1};

bool reached(const Positions& positions, const Positions& target) {
  for (std::size_t i = 0; i < target.size(); ++i) {
    if (positions[i] < target[i]) return false;
  }
  return true;
}

/// A projection's exception lies in what it was given, and must not end the process again and
/// again.
Result<void> call(Projection& projection, Session& session, std::span<const StoredRecord> batch,
                  Projection::Prepared* prepared) {
  try {
    if (prepared != nullptr) return projection.apply_prepared(session, batch, *prepared);
    return projection.apply(session, batch);
  } catch (const std::exception& e) {
    return fail(ErrorCode::kInvalidArgument, "projection {}: {}", projection.name(), e.what());
  }
}

}  // namespace

bool lies_in_record(const Error& error) {
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kNotFound:
    case ErrorCode::kConflict:
    case ErrorCode::kLimitReached:
      return true;
    // A store's error that nobody has foreseen; a good record must not be lost for it.
    case ErrorCode::kInternal:
    case ErrorCode::kPermissionDenied:
    case ErrorCode::kUnavailable:
    case ErrorCode::kDeadline:
    case ErrorCode::kDataLoss:
    case ErrorCode::kUnsupported:
      return false;
  }
  return false;
}

Result<void> Projection::refuse(Session&, const StoredRecord&, const Error& why) {
  return std::unexpected(why);
}

std::unique_ptr<Projection::Prepared> Projection::prepare(std::span<const StoredRecord>) {
  return nullptr;
}

Result<void> Projection::apply_prepared(Session& session, std::span<const StoredRecord> batch,
                                        Prepared&) {
  return apply(session, batch);
}

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
    MutexLock lock(step_mutex_);
    ahead_ = {};  // waits for it: nothing reads the log any longer
  }
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
  if (settings_.membership != nullptr) return wait_for_all(target, running);
  if (running) {
    changed_.notify_all();
    return wait_for(target);
  }
  ZHIYIN_TRY_VOID(drain());
  if (reached(positions(), target)) return {};
  return fail(ErrorCode::kUnavailable, "projection {}: held back", projection_.name());
}

Positions ProjectionRunner::positions() const {
  refresh(false);
  MutexLock lock(mutex_);
  return positions_;
}

/// What other processes have moved, now or at most a second ago. Positions only grow.
void ProjectionRunner::refresh(bool at_once) const {
  if (settings_.membership == nullptr) return;
  {
    MutexLock lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    if (!at_once && now - refreshed_ < kRefreshEvery) return;
    refreshed_ = now;
  }
  Positions found{};
  const auto read = state_.read([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(found, load_positions(session, projection_.name(), settings_.stream));
    return {};
  });
  if (!read) return;  // the old ones are true, too
  MutexLock lock(mutex_);
  for (std::size_t p = 0; p < found.size(); ++p) positions_[p] = std::max(positions_[p], found[p]);
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

/// Does its own part and waits for the others'.
Result<void> ProjectionRunner::wait_for_all(const Positions& target, bool running) {
  changed_.notify_all();
  const auto until = std::chrono::steady_clock::now() + kOthersPatience;
  std::uint64_t failures = 0;
  {
    MutexLock lock(mutex_);
    failures = failures_;
  }
  for (;;) {
    if (!running) ZHIYIN_TRY_VOID(drain());
    refresh(true);
    MutexLock lock(mutex_);
    if (reached(positions_, target)) return {};
    if (failures_ != failures) return std::unexpected(last_error_);
    if (held_ || stopping_ || running != running_) {
      return fail(ErrorCode::kUnavailable, "projection {}: {}", projection_.name(),
                  held_ ? "held back" : "stopped");
    }
    if (std::chrono::steady_clock::now() >= until) {
      return fail(ErrorCode::kDeadline, "projection {}: not all partitions have come so far yet",
                  projection_.name());
    }
    (void)changed_.wait_for(mutex_, kLookEvery);
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
  if (batch_records_ == 0) batch_records_ = std::min(kBatchFirst, settings_.batch_max);
  // What other processes move meanwhile must not be taken for a part of this batch.
  at_ = wanted();
  ZHIYIN_TRY(const Batch batch, next_batch());
  const std::size_t records = batch.records.size();
  if (records == 0) return 0;
  // A log may answer with less than it was asked for; then there is more all the same.
  if (records >= batch_records_ / 2) read_ahead(log_.advance(at_, batch.records));
  overtaken_ = false;
  const auto began = std::chrono::steady_clock::now();
  auto applied = apply(batch.records, batch.prepared.get());
  adapt(records, std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - began));
  if (!applied && overtaken_) {
    logger_.info("storage", "projection.overtaken", {{"projection", projection_.name()}});
    refresh(true);
    return records;
  }
  if (!applied) return std::unexpected(applied.error());
  return records;
}

/// The one that was read ahead, unless the work has gone on elsewhere, or the batches are of
/// another size now, or there is more by now.
Result<ProjectionRunner::Batch> ProjectionRunner::next_batch() {
  if (ahead_.valid()) {
    auto ahead = ahead_.get();
    if (ahead && ahead->after == at_ && ahead->records.size() >= batch_records_ / 2 &&
        ahead->records.size() <= batch_records_ * 2)
      return ahead;
  }
  Batch batch{.after = at_, .records = {}, .prepared = nullptr};
  ZHIYIN_TRY(batch.records, log_.read(settings_.stream, at_, batch_records_));
  return batch;
}

void ProjectionRunner::read_ahead(const Positions& after) {
  ahead_ = std::async(std::launch::async, [this, after, n = batch_records_]() -> Result<Batch> {
    Batch batch{.after = after, .records = {}, .prepared = nullptr};
    try {
      ZHIYIN_TRY(batch.records, log_.read(settings_.stream, after, n));
      batch.prepared = projection_.prepare(batch.records);
    } catch (const std::exception& e) {
      return fail(ErrorCode::kInternal, "projection {}: {}", projection_.name(), e.what());
    }
    return batch;
  });
}

void ProjectionRunner::adapt(std::size_t records, Duration took) {
  const Duration aim = Duration(settings_.transaction_aim) * (awaited_ ? 1 : kPatientFactor);
  if (took > aim) {
    const double share = static_cast<double>(aim.count()) / static_cast<double>(took.count());
    const auto fitting = static_cast<std::size_t>(static_cast<double>(records) * share);
    batch_records_ =
        std::clamp(fitting, std::min(kBatchLeast, settings_.batch_max), batch_records_);
  } else if (took < aim / 2 && records >= batch_records_) {
    batch_records_ = std::min(batch_records_ * 2, settings_.batch_max);
  }
}

/// From where to read on: of the partitions that are not this process's, nothing.
Positions ProjectionRunner::wanted() {
  if (settings_.membership == nullptr) return positions();
  const Duties duties = settings_.membership->duties();
  if (duties.generation != generation_) {
    refresh(true);
    generation_ = duties.generation;
  }
  MutexLock lock(mutex_);
  Positions after = positions_;
  for (std::size_t p = 0; p < after.size(); ++p) {
    if (!duties.partitions[p]) after[p] = kNotWanted;
  }
  return after;
}

/// The depth is the logarithm of the batch. What comes before a bad record stays applied.
Result<void> ProjectionRunner::apply(std::span<const StoredRecord> batch,
                                     Projection::Prepared* prepared) {
  Result<void> outcome;
  for (int tried = 0; tried < (batch.size() == 1 ? kTriesOfOne : 1); ++tried) {
    outcome = commit(batch,
                     [&](Session& session) { return call(projection_, session, batch, prepared); });
    if (outcome) {
      refused_in_a_row_ = 0;
      return {};
    }
    if (overtaken_ || !lies_in_record(outcome.error())) return outcome;
  }
  if (batch.size() == 1) return refuse(batch.front(), outcome.error());
  const std::size_t half = batch.size() / 2;
  ZHIYIN_TRY_VOID(apply(batch.first(half), nullptr));
  if (!may_step()) return {};  // the rest is read again when it goes on
  return apply(batch.subspan(half), nullptr);
}

Result<void> ProjectionRunner::refuse(const StoredRecord& record, const Error& why) {
  if (refused_in_a_row_ >= kRefusedInARowMax) {
    return fail(ErrorCode::kInternal, "projection {}: {} records in a row failed; the last one: {}",
                projection_.name(), refused_in_a_row_, why.text());
  }
  ZHIYIN_TRY_VOID(commit(std::span(&record, 1), [&](Session& session) {
    return projection_.refuse(session, record, why);
  }));
  ++refused_in_a_row_;
  refused_.fetch_add(1, std::memory_order_relaxed);
  logger_.error("storage", "projection.refused",
                {{"projection", projection_.name()},
                 {"partition", record.partition},
                 {"offset", record.offset},
                 {"error", why.text()}});
  return {};
}

/// `work` and the position behind `batch`, in one transaction.
Result<void> ProjectionRunner::commit(std::span<const StoredRecord> batch,
                                      const std::function<Result<void>(Session&)>& work) {
  const Positions before = at_;
  const Positions after = log_.advance(before, batch);
  bool overtaken = false;
  std::optional<std::uint64_t> waits;
  const auto step = [&](Session& session) -> Result<void> {
    waits = state_.waits();
    if (settings_.membership == nullptr) {
      ZHIYIN_TRY_VOID(work(session));
      return save_positions(session, projection_.name(), settings_.stream, after);
    }
    // First, so that of two who think that a partition is theirs one waits here for the other.
    ZHIYIN_TRY(const bool mine,
               advance_positions(session, projection_.name(), settings_.stream, before, after));
    overtaken = !mine;
    if (!mine) return fail(ErrorCode::kConflict, "another process has dealt with these records");
    return work(session);
  };
  const auto written =
      settings_.membership == nullptr ? state_.write(step) : state_.write_in_turn(step);
  overtaken_ = overtaken;
  awaited_ = !waits || state_.waits() != waits;
  if (!written) return written;
  at_ = after;
  {
    MutexLock lock(mutex_);
    for (std::size_t p = 0; p < after.size(); ++p) {
      if (after[p] != kNotWanted) positions_[p] = std::max(positions_[p], after[p]);
    }
  }
  changed_.notify_all();
  return {};
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
