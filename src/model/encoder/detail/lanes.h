// Eight floats at once, for kernel_body.h: AVX2 with FMA where the file is compiled for it, plain
// loops otherwise. The same operations in the same order, so the same bits. Included inside a
// namespace of the including file's own: the linker must not mix instruction sets.

#ifdef __AVX2__
struct F8 {
  __m256 v;
};
inline F8 load(const float* p) { return {_mm256_loadu_ps(p)}; }
inline void store(float* p, F8 a) { _mm256_storeu_ps(p, a.v); }
inline F8 splat(float x) { return {_mm256_set1_ps(x)}; }
inline F8 add(F8 a, F8 b) { return {_mm256_add_ps(a.v, b.v)}; }
inline F8 sub(F8 a, F8 b) { return {_mm256_sub_ps(a.v, b.v)}; }
inline F8 mul(F8 a, F8 b) { return {_mm256_mul_ps(a.v, b.v)}; }
inline F8 div(F8 a, F8 b) { return {_mm256_div_ps(a.v, b.v)}; }
inline F8 fma(F8 a, F8 b, F8 c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
/// Where a is not a number: b.
inline F8 min(F8 a, F8 b) { return {_mm256_min_ps(a.v, b.v)}; }
inline F8 max(F8 a, F8 b) { return {_mm256_max_ps(a.v, b.v)}; }
/// 2^n for whole n from -126 to 127.
inline F8 power_of_two(F8 n) {
  const __m256i bits = _mm256_add_epi32(_mm256_cvtps_epi32(n.v), _mm256_set1_epi32(127));
  return {_mm256_castsi256_ps(_mm256_slli_epi32(bits, 23))};
}
/// Bytes of numbers from 0 to 255, rounded to even.
inline void store_bytes(std::uint8_t* p, F8 a) {
  const __m256i whole = _mm256_cvtps_epi32(a.v);
  const __m128i half =
      _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packus_epi16(half, half));
}
#else
struct F8 {
  float v[8];
};
template <class Op>
inline F8 each(F8 a, F8 b, Op op) {
  F8 out;
  for (int i = 0; i < 8; ++i) out.v[i] = op(a.v[i], b.v[i]);
  return out;
}
inline F8 load(const float* p) {
  F8 out;
  __builtin_memcpy(out.v, p, sizeof out.v);
  return out;
}
inline void store(float* p, F8 a) { __builtin_memcpy(p, a.v, sizeof a.v); }
inline F8 splat(float x) { return {{x, x, x, x, x, x, x, x}}; }
inline F8 add(F8 a, F8 b) {
  return each(a, b, [](float x, float y) { return x + y; });
}
inline F8 sub(F8 a, F8 b) {
  return each(a, b, [](float x, float y) { return x - y; });
}
inline F8 mul(F8 a, F8 b) {
  return each(a, b, [](float x, float y) { return x * y; });
}
inline F8 div(F8 a, F8 b) {
  return each(a, b, [](float x, float y) { return x / y; });
}
inline F8 fma(F8 a, F8 b, F8 c) {
  F8 out;
  for (int i = 0; i < 8; ++i) out.v[i] = __builtin_fmaf(a.v[i], b.v[i], c.v[i]);
  return out;
}
inline F8 min(F8 a, F8 b) {
  return each(a, b, [](float x, float y) { return x < y ? x : y; });
}
inline F8 max(F8 a, F8 b) {
  return each(a, b, [](float x, float y) { return x > y ? x : y; });
}
inline F8 power_of_two(F8 n) {
  F8 out;
  for (int i = 0; i < 8; ++i) {
    const std::uint32_t bits = static_cast<std::uint32_t>(static_cast<std::int32_t>(n.v[i]) + 127)
                               << 23;
    __builtin_memcpy(&out.v[i], &bits, sizeof bits);
  }
  return out;
}
inline void store_bytes(std::uint8_t* p, F8 a) {
  for (int i = 0; i < 8; ++i)
    p[i] = static_cast<std::uint8_t>(static_cast<std::int32_t>(__builtin_nearbyintf(a.v[i])));
}
#endif

/// The lanes of a in a fixed tree: (0+4) + (2+6), (1+5) + (3+7).
inline float sum(F8 a) {
  float v[8];
  store(v, a);
  return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}
inline float largest(F8 a) {
  float v[8];
  store(v, a);
  float out = v[0];
  for (int i = 1; i < 8; ++i) out = v[i] > out ? v[i] : out;
  return out;
}
inline float smallest(F8 a) {
  float v[8];
  store(v, a);
  float out = v[0];
  for (int i = 1; i < 8; ++i) out = v[i] < out ? v[i] : out;
  return out;
}
/// 1 in the first `count` lanes, 0 in the others.
inline F8 first_lanes(std::size_t count) {
  float v[8];
  for (std::size_t i = 0; i < 8; ++i) v[i] = i < count ? 1.0F : 0.0F;
  return load(v);
}
