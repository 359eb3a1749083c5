#pragma once

#include <string>

#include "ingest/event_view.h"

namespace zhiyin::ingest::detail {

/// The event as POST /v1/events takes it.
std::string view_to_json(const EventView& event);

}  // namespace zhiyin::ingest::detail
