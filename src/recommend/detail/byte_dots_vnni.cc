#include <immintrin.h>

#include <algorithm>

#include "recommend/detail/byte_dots.h"

namespace zhiyin::recommend::detail {
namespace vnni_bytes {
namespace {

/// The instruction multiplies unsigned by signed bytes and adds four products at once. A row's
/// bytes plus 128 are unsigned; 128 times the sum of the query is taken away again.
constexpr char kSignBit = static_cast<char>(0x80);
constexpr std::int32_t kOffset = 128;
constexpr std::size_t kAhead = 12;

inline __m512i products(__m512i sum, const std::int8_t* row, const std::int8_t* query,
                        std::size_t j) {
  const __m512i bytes = _mm512_xor_si512(_mm512_loadu_si512(row + j), _mm512_set1_epi8(kSignBit));
  return _mm512_dpbusd_epi32(sum, bytes, _mm512_loadu_si512(query + j));
}

/// The sums of the lanes of four registers.
inline __m128i sums_of(__m512i a, __m512i b, __m512i c, __m512i d) {
  const __m512i ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
  const __m512i cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
  const __m512i all =
      _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
  const __m256i half =
      _mm256_add_epi32(_mm512_castsi512_si256(all), _mm512_extracti64x4_epi64(all, 1));
  return _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

/// Four rows at once. `kOneRegister`: rows of kByteLanes bytes, many thousands of them.
template <bool kOneRegister>
std::size_t dots_of_four(const std::int8_t* table, std::size_t width, const std::uint32_t* places,
                         std::size_t count, const std::int8_t* query, std::int32_t shift,
                         std::int32_t* out) {
  const std::size_t length = kOneRegister ? kByteLanes : width;
  std::size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    if constexpr (!kOneRegister) {
      // Long rows lie anywhere: the processor does not guess which come next.
      for (std::size_t next = i + kAhead; next < std::min(i + kAhead + 4, count); ++next) {
        for (std::size_t j = 0; j < length; j += kByteLanes)
          _mm_prefetch(table + std::size_t{places[next]} * length + j, _MM_HINT_T0);
      }
    }
    const std::int8_t* const a = table + std::size_t{places[i]} * length;
    const std::int8_t* const b = table + std::size_t{places[i + 1]} * length;
    const std::int8_t* const c = table + std::size_t{places[i + 2]} * length;
    const std::int8_t* const d = table + std::size_t{places[i + 3]} * length;
    __m512i s[4] = {};
    for (std::size_t j = 0; j < length; j += kByteLanes) {
      s[0] = products(s[0], a, query, j);
      s[1] = products(s[1], b, query, j);
      s[2] = products(s[2], c, query, j);
      s[3] = products(s[3], d, query, j);
    }
    const __m128i sums = _mm_sub_epi32(sums_of(s[0], s[1], s[2], s[3]), _mm_set1_epi32(shift));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i), sums);
  }
  return i;
}

void dots(const std::int8_t* table, std::size_t width, const std::uint32_t* places,
          std::size_t count, const std::int8_t* query, std::int32_t* out) {
  std::int32_t shift = 0;
  for (std::size_t j = 0; j < width; ++j) shift += query[j];
  shift *= kOffset;
  std::size_t i = width == kByteLanes
                      ? dots_of_four<true>(table, width, places, count, query, shift, out)
                      : dots_of_four<false>(table, width, places, count, query, shift, out);
  for (; i < count; ++i) {
    __m512i sum = _mm512_setzero_si512();
    for (std::size_t j = 0; j < width; j += kByteLanes)
      sum = products(sum, table + std::size_t{places[i]} * width, query, j);
    out[i] = _mm512_reduce_add_epi32(sum) - shift;
  }
}

}  // namespace
}  // namespace vnni_bytes

namespace vnni_rows {
namespace {
#include "recommend/detail/byte_dots_body.h"
}  // namespace
}  // namespace vnni_rows

extern const ByteDots kVnniBytes;
const ByteDots kVnniBytes = {"avx512vnni", vnni_bytes::dots, vnni_rows::add_rows};

}  // namespace zhiyin::recommend::detail
