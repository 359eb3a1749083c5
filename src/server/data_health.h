#pragma once

#include "server/services.h"

namespace zhiyin::server {

std::span<const storage::Migration> data_health_migrations();

/// Notes how many bytes the stores take, at most once an hour of domain time, for the curve of
/// their growth; removes notes that are older than kSizesKept.
Result<void> note_sizes(Services& services);
inline constexpr Duration kSizesKept = 400 * kDay;

/// How the data is doing: rate by minute and way, lag of each projection, quarantine, quality by
/// way, size and growth.
/// {"as_of","rate":[{"at","way","count"}],"lag":[{"projection","records"}],"since_start":{"accepted","duplicate","quarantined"},
///  "ways":[WayQuality],"reasons":[RefusedReason],"quarantined",
///  "stores":[{"store","bytes" or null,"growth_per_day" or
///  null}],"sizes":[{"at","log","state","warehouse"}]}.
Result<Json> data_health(Services& services);

}  // namespace zhiyin::server
