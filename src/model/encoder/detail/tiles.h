// One tile of a product in registers, for kernel_body.h: R rows by P panels of 16 columns. Included
// inside a namespace of the including file's own.
//
// Int16s: sixteen 32-bit integers. kRowsMax and kPanelsMax say how large a tile the registers hold;
// attention, whose inputs are few, has tiles of its own.

#if defined(ZHIYIN_AVX512)
inline constexpr int kRowsMax = 9;
inline constexpr int kPanelsMax = 3;
inline constexpr int kHeadRowsMax = 12;
inline constexpr int kHeadPanelsMax = 2;
struct Int16s {
  __m512i v;
};
using Bytes4 = __m512i;  // four bytes of a row in every column
inline Int16s zero_ints() { return {_mm512_setzero_si512()}; }
inline Bytes4 spread(const std::uint8_t* p) {
  std::int32_t four;
  __builtin_memcpy(&four, p, sizeof four);
  return _mm512_set1_epi32(four);
}
using Weights64 = __m512i;
inline Weights64 load_weights(const std::int8_t* p) { return _mm512_loadu_si512(p); }
inline void multiply(Int16s& sum, Bytes4 a, Weights64 b) {
  sum.v = _mm512_dpbusd_epi32(sum.v, a, b);
}
using Column16 = F16;
inline Column16 load_column(const float* p) { return load(p); }
inline void multiply(F16& sum, float a, Column16 b) { sum = fma(splat(a), b, sum); }
/// Sums of columns' weights with the other sign, in two parts of 16 bits: -sum = low + 128 high.
struct ColumnSums {
  __m512i v;
};
inline ColumnSums load_sums(const std::int32_t* p) {
  const __m512i minus = _mm512_sub_epi32(_mm512_setzero_si512(), _mm512_loadu_si512(p));
  const __m512i high = _mm512_and_si512(_mm512_slli_epi32(minus, 9), _mm512_set1_epi32(-0x10000));
  return {_mm512_or_si512(high, _mm512_and_si512(minus, _mm512_set1_epi32(127)))};
}
/// Sums of products less the row's zero times the sums of the columns' weights, as floats. One
/// multiplication of pairs: zero and 128 zero fit into 16 bits, as do the parts of sums of up to
/// 65,536 weights.
inline F16 less_zero(Int16s a, ColumnSums sums, std::int32_t zero) {
  const __m512i zeros = _mm512_set1_epi32(zero + zero * 128 * 65536);
  return {_mm512_cvtepi32_ps(_mm512_dpwssd_epi32(a.v, zeros, sums.v))};
}
#elif defined(__AVX2__)
inline constexpr int kRowsMax = 6;
inline constexpr int kPanelsMax = 1;
inline constexpr int kHeadRowsMax = 6;
inline constexpr int kHeadPanelsMax = 1;
struct Int16s {
  __m256i low, high;
};
using Bytes4 = __m256i;
inline Int16s zero_ints() { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
inline Bytes4 spread(const std::uint8_t* p) {
  std::int32_t four;
  __builtin_memcpy(&four, p, sizeof four);
  return _mm256_set1_epi32(four);
}
struct Weights64 {
  __m256i low, high;
};
inline Weights64 load_weights(const std::int8_t* p) {
  return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)),
          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + 32))};
}
#ifdef __AVXVNNI__
inline void multiply(Int16s& sum, Bytes4 a, const Weights64& b) {
  sum.low = _mm256_dpbusd_avx_epi32(sum.low, a, b.low);
  sum.high = _mm256_dpbusd_avx_epi32(sum.high, a, b.high);
}
#else
#define ZHIYIN_ROW_ASSEMBLY 1
/// Four bytes of a row times 16 columns. In assembly because g++ orders the twelve sums of a tile
/// so that half of them spill. 255 * 128 fits into 16 bits: nothing saturates.
inline void multiply_row(Int16s& sum, const std::uint8_t* a, const std::int8_t* b, __m256i ones) {
  __m256i first, second;
  asm("vpbroadcastd %[a], %[second]\n\t"
      "vpmaddubsw %[low], %[second], %[first]\n\t"
      "vpmaddubsw %[high], %[second], %[second]\n\t"
      "vpmaddwd %[ones], %[first], %[first]\n\t"
      "vpmaddwd %[ones], %[second], %[second]\n\t"
      "vpaddd %[first], %[sum_low], %[sum_low]\n\t"
      "vpaddd %[second], %[sum_high], %[sum_high]"
      : [sum_low] "+x"(sum.low), [sum_high] "+x"(sum.high), [first] "=&x"(first),
        [second] "=&x"(second)
      : [a] "m"(*reinterpret_cast<const std::uint8_t(*)[4]>(a)),
        [low] "m"(*reinterpret_cast<const std::int8_t(*)[32]>(b)),
        [high] "m"(*reinterpret_cast<const std::int8_t(*)[32]>(b + 32)), [ones] "x"(ones));
}
#endif
using Column16 = F16;
inline Column16 load_column(const float* p) { return load(p); }
inline void multiply(F16& sum, const float& a, const Column16& b) {
  __m256 all;  // in assembly for the same reason
  asm("vbroadcastss %[a], %[all]\n\t"
      "vfmadd231ps %[low], %[all], %[sum_low]\n\t"
      "vfmadd231ps %[high], %[all], %[sum_high]"
      : [sum_low] "+x"(sum.low), [sum_high] "+x"(sum.high), [all] "=&x"(all)
      : [a] "m"(a), [low] "x"(b.low), [high] "x"(b.high));
}
struct ColumnSums {
  __m256i low, high;
};
inline ColumnSums load_sums(const std::int32_t* p) {
  return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)),
          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + 8))};
}
inline __m256 less_zero(__m256i a, __m256i sums, __m256i zero) {
  return _mm256_cvtepi32_ps(_mm256_sub_epi32(a, _mm256_mullo_epi32(zero, sums)));
}
inline F16 less_zero(Int16s a, ColumnSums sums, std::int32_t zero) {
  const __m256i all = _mm256_set1_epi32(zero);
  return {less_zero(a.low, sums.low, all), less_zero(a.high, sums.high, all)};
}
#else
inline constexpr int kRowsMax = 4;
inline constexpr int kPanelsMax = 1;
inline constexpr int kHeadRowsMax = 4;
inline constexpr int kHeadPanelsMax = 1;
struct Int16s {
  std::int32_t v[16];
};
struct Bytes4 {
  std::int32_t v[4];
};
inline Int16s zero_ints() { return {}; }
inline Bytes4 spread(const std::uint8_t* p) { return {{p[0], p[1], p[2], p[3]}}; }
using Weights64 = const std::int8_t*;
inline Weights64 load_weights(const std::int8_t* p) { return p; }
inline void multiply(Int16s& sum, const Bytes4& a, Weights64 b) {
  for (int c = 0; c < 16; ++c)
    for (int i = 0; i < 4; ++i) sum.v[c] += a.v[i] * b[4 * c + i];
}
using Column16 = const float*;
inline Column16 load_column(const float* p) { return p; }
inline void multiply(F16& sum, float a, Column16 b) {
  for (int c = 0; c < 16; ++c) sum.v[c] = __builtin_fmaf(a, b[c], sum.v[c]);
}
using ColumnSums = const std::int32_t*;
inline ColumnSums load_sums(const std::int32_t* p) { return p; }
inline F16 less_zero(const Int16s& a, ColumnSums sums, std::int32_t zero) {
  F16 out;
  for (int c = 0; c < 16; ++c) out.v[c] = static_cast<float>(a.v[c] - zero * sums[c]);
  return out;
}
#endif

