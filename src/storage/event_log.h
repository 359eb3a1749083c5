#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace zhiyin::storage {

/// Fixed when an installation is created and stored with it.
inline constexpr int kPartitions = 64;
inline constexpr std::size_t kRecordBytesMax = 64 << 10;

/// The streams of the log. The numbers are stored: never change them.
enum class Stream : int {
  kEvents = 1,       ///< what people did and what Zhiyin did
  kImpressions = 2,  ///< what was shown, with propensities; own retention
};

/// xxh64 of UTF-8 `account \0 kind \0 value` of the key identity, mod kPartitions.
int partition_of(std::string_view account, std::string_view kind, std::string_view value);

struct NewRecord {
  int partition = 0;  ///< [0, kPartitions)
  std::string bytes;  ///< at most kRecordBytesMax
};

struct StoredRecord {
  int partition = 0;
  std::int64_t offset = 0;  ///< grows within a partition; gaps are allowed
  std::string bytes;
};

/// The last offset that was dealt with, per partition; 0 = nothing yet (offsets begin at 1).
using Positions = std::array<std::int64_t, kPartitions>;

/// As a position: nothing of this partition is wanted.
inline constexpr std::int64_t kNotWanted = std::numeric_limits<std::int64_t>::max();

/// Where accepted events stay. An acknowledged append survives kill -9 and power loss; records of
/// one partition are read in the order in which they were appended. Thread-safe.
class EventLog {
 public:
  virtual ~EventLog() = default;

  /// `done` runs exactly once, on a thread of the log, and must not block: success after the
  /// records are synced, or an error (kUnavailable: disk full or server away; kLimitReached: too
  /// many bytes wait) after which none of them will ever be read. Appends of one caller keep their
  /// order.
  using Done = std::move_only_function<void(Result<void>)>;
  virtual void append(Stream stream, std::vector<NewRecord> records, Done done) = 0;

  /// As `append`, waiting for the outcome.
  Result<void> append_and_wait(Stream stream, std::vector<NewRecord> records);

  /// Up to about `records_max` records after `after`, all partitions mixed, in log order. Empty at
  /// the end.
  virtual Result<std::vector<StoredRecord>> read(Stream stream, const Positions& after,
                                                 std::size_t records_max) = 0;

  /// The last offset of each partition.
  virtual Result<Positions> end(Stream stream) = 0;

  /// The positions of a consumer that was at `after` and has dealt with all of `batch`, which
  /// `read(stream, after, …)` returned. A log whose offsets are one sequence over all partitions
  /// moves every partition to the batch's last offset, so that a quiet partition never makes a
  /// reader start far back.
  [[nodiscard]] virtual Positions advance(const Positions& after,
                                          std::span<const StoredRecord> batch) const;

  /// Records after `after`: an upper bound that is 0 only when there are none.
  virtual Result<std::int64_t> behind(Stream stream, const Positions& after);

  /// Removes records before the given positions where whole blocks allow it.
  virtual Result<void> trim(Stream stream, const Positions& up_to) = 0;

  /// Tells the tools that come with the log how far a consumer has come, where it has such: at its
  /// best, without waiting. Nobody reads it back; the truth lies in state.
  virtual void show_position(Stream stream, std::string_view consumer, const Positions& at);

  /// Writes a consistent copy to `file`, which must not exist, while appends go on: everything that
  /// was acknowledged before the call is in it. kUnsupported where the log has tools of its own.
  virtual Result<void> copy_to(const std::filesystem::path& file);

  /// `wake` runs (on a thread of the log, briefly) after something was appended. Set before use;
  /// once another one (or none) is set, the old one no longer runs.
  virtual void set_wake(std::function<void(Stream)> wake) = 0;
};

}  // namespace zhiyin::storage
