#pragma once

#include <cstddef>

#include "storage/state.h"
#include "storage/warehouse.h"

namespace zhiyin::audience {

/// `identity`, `person` (empty: erased), `after_off` (events up to this offset were erased and do
/// not count).
const storage::Table& identity_person_table();
/// One row for each trait that an event set: `identity`, `name`, `part`, `off`, `at`, `text`,
/// `number`; text and number null: taken away.
const storage::Table& traits_table();

/// Copies the mappings from identity to person and the traits that changed since the last call into
/// the warehouse tables `identity_person` and `traits`. May be interrupted and repeated at any
/// point. Returns the number of rows written. One caller at a time; call it beside the warehouse
/// writer.
Result<std::size_t> sync_people(storage::State& state, storage::Warehouse& warehouse);

}  // namespace zhiyin::audience
