#pragma once

#include <span>
#include <string>
#include <string_view>

#include "ingest/event.h"
#include "ingest/event_view.h"

namespace zhiyin::ingest::detail {

/// What of an event goes into a record, as views. `event.occurred_at` must be set; `event.personal`
/// is not looked at.
struct RecordView {
  const EventView& event;
  std::span<const IdentityHash> identities;
  std::string_view sealed;
  std::string_view source;
  Instant received_at;
};

/// docs/formats/event-record.md, version 1.
std::string encode_record(const RecordView& record);

}  // namespace zhiyin::ingest::detail
