#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

namespace zhiyin::text::detail {

/// Code points outside the basic plane and their codes.
struct RareCode {
  std::uint32_t point;
  std::uint32_t code;
};

/// A small alphabet: the code of each code point that a dictionary knows, 0 for the others. A view;
/// the tables belong to whoever made it.
struct CodeMap {
  static constexpr std::size_t kPlane = 0x10000;

  std::span<const std::uint16_t> plane;  // kPlane entries
  std::span<const RareCode> rare;        // ascending by point

  [[nodiscard]] std::uint16_t code(char32_t point) const {
    if (point < kPlane) return plane[point];
    const auto* found = std::lower_bound(
        rare.data(), rare.data() + rare.size(), point,
        [](const RareCode& entry, char32_t wanted) { return entry.point < wanted; });
    const bool known = found != rare.data() + rare.size() && found->point == point;
    return known ? static_cast<std::uint16_t>(found->code) : std::uint16_t{0};
  }
};

}  // namespace zhiyin::text::detail
