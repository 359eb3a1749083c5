#include "storage/sqlite_event_log.h"

#include <algorithm>
#include <deque>
#include <limits>
#include <optional>
#include <thread>

#include "storage/detail/chunk.h"
#include "storage/detail/log_file.h"
#include "storage/detail/pool.h"

namespace zhiyin::storage {
namespace {

constexpr std::size_t kReadersMax = 4;
constexpr std::int64_t kTrimChunks = 256;  // per transaction, so that appends get their turn

/// An append that waits: its records encoded, or the reason why it was refused.
struct Waiting {
  Stream stream = Stream::kEvents;
  std::string records;
  EventLog::Done done;
  std::optional<Error> refused;
};

struct Trim {
  Stream stream = Stream::kEvents;
  std::int64_t last = 0;
  EventLog::Done done;
};

Result<std::string> encode(std::span<const NewRecord> records) {
  std::size_t bytes = 0;
  for (const NewRecord& record : records) {
    if (record.partition < 0 || record.partition >= kPartitions) {
      return fail(ErrorCode::kInvalidArgument, "event log: partition is {}", record.partition);
    }
    if (record.bytes.size() > kRecordBytesMax) {
      return fail(ErrorCode::kInvalidArgument, "event log: record has {} bytes, at most {} allowed",
                  record.bytes.size(), kRecordBytesMax);
    }
    bytes += record.bytes.size() + detail::kRecordOverhead;
  }
  std::string out;
  out.reserve(bytes);
  for (const NewRecord& record : records)
    detail::encode_record(out, record.partition, record.bytes);
  return out;
}

/// The lowest position of those partitions that hold something above theirs.
std::optional<std::int64_t> lowest_open(const Positions& after, const Positions& last) {
  std::optional<std::int64_t> lowest;
  for (std::size_t i = 0; i < last.size(); ++i) {
    if (after[i] < last[i]) lowest = std::min(lowest.value_or(after[i]), after[i]);
  }
  return lowest;
}

class SqliteEventLog final : public EventLog {
 public:
  SqliteEventLog(const std::filesystem::path& path, Logger& logger, SqliteEventLogSettings settings,
                 detail::LogFile file)
      : path_(path),
        settings_(settings),
        logger_(logger),
        file_(std::move(file)),
        readers_(kReadersMax, [path, settings] { return detail::LogReader::open(path, settings); }),
        ends_(file_.ends()),
        writer_([this] { run(); }) {}

  ~SqliteEventLog() override {
    {
      MutexLock lock(mutex_);
      stopping_ = true;
    }
    work_.notify_one();
    writer_.join();
  }

  void append(Stream stream, std::vector<NewRecord> records, Done done) override {
    Waiting waiting{stream, {}, std::move(done), {}};
    if (auto encoded = encode(records)) {
      waiting.records = std::move(*encoded);
    } else {
      waiting.refused = std::move(encoded.error());
    }
    {
      MutexLock lock(mutex_);
      if (queued_bytes_ + waiting.records.size() > settings_.queue_bytes_max) {
        waiting.refused = Error{ErrorCode::kLimitReached,
                                fmt::format("event log: {} bytes wait already", queued_bytes_)};
        waiting.records = {};
      }
      queued_bytes_ += waiting.records.size();
      queue_.push_back(std::move(waiting));
    }
    work_.notify_one();
  }

  Result<std::vector<StoredRecord>> read(Stream stream, const Positions& after,
                                         std::size_t records_max) override {
    const auto start = lowest_open(after, end_of(stream).last);
    if (!start || records_max == 0) return std::vector<StoredRecord>();
    ZHIYIN_TRY(auto reader, readers_.take());
    return reader->read(stream, after, *start + 1, records_max, settings_.read_bytes_max);
  }

  Result<Positions> end(Stream stream) override { return end_of(stream).last; }

  Positions advance(const Positions& after, std::span<const StoredRecord> batch) const override {
    if (batch.empty()) return after;
    Positions positions = after;
    for (std::int64_t& position : positions) position = std::max(position, batch.back().offset);
    return positions;
  }

  Result<std::int64_t> behind(Stream stream, const Positions& after) override {
    const detail::StreamEnd end = end_of(stream);
    const auto start = lowest_open(after, end.last);
    return start ? end.next - 1 - *start : 0;
  }

  Result<void> trim(Stream stream, const Positions& up_to) override {
    const detail::StreamEnd end = end_of(stream);
    const std::int64_t last = lowest_open(up_to, end.last).value_or(end.next - 1);
    Mutex mutex;
    CondVar answered;
    std::optional<Result<void>> outcome;
    {
      MutexLock lock(mutex_);
      trims_.push_back({stream, last, [&](Result<void> result) {
                          MutexLock guard(mutex);
                          outcome = std::move(result);
                          answered.notify_one();
                        }});
    }
    work_.notify_one();
    MutexLock lock(mutex);
    while (!outcome) answered.wait(mutex);
    return *outcome;
  }

