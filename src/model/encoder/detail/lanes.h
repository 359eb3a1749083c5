// Sixteen floats at once, for kernel_body.h: one register of AVX-512, two of AVX2 with FMA, plain
// loops otherwise. The same operations in the same order, so the same bits. Included inside a
// namespace of the including file's own: the linker must not mix instruction sets.

#if defined(ZHIYIN_AVX512)
struct F16 {
  __m512 v;
};
inline F16 load(const float* p) { return {_mm512_loadu_ps(p)}; }
inline void store(float* p, F16 a) { _mm512_storeu_ps(p, a.v); }
inline F16 splat(float x) { return {_mm512_set1_ps(x)}; }
inline F16 add(F16 a, F16 b) { return {_mm512_add_ps(a.v, b.v)}; }
inline F16 sub(F16 a, F16 b) { return {_mm512_sub_ps(a.v, b.v)}; }
inline F16 mul(F16 a, F16 b) { return {_mm512_mul_ps(a.v, b.v)}; }
inline F16 div(F16 a, F16 b) { return {_mm512_div_ps(a.v, b.v)}; }
inline F16 fma(F16 a, F16 b, F16 c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
/// Where a is not a number: b.
inline F16 min(F16 a, F16 b) { return {_mm512_min_ps(a.v, b.v)}; }
inline F16 max(F16 a, F16 b) { return {_mm512_max_ps(a.v, b.v)}; }
/// a times 2^n, where n are the lowest bits of `bits`.
inline F16 times_power(F16 a, F16 bits) {
  const __m512i power = _mm512_slli_epi32(_mm512_castps_si512(bits.v), 23);
  return {_mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(a.v), power))};
}
/// Bytes of numbers from 0 to 255, rounded to even.
inline void store_bytes(std::uint8_t* p, F16 a) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(a.v)));
}
inline __m256 low_half(F16 a) { return _mm512_castps512_ps256(a.v); }
inline __m256 high_half(F16 a) {
  return _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(a.v), 1));
}
#elif defined(__AVX2__)
struct F16 {
  __m256 low, high;
};
inline F16 load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
inline void store(float* p, F16 a) {
  _mm256_storeu_ps(p, a.low);
  _mm256_storeu_ps(p + 8, a.high);
}
inline F16 splat(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
inline F16 add(F16 a, F16 b) {
  return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
}
inline F16 sub(F16 a, F16 b) {
  return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
}
inline F16 mul(F16 a, F16 b) {
  return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
}
inline F16 div(F16 a, F16 b) {
  return {_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)};
}
inline F16 fma(F16 a, F16 b, F16 c) {
  return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}
inline F16 min(F16 a, F16 b) {
  return {_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)};
}
inline F16 max(F16 a, F16 b) {
  return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)};
}
inline __m256 times_power(__m256 a, __m256 bits) {
  const __m256i power = _mm256_slli_epi32(_mm256_castps_si256(bits), 23);
  return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(a), power));
}
inline F16 times_power(F16 a, F16 bits) {
  return {times_power(a.low, bits.low), times_power(a.high, bits.high)};
}
inline void store_bytes(std::uint8_t* p, F16 a) {
  const __m256i low = _mm256_cvtps_epi32(a.low), high = _mm256_cvtps_epi32(a.high);
  const __m128i first =
      _mm_packs_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1));
  const __m128i second =
      _mm_packs_epi32(_mm256_castsi256_si128(high), _mm256_extracti128_si256(high, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm_packus_epi16(first, second));
}
inline __m256 low_half(F16 a) { return a.low; }
inline __m256 high_half(F16 a) { return a.high; }
#else
struct F16 {
  float v[16];
};
template <class Op>
inline F16 each(F16 a, F16 b, Op op) {
  F16 out;
  for (int i = 0; i < 16; ++i) out.v[i] = op(a.v[i], b.v[i]);
  return out;
}
inline F16 load(const float* p) {
  F16 out;
  __builtin_memcpy(out.v, p, sizeof out.v);
  return out;
}
inline void store(float* p, F16 a) { __builtin_memcpy(p, a.v, sizeof a.v); }
inline F16 splat(float x) {
  F16 out;
  for (float& lane : out.v) lane = x;
  return out;
}
inline F16 add(F16 a, F16 b) {
  return each(a, b, [](float x, float y) { return x + y; });
}
inline F16 sub(F16 a, F16 b) {
  return each(a, b, [](float x, float y) { return x - y; });
}
inline F16 mul(F16 a, F16 b) {
  return each(a, b, [](float x, float y) { return x * y; });
}
inline F16 div(F16 a, F16 b) {
  return each(a, b, [](float x, float y) { return x / y; });
}
inline F16 fma(F16 a, F16 b, F16 c) {
  F16 out;
  for (int i = 0; i < 16; ++i) out.v[i] = __builtin_fmaf(a.v[i], b.v[i], c.v[i]);
  return out;
}
inline F16 min(F16 a, F16 b) {
  return each(a, b, [](float x, float y) { return x < y ? x : y; });
}
inline F16 max(F16 a, F16 b) {
  return each(a, b, [](float x, float y) { return x > y ? x : y; });
}
inline F16 times_power(F16 a, F16 bits) {
  for (int i = 0; i < 16; ++i) {
    std::uint32_t number, power;
    __builtin_memcpy(&number, &a.v[i], sizeof number);
    __builtin_memcpy(&power, &bits.v[i], sizeof power);
    number += power << 23;
    __builtin_memcpy(&a.v[i], &number, sizeof number);
  }
  return a;
}
inline void store_bytes(std::uint8_t* p, F16 a) {
  for (int i = 0; i < 16; ++i)
    p[i] = static_cast<std::uint8_t>(static_cast<std::int32_t>(__builtin_nearbyintf(a.v[i])));
}
#endif

// The lanes of a in a fixed tree: lane i with i + 8, these with i + 4, these with i + 2, then the
// last two.
#ifdef __AVX2__
inline float sum(F16 a) {
  const __m256 eight = _mm256_add_ps(low_half(a), high_half(a));
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
inline float largest(F16 a) {
  const __m256 eight = _mm256_max_ps(low_half(a), high_half(a));
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}
inline float smallest(F16 a) {
  const __m256 eight = _mm256_min_ps(low_half(a), high_half(a));
  const __m128 four = _mm_min_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_min_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_min_ss(two, _mm_movehdup_ps(two)));
}
#else
template <class Op>
inline float tree(F16 a, Op op) {
  for (int half = 8; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) a.v[i] = op(a.v[i], a.v[i + half]);
  return a.v[0];
}
inline float sum(F16 a) {
  return tree(a, [](float x, float y) { return x + y; });
}
inline float largest(F16 a) {
  return tree(a, [](float x, float y) { return x > y ? x : y; });
}
inline float smallest(F16 a) {
  return tree(a, [](float x, float y) { return x < y ? x : y; });
}
#endif
/// 1 in the first `count` lanes, 0 in the others.
inline F16 first_lanes(std::size_t count) {
  float v[16];
  for (std::size_t i = 0; i < 16; ++i) v[i] = i < count ? 1.0F : 0.0F;
  return load(v);
}
