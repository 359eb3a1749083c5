#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

/// Rows of bytes, compiled once for each instruction set. Products are whole numbers: the same on
/// all of them. Pure functions, thread-safe.
namespace zhiyin::recommend::detail {

/// Rows have a multiple of this many bytes.
inline constexpr std::size_t kByteLanes = 64;
/// And at most this many.
inline constexpr std::size_t kBytesMax = 4096;

struct ByteDots {
  const char* name;  ///< `avx512vnni`, `avx512`, `avx2` or `portable`
  /// out[i] = sum over j < width of table[places[i]·width + j] · query[j].
  void (*dots)(const std::int8_t* table, std::size_t width, const std::uint32_t* places,
               std::size_t count, const std::int8_t* query, std::int32_t* out);
  /// out[j] += sum over i < count of factors[i] · table[places[i]·width + j], in the order of i and
  /// without fused operations, so that this is the same everywhere, too.
  void (*add_rows)(const std::int8_t* table, std::size_t width, const std::uint32_t* places,
                   const float* factors, std::size_t count, float* out);
};

/// What this processor runs, the fastest first; the last is `portable`.
std::span<const ByteDots* const> usable_byte_dots();
/// The first of them.
const ByteDots& byte_dots();

}  // namespace zhiyin::recommend::detail
