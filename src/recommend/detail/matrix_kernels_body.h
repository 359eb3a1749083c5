// The arithmetic of matrix_kernels.h for registers of kVector floats, 8 tile rows where there are
// 32 registers and 4 where there are 16. Included inside a namespace of the including file's own:
// the linker must not mix instruction sets.

using Vec = float __attribute__((vector_size(kVector * sizeof(float))));

inline Vec load(const float* p) {
  Vec v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
inline void store(float* p, Vec v) { __builtin_memcpy(p, &v, sizeof v); }
inline Vec splat(float x) { return Vec{} + x; }

template <std::size_t kVectors>
void subtract_tile_of(const float* a, std::size_t a_step, const float* b, std::size_t b_step,
                      std::size_t depth, float* c, std::size_t c_step) {
  Vec sums[kTileRows][kVectors] = {};
  // The tile of c comes from memory while the sums are made.
#pragma GCC unroll 8
  for (std::size_t r = 0; r < kTileRows; ++r) {
#pragma GCC unroll 3
    for (std::size_t v = 0; v < kVectors; ++v)
      __builtin_prefetch(c + r * c_step + v * kVector, 1, 3);
  }
  for (std::size_t k = 0; k < depth; ++k) {
    Vec across[kVectors];
#pragma GCC unroll 3
    for (std::size_t v = 0; v < kVectors; ++v) across[v] = load(b + v * kVector);
#pragma GCC unroll 8
    for (std::size_t r = 0; r < kTileRows; ++r) {
      const Vec down = splat(a[r]);
#pragma GCC unroll 3
      for (std::size_t v = 0; v < kVectors; ++v) sums[r][v] += down * across[v];
    }
    a += a_step;
    b += b_step;
  }
#pragma GCC unroll 8
  for (std::size_t r = 0; r < kTileRows; ++r) {
#pragma GCC unroll 3
    for (std::size_t v = 0; v < kVectors; ++v) {
      float* const at = c + r * c_step + v * kVector;
      store(at, load(at) - sums[r][v]);
    }
  }
}

void subtract_tile(std::size_t vectors, const float* a, std::size_t a_step, const float* b,
                   std::size_t b_step, std::size_t depth, float* c, std::size_t c_step) {
  switch (vectors) {
    case 1:
      return subtract_tile_of<1>(a, a_step, b, b_step, depth, c, c_step);
    case 2:
      return subtract_tile_of<2>(a, a_step, b, b_step, depth, c, c_step);
    default:
      return subtract_tile_of<3>(a, a_step, b, b_step, depth, c, c_step);
  }
}

/// Lanes 2i and 2i+1 of a added, then those of b.
template <std::size_t... kIndex>
inline Vec add_pairs(Vec a, Vec b, std::index_sequence<kIndex...>) {
  return __builtin_shufflevector(a, b, (2 * kIndex)...) +
         __builtin_shufflevector(a, b, (2 * kIndex + 1)...);
}
inline Vec add_pairs(Vec a, Vec b) { return add_pairs(a, b, std::make_index_sequence<kVector>()); }

/// Lane i is the sum of the lanes of v[i].
template <std::size_t kCount>
inline Vec sums_of(const Vec* v) {
  if constexpr (kCount == 1) {
    return v[0];
  } else {
    Vec half[kCount / 2];
#pragma GCC unroll 8
    for (std::size_t i = 0; i < kCount / 2; ++i) half[i] = add_pairs(v[2 * i], v[2 * i + 1]);
    return sums_of<kCount / 2>(half);
  }
}

/// Scalar products of kVector rows with p.
template <std::size_t kParts>
inline Vec block_dots(const float* rows, std::size_t width, const Vec* p) {
  Vec products[kVector];
#pragma GCC unroll 16
  for (std::size_t r = 0; r < kVector; ++r) {
    Vec sum = load(rows + r * width) * p[0];
#pragma GCC unroll 16
    for (std::size_t v = 1; v < kParts; ++v) sum += load(rows + r * width + v * kVector) * p[v];
    products[r] = sum;
  }
  return sums_of<kVector>(products);
}

template <std::size_t kParts>
void normal_product_of(const float* rows, std::size_t count, const float* p, float* out) {
  constexpr std::size_t width = kParts * kVector;
  Vec direction[kParts];
  Vec sum[kParts] = {};
  for (std::size_t v = 0; v < kParts; ++v) direction[v] = load(p + v * kVector);
  for (std::size_t r = 0; r < count; r += kVector, rows += kVector * width) {
    alignas(64) float t[kVector];
    store(t, block_dots<kParts>(rows, width, direction));
#pragma GCC unroll 16
    for (std::size_t i = 0; i < kVector; ++i) {
      const Vec weight = splat(t[i]);
#pragma GCC unroll 16
      for (std::size_t v = 0; v < kParts; ++v)
        sum[v] += weight * load(rows + i * width + v * kVector);
    }
  }
  for (std::size_t v = 0; v < kParts; ++v) store(out + v * kVector, sum[v]);
}

float dot(const float* a, const float* b, std::size_t width) {
  Vec sum = {};
  std::size_t j = 0;
  for (; j + kVector <= width; j += kVector) sum += load(a + j) * load(b + j);
  float out = 0;
  for (std::size_t lane = 0; lane < kVector; ++lane) out += sum[lane];
  for (; j < width; ++j) out += a[j] * b[j];
  return out;
}

void add_scaled(float factor, const float* x, float* out, std::size_t width) {
  const Vec weight = splat(factor);
  std::size_t j = 0;
  for (; j + kVector <= width; j += kVector) store(out + j, load(out + j) + weight * load(x + j));
  for (; j < width; ++j) out[j] += factor * x[j];
}

void normal_product(const float* rows, std::size_t count, std::size_t width, const float* p,
                    float* out) {
  switch (width / kVector) {
    case 1:
      return normal_product_of<1>(rows, count, p, out);
    case 2:
      return normal_product_of<2>(rows, count, p, out);
    case 4:
      return normal_product_of<4>(rows, count, p, out);
    case 8:
      return normal_product_of<8>(rows, count, p, out);
    case 16:
      return normal_product_of<16>(rows, count, p, out);
    default:
      for (std::size_t j = 0; j < width; ++j) out[j] = 0;
      for (std::size_t r = 0; r < count; ++r, rows += width)
        add_scaled(dot(rows, p, width), rows, out, width);
  }
}

void dots(const float* rows, std::size_t count, std::size_t width, const float* p, float* out) {
  const auto of = [&]<std::size_t kParts>(std::integral_constant<std::size_t, kParts>) {
    Vec direction[kParts];
    for (std::size_t v = 0; v < kParts; ++v) direction[v] = load(p + v * kVector);
    for (std::size_t r = 0; r < count; r += kVector)
      store(out + r, block_dots<kParts>(rows + r * width, width, direction));
  };
  switch (width / kVector) {
    case 1:
      return of(std::integral_constant<std::size_t, 1>());
    case 2:
      return of(std::integral_constant<std::size_t, 2>());
    case 4:
      return of(std::integral_constant<std::size_t, 4>());
    case 8:
      return of(std::integral_constant<std::size_t, 8>());
    default:
      for (std::size_t r = 0; r < count; ++r) out[r] = dot(rows + r * width, p, width);
  }
}

bool solve(float* a, std::size_t a_step, std::size_t size, float* b) {
  for (std::size_t k = 0; k < size; ++k) {
    float* const pivot = a + k * a_step;
    if (!(pivot[k] > 0)) return false;
    const float inverse = 1 / __builtin_sqrtf(pivot[k]);
    for (std::size_t j = k; j < size; ++j) pivot[j] *= inverse;
    b[k] *= inverse;
    for (std::size_t i = k + 1; i < size; ++i) {
      // Whole registers from the one that holds the diagonal: what lies left of it is never read.
      const std::size_t from = i / kVector * kVector;
      add_scaled(-pivot[i], pivot + from, a + i * a_step + from, size - from);
    }
    add_scaled(-b[k], pivot + k + 1, b + k + 1, size - k - 1);
  }
  for (std::size_t k = size; k-- > 0;) {
    const float* const pivot = a + k * a_step;
    b[k] = (b[k] - dot(pivot + k + 1, b + k + 1, size - k - 1)) / pivot[k];
  }
  return true;
}

std::size_t count_above(const float* values, std::size_t count, float bar) {
  std::size_t out = 0;
  std::size_t j = 0;
  using Ints = int __attribute__((vector_size(kVector * sizeof(int))));
  const Vec bars = splat(bar);
  Ints above = {};
  for (; j + kVector <= count; j += kVector) above -= load(values + j) > bars;
  for (std::size_t lane = 0; lane < kVector; ++lane) out += static_cast<std::size_t>(above[lane]);
  for (; j < count; ++j) out += values[j] > bar;
  return out;
}

double register_peak(std::size_t rounds, float* sink) {
  constexpr std::size_t kChains = kTileRows == 8 ? 24 : 12;
  // Chains that differ, or the compiler makes one of them.
  Vec sums[kChains];
  for (std::size_t c = 0; c < kChains; ++c) sums[c] = splat(sink[1] * static_cast<float>(c));
  const Vec factor = splat(sink[0]);
  const Vec term = splat(sink[1]);
  for (std::size_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 24
    for (std::size_t c = 0; c < kChains; ++c) sums[c] = sums[c] * factor + term;
  }
  Vec all = {};
  for (std::size_t c = 0; c < kChains; ++c) all += sums[c];
  for (std::size_t lane = 0; lane < kVector; ++lane) sink[0] += all[lane];
  return 2.0 * kChains * kVector * static_cast<double>(rounds);
}
