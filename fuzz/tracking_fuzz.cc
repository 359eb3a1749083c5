// Segment's tracking calls: whatever the body, each call becomes a checkable event or a refusal
// that can be read again.
#include <cstdint>

#include "base/check.h"
#include "ingest/segment_protocol.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace zhiyin;
  const auto json = parse_json({reinterpret_cast<const char*>(data), size}, 1 << 20);
  if (!json) return 0;
  ingest::TrackingSettings settings{.account = "shop"};
  for (const char* call : {"batch", "identify", "track", "page", "screen", "group", "alias"}) {
    const auto calls = ingest::read_tracking(*json, call, settings);
    if (!calls) continue;
    for (const ingest::TrackedCall& one : *calls) {
      ZHIYIN_CHECK(one.event.has_value() != one.refused.has_value());
      if (one.event) (void)ingest::validate(*one.event, Instant{1'790'000'000'000'000});
      if (one.refused)
        ZHIYIN_CHECK(ingest::unpack_refused_call(*parse_json(one.refused->event)).has_value());
    }
  }
  return 0;
}