  Result<void> copy_to(const std::filesystem::path& file) override {
    detail::DatabaseOptions options;
    options.read_only = true;
    options.vfs = settings_.vfs;
    ZHIYIN_TRY(detail::Database reader, detail::Database::open(path_, options));
    return reader.copy_to(file);
  }

  void set_wake(std::function<void(Stream)> wake) override {
    MutexLock lock(wake_mutex_);
    wake_ = std::move(wake);
  }

 private:
  detail::StreamEnd end_of(Stream stream) const {
    MutexLock lock(mutex_);
    return ends_.at(stream);
  }

  /// The writer thread: one transaction after the other until stopped and nothing waits.
  void run() {
    for (;;) {
      std::vector<Waiting> group;
      std::optional<Trim> trim;
      if (!take_work(group, trim)) return;
      if (!group.empty()) commit(group);
      if (trim) remove(std::move(*trim));
      if (auto copied = file_.checkpoint_if_due(); !copied) {
        // What is committed stays in the write-ahead log; a later checkpoint copies it.
        logger_.warning("storage", "log.checkpoint_failed", {{"error", copied.error().text()}});
      }
    }
  }

  bool take_work(std::vector<Waiting>& group, std::optional<Trim>& trim) {
    MutexLock lock(mutex_);
    while (queue_.empty() && trims_.empty() && !stopping_) work_.wait(mutex_);
    std::size_t bytes = 0;
    while (!queue_.empty() && (group.empty() || bytes < settings_.commit_bytes_max)) {
      bytes += queue_.front().records.size();
      group.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    queued_bytes_ -= bytes;
    if (!trims_.empty()) {
      trim = std::move(trims_.front());
      trims_.pop_front();
    }
    return !group.empty() || trim.has_value();
  }

  void commit(std::vector<Waiting>& group) {
    std::vector<detail::LogPart> parts;
    for (const Waiting& waiting : group) {
      if (!waiting.records.empty()) parts.push_back({waiting.stream, waiting.records});
    }
    Result<void> outcome;
    if (!parts.empty()) outcome = file_.commit(parts);
    {
      MutexLock lock(mutex_);
      ends_ = file_.ends();
    }
    if (!outcome) {
      logger_.error("storage", "log.append_failed",
                    {{"appends", parts.size()}, {"error", outcome.error().text()}});
    }
    for (Waiting& waiting : group) {
      if (waiting.refused) {
        waiting.done(std::unexpected(std::move(*waiting.refused)));
      } else {
        waiting.done(waiting.records.empty() ? Result<void>() : outcome);
      }
    }
    if (outcome) wake(parts);
  }

  void wake(std::span<const detail::LogPart> parts) {
    // Under its lock, so that an old wake is no longer running once another one (or none) is set.
    MutexLock lock(wake_mutex_);
    if (!wake_) return;
    for (const Stream stream : detail::kStreams) {
      if (std::ranges::any_of(parts, [&](const auto& part) { return part.stream == stream; })) {
        wake_(stream);
      }
    }
  }

  void remove(Trim trim) {
    auto removed = file_.remove_chunks(trim.stream, trim.last, kTrimChunks);
    if (!removed) {
      trim.done(std::unexpected(std::move(removed.error())));
    } else if (*removed < kTrimChunks) {
      trim.done({});
    } else {
      MutexLock lock(mutex_);
      trims_.push_back(std::move(trim));
    }
  }

  const std::filesystem::path path_;
  const SqliteEventLogSettings settings_;
  Logger& logger_;
  detail::LogFile file_;  // owned by the writer thread
  detail::Pool<detail::LogReader> readers_;
  mutable Mutex mutex_;
  CondVar work_;
  std::deque<Waiting> queue_ ZHIYIN_GUARDED_BY(mutex_);
  std::size_t queued_bytes_ ZHIYIN_GUARDED_BY(mutex_) = 0;
  std::deque<Trim> trims_ ZHIYIN_GUARDED_BY(mutex_);
  detail::StreamEnds ends_ ZHIYIN_GUARDED_BY(mutex_);
  bool stopping_ ZHIYIN_GUARDED_BY(mutex_) = false;
  Mutex wake_mutex_;
  std::function<void(Stream)> wake_ ZHIYIN_GUARDED_BY(wake_mutex_);
  std::thread writer_;
};

}  // namespace

Result<std::unique_ptr<EventLog>> open_sqlite_event_log(const std::filesystem::path& path,
                                                        Logger& logger,
                                                        SqliteEventLogSettings settings) {
  ZHIYIN_TRY(detail::LogFile file, detail::LogFile::open(path, settings));
  return std::make_unique<SqliteEventLog>(path, logger, settings, std::move(file));
}

}  // namespace zhiyin::storage
