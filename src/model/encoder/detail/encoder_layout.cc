#include "model/encoder/detail/encoder_layout.h"

#include <cstring>
#include <string>

#include "model/encoder/detail/byte_reader.h"

namespace zhiyin::model::detail {
namespace {

constexpr std::size_t kReplacementMax = 64;

bool is_character(std::uint32_t code) {
  return code < 0xD800 || (code > 0xDFFF && code < 0x110000);
}

void append_u32(std::string& out, std::uint32_t value) {
  char bytes[4];
  std::memcpy(bytes, &value, sizeof bytes);
  out.append(bytes, sizeof bytes);
}

}  // namespace

std::string pack_characters(const std::vector<MappedCharacter>& characters) {
  std::string out;
  for (const MappedCharacter& entry : characters) {
    append_u32(out, entry.from);
    out += static_cast<char>(entry.to.size());
    for (const char32_t to : entry.to) append_u32(out, to);
  }
  return out;
}

Result<std::vector<MappedCharacter>> unpack_characters(std::string_view bytes) {
  const auto wrong = [](std::size_t entry, std::string_view what) {
    return fail(ErrorCode::kInvalidArgument, "character map: entry {} {}", entry, what);
  };
  std::vector<MappedCharacter> out;
  ByteReader reader(bytes);
  while (reader.position() < bytes.size()) {
    MappedCharacter entry;
    const auto from = reader.number<std::uint32_t>();
    const auto length = reader.number<std::uint8_t>();
    if (!is_character(from) || length > kReplacementMax) return wrong(out.size(), "is wrong");
    entry.from = from;
    for (std::uint8_t i = 0; i < length; ++i) {
      const auto to = reader.number<std::uint32_t>();
      if (!is_character(to)) return wrong(out.size(), "gives what is no character");
      entry.to.push_back(to);
    }
    if (!reader.ok()) return wrong(out.size(), "is cut short");
    if (!out.empty() && entry.from <= out.back().from) return wrong(out.size(), "is out of order");
    out.push_back(std::move(entry));
  }
  return out;
}

}  // namespace zhiyin::model::detail
