// Rows of least squares, of matrix_kernels.h: included at the end of matrix_kernels_body.h, in the
// same namespace of the including file's own.

/// Rows of zeros stand in where the events end before a block does.
alignas(64) constexpr float kNoRow[kWidthMax] = {};

// Conjugate gradients read each row seven times, so what they cost is bytes: rows of widths that
// have code of their own are read as bfloat16, two numbers a word, and computed with in float32.
// Each row's system is then that of slightly other factors (2^-9 of each); its solution misses the
// least loss by the square of that.

using Words = std::uint32_t __attribute__((vector_size(kVector * sizeof(std::uint32_t))));

inline Words load_words(const void* p) {
  Words w;
  __builtin_memcpy(&w, p, sizeof w);
  return w;
}
// Between vectors of one size a cast keeps the bits, in a register.
inline Words words_of(Vec v) { return reinterpret_cast<Words>(v); }
inline Vec floats_of(Words w) { return reinterpret_cast<Vec>(w); }
constexpr std::uint32_t kUpperHalf = 0xffff0000;
/// A word holds a number of one register in its lower half, of the next in its upper one.
inline Vec lower(Words w) { return floats_of(w << 16); }
inline Vec upper(Words w) { return floats_of(w & kUpperHalf); }
/// The nearest bfloat16 in the upper halves, even ones where two are as near. Of finite numbers.
inline Words rounded(Vec v) {
  const Words w = words_of(v);
  return (w + 0x7fff + (w >> 16 & 1)) & kUpperHalf;
}

/// Rows are widened anew after this: kept from the first use to the second they would not fit the
/// registers.
inline __attribute__((always_inline)) void forget_rows() { __asm__ volatile("" ::: "memory"); }

/// The number of registers in a row where there is code of its own for it, else 0.
constexpr std::size_t parts_of(std::size_t width) {
  const std::size_t parts = width / kVector;
  return parts == 2 || parts == 4 || parts == 8 || parts == 16 ? parts : 0;
}

bool halve(const float* rows, std::size_t count, std::size_t width, std::uint32_t* out) {
  if (parts_of(width) == 0) return false;
  for (std::size_t i = 0; i < count * width; i += 2 * kVector, out += kVector) {
    const Words words = rounded(load(rows + i)) >> 16 | rounded(load(rows + i + kVector));
    __builtin_memcpy(out, &words, sizeof words);
  }
  return true;
}

/// A row times a vector that lies in registers, lanes apart.
template <std::size_t kParts>
inline __attribute__((always_inline)) Vec lanes_dot(const std::uint32_t* row, const Vec* p) {
  const Words first = load_words(row);
  Vec even = lower(first) * p[0];
  Vec odd = upper(first) * p[1];
#pragma GCC unroll 8
  for (std::size_t v = 2; v < kParts; v += 2) {
    const Words w = load_words(row + v / 2 * kVector);
    even += lower(w) * p[v];
    odd += upper(w) * p[v + 1];
  }
  return even + odd;
}

template <std::size_t kParts>
inline __attribute__((always_inline)) void add_row(float weight, const std::uint32_t* row,
                                                   Vec* sum) {
  const Vec by = splat(weight);
#pragma GCC unroll 8
  for (std::size_t v = 0; v < kParts; v += 2) {
    const Words w = load_words(row + v / 2 * kVector);
    sum[v] += by * lower(w);
    sum[v + 1] += by * upper(w);
  }
}

