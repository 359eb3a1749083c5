#include "wechat/xml.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <map>
#include <pugixml.hpp>

#include "base/utf8.h"

namespace zhiyin::wechat {
namespace {

constexpr std::string_view kCdataOpen = "<![CDATA[";
constexpr std::string_view kCdataClose = "]]>";

bool is_name_start(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

/// Walks over the mark-up without building anything and refuses what callbacks never contain.
class Guard {
 public:
  explicit Guard(std::string_view text) : text_(text) {}

  Result<void> run() {
    skip_declaration();
    while (true) {
      const std::size_t begin = at_;
      at_ = text_.find('<', begin);
      ZHIYIN_TRY_VOID(check_references(text_.substr(begin, at_ - begin)));
      if (at_ == std::string_view::npos) break;
      ZHIYIN_TRY_VOID(markup());
    }
    if (depth_ != 0 || elements_ == 0) return fail(ErrorCode::kInvalidArgument, "XML: is cut off");
    return {};
  }

 private:
  void skip_declaration() {
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    if (text_.starts_with(kByteOrderMark)) at_ = kByteOrderMark.size();
    const std::size_t begin = text_.find_first_not_of(" \t\r\n", at_);
    if (begin == std::string_view::npos || !text_.substr(begin).starts_with("<?xml ")) return;
    const std::size_t end = text_.find("?>", begin);
    if (end != std::string_view::npos) at_ = end + 2;
  }

  /// `&#…;` names a character of Unicode: the parser would make bytes of anything.
  static Result<void> check_references(std::string_view text) {
    constexpr std::string_view kOpen = "&#";
    for (std::size_t at = text.find(kOpen); at != std::string_view::npos;
         at = text.find(kOpen, at + kOpen.size())) {
      std::string_view number = text.substr(at + kOpen.size());
      const bool is_hex = number.starts_with('x');
      if (is_hex) number.remove_prefix(1);
      std::uint32_t code = 0;
      const auto [end, ec] =
          std::from_chars(number.data(), number.data() + number.size(), code, is_hex ? 16 : 10);
      const bool is_surrogate = code >= 0xD800 && code <= 0xDFFF;
      if (ec != std::errc() || code == 0 || code > 0x10FFFF || is_surrogate)
        return fail(ErrorCode::kInvalidArgument, "XML: a character reference names no character");
    }
    return {};
  }

  Result<void> markup() {
    const std::string_view rest = text_.substr(at_);
    if (rest.starts_with(kCdataOpen)) return skip_past(kCdataClose, kCdataOpen.size());
    if (rest.starts_with("<!--")) return skip_past("-->", 4);
    if (rest.starts_with("<!"))
      return fail(ErrorCode::kInvalidArgument, "XML: a DOCTYPE is not allowed");
    if (rest.starts_with("<?"))
      return fail(ErrorCode::kInvalidArgument, "XML: a processing instruction is not allowed");
    return tag();
  }

  Result<void> skip_past(std::string_view end, std::size_t opening) {
    const std::size_t found = text_.find(end, at_ + opening);
    if (found == std::string_view::npos)
      return fail(ErrorCode::kInvalidArgument, "XML: is cut off");
    at_ = found + end.size();
    return {};
  }

  Result<void> tag() {
    const bool closes = at_ + 1 < text_.size() && text_[at_ + 1] == '/';
    const std::size_t name = at_ + (closes ? 2 : 1);
    if (name >= text_.size() || !is_name_start(text_[name])) {
      return fail(ErrorCode::kInvalidArgument, "XML: a tag has no name");
    }
    const std::size_t end = end_of_tag(name);
    if (end == std::string_view::npos) return fail(ErrorCode::kInvalidArgument, "XML: is cut off");
    const bool is_empty = text_[end - 1] == '/';
    at_ = end + 1;
    if (closes) {
      if (depth_ == 0) return fail(ErrorCode::kInvalidArgument, "XML: closes what is not open");
      --depth_;
      return {};
    }
    if (++elements_ > kXmlElementsMax)
      return fail(ErrorCode::kLimitReached, "XML: more than {} elements", kXmlElementsMax);
    if (!is_empty && ++depth_ > kXmlDepthMax)
      return fail(ErrorCode::kLimitReached, "XML: deeper than {} levels", kXmlDepthMax);
    return {};
  }

  /// The `>` that ends the tag, not one inside the quotes of an attribute.
  [[nodiscard]] std::size_t end_of_tag(std::size_t from) const {
    char quote = 0;
    for (std::size_t i = from; i < text_.size(); ++i) {
      const char c = text_[i];
      if (quote != 0) {
        if (c == quote) quote = 0;
      } else if (c == '"' || c == '\'') {
        quote = c;
      } else if (c == '>') {
        return i;
      } else if (c == '<') {
        return std::string_view::npos;
      }
    }
    return std::string_view::npos;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  std::size_t elements_ = 0;
};

XmlElement copy(const pugi::xml_node& node) {
  XmlElement out;
  out.name = node.name();
  for (const pugi::xml_node& child : node.children()) {
    if (child.type() == pugi::node_element) {
      out.children.push_back(copy(child));
    } else if (child.type() == pugi::node_pcdata || child.type() == pugi::node_cdata) {
      out.text += child.value();
    }
  }
  if (!out.children.empty()) out.text.clear();  // blanks between elements
  return out;
}

}  // namespace

const XmlElement* XmlElement::find(std::string_view child) const {
  const auto found = std::ranges::find(children, child, &XmlElement::name);
  return found == children.end() ? nullptr : &*found;
}

Result<XmlElement> parse_xml(std::string_view text, std::size_t bytes_max) {
  const std::size_t limit = std::min(bytes_max, kXmlBytesCap);
  if (text.size() > limit)
    return fail(ErrorCode::kLimitReached, "XML: {} bytes, at most {}", text.size(), limit);
  if (text.find('\0') != std::string_view::npos)
    return fail(ErrorCode::kInvalidArgument, "XML: has a NUL");
  if (!utf8::is_valid(text)) return fail(ErrorCode::kInvalidArgument, "XML: is not UTF-8");
  ZHIYIN_TRY_VOID(Guard(text).run());

  pugi::xml_document document;
  // No DTD nodes and no entities beyond the five of XML and numbers; text keeps its blanks.
  constexpr unsigned kOptions =
      pugi::parse_cdata | pugi::parse_escapes | pugi::parse_eol | pugi::parse_ws_pcdata;
  const pugi::xml_parse_result parsed =
      document.load_buffer(text.data(), text.size(), kOptions, pugi::encoding_utf8);
  if (!parsed)
    return fail(ErrorCode::kInvalidArgument, "XML: {} at byte {}", parsed.description(),
                parsed.offset);
  const pugi::xml_node root = document.document_element();
  if (root.empty() || !root.next_sibling().empty())
    return fail(ErrorCode::kInvalidArgument, "XML: not exactly one root");
  return copy(root);
}

Json to_json(const XmlElement& element) {
  if (element.children.empty()) return Json(element.text);
  Json::Object members;
  std::map<std::string_view, std::size_t> index;
  for (const XmlElement& child : element.children) {
    const auto [found, is_new] = index.try_emplace(child.name, members.size());
    if (is_new) {
      members.emplace_back(child.name, to_json(child));
      continue;
    }
    // Values are strings and objects, so an array here is one that we began.
    Json& list = members[found->second].second;
    if (list.if_array() == nullptr) list = Json(Json::Array{std::move(list)});
    list.push(to_json(child));
  }
  return Json(std::move(members));
}

std::string xml_text(std::string_view name, std::string_view text) {
  std::string out = fmt::format("<{}>{}", name, kCdataOpen);
  std::size_t at = 0;
  for (std::size_t found = text.find(kCdataClose); found != std::string_view::npos;
       found = text.find(kCdataClose, at)) {
    out += text.substr(at, found + 2 - at);  // `]]` here, `>` in the next section
    out += "]]><![CDATA[";
    at = found + 2;
  }
  out += text.substr(at);
  out += fmt::format("{}</{}>", kCdataClose, name);
  return out;
}

}  // namespace zhiyin::wechat