#define ZHIYIN_INLINE __attribute__((always_inline))

/// f(0), f(1), … f(N - 1) as constants: sums that are only named by constants stay in registers.
template <class F, int... I>
ZHIYIN_INLINE inline void call_each(std::integer_sequence<int, I...>, F f) {
  (f(std::integral_constant<int, I>()), ...);
}
template <int N, class F>
ZHIYIN_INLINE inline void times(F f) {
  call_each(std::make_integer_sequence<int, N>(), f);
}

/// What lies ahead in the order of use, one stream for each panel, fetched while a tile is
/// computed: `step` bytes for each turn of its loop. The processor's own guesses end at every page
/// of memory, and weights come from far away.
struct Ahead {
  const char* from;
  std::size_t stride;
  std::size_t step;
};
template <int P>
ZHIYIN_INLINE inline void fetch(Ahead& ahead) {
  times<P>([&](auto p) ZHIYIN_INLINE {
    __builtin_prefetch(ahead.from + std::size_t{p} * ahead.stride, 0, 2);
  });
  ahead.from += ahead.step;
}
/// Turns from the second cache to the first.
inline constexpr std::size_t kNearTurns = 12;

template <int R, int P>
inline void int8_tile(Int16s (&out)[R][P], const std::uint8_t* a, std::size_t a_stride,
                      const std::int8_t* b, std::size_t groups, Ahead ahead) {
  Int16s sums[R][P];
  times<R>([&](auto r) ZHIYIN_INLINE {
    times<P>([&](auto p) ZHIYIN_INLINE { sums[r][p] = zero_ints(); });
  });
#ifdef ZHIYIN_ROW_ASSEMBLY
  static_assert(P == 1);
  const __m256i ones = _mm256_set1_epi16(1);
#endif
  for (std::size_t g = 0; g < groups; ++g) {
    const std::uint8_t* const bytes = a + 4 * g;
    fetch<P>(ahead);
    times<P>([&](auto p) ZHIYIN_INLINE {
      __builtin_prefetch(b + (std::size_t{p} * groups + g + kNearTurns) * 64, 0, 3);
    });
#ifdef ZHIYIN_ROW_ASSEMBLY
    times<R>([&](auto r) ZHIYIN_INLINE {
      multiply_row(sums[r][0], bytes + std::size_t{r} * a_stride, b + g * 64, ones);
    });
#else
    Weights64 weights[P];
    times<P>([&](auto p) ZHIYIN_INLINE {
      weights[p] = load_weights(b + (std::size_t{p} * groups + g) * 64);
    });
    times<R>([&](auto r) ZHIYIN_INLINE {
      const Bytes4 four = spread(bytes + std::size_t{r} * a_stride);
      times<P>([&](auto p) ZHIYIN_INLINE { multiply(sums[r][p], four, weights[p]); });
    });
#endif
  }
  times<R>([&](auto r)
               ZHIYIN_INLINE { times<P>([&](auto p) ZHIYIN_INLINE { out[r][p] = sums[r][p]; }); });
}

