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
/// Minus, because adding a zero is an operation of its own: it turns -0 into 0.
inline Vec splat(float x) { return x - Vec{}; }

template <std::size_t kVectors, bool kAdd>
void tile_of(const float* a, std::size_t a_step, const float* b, std::size_t b_step,
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
      store(at, kAdd ? load(at) + sums[r][v] : load(at) - sums[r][v]);
    }
  }
}

template <bool kAdd>
void tile(std::size_t vectors, const float* a, std::size_t a_step, const float* b,
          std::size_t b_step, std::size_t depth, float* c, std::size_t c_step) {
  switch (vectors) {
    case 1:
      return tile_of<1, kAdd>(a, a_step, b, b_step, depth, c, c_step);
    case 2:
      return tile_of<2, kAdd>(a, a_step, b, b_step, depth, c, c_step);
    default:
      return tile_of<3, kAdd>(a, a_step, b, b_step, depth, c, c_step);
  }
}
constexpr auto subtract_tile = tile<false>;
constexpr auto add_tile = tile<true>;

/// Sums of neighbouring quarters of 128 bits, first those of a, then those of b; or, where kInside,
/// of neighbouring lanes within each 128 bits: shuffles that stay inside are the cheap ones.
template <bool kInside, std::size_t... kIndex>
inline Vec add_pairs(Vec a, Vec b, std::index_sequence<kIndex...>) {
  constexpr auto from = [](std::size_t i, std::size_t odd) {
    if (kInside) return i / 4 * 4 + i % 2 * 2 + odd + (i % 4 < 2 ? 0 : kVector);
    return i / 4 * 8 + odd * 4 + i % 4;
  };
  return __builtin_shufflevector(a, b, (from(kIndex, 0))...) +
         __builtin_shufflevector(a, b, (from(kIndex, 1))...);
}

/// Lane i is the sum of the lanes of row(first + i), a register each, for kRows = kVector: pairs of
/// rows are joined as soon as both are there, so that few registers are in use.
template <std::size_t kRows, class Row>
inline __attribute__((always_inline)) Vec row_sums(std::size_t first, const Row& row) {
  if constexpr (kRows == 1) {
    return row(first);
  } else {
    const Vec a = row_sums<kRows / 2>(first, row);
    const Vec b = row_sums<kRows / 2>(first + kRows / 2, row);
    return add_pairs<kRows <= 4>(a, b, std::make_index_sequence<kVector>());
  }
}

/// Scalar products of kVector rows with p.
template <std::size_t kParts>
inline Vec block_dots(const float* rows, std::size_t width, const Vec* p) {
  return row_sums<kVector>(0, [&](std::size_t r) __attribute__((always_inline)) {
    Vec sum = load(rows + r * width) * p[0];
#pragma GCC unroll 16
    for (std::size_t v = 1; v < kParts; ++v) sum += load(rows + r * width + v * kVector) * p[v];
    return sum;
  });
}

/// The register with its lanes turned by kBy.
template <std::size_t kBy, std::size_t... kIndex>
inline Vec turned_by(Vec v, std::index_sequence<kIndex...>) {
  return __builtin_shufflevector(v, v, ((kIndex + kBy) % kVector)...);
}

/// Sum of the lanes, by halves.
template <std::size_t kBy = kVector / 2>
inline float total(Vec v) {
  if constexpr (kBy == 0) {
    return v[0];
  } else {
    return total<kBy / 2>(v + turned_by<kBy>(v, std::make_index_sequence<kVector>()));
  }
}

float dot(const float* a, const float* b, std::size_t width) {
  Vec sum = {};
  std::size_t j = 0;
  for (; j + kVector <= width; j += kVector) sum += load(a + j) * load(b + j);
  float out = total(sum);
  for (; j < width; ++j) out += a[j] * b[j];
  return out;
}

