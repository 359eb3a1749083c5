#pragma once

#include <string>
#include <vector>

#include "audience/segment.h"
#include "storage/warehouse.h"

/// The evaluation of a segment for everyone, in the warehouse. Agrees with `evaluate` on the same
/// events.
namespace zhiyin::audience {

/// A query with one column `person`, ascending, each person once.
struct SegmentQuery {
  std::string sql;
  std::vector<storage::Value> parameters;
};

/// Pure. The warehouse needs the tables of `create_segment_tables`.
SegmentQuery to_sql(const SegmentTree& tree, Instant as_of);

/// The condition on `e`, a row of `events`, that is `is_behaviour`; without parameters.
const std::string& behaviour_condition();

/// Creates the tables that segments look at, where they are missing, and fills the table of decay
/// weights.
Result<void> create_segment_tables(storage::Warehouse& warehouse);

/// In order of id. kLimitReached when there are more than `people_max`.
Result<std::vector<PersonId>> members(storage::Warehouse& warehouse, const SegmentTree& tree,
                                      Instant as_of, std::size_t people_max = 5'000'000);
Result<std::int64_t> count(storage::Warehouse& warehouse, const SegmentTree& tree, Instant as_of);
/// The first `n` members in order of id; ids are hashes, so that is a sample.
Result<std::vector<PersonId>> sample(storage::Warehouse& warehouse, const SegmentTree& tree,
                                     Instant as_of, std::size_t n);

}  // namespace zhiyin::audience
