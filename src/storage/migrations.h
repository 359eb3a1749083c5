#pragma once

#include <vector>

#include "storage/state.h"

namespace zhiyin::storage {

/// The tables of this part: positions of consumers, outbox, identities. Goes before the migrations
/// of the other parts in the list that `State::migrate` gets.
std::vector<Migration> migrations();

}  // namespace zhiyin::storage
