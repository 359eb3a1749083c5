// Records of the log: bytes that decode encode to the same bytes. A checksum is put behind the
// input, or nothing would ever get past it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/crypto.h"
#include "ingest/event.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  static_cast<void>(zhiyin::ingest::decode_event(bytes));
  const auto sum = static_cast<std::uint32_t>(zhiyin::crypto::xxh64(bytes));
  for (int i = 0; i < 4; ++i) bytes += static_cast<char>(sum >> (8 * i) & 255);
  const auto event = zhiyin::ingest::decode_event(bytes);
  if (!event) return 0;
  const auto again = zhiyin::ingest::decode_event(zhiyin::ingest::encode_event(*event));
  if (!again || again->event_id != event->event_id || again->properties != event->properties ||
      again->occurred_at != event->occurred_at || again->received_at != event->received_at ||
      again->value != event->value || again->identities != event->identities) {
    std::abort();
  }
  return 0;
}