/// Copies the rows of the events to `rows`, and out = sum over them of (target - row · x) row.
template <std::size_t kParts>
void gather_of(const RowSystem& s, const float* x, std::uint32_t* rows, float* out) {
  constexpr std::size_t words = kParts * kVector / 2;
  constexpr std::size_t kLine = 16;  // words that a prefetch brings
  Vec direction[kParts];
  for (std::size_t v = 0; v < kParts; ++v) direction[v] = load(x + v * kVector);
  Vec sum[kParts] = {};
  const auto none = reinterpret_cast<const std::uint32_t*>(kNoRow);
  const auto product = [&](std::size_t i, std::uint32_t* to) __attribute__((always_inline)) {
    const std::uint32_t* const from =
        i < s.count ? s.halves + std::size_t{s.events[i]} * words : none;
    if (i + kLanes < s.count) {
      const std::uint32_t* const next = s.halves + std::size_t{s.events[i + kLanes]} * words;
#pragma GCC unroll 8
      for (std::size_t j = 0; j < words; j += kLine) __builtin_prefetch(next + j);
    }
    __builtin_memcpy(to, from, words * sizeof *to);
    return lanes_dot<kParts>(from, direction);
  };
  for (std::size_t first = 0; first < padded(s.count); first += kVector) {
    std::uint32_t* const to = rows + first * words;
    alignas(64) float t[kVector];
    store(t,
          splat(s.target) - row_sums<kVector>(0, [&](std::size_t r) __attribute__((always_inline)) {
            return product(first + r, to + r * words);
          }));
    forget_rows();
#pragma GCC unroll 16
    for (std::size_t r = 0; r < kVector; ++r) add_row<kParts>(t[r], to + r * words, sum);
  }
  for (std::size_t v = 0; v < kParts; ++v) store(out + v * kVector, sum[v]);
}

/// out = sum over the gathered rows of (row · p) row.
template <std::size_t kParts>
void normal_product_of(const std::uint32_t* rows, std::size_t count, const float* p, float* out) {
  constexpr std::size_t words = kParts * kVector / 2;
  Vec direction[kParts];
  for (std::size_t v = 0; v < kParts; ++v) direction[v] = load(p + v * kVector);
  Vec sum[kParts] = {};
  for (std::size_t first = 0; first < count; first += kVector, rows += kVector * words) {
    alignas(64) float t[kVector];
    store(t, row_sums<kVector>(0, [&](std::size_t r) __attribute__((always_inline)) {
            return lanes_dot<kParts>(rows + r * words, direction);
          }));
    forget_rows();
#pragma GCC unroll 16
    for (std::size_t r = 0; r < kVector; ++r) add_row<kParts>(t[r], rows + r * words, sum);
  }
  for (std::size_t v = 0; v < kParts; ++v) store(out + v * kVector, sum[v]);
}

/// Sum over the gathered rows of (row · p)².
template <std::size_t kParts>
float squared_dots_of(const std::uint32_t* rows, std::size_t count, const float* p) {
  constexpr std::size_t words = kParts * kVector / 2;
  Vec direction[kParts];
  for (std::size_t v = 0; v < kParts; ++v) direction[v] = load(p + v * kVector);
  Vec sum = {};
  for (std::size_t first = 0; first < count; first += kVector, rows += kVector * words) {
    const Vec t = row_sums<kVector>(0, [&](std::size_t r) __attribute__((always_inline)) {
      return lanes_dot<kParts>(rows + r * words, direction);
    });
    sum += t * t;
  }
  return total(sum);
}

/// down[r] = the products, lanes apart, of row r of gram right of a diagonal block with p; what the
/// rows say for the columns there is added to out. Of kVector / 2 rows, so that their weights stay
/// in registers, too.
template <std::size_t kParts>
inline __attribute__((always_inline)) void off_diagonal(const float* rows, const float* weights,
                                                        std::size_t from, const float* p,
                                                        float* out, Vec* down) {
  constexpr std::size_t width = kParts * kVector;
  constexpr std::size_t kRows = kVector / 2;
  Vec by[kRows];
  Vec sum[kRows] = {};
#pragma GCC unroll 8
  for (std::size_t r = 0; r < kRows; ++r) by[r] = splat(weights[r]);
  for (std::size_t j = from; j < width; j += kVector) {
    const Vec across = load(p + j);
    // Additions to one register wait for each other.
    Vec even = load(out + j);
    Vec odd = {};
#pragma GCC unroll 8
    for (std::size_t r = 0; r < kRows; r += 2) {
      const Vec g = load(rows + r * width + j);
      const Vec h = load(rows + (r + 1) * width + j);
      sum[r] += g * across;
      sum[r + 1] += h * across;
      even += by[r] * g;
      odd += by[r + 1] * h;
    }
    store(out + j, even + odd);
  }
#pragma GCC unroll 8
  for (std::size_t r = 0; r < kRows; ++r) down[r] = sum[r];
}

