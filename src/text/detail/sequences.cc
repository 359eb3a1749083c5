#include "text/detail/sequences.h"

#include <algorithm>
#include <array>
#include <vector>

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

/// The first entry of a sorted table whose key is not before `key`.
template <class Entry>
const Entry* not_before(const Entry* begin, std::size_t count, std::u32string_view key) {
  return std::lower_bound(
      begin, begin + count, key,
      [](const Entry& e, std::u32string_view wanted) { return pool_text(e.key) < wanted; });
}

/// The entry of a sorted table with the longest key that the characters ahead begin with, or null.
template <class Entry>
const Entry* longest(const Entry* begin, std::size_t count, const Ahead& ahead) {
  const Entry* const end = begin + count;
  const Entry* found = not_before(begin, count, ahead.first(1));
  if (found == end || pool_text(found->key) != ahead.first(1)) found = nullptr;
  if (ahead.count < 2) return found;
  const std::u32string_view two = ahead.first(2);
  for (const Entry* entry = not_before(begin, count, two);
       entry != end && pool_text(entry->key).starts_with(two); ++entry) {
    const std::u32string_view key = pool_text(entry->key);
    // Ascending keys: of those that begin alike a longer one comes later.
    if (key.size() <= ahead.count && ahead.first(key.size()) == key) found = entry;
  }
  return found;
}

/// Which two characters may begin a phrase: many common characters begin one, few pairs do. Some
/// pairs that begin none pass, too.
class PhrasePairs {
 public:
  PhrasePairs() : pairs_(kSize) {
    for (std::size_t i = 0; i < kPhraseCount; ++i) {
      const std::u32string_view key = pool_text(kPhrases[i].key);
      if (key.size() == 1) all_ = true;
      if (key.size() > 1) pairs_[place(key[0], key[1])] = true;
    }
  }

  [[nodiscard]] bool may_begin(std::string_view text, std::size_t at) const {
    const CodePoint first = code_point_at(text, at);
    if (all_ || at + first.bytes >= text.size()) return all_;
    return pairs_[place(first.value, code_point_at(text, at + first.bytes).value)];
  }

 private:
  static constexpr std::size_t kSize = 1 << 16;
  static std::size_t place(char32_t first, char32_t second) {
    return (first * 0x9e37u + second) % kSize;
  }
  std::vector<bool> pairs_;
  bool all_ = false;  // there are phrases of one character
};

}  // namespace

std::optional<PhraseMatch> match_phrase(std::string_view text, std::size_t at) {
  static const PhrasePairs kPairs;  // made once from the tables, never changed
  if (!kPairs.may_begin(text, at)) return std::nullopt;
  const Ahead ahead = look_ahead(text, at, false);
  const Phrase* phrase = longest(kPhrases, kPhraseCount, ahead);
  if (phrase == nullptr) return std::nullopt;
  return PhraseMatch{ahead.ends[pool_text(phrase->key).size() - 1] - at, pool_text(phrase->value)};
}

EmojiMatch match_emoji(std::string_view text, std::size_t at) {
  const Ahead ahead = look_ahead(text, at, true);
  const EmojiName* emoji = longest(kEmoji, kEmojiCount, ahead);
  if (emoji == nullptr) return {ahead.ends[0] - at, {}};
  return {ahead.ends[pool_text(emoji->key).size() - 1] - at,
          {kEmojiNames + emoji->name, emoji->name_bytes}};
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
