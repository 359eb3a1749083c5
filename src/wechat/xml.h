#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace zhiyin::wechat {

inline constexpr std::size_t kXmlBytesDefault = 64 << 10;
inline constexpr std::size_t kXmlBytesCap = 1 << 20;
inline constexpr std::size_t kXmlDepthMax = 16;
inline constexpr std::size_t kXmlElementsMax = 5'000;

/// An element of a callback: its text, or its children in their order, duplicates kept. Attributes
/// and comments are dropped. A pure value.
struct XmlElement {
  std::string name;
  std::string text;
  std::vector<XmlElement> children;

  /// The first child of that name, or null.
  [[nodiscard]] const XmlElement* find(std::string_view child) const;
};

/// Parses XML from outside. Before any parser sees it, everything is refused that a callback never
/// has: DOCTYPE, entities and processing instructions, more than kXmlDepthMax levels, more than
/// kXmlElementsMax elements, NUL, invalid UTF-8, more than min(bytes_max, kXmlBytesCap) bytes.
/// Fails with kInvalidArgument, or kLimitReached for the limits. Pure.
Result<XmlElement> parse_xml(std::string_view text, std::size_t bytes_max = kXmlBytesDefault);

/// An element with children as an object (several of one name become an array), any other as a
/// string.
Json to_json(const XmlElement& element);

/// `<name><![CDATA[text]]></name>`; a text with `]]>` is split into two sections.
std::string xml_text(std::string_view name, std::string_view text);

}  // namespace zhiyin::wechat