void add_scaled(float factor, const float* x, float* out, std::size_t width) {
  const Vec weight = splat(factor);
  std::size_t j = 0;
  for (; j + kVector <= width; j += kVector) store(out + j, load(out + j) + weight * load(x + j));
  for (; j < width; ++j) out[j] += factor * x[j];
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

using Ints = int __attribute__((vector_size(kVector * sizeof(int))));

/// The lanes of v from number `from` on, zero before.
inline Vec lanes_from(Vec v, std::size_t from) {
  Ints number;
  for (std::size_t lane = 0; lane < kVector; ++lane) number[lane] = static_cast<int>(lane);
  return number >= (static_cast<int>(from) - Ints{}) ? v : Vec{};
}

/// Takes what row k of the factor says of the rest of b away, once b[k] is final.
inline void eliminate(const float* row, std::size_t k, std::size_t end, float* b) {
  const Vec factor = splat(b[k]);
  const std::size_t diagonal = k / kVector * kVector;
  store(b + diagonal,
        load(b + diagonal) - factor * lanes_from(load(row + diagonal), k + 1 - diagonal));
  for (std::size_t j = diagonal + kVector; j < end; j += kVector)
    store(b + j, load(b + j) - factor * load(row + j));
}

void substitute_back(const float* a, std::size_t a_step, std::size_t size, std::size_t end,
                     float* b) {
  for (std::size_t j = size; j < end; ++j) b[j] = 0;
  for (std::size_t k = size; k-- > 0;) {
    const float* const row = a + k * a_step;
    const std::size_t diagonal = k / kVector * kVector;
    Vec sum = lanes_from(load(row + diagonal), k + 1 - diagonal) * load(b + diagonal);
    for (std::size_t j = diagonal + kVector; j < end; j += kVector)
      sum += load(row + j) * load(b + j);
    b[k] = (b[k] - total(sum)) * row[k];
  }
}

/// The pivots first … last - 1, in their own rows only. False when one is not positive.
inline bool factor_rows(float* a, std::size_t a_step, std::size_t first, std::size_t last,
                        std::size_t end, float* b) {
  for (std::size_t k = first; k < last; ++k) {
    float* const pivot = a + k * a_step;
    if (!(pivot[k] > 0)) return false;
    const float inverse = 1 / __builtin_sqrtf(pivot[k]);
    const Vec by = splat(inverse);
    for (std::size_t j = k / kVector * kVector; j < end; j += kVector)
      store(pivot + j, load(pivot + j) * by);
    b[k] *= inverse;
    for (std::size_t i = k + 1; i < last; ++i) {
      const Vec factor = splat(pivot[i]);
      float* const row = a + i * a_step;
      for (std::size_t j = i / kVector * kVector; j < end; j += kVector)
        store(row + j, load(row + j) - factor * load(pivot + j));
    }
    eliminate(pivot, k, end, b);
    // Taken back with a product instead of a division.
    pivot[k] = inverse;
  }
  return true;
}

/// Takes what the pivots say of the rows below them away, tile by tile.
inline void take_from_rows_below(float* a, std::size_t a_step, std::size_t first, std::size_t last,
                                 std::size_t size, std::size_t end) {
  const float* const pivots = a + first * a_step;
  std::size_t i = last;
  for (; i + kTileRows <= size; i += kTileRows) {
    for (std::size_t j = i / kVector * kVector; j < end;) {
      const std::size_t vectors = end - j >= 3 * kVector ? 3 : (end - j) / kVector;
      subtract_tile(vectors, pivots + i, a_step, pivots + j, a_step, last - first,
                    a + i * a_step + j, a_step);
      j += vectors * kVector;
    }
  }
  for (; i < size; ++i) {
    float* const row = a + i * a_step;
    for (std::size_t k = first; k < last; ++k) {
      const float* const pivot = a + k * a_step;
      const Vec factor = splat(pivot[i]);
      for (std::size_t j = i / kVector * kVector; j < end; j += kVector)
        store(row + j, load(row + j) - factor * load(pivot + j));
    }
  }
}

/// Works on whole registers: what lies left of the diagonal is never read, what lies beyond `size`
/// is changed.
bool solve(float* a, std::size_t a_step, std::size_t size, float* b) {
  const std::size_t end = (size + kVector - 1) / kVector * kVector;
  constexpr std::size_t kTogether = 16;
  for (std::size_t first = 0; first < size; first += kTogether) {
    const std::size_t last = first + kTogether < size ? first + kTogether : size;
    if (!factor_rows(a, a_step, first, last, end, b)) return false;
    take_from_rows_below(a, a_step, first, last, size, end);
  }
  substitute_back(a, a_step, size, end, b);
  return true;
}

void solve_again(const float* a, std::size_t a_step, std::size_t size, float* b) {
  const std::size_t end = (size + kVector - 1) / kVector * kVector;
  for (std::size_t k = 0; k < size; ++k) {
    b[k] *= a[k * a_step + k];
    eliminate(a + k * a_step, k, end, b);
  }
  substitute_back(a, a_step, size, end, b);
}

std::size_t count_above(const float* values, std::size_t count, float bar) {
  std::size_t out = 0;
  std::size_t j = 0;
  const Vec bars = splat(bar);
  Ints above = {};
  for (; j + kVector <= count; j += kVector) above -= load(values + j) > bars;
  for (std::size_t lane = 0; lane < kVector; ++lane) out += static_cast<std::size_t>(above[lane]);
  for (; j < count; ++j) out += values[j] > bar;
  return out;
}

std::size_t next_above(const float* values, std::size_t begin, std::size_t count, float bar) {
  const Vec bars = splat(bar);
  std::size_t j = begin;
  for (; j + 2 * kVector <= count; j += 2 * kVector) {
    const Ints above = (load(values + j) > bars) | (load(values + j + kVector) > bars);
    int any = 0;
    for (std::size_t lane = 0; lane < kVector; ++lane) any |= above[lane];
    if (any != 0) break;
  }
  for (; j < count; ++j) {
    if (values[j] > bar) return j;
  }
  return count;
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

#include "recommend/detail/least_squares_body.h"