/// out = (gram + ridge) p, reading the upper triangle of gram only: what lies right of a diagonal
/// block serves both for its rows and for its columns.
template <std::size_t kParts>
void shared_product_of(const RowSystem& s, const float* p, float* out) {
  constexpr std::size_t width = kParts * kVector;
  const Vec ridge = splat(s.ridge);
  for (std::size_t v = 0; v < kParts; ++v) store(out + v * kVector, ridge * load(p + v * kVector));
  for (std::size_t v = 0; v < kParts; ++v) {
    const std::size_t own = v * kVector;
    const float* const rows = s.gram + own * width;
    Vec down[kVector];
    off_diagonal<kParts>(rows, p + own, own + kVector, p, out, down);
    off_diagonal<kParts>(rows + kVector / 2 * width, p + own + kVector / 2, own + kVector, p, out,
                         down + kVector / 2);
    Vec even = load(out + own);
    Vec odd =
        row_sums<kVector>(0, [&](std::size_t r) __attribute__((always_inline)) { return down[r]; });
#pragma GCC unroll 16
    for (std::size_t r = 0; r < kVector; r += 2) {
      even += splat(p[own + r]) * load(rows + r * width + own);
      odd += splat(p[own + r + 1]) * load(rows + (r + 1) * width + own);
    }
    store(out + own, even + odd);
  }
}

/// The operations of conjugate gradients on rows of kParts registers.
template <std::size_t kParts>
struct HalvedRows {
  static constexpr std::size_t width = kParts * kVector;
  std::uint32_t* rows;

  void gather(const RowSystem& s, const float* x, float* out) {
    gather_of<kParts>(s, x, rows, out);
  }
  void normal_product(const RowSystem& s, const float* p, float* out) {
    normal_product_of<kParts>(rows, padded(s.count), p, out);
  }
  float squared_dots(const RowSystem& s, const float* p) {
    return squared_dots_of<kParts>(rows, padded(s.count), p);
  }
  void shared_product(const RowSystem& s, const float* p, float* out) {
    shared_product_of<kParts>(s, p, out);
  }
};

/// The same for any width, in float32 throughout, from the table itself.
struct WholeRows {
  std::size_t width;

  [[nodiscard]] const float* row(const RowSystem& s, std::size_t i) const {
    return s.table + std::size_t{s.events[i]} * width;
  }
  void clear(float* out) const {
    for (std::size_t j = 0; j < width; ++j) out[j] = 0;
  }
  void gather(const RowSystem& s, const float* x, float* out) {
    clear(out);
    for (std::size_t i = 0; i < s.count; ++i)
      add_scaled(s.target - dot(row(s, i), x, width), row(s, i), out, width);
  }
  void normal_product(const RowSystem& s, const float* p, float* out) {
    clear(out);
    for (std::size_t i = 0; i < s.count; ++i)
      add_scaled(dot(row(s, i), p, width), row(s, i), out, width);
  }
  float squared_dots(const RowSystem& s, const float* p) {
    float sum = 0;
    for (std::size_t i = 0; i < s.count; ++i) {
      const float t = dot(row(s, i), p, width);
      sum += t * t;
    }
    return sum;
  }
  void shared_product(const RowSystem& s, const float* p, float* out) {
    clear(out);
    for (std::size_t j = 0; j < width; ++j) add_scaled(p[j], s.gram + j * width, out, width);
    add_scaled(s.ridge, p, out, width);
  }
};

