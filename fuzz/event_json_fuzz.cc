// Bodies of POST /v1/events: whatever is read is checked and, when it passes, survives the wire
// form and back.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "ingest/detail/json_events.h"
#include "ingest/detail/view_json.h"

namespace {
constexpr zhiyin::Instant kNow{1'790'000'000'000'000};

void check_round_trip(const zhiyin::ingest::EventView& view) {
  std::string json = zhiyin::ingest::detail::view_to_json(view);
  zhiyin::ingest::detail::JsonEvents again;
  if (!again.read(json, 1, {}) || again.events().size() != 1 || again.events()[0].error)
    std::abort();
  const auto& back = again.events()[0].view;
  if (back.kind != view.kind || back.identities.size() != view.identities.size() ||
      back.value != view.value || back.properties != view.properties ||
      back.personal != view.personal) {
    std::abort();
  }
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string body(reinterpret_cast<const char*>(data), size);
  zhiyin::ingest::detail::JsonEvents json;
  if (!json.read(body, 100, {})) return 0;
  for (std::size_t i = 0; i < json.events().size(); ++i) {
    auto& event = json.events()[i];
    static_cast<void>(json.json_of(i));
    if (event.error || !zhiyin::ingest::check_event(event.view, kNow)) continue;
    check_round_trip(event.view);
  }
  return 0;
}
