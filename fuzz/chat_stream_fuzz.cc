// What an endpoint streams: the same events whatever the pieces, whole characters only.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/utf8.h"
#include "model/generate/chat_wire.h"
#include "model/generate/sse_parser.h"
#include "model/generate/stop_texts.h"
#include "model/generate/utf8_assembler.h"

namespace {

std::string read(std::string_view bytes, std::size_t piece) {
  using namespace zhiyin::model;
  SseParser parser;
  Utf8Assembler assembler;
  std::string text;
  const auto on_event = [&](std::string_view, std::string_view data) {
    const auto parsed = chat_wire::parse_piece(data);
    text += assembler.feed(parsed ? parsed->bytes : data);
    return true;
  };
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    if (!parser.feed(bytes.substr(at, piece), on_event)) break;
  }
  (void)assembler.finish();
  ZHIYIN_CHECK(zhiyin::utf8::is_valid(text));
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string whole = read(bytes, bytes.size() + 1);
  ZHIYIN_CHECK(read(bytes, 1) == whole);
  ZHIYIN_CHECK(read(bytes, 7) == whole);
  zhiyin::model::StopTexts stop({"\n\n", "data"});
  std::string shown;
  for (const char c : bytes) shown += stop.feed({&c, 1});
  if (!stop.stopped()) shown += stop.finish();
  ZHIYIN_CHECK(shown == bytes.substr(0, std::min(bytes.find("\n\n"), bytes.find("data"))));
  return 0;
}