template <class Rows>
void gradients_of(const RowSystem& s, std::size_t steps, float* x, Rows rows, float* vectors) {
  const std::size_t width = s.width;
  float* const rest = vectors;
  float* const direction = rest + width;
  float* const product = direction + width;
  float* const observed = product + width;
  rows.gather(s, x, rest);
  rows.shared_product(s, x, product);
  for (std::size_t j = 0; j < width; ++j) direction[j] = rest[j] -= product[j];
  float size = dot(rest, rest, width);
  for (std::size_t step = 0; step < steps; ++step) {
    constexpr float kNothingLeft = 1e-20F;
    if (size < kNothingLeft) return;
    rows.shared_product(s, direction, product);
    if (step + 1 == steps) {
      // The last product is wanted for its length only: half the work.
      const float curve = dot(direction, product, width) + rows.squared_dots(s, direction);
      return add_scaled(size / curve, direction, x, width);
    }
    rows.normal_product(s, direction, observed);
    for (std::size_t j = 0; j < width; ++j) product[j] += observed[j];
    const float length = size / dot(direction, product, width);
    add_scaled(length, direction, x, width);
    add_scaled(-length, product, rest, width);
    const float next = dot(rest, rest, width);
    const float turn = next / size;
    for (std::size_t j = 0; j < width; ++j) direction[j] = rest[j] + turn * direction[j];
    size = next;
  }
}

void conjugate_gradients(const RowSystem& s, std::size_t steps, float* x, float* rows,
                         float* vectors) {
  const auto halved = [&]<std::size_t kParts>(std::integral_constant<std::size_t, kParts>) {
    gradients_of(s, steps, x, HalvedRows<kParts>{reinterpret_cast<std::uint32_t*>(rows)}, vectors);
  };
  switch (s.halves == nullptr ? 0 : parts_of(s.width)) {
    case 2:
      return halved(std::integral_constant<std::size_t, 2>());
    case 4:
      return halved(std::integral_constant<std::size_t, 4>());
    case 8:
      return halved(std::integral_constant<std::size_t, 8>());
    case 16:
      return halved(std::integral_constant<std::size_t, 16>());
    default:
      return gradients_of(s, steps, x, WholeRows{s.width}, vectors);
  }
}

/// Copies the rows of the events to `rows`, zeros after them, and out = target · their sum.
void gather_whole(const RowSystem& s, float* rows, float* out) {
  for (std::size_t j = 0; j < s.width; ++j) out[j] = 0;
  for (std::size_t i = 0; i < s.count; ++i, rows += s.width) {
    const float* const from = s.table + std::size_t{s.events[i]} * s.width;
    for (std::size_t j = 0; j < s.width; ++j) rows[j] = from[j];
    add_scaled(s.target, from, out, s.width);
  }
  for (std::size_t j = 0; j < (padded(s.count) - s.count) * s.width; ++j) rows[j] = 0;
}

template <std::size_t... kIndex>
inline Vec interleaved_low(Vec a, Vec b, std::index_sequence<kIndex...>) {
  return __builtin_shufflevector(a, b, (kIndex / 2 + kIndex % 2 * kVector)...);
}
template <std::size_t... kIndex>
inline Vec interleaved_high(Vec a, Vec b, std::index_sequence<kIndex...>) {
  return __builtin_shufflevector(a, b, (kVector / 2 + kIndex / 2 + kIndex % 2 * kVector)...);
}

/// Rows become columns: interleaving the halves as often as halving reaches one.
inline void transpose(Vec (&v)[kVector]) {
  constexpr auto kAll = std::make_index_sequence<kVector>();
  constexpr std::size_t kHalf = kVector / 2;
#pragma GCC unroll 4
  for (std::size_t round = 1; round < kVector; round *= 2) {
    Vec next[kVector];
#pragma GCC unroll 8
    for (std::size_t i = 0; i < kHalf; ++i) {
      next[2 * i] = interleaved_low(v[i], v[i + kHalf], kAll);
      next[2 * i + 1] = interleaved_high(v[i], v[i + kHalf], kAll);
    }
#pragma GCC unroll 16
    for (std::size_t i = 0; i < kVector; ++i) v[i] = next[i];
  }
}

/// turned[j][i] = row(i)[j] as `scaled` makes it of a register and its place, rows `step` apart.
template <class Row, class Scale>
inline void turn_rows(const Row& row, const Scale& scaled, std::size_t width, float* turned,
                      std::size_t step) {
  for (std::size_t first = 0; first < step; first += kVector) {
    const float* from[kVector];
    for (std::size_t i = 0; i < kVector; ++i) from[i] = row(first + i);
    for (std::size_t j = 0; j < width; j += kVector) {
      Vec block[kVector];
#pragma GCC unroll 16
      for (std::size_t i = 0; i < kVector; ++i) block[i] = scaled(load(from[i] + j), j);
      transpose(block);
#pragma GCC unroll 16
      for (std::size_t i = 0; i < kVector; ++i) store(turned + (j + i) * step + first, block[i]);
    }
  }
}