/// Column c of panel p lies at b + p * panel_stride + input * 16. Adds to the sums that lie at
/// `start`, rows `start_stride` apart, or to zeros where that is null.
template <int R, int P, bool kFetch>
inline void float_tile(F16 (&out)[R][P], const float* a, std::size_t a_stride, const float* b,
                       std::size_t panel_stride, std::size_t inputs, const float* start,
                       std::size_t start_stride, Ahead ahead) {
  F16 sums[R][P];
  times<R>([&](auto r) ZHIYIN_INLINE {
    times<P>([&](auto p) ZHIYIN_INLINE {
      sums[r][p] =
          start == nullptr ? splat(0) : load(start + std::size_t{r} * start_stride + 16 * p);
    });
  });
  for (std::size_t k = 0; k < inputs; ++k) {
    if constexpr (kFetch) {
      fetch<P>(ahead);
      times<P>([&](auto p) ZHIYIN_INLINE {
        __builtin_prefetch(b + std::size_t{p} * panel_stride + (k + kNearTurns) * 16, 0, 3);
      });
    }
    Column16 column[P];
    times<P>([&](auto p) ZHIYIN_INLINE {
      column[p] = load_column(b + std::size_t{p} * panel_stride + k * 16);
    });
    times<R>([&](auto r) ZHIYIN_INLINE {
      const float* const value = a + std::size_t{r} * a_stride + k;
      times<P>([&](auto p) ZHIYIN_INLINE { multiply(sums[r][p], *value, column[p]); });
    });
  }
  times<R>([&](auto r)
               ZHIYIN_INLINE { times<P>([&](auto p) ZHIYIN_INLINE { out[r][p] = sums[r][p]; }); });
}
