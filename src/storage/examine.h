#pragma once

#include <string_view>
#include <vector>

#include "storage/state.h"
#include "storage/warehouse.h"

/// What can be said about the servers behind a log and a warehouse beyond that they answer (a state
/// says it itself: `State::examine`). `url` as in open.h; nothing for files. May take some seconds
/// when a server is slow.
namespace zhiyin::storage {

/// Brokers, and whether every replica of every partition is in sync.
std::vector<Finding> examine_log(std::string_view url);
/// Version, clock, free disk, durability.
std::vector<Finding> examine_warehouse(std::string_view url, Warehouse& warehouse);

}  // namespace zhiyin::storage