/// turned[j][i] = scale[j] · (row of event i)[j], rows `step` apart, zero from the last event on.
void turn(const RowSystem& s, const float* scale, float* turned, std::size_t step) {
  turn_rows(
      [&](std::size_t i) {
        return i < s.count ? s.table + std::size_t{s.events[i]} * s.width : kNoRow;
      },
      [&](Vec v, std::size_t j) __attribute__((always_inline)) { return v * load(scale + j); },
      s.width, turned, step);
}

void transpose_rows(const float* rows, std::size_t count, std::size_t width, float* out,
                    std::size_t step) {
  turn_rows([&](std::size_t i) { return i < count ? rows + i * width : kNoRow; },
            [](Vec v, std::size_t) __attribute__((always_inline)) { return v; }, width, out, step);
}

bool solve_dual(const RowSystem& s, const float* diagonal, std::size_t factors, float* x,
                float* turned, float* system, float* right) {
  const std::size_t step = padded(s.count);
  constexpr float kLeast = 1e-12F;
  alignas(64) float roots[kWidthMax];
  for (std::size_t j = 0; j < s.width; ++j) {
    const float d = (diagonal[j] > 0 ? diagonal[j] : 0.0F) + s.ridge;
    const float root = 1 / __builtin_sqrtf(d > kLeast ? d : 1.0F);
    roots[j] = j < factors && d > kLeast ? root : 0.0F;
  }
  turn(s, roots, turned, step);
  for (std::size_t i = 0; i < s.count; ++i) {
    for (std::size_t j = i / kVector * kVector; j < step; ++j) system[i * step + j] = 0;
    system[i * step + i] = 1;
  }
  // A tile may reach beyond the last event: into rows of zeros.
  for (std::size_t j = s.count * step; j < step * step; ++j) system[j] = 0;
  for (std::size_t r = 0; r < s.count; r += kTileRows) {
    for (std::size_t c = r / kVector * kVector; c < step;) {
      const std::size_t vectors = step - c >= 3 * kVector ? 3 : (step - c) / kVector;
      add_tile(vectors, turned + r, step, turned + c, step, s.width, system + r * step + c, step);
      c += vectors * kVector;
    }
  }
  for (std::size_t i = 0; i < step; ++i) right[i] = i < s.count ? s.target : 0.0F;
  // I plus a Gram matrix: positive definite whatever the rows are.
  if (!solve(system, step, s.count, right)) return false;
  for (std::size_t j = 0; j < s.width; ++j) x[j] = 0;
  for (std::size_t i = 0; i < s.count; ++i)
    add_scaled(right[i], s.table + std::size_t{s.events[i]} * s.width, x, s.width);
  for (std::size_t j = 0; j < s.width; ++j) x[j] *= roots[j] * roots[j];
  return true;
}

bool solve_whole(const RowSystem& s, std::size_t factors, float* x, float* rows, float* system) {
  const std::size_t width = s.width;
  alignas(64) float right[kWidthMax];
  gather_whole(s, rows, right);
  for (std::size_t r = 0; r < width; r += kTileRows) {
    for (std::size_t c = r / kVector * kVector; c < width;) {
      const std::size_t vectors = width - c >= 3 * kVector ? 3 : (width - c) / kVector;
      add_tile(vectors, rows + r, width, rows + c, width, s.count, system + r * width + c, width);
      c += vectors * kVector;
    }
  }
  for (std::size_t j = 0; j < width; ++j) {
    // Beyond the factors there is nothing: keep the system regular.
    system[j * width + j] += j < factors ? s.ridge : 1.0F;
  }
  if (!solve(system, width, width, right)) return false;
  for (std::size_t j = 0; j < width; ++j) x[j] = right[j];
  return true;
}
