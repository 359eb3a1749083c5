#include "storage/event_log.h"

#include <algorithm>

#include "base/crypto.h"
#include "base/mutex.h"

namespace zhiyin::storage {

int partition_of(std::string_view account, std::string_view kind, std::string_view value) {
  std::string key;
  key.reserve(account.size() + kind.size() + value.size() + 2);
  key += account;
  key += '\0';
  key += kind;
  key += '\0';
  key += value;
  return static_cast<int>(crypto::xxh64(key) % kPartitions);
}

void EventLog::show_position(Stream, std::string_view, const Positions&) {}

Result<void> EventLog::copy_to(const std::filesystem::path&) {
  return fail(ErrorCode::kUnsupported, "event log: this log is backed up with its own tools");
}

Result<void> EventLog::append_and_wait(Stream stream, std::vector<NewRecord> records) {
  Mutex mutex;
  CondVar answered;
  bool done = false;
  Result<void> outcome;
  append(stream, std::move(records), [&](Result<void> result) {
    // Notified under the lock: the waiter owns both and leaves as soon as it may.
    MutexLock lock(mutex);
    outcome = std::move(result);
    done = true;
    answered.notify_one();
  });
  MutexLock lock(mutex);
  while (!done) answered.wait(mutex);
  return outcome;
}

Positions EventLog::advance(const Positions& after, std::span<const StoredRecord> batch) const {
  Positions positions = after;
  for (const StoredRecord& record : batch) {
    std::int64_t& position = positions[static_cast<std::size_t>(record.partition)];
    position = std::max(position, record.offset);
  }
  return positions;
}

Result<std::int64_t> EventLog::behind(Stream stream, const Positions& after) {
  ZHIYIN_TRY(const Positions last, end(stream));
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < last.size(); ++i) {
    sum += std::max<std::int64_t>(0, last[i] - after[i]);
  }
  return sum;
}

}  // namespace zhiyin::storage
