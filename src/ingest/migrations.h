#pragma once

#include <vector>

#include "storage/state.h"

namespace zhiyin::ingest {

/// The tables of this part: seen ids and duplicates, quarantine, import runs. Goes behind storage's
/// in the list that `State::migrate` gets.
std::vector<storage::Migration> migrations();

}  // namespace zhiyin::ingest
