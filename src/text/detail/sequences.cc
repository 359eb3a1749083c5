#include "text/detail/sequences.h"

#include <algorithm>
#include <array>

#include "text/code_point.h"
#include "text/detail/normal_form.h"
#include "text/detail/units.h"

namespace zhiyin::text::detail {
namespace {

constexpr std::size_t kSequenceMax = 16;

/// Code points at a place of a text, and where each ends.
struct Ahead {
  std::array<char32_t, kSequenceMax> points{};
  std::array<std::size_t, kSequenceMax> ends{};
  std::size_t count = 0;

  [[nodiscard]] std::u32string_view first(std::size_t n) const { return {points.data(), n}; }
};

bool is_dress(char32_t c) { return (c >= 0xfe0e && c <= 0xfe0f) || (c >= 0x1f3fb && c <= 0x1f3ff); }

/// Variation selectors and skin tones belong to what stands before them where `undressed`.
Ahead look_ahead(std::string_view text, std::size_t at, bool undressed) {
  Ahead out;
  while (at < text.size()) {
    const CodePoint point = code_point_at(text, at);
    at += point.bytes;
    if (undressed && out.count > 0 && is_dress(point.value)) {
      out.ends[out.count - 1] = at;
      continue;
    }
    if (!point.well_formed || out.count == kSequenceMax) break;
    out.points[out.count] = point.value;
    out.ends[out.count++] = at;
  }
  return out;
}

/// The entry of a sorted table whose key is `key`, or null.
template <class Entry>
const Entry* find(const Entry* begin, std::size_t count, std::u32string_view key) {
  const Entry* end = begin + count;
  const auto* found = std::lower_bound(
      begin, end, key,
      [](const Entry& entry, std::u32string_view wanted) { return pool_text(entry.key) < wanted; });
  return found != end && pool_text(found->key) == key ? found : nullptr;
}

}  // namespace

std::optional<PhraseMatch> match_phrase(std::string_view text, std::size_t at) {
  const Ahead ahead = look_ahead(text, at, false);
  for (std::size_t n = ahead.count; n > 0; --n) {
    const Phrase* phrase = find(kPhrases, kPhraseCount, ahead.first(n));
    if (phrase != nullptr) return PhraseMatch{ahead.ends[n - 1] - at, pool_text(phrase->value)};
  }
  return std::nullopt;
}

EmojiMatch match_emoji(std::string_view text, std::size_t at) {
  const Ahead ahead = look_ahead(text, at, true);
  for (std::size_t n = ahead.count; n > 0; --n) {
    const EmojiName* emoji = find(kEmoji, kEmojiCount, ahead.first(n));
    if (emoji == nullptr) continue;
    return {ahead.ends[n - 1] - at, {kEmojiNames + emoji->name, emoji->name_bytes}};
  }
  return {ahead.ends[0] - at, {}};
}

std::optional<PhraseMatch> match_unit(std::string_view text, std::size_t at) {
  const Ahead ahead = look_ahead(text, at, false);
  for (const auto& [from, to] : kUnits) {
    if (ahead.count >= from.size() && ahead.first(from.size()) == from) {
      return PhraseMatch{ahead.ends[from.size() - 1] - at, to};
    }
  }
  return std::nullopt;
}

}  // namespace zhiyin::text::detail
