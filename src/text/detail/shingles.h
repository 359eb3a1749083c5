#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace zhiyin::text::detail {

/// The letters and digits of a text, folded by width, case and script: what near-duplicates are
/// compared by.
std::u32string bare_characters(std::string_view text);

/// A hash of 64 bits that spreads every bit of its input (the finaliser of splitmix64).
constexpr std::uint64_t mixed(std::uint64_t x) {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9;
  x ^= x >> 27;
  x *= 0x94d049bb133111eb;
  return x ^ x >> 31;
}

}  // namespace zhiyin::text::detail
