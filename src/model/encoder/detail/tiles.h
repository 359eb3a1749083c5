// One tile of a product in registers, for kernel_body.h: R rows by P panels of 16 columns. Included
// inside a namespace of the including file's own.
//
// Int16s: sixteen 32-bit integers; Float16s: sixteen floats. kRowsMax and kPanelsMax say how large
// a tile the registers hold.

#ifdef __AVX2__
/// Sums of products less the row's zero times the sums of the columns' weights, as floats.
inline F8 less_zero(__m256i a, const std::int32_t* sums, __m256i zero) {
  const __m256i columns = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(sums));
  return {_mm256_cvtepi32_ps(_mm256_sub_epi32(a, _mm256_mullo_epi32(zero, columns)))};
}
#endif

#if defined(ZHIYIN_AVX512)
inline constexpr int kRowsMax = 12;
inline constexpr int kPanelsMax = 2;
struct Int16s {
  __m512i v;
};
struct Float16s {
  __m512 v;
};
using Bytes4 = __m512i;  // four bytes of a row in every column
inline Int16s zero_ints() { return {_mm512_setzero_si512()}; }
inline Float16s zero_floats() { return {_mm512_setzero_ps()}; }
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
using Column16 = __m512;
inline Column16 load_column(const float* p) { return _mm512_loadu_ps(p); }
inline void multiply(Float16s& sum, float a, Column16 b) {
  sum.v = _mm512_fmadd_ps(_mm512_set1_ps(a), b, sum.v);
}
inline void split(Int16s a, F8& low, F8& high, const std::int32_t* sums, std::int32_t zero) {
  const __m256i all = _mm256_set1_epi32(zero);
  low = less_zero(_mm512_castsi512_si256(a.v), sums, all);
  high = less_zero(_mm512_extracti64x4_epi64(a.v, 1), sums + 8, all);
}
inline void split(Float16s a, F8& low, F8& high) {
  low.v = _mm512_castps512_ps256(a.v);
  high.v = _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(a.v), 1));
}
#elif defined(__AVX2__)
inline constexpr int kRowsMax = 6;
inline constexpr int kPanelsMax = 1;
struct Int16s {
  __m256i low, high;
};
struct Float16s {
  __m256 low, high;
};
using Bytes4 = __m256i;
inline Int16s zero_ints() { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
inline Float16s zero_floats() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
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
inline __m256i dot4(__m256i sum, __m256i a, __m256i b) {
#ifdef __AVXVNNI__
  return _mm256_dpbusd_avx_epi32(sum, a, b);
#else
  // 255 * 64 * 2 fits into 16 bits: nothing saturates.
  return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(a, b), _mm256_set1_epi16(1)));
#endif
}
inline void multiply(Int16s& sum, Bytes4 a, const Weights64& b) {
  sum.low = dot4(sum.low, a, b.low);
  sum.high = dot4(sum.high, a, b.high);
}
struct Column16 {
  __m256 low, high;
};
inline Column16 load_column(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
inline void multiply(Float16s& sum, float a, const Column16& b) {
  const __m256 all = _mm256_set1_ps(a);
  sum.low = _mm256_fmadd_ps(all, b.low, sum.low);
  sum.high = _mm256_fmadd_ps(all, b.high, sum.high);
}
inline void split(Int16s a, F8& low, F8& high, const std::int32_t* sums, std::int32_t zero) {
  const __m256i all = _mm256_set1_epi32(zero);
  low = less_zero(a.low, sums, all);
  high = less_zero(a.high, sums + 8, all);
}
inline void split(Float16s a, F8& low, F8& high) {
  low.v = a.low;
  high.v = a.high;
}
#else
inline constexpr int kRowsMax = 4;
inline constexpr int kPanelsMax = 1;
struct Int16s {
  std::int32_t v[16];
};
struct Float16s {
  float v[16];
};
struct Bytes4 {
  std::int32_t v[4];
};
inline Int16s zero_ints() { return {}; }
inline Float16s zero_floats() { return {}; }
inline Bytes4 spread(const std::uint8_t* p) { return {{p[0], p[1], p[2], p[3]}}; }
using Weights64 = const std::int8_t*;
inline Weights64 load_weights(const std::int8_t* p) { return p; }
inline void multiply(Int16s& sum, const Bytes4& a, Weights64 b) {
  for (int c = 0; c < 16; ++c)
    for (int i = 0; i < 4; ++i) sum.v[c] += a.v[i] * b[4 * c + i];
}
using Column16 = const float*;
inline Column16 load_column(const float* p) { return p; }
inline void multiply(Float16s& sum, float a, Column16 b) {
  for (int c = 0; c < 16; ++c) sum.v[c] = __builtin_fmaf(a, b[c], sum.v[c]);
}
inline void split(const Int16s& a, F8& low, F8& high, const std::int32_t* sums, std::int32_t zero) {
  for (int c = 0; c < 8; ++c) {
    low.v[c] = static_cast<float>(a.v[c] - zero * sums[c]);
    high.v[c] = static_cast<float>(a.v[c + 8] - zero * sums[c + 8]);
  }
}
inline void split(const Float16s& a, F8& low, F8& high) {
  low = load(a.v);
  high = load(a.v + 8);
}
#endif

template <int R, int P>
inline void int8_tile(Int16s (&sums)[R][P], const std::uint8_t* a, std::size_t a_stride,
                      const std::int8_t* b, std::size_t groups) {
  for (auto& row : sums)
    for (auto& one : row) one = zero_ints();
  for (std::size_t g = 0; g < groups; ++g) {
    Weights64 weights[P];
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p)
      weights[p] = load_weights(b + (static_cast<std::size_t>(p) * groups + g) * 64);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const Bytes4 four = spread(a + static_cast<std::size_t>(r) * a_stride + 4 * g);
#pragma GCC unroll 4
      for (int p = 0; p < P; ++p) multiply(sums[r][p], four, weights[p]);
    }
  }
}

/// Column c of panel p lies at b + p * panel_stride + input * b_stride.
template <int R, int P>
inline void float_tile(Float16s (&sums)[R][P], const float* a, std::size_t a_stride, const float* b,
                       std::size_t panel_stride, std::size_t inputs) {
  for (auto& row : sums)
    for (auto& one : row) one = zero_floats();
  for (std::size_t k = 0; k < inputs; ++k) {
    Column16 column[P];
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p)
      column[p] = load_column(b + static_cast<std::size_t>(p) * panel_stride + k * 16);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const float value = a[static_cast<std::size_t>(r) * a_stride + k];
#pragma GCC unroll 4
      for (int p = 0; p < P; ++p) multiply(sums[r][p], value, column[p]);
    }
  }
}
