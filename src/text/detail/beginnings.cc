#include "text/detail/beginnings.h"

#include <bit>

#ifdef __x86_64__
#include <immintrin.h>
#endif

namespace zhiyin::text::detail {
namespace {

#ifdef __x86_64__

/// What the words say of eight places, or of those in `wanted`; each in the lowest bit of 64, 0 of
/// the others. `hash` has hashes as PrefixFilter::pair makes them, `turn` what bits_with adds, in
/// the low half.
__attribute__((target("avx512f"), always_inline)) inline __m512i eight_begin(
    const PrefixFilter& filter, __m512i hash, __m512i turn, __mmask8 wanted) {
  const __m512i low_half = _mm512_set1_epi64(0xffffffff), six = _mm512_set1_epi64(63);
  const __m512i at = _mm512_srl_epi64(_mm512_and_si512(hash, low_half),
                                      _mm_cvtsi32_si128(static_cast<int>(filter.shift)));
  const __m512i word =
      _mm512_mask_i64gather_epi64(_mm512_setzero_si512(), wanted, at, filter.words, 8);
  const __m512i one = _mm512_and_si512(_mm512_srli_epi64(hash, 32), six);
  const __m512i two = _mm512_and_si512(_mm512_srli_epi64(hash, 38), six);
  const __m512i with_one = _mm512_xor_si512(one, _mm512_and_si512(turn, six));
  const __m512i with_two = _mm512_xor_si512(two, _mm512_srli_epi64(turn, 6));
  const __m512i by_pair =
      _mm512_and_si512(_mm512_srlv_epi64(word, one), _mm512_srlv_epi64(word, two));
  const __m512i by_three =
      _mm512_and_si512(_mm512_srlv_epi64(word, with_one), _mm512_srlv_epi64(word, with_two));
  return _mm512_or_si512(by_pair, by_three);
}

__attribute__((target("avx512f"), always_inline)) inline __m512i sixteen(const Symbol* symbols) {
  return _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(symbols)));
}

/// Sixteen places at a time: those of even and those of odd number, eight each.
__attribute__((target("avx512f,bmi2"))) std::size_t find_beginnings_avx512(
    const PrefixFilter& filter, const Symbol* symbols, std::size_t from, std::size_t to,
    const PlaceFlags& also, std::uint32_t* places, const std::uint64_t* only) {
  const __m512i low_half = _mm512_set1_epi64(0xffffffff);
  const __m512i factor = _mm512_set1_epi64(PrefixFilter::kPairFactor);
  const __m512i count_up = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  std::size_t count = 0;
  for (std::size_t i = from; i < to; i += 16) {
    unsigned wanted = 0xffff;
    if (only != nullptr) wanted &= static_cast<unsigned>(only[i / 64] >> (i % 64));
    if (wanted == 0) continue;
    const __m512i pair =
        _mm512_or_si512(sixteen(symbols + i), _mm512_slli_epi32(sixteen(symbols + i + 1), 16));
    const __m512i turn = _mm512_srli_epi32(
        _mm512_mullo_epi32(sixteen(symbols + i + 2),
                           _mm512_set1_epi32(static_cast<int>(PrefixFilter::kThirdFactor))),
        20);
    const __m512i even =
        eight_begin(filter, _mm512_mul_epu32(pair, factor), _mm512_and_si512(turn, low_half),
                    static_cast<__mmask8>(_pext_u32(wanted, 0x5555)));
    const __m512i odd =
        eight_begin(filter, _mm512_mul_epu32(_mm512_srli_epi64(pair, 32), factor),
                    _mm512_srli_epi64(turn, 32), static_cast<__mmask8>(_pext_u32(wanted, 0xaaaa)));
    __mmask16 found = _mm512_test_epi32_mask(
        _mm512_mask_blend_epi32(0xaaaa, even, _mm512_slli_epi64(odd, 32)), _mm512_set1_epi32(1));
    if (also.wanted != 0) {
      const __m512i flags =
          _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(also.flags + i)));
      found |= _mm512_test_epi32_mask(flags, _mm512_set1_epi32(also.wanted));
    }
    found &= static_cast<__mmask16>(wanted);
    if (to - i < 16) found &= static_cast<__mmask16>((1U << (to - i)) - 1);
    const __m512i place = _mm512_add_epi32(_mm512_set1_epi32(static_cast<int>(i)), count_up);
    _mm512_storeu_si512(places + count, _mm512_maskz_compress_epi32(found, place));
    count += static_cast<std::size_t>(std::popcount(static_cast<unsigned>(found)));
  }
  return count;
}

/// __builtin_cpu_supports looks at what the system saves of the registers, too.
bool has_avx512() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("bmi2");
}

#endif

}  // namespace

std::size_t find_beginnings_portable(const PrefixFilter& filter, const Symbol* symbols,
                                     std::size_t from, std::size_t to, const PlaceFlags& also,
                                     std::uint32_t* places, const std::uint64_t* only) {
  std::size_t count = 0;
  // Written whether it is one or not: no branch to guess.
  const auto look_at = [&](std::size_t i) {
    places[count] = static_cast<std::uint32_t>(i);
    const bool may_begin = filter.may_begin(symbols[i], symbols[i + 1], symbols[i + 2]);
    const bool counts = also.wanted != 0 && (also.flags[i] & also.wanted) != 0;
    count += static_cast<std::size_t>(may_begin) | static_cast<std::size_t>(counts);
  };
  if (only != nullptr) {
    for (std::size_t word = 0; word * 64 < to; ++word) {
      for (std::uint64_t bits = only[word]; bits != 0; bits &= bits - 1) {
        const std::size_t i = word * 64 + static_cast<unsigned>(std::countr_zero(bits));
        if (i < to) look_at(i);
      }
    }
    return count;
  }
  if (also.wanted == 0) {
    for (std::size_t i = from; i < to; ++i) {
      places[count] = static_cast<std::uint32_t>(i);
      count += filter.may_begin(symbols[i], symbols[i + 1], symbols[i + 2]) ? 1 : 0;
    }
    return count;
  }
  for (std::size_t i = from; i < to; ++i) look_at(i);
  return count;
}

std::size_t find_beginnings(const PrefixFilter& filter, const Symbol* symbols, std::size_t from,
                            std::size_t to, const PlaceFlags& also, std::uint32_t* places,
                            const std::uint64_t* only) {
#ifdef __x86_64__
  static const bool kHasAvx512 = has_avx512();
  if (kHasAvx512) return find_beginnings_avx512(filter, symbols, from, to, also, places, only);
#endif
  return find_beginnings_portable(filter, symbols, from, to, also, places, only);
}

}  // namespace zhiyin::text::detail
