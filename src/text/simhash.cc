#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "text/code_point.h"
#include "text/detail/shingles.h"
#include "text/detail/view_keys.h"
#include "text/near_duplicate.h"

namespace zhiyin::text {
namespace detail {

std::u32string bare_characters(std::string_view text) {
  std::u32string out;
  out.reserve(text.size() / 2);
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = code_point_at(text, at);
    at += c.bytes;
    const Folded folded = fold(c.value);
    if (!folded.is_noise) out += folded.character;
  }
  return out;
}

}  // namespace detail

namespace {

/// A character shingle as a number: 21 bits a character.
std::uint64_t shingle(std::u32string_view characters) {
  std::uint64_t value = 0;
  for (const char32_t c : characters) value = value << 21 | c;
  return value;
}

/// Counts of set bits by place, eight places to a word, carried over before they overflow.
class BitCounts {
 public:
  void add(std::uint64_t hash) {
    for (std::size_t i = 0; i < 8; ++i) bytes_[i] += spread(hash >> (8 * i) & 0xff);
    ++total_;
    if (++pending_ == 255) carry();
  }
  [[nodiscard]] std::uint64_t majority() {
    carry();
    std::uint64_t out = 0;
    for (std::size_t i = 0; i < 64; ++i)
      if (2 * counts_[i] > total_) out |= std::uint64_t{1} << i;
    return out;
  }

 private:
  /// Bit i of eight becomes 1 in byte i.
  static std::uint64_t spread(std::uint64_t byte) {
    constexpr std::uint64_t kCopies = 0x0101010101010101, kPick = 0x8040201008040201;
    const std::uint64_t picked = byte * kCopies & kPick;
    return (picked + 0x007f7f7f7f7f7f7f - (picked & 0x0080808080808080)) >> 7 & kCopies;
  }
  void carry() {
    for (std::size_t i = 0; i < 64; ++i) counts_[i] += bytes_[i / 8] >> (8 * (i % 8)) & 0xff;
    bytes_ = {};
    pending_ = 0;
  }

  std::array<std::uint64_t, 8> bytes_{};
  std::array<std::uint64_t, 64> counts_{};
  std::uint64_t total_ = 0;
  int pending_ = 0;
};

constexpr std::size_t kTrigram = 3;

}  // namespace

std::uint64_t simhash(std::string_view text) {
  const std::u32string characters = detail::bare_characters(text);
  if (characters.empty()) return 0;
  BitCounts counts;
  const std::u32string_view all = characters;
  if (all.size() < kTrigram) counts.add(detail::mixed(shingle(all)));
  for (std::size_t i = 0; i + kTrigram <= all.size(); ++i)
    counts.add(detail::mixed(shingle(all.substr(i, kTrigram))));
  return counts.majority();
}

int bits_apart(std::uint64_t a, std::uint64_t b) { return std::popcount(a ^ b); }

MinHash min_hash(std::string_view text) {
  const std::u32string characters = detail::bare_characters(text);
  MinHash out;
  if (characters.empty()) return out;
  const std::u32string_view all = characters;
  constexpr auto kEmpty = std::numeric_limits<std::uint64_t>::max();
  std::array<std::uint64_t, kMinHashSlots> least;
  least.fill(kEmpty);
  const auto add = [&](std::u32string_view part) {
    const std::uint64_t hash = detail::mixed(shingle(part));
    // The upper half says the slot, the lower the value.
    const std::size_t slot = (hash >> 32) * kMinHashSlots >> 32;
    least[slot] = std::min(least[slot], hash & 0xffffffff);
  };
  if (all.size() == 1) add(all);
  for (std::size_t i = 0; i + 2 <= all.size(); ++i) add(all.substr(i, 2));
  for (std::size_t i = 0; i < kMinHashSlots; ++i) {
    std::size_t from = i;
    for (std::uint64_t attempt = 1; least[from] == kEmpty; ++attempt)
      from = detail::mixed(i << 32 | attempt) % kMinHashSlots;
    // Mixed anew: the least of many is a small number, and its lowest bits should still differ. 0
    // is kept for texts without bigrams.
    const std::uint64_t value = detail::mixed(least[from] ^ (from + 1) << 40) & 0xffff;
    out.slots[i] = static_cast<std::uint16_t>(value == 0 ? 1 : value);
  }
  return out;
}

double similarity(const MinHash& a, const MinHash& b) {
  if (a == MinHash{} || b == MinHash{}) return 0;
  int same = 0;
  for (std::size_t i = 0; i < kMinHashSlots; ++i) same += a.slots[i] == b.slots[i] ? 1 : 0;
  return static_cast<double>(same) / kMinHashSlots;
}

}  // namespace zhiyin::text
