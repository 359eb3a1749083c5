#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/event_log.h"
#include "storage/state.h"
#include "storage/warehouse.h"

/// Copies of stores into stores of whatever kind, in parts that may be interrupted and taken up
/// again.
namespace zhiyin::storage {

/// Told after each part how many records or rows were looked at; false stops (kDeadline).
using CopyProgress = std::function<bool(std::int64_t done)>;

/// What a stream, or a table, holds: equal for equal contents in equal order.
struct CopyDigest {
  std::string name;
  std::int64_t count = 0;
  std::uint64_t digest = 0;
  std::int64_t written = 0;  ///< by this process
};

/// Copies one stream of a log, keeping the order of each partition; offsets are the target's. Takes
/// up where an earlier copy stopped. Not thread-safe.
class LogCopy {
 public:
  /// Both must outlive it.
  LogCopy(EventLog& from, EventLog& to, Stream stream) : from_(from), to_(to), stream_(stream) {}

  /// Copies what `from` holds now. kDataLoss when `to` holds something else. Returns how many
  /// records were appended.
  Result<std::int64_t> copy(const CopyProgress& progress);
  /// Reads back what it has not yet read and compares, partition by partition. kDataLoss naming the
  /// partition.
  Result<std::vector<CopyDigest>> verify(const CopyProgress& progress);
  [[nodiscard]] std::int64_t appended() const { return appended_; }

 private:
  struct Fold {
    std::int64_t count = 0;
    std::uint64_t digest = 0;
    void add(std::string_view bytes);
    bool operator==(const Fold&) const = default;
  };
  using Folds = std::array<Fold, kPartitions>;
  Result<void> read_back(const CopyProgress& progress);

  EventLog& from_;
  EventLog& to_;
  const Stream stream_;
  Positions from_at_{};
  Positions to_at_{};
  Folds from_folds_{};
  Folds to_folds_{};
  bool begun_ = false;
  std::int64_t appended_ = 0;
};

/// SQL: a number below 2^32 that stands for all cells of a row of `table` (integers and text), the
/// same on every database. The sum over the rows of two equal tables is the same, in any order.
std::string row_checksum(const Table& table, const Dialect& dialect);

/// Makes the rows of `table` in `to` those of `from`, a page at a time; what is equal already is
/// left alone, so that repeating it only carries over what changed. After a pass over a table that
/// nobody writes to the two are equal.
Result<CopyDigest> copy_table(State& from, State& to, const StateTable& table,
                              const CopyProgress& progress);

/// The same for the rows of the warehouse for which `condition` holds (SQL; empty: all). `key`:
/// columns that order the rows and are never null; `id` distinguishes this pass from others.
Result<CopyDigest> copy_table(Warehouse& from, Warehouse& to, const Table& table,
                              std::span<const std::string_view> key, std::string_view condition,
                              std::string_view id, const CopyProgress& progress);

}  // namespace zhiyin::storage
