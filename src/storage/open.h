#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/log.h"
#include "storage/event_log.h"
#include "storage/state.h"
#include "storage/warehouse.h"

namespace zhiyin::storage {

/// The one place that knows which adapters exist. URLs: `sqlite:PATH` (log and state),
/// `postgresql://…` (state), `duckdb:PATH` (warehouse). Other schemes fail with kUnsupported,
/// naming those that are supported. The folder of PATH is created. `logger` must outlive the store.
Result<std::unique_ptr<EventLog>> open_event_log(std::string_view url, Logger& logger);
Result<std::unique_ptr<State>> open_state(std::string_view url, Logger& logger);
/// `memory_mb` bounds what the engine keeps in memory.
Result<std::unique_ptr<Warehouse>> open_warehouse(std::string_view url, int memory_mb,
                                                  Logger& logger);

}  // namespace zhiyin::storage
