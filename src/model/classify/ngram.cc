#include "model/classify/ngram.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "text/code_point.h"

namespace zhiyin::model {
namespace {

constexpr NgramKey kPointMask = (NgramKey{1} << 21) - 1;
constexpr int kBitsMin = 6;

}  // namespace

NgramKey ngram_key(std::span<const char32_t> points, std::size_t at, std::size_t size) {
  NgramKey key = 0;
  for (std::size_t i = 0; i < size; ++i) key |= static_cast<NgramKey>(points[at + i]) << (21 * i);
  return key;
}

std::string ngram_text(NgramKey key) {
  std::string out;
  for (; key != 0; key >>= 21) text::append_utf8(out, static_cast<char32_t>(key & kPointMask));
  return out;
}

std::size_t ngram_size(NgramKey key) {
  return (static_cast<std::size_t>(std::bit_width(key)) + 20) / 21;
}

NgramTable::NgramTable(std::size_t expected) {
  grow(std::max(kBitsMin, static_cast<int>(std::bit_width(expected * 3 / 2))));
}

void NgramTable::grow(int bits) {
  std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(std::size_t{1} << bits));
  mask_ = slots_.size() - 1;
  shift_ = 64 - bits;
  for (const Slot& slot : old) {
    if (slot.key == 0) continue;
    std::size_t at = slot_of(slot.key);
    while (slots_[at].key != 0) at = (at + 1) & mask_;
    slots_[at] = slot;
  }
}

std::uint32_t NgramTable::add(NgramKey key) {
  // At most two thirds full, so that a search ends soon.
  if (size_ * 3 >= slots_.size() * 2) grow(65 - shift_);
  std::size_t at = slot_of(key);
  for (; slots_[at].key != 0; at = (at + 1) & mask_) {
    if (slots_[at].key == key) return slots_[at].number;
  }
  slots_[at] = {key, static_cast<std::uint32_t>(size_)};
  return static_cast<std::uint32_t>(size_++);
}

}  // namespace zhiyin::model
