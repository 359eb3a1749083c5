#include "model/tokeniser/aligned_text.h"

#include <algorithm>

#include "text/code_point.h"

namespace zhiyin::model {

void AlignedText::clear() {
  text.clear();
  from.clear();
}

void AlignedText::append(char32_t c, ByteSpan source) {
  text::append_utf8(text, c);
  from.resize(text.size(), source);
}

void AlignedText::append(const AlignedText& other, std::size_t begin, std::size_t end) {
  text.append(other.text, begin, end - begin);
  from.insert(from.end(), other.from.begin() + static_cast<std::ptrdiff_t>(begin),
              other.from.begin() + static_cast<std::ptrdiff_t>(end));
}

void AlignedText::assign(std::string_view original, std::size_t begin, std::size_t end) {
  clear();
  text.reserve(end - begin);
  from.reserve(end - begin);
  const std::string_view part = original.substr(0, end);
  for (std::size_t at = begin; at < end;) {
    const text::CodePoint c = text::code_point_at(part, at);
    const auto place = static_cast<std::uint32_t>(at);
    append(c.value, {place, place + c.bytes});
    at += c.bytes;
  }
}

void transform(AlignedText& text, const std::vector<Change>& changes) {
  std::vector<ByteSpan> old;  // one per character
  for (std::size_t at = 0; at < text.text.size(); ++at) {
    if (!text::is_continuation_byte(text.text[at])) old.push_back(text.from[at]);
  }
  AlignedText out;
  std::size_t next = 0;
  for (const auto& [c, change] : changes) {
    ByteSpan source;
    if (change > 0) {
      if (next > 0) source = old[std::min(next, old.size()) - 1];
    } else {
      if (!old.empty()) source = old[std::min(next, old.size() - 1)];
      next += 1 + static_cast<std::size_t>(-change);
    }
    out.append(c, source);
  }
  text = std::move(out);
}

}  // namespace zhiyin::model
