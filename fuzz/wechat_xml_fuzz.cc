// XML from outside: never crashes, never goes beyond its limits, and what is written is read back.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "base/utf8.h"
#include "wechat/xml.h"

using namespace zhiyin;

namespace {

std::size_t depth_of(const wechat::XmlElement& element) {
  std::size_t deepest = 0;
  for (const wechat::XmlElement& child : element.children)
    deepest = std::max(deepest, depth_of(child));
  return deepest + 1;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto root = wechat::parse_xml(text)) {
    ZHIYIN_CHECK(depth_of(*root) <= wechat::kXmlDepthMax);
    ZHIYIN_CHECK(parse_json(wechat::to_json(*root).dump()).has_value());
  }
  // Line ends are normalised by XML itself.
  const bool is_text = utf8::is_valid(text) && text.find('\0') == std::string_view::npos &&
                       text.find('\r') == std::string_view::npos;
  if (is_text && size < 1000) {
    const auto again = wechat::parse_xml("<xml>" + wechat::xml_text("A", text) + "</xml>");
    ZHIYIN_CHECK(again.has_value() && again->find("A")->text == text);
  }
  return 0;
}
