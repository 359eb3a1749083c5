#pragma once

#include <map>
#include <memory>

#include "storage/event_log.h"

namespace zhiyin::storage {

/// What is added to the offsets of a log, by stream. A log that took over from another one begins
/// anew; its records must still come behind those that state and warehouse know by the offsets of
/// the old one.
using OffsetBases = std::map<Stream, std::int64_t>;

/// `log`, with all offsets of a stream higher by its base; a partition without records ends at 0 or
/// at the base.
std::unique_ptr<EventLog> with_offset_bases(std::unique_ptr<EventLog> log, OffsetBases bases);

}  // namespace zhiyin::storage
