#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

/// Products of rows of bytes, compiled once for each instruction set. Whole numbers: the same on
/// all of them. Pure functions, thread-safe.
namespace zhiyin::recommend::detail {

/// Rows have a multiple of this many bytes.
inline constexpr std::size_t kByteLanes = 64;

struct ByteDots {
  const char* name;  ///< `avx512`, `avx2` or `portable`
  /// out[i] = sum over j < width of table[places[i]·width + j] · query[j]. Each product is at most
  /// 127², so up to 2^17 columns fit.
  void (*dots)(const std::int8_t* table, std::size_t width, const std::uint32_t* places,
               std::size_t count, const std::int16_t* query, std::int32_t* out);
};

/// What this processor runs, the fastest first; the last is `portable`.
std::span<const ByteDots* const> usable_byte_dots();
/// The first of them.
const ByteDots& byte_dots();

}  // namespace zhiyin::recommend::detail
