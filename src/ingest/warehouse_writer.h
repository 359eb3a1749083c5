#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "base/log.h"
#include "ingest/record_quarantine.h"
#include "storage/event_log.h"
#include "storage/projection.h"
#include "storage/state.h"
#include "storage/warehouse.h"

namespace zhiyin::ingest {

/// The table `events` of the warehouse (docs/architecture.md).
const storage::Table& events_table();

/// Copies the distinct events into the warehouse, behind the event pipeline: never past what the
/// pipeline has dealt with, so it knows every duplicate. Each batch is planned in state before it
/// is written, so a restart writes the same batch again and the warehouse skips it by its id. Has a
/// thread of its own. Thread-safe.
class WarehouseWriter {
 public:
  static std::span<const storage::Migration> migrations();
  struct Settings {
    std::size_t rows_min = 30'000;             ///< a batch waits for so many rows …
    std::chrono::milliseconds wait_max{1000};  ///< … or this long
    std::size_t rows_max = 150'000;            ///< and holds at most so many
    /// Takes events that the warehouse refuses by themselves; must outlive the writer. Null: the
    /// batch is tried again.
    const RecordQuarantine* refused = nullptr;
    /// Tells whose partitions are whose; null: all are this process's. Must outlive the writer.
    const storage::Membership* membership = nullptr;
  };
  /// `pipeline` drives the EventPipeline. All must outlive the writer.
  WarehouseWriter(storage::EventLog& log, storage::State& state, storage::Warehouse& warehouse,
                  storage::ProjectionRunner& pipeline, Logger& logger, Settings settings);
  /// Stops.
  ~WarehouseWriter();

  /// Creates the table where needed, finishes a batch that a crash cut short, and starts the
  /// thread.
  Result<void> start();
  /// Stops after the batch at hand.
  void stop();
  /// The pipeline may have moved.
  void wake();
  /// While held back, nothing is written.
  void hold(bool held);

  /// Runs `work` between two batches; none is begun before it returns.
  Result<void> while_still(const std::function<Result<void>()>& work);

  /// Writes everything that the pipeline has dealt with so far, on the caller's thread, and makes
  /// it visible to queries. Works also when not started.
  Result<void> catch_up();

  /// Records that the pipeline has dealt with and the warehouse has not (an upper bound).
  [[nodiscard]] std::int64_t lag() const;

 private:
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

}  // namespace zhiyin::ingest
