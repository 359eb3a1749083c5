#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "ingest/detail/hash_set.h"
#include "storage/state.h"

namespace zhiyin::ingest::detail {

/// Those of `keys` that the pipeline has seen, whatever their age.
Result<HashSet> find_seen(storage::State& state, std::span<const Hash128> keys);

/// An id to be noted, with the place where it stands in the log.
struct Sighting {
  Hash128 key;
  std::int64_t partition = 0;
  std::int64_t offset = 0;
  Instant received_at;
};

/// Notes ids and tells which of them are duplicates: seen before within `window` (by received_at),
/// or earlier in `sightings`. Answers in order.
Result<std::vector<bool>> note_sightings(storage::Session& session,
                                         std::span<const Sighting> sightings, Duration window);

/// Forgets ids received before `before`.
Result<void> forget_sightings(storage::Session& session, Instant before);

}  // namespace zhiyin::ingest::detail
