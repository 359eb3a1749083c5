// Rows of least squares, of matrix_kernels.h: included at the end of matrix_kernels_body.h, in the
// same namespace of the including file's own.

/// Rows of zeros stand in where the events end before a block does.
alignas(64) constexpr float kNoRow[kWidthMax] = {};

/// Copies the rows of the events to `rows`, and out = sum over them of (target - row · x) row.
template <std::size_t kParts>
void gather_of(const RowSystem& s, const float* x, float* rows, float* out) {
  constexpr std::size_t width = kParts * kVector;
  constexpr std::size_t kLine = 16;  // floats that a prefetch brings
  Vec direction[kParts];
  for (std::size_t v = 0; v < kParts; ++v) direction[v] = load(x + v * kVector);
  RowSums<kParts> sum;
  const auto product = [&](std::size_t i, float* to) __attribute__((always_inline)) {
    const float* const from = i < s.count ? s.table + std::size_t{s.events[i]} * width : kNoRow;
    if (i + kLanes < s.count) {
      const float* const next = s.table + std::size_t{s.events[i + kLanes]} * width;
#pragma GCC unroll 16
      for (std::size_t j = 0; j < width; j += kLine) __builtin_prefetch(next + j);
    }
    Vec y = load(from);
    store(to, y);
    Vec dot = y * direction[0];
#pragma GCC unroll 16
    for (std::size_t v = 1; v < kParts; ++v) {
      y = load(from + v * kVector);
      store(to + v * kVector, y);
      dot += y * direction[v];
    }
    return dot;
  };
  for (std::size_t first = 0; first < padded(s.count); first += kVector) {
    float* const to = rows + first * width;
    alignas(64) float t[kVector];
    store(t,
          splat(s.target) - row_sums<kVector>(0, [&](std::size_t r) __attribute__((always_inline)) {
            return product(first + r, to + r * width);
          }));
#pragma GCC unroll 16
    for (std::size_t r = 0; r < kVector; ++r) sum.add(r, splat(t[r]), to + r * width);
  }
  for (std::size_t v = 0; v < kParts; ++v) store(out + v * kVector, sum.part(v));
}

void gather_any(const RowSystem& s, const float* x, float* rows, float* out) {
  for (std::size_t j = 0; j < s.width; ++j) out[j] = 0;
  for (std::size_t i = 0; i < s.count; ++i, rows += s.width) {
    const float* const from = s.table + std::size_t{s.events[i]} * s.width;
    for (std::size_t j = 0; j < s.width; ++j) rows[j] = from[j];
    add_scaled(s.target - dot(from, x, s.width), from, out, s.width);
  }
  for (std::size_t j = 0; j < (padded(s.count) - s.count) * s.width; ++j) rows[j] = 0;
}

/// out += (gram + ridge) p, by rows of the symmetric gram: no sums across a register.
template <std::size_t kParts>
void add_shared_of(const RowSystem& s, const float* p, float* out) {
  constexpr std::size_t width = kParts * kVector;
  RowSums<kParts> sum;
  for (std::size_t j = 0; j < width; j += 2) {
    sum.add(0, splat(p[j]), s.gram + j * width);
    sum.add(1, splat(p[j + 1]), s.gram + (j + 1) * width);
  }
  const Vec ridge = splat(s.ridge);
  for (std::size_t v = 0; v < kParts; ++v) {
    const std::size_t j = v * kVector;
    store(out + j, load(out + j) + sum.part(v) + ridge * load(p + j));
  }
}

void add_shared_any(const RowSystem& s, const float* p, float* out) {
  for (std::size_t j = 0; j < s.width; ++j) add_scaled(p[j], s.gram + j * s.width, out, s.width);
  add_scaled(s.ridge, p, out, s.width);
}

/// Sum over the rows of (row · p)².
template <std::size_t kParts>
float squared_dots_of(const float* rows, std::size_t count, const float* p) {
  constexpr std::size_t width = kParts * kVector;
  Vec direction[kParts];
  for (std::size_t v = 0; v < kParts; ++v) direction[v] = load(p + v * kVector);
  Vec sum = {};
  for (std::size_t r = 0; r < count; r += kVector) {
    const Vec t = block_dots<kParts>(rows + r * width, width, direction);
    sum += t * t;
  }
  return total(sum);
}

/// Calls `with` of the number of registers in a row where there is code of its own for it, of 0
/// elsewhere.
template <class With>
auto by_parts(std::size_t width, const With& with) {
  switch (width / kVector) {
    case 1:
      return with(std::integral_constant<std::size_t, 1>());
    case 2:
      return with(std::integral_constant<std::size_t, 2>());
    case 4:
      return with(std::integral_constant<std::size_t, 4>());
    case 8:
      return with(std::integral_constant<std::size_t, 8>());
    case 16:
      return with(std::integral_constant<std::size_t, 16>());
    default:
      return with(std::integral_constant<std::size_t, 0>());
  }
}

void gather(const RowSystem& s, const float* x, float* rows, float* out) {
  by_parts(s.width, [&]<std::size_t kParts>(std::integral_constant<std::size_t, kParts>) {
    if constexpr (kParts == 0) {
      gather_any(s, x, rows, out);
    } else {
      gather_of<kParts>(s, x, rows, out);
    }
  });
}

void add_shared(const RowSystem& s, const float* p, float* out) {
  by_parts(s.width, [&]<std::size_t kParts>(std::integral_constant<std::size_t, kParts>) {
    if constexpr (kParts == 0) {
      add_shared_any(s, p, out);
    } else {
      add_shared_of<kParts>(s, p, out);
    }
  });
}

float squared_dots(const RowSystem& s, const float* rows, const float* p) {
  return by_parts(s.width, [&]<std::size_t kParts>(std::integral_constant<std::size_t, kParts>) {
    if constexpr (kParts == 0) {
      float sum = 0;
      for (std::size_t i = 0; i < s.count; ++i) {
        const float t = dot(rows + i * s.width, p, s.width);
        sum += t * t;
      }
      return sum;
    } else {
      return squared_dots_of<kParts>(rows, padded(s.count), p);
    }
  });
}

void conjugate_gradients(const RowSystem& s, std::size_t steps, float* x, float* rows,
                         float* vectors) {
  const std::size_t width = s.width;
  float* const rest = vectors;
  float* const direction = rest + width;
  float* const product = direction + width;
  gather(s, x, rows, rest);
  for (std::size_t j = 0; j < width; ++j) product[j] = 0;
  add_shared(s, x, product);
  for (std::size_t j = 0; j < width; ++j) direction[j] = rest[j] -= product[j];
  float size = dot(rest, rest, width);
  for (std::size_t step = 0; step < steps; ++step) {
    constexpr float kNothingLeft = 1e-20F;
    if (size < kNothingLeft) return;
    if (step + 1 == steps) {
      // The last product is wanted for its length only: half the work.
      for (std::size_t j = 0; j < width; ++j) product[j] = 0;
      add_shared(s, direction, product);
      const float curve = dot(direction, product, width) + squared_dots(s, rows, direction);
      return add_scaled(size / curve, direction, x, width);
    }
    normal_product(rows, padded(s.count), width, direction, product);
    add_shared(s, direction, product);
    const float length = size / dot(direction, product, width);
    add_scaled(length, direction, x, width);
    add_scaled(-length, product, rest, width);
    const float next = dot(rest, rest, width);
    const float turn = next / size;
    for (std::size_t j = 0; j < width; ++j) direction[j] = rest[j] + turn * direction[j];
    size = next;
  }
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

/// turned[j][i] = scale[j] · (row of event i)[j], rows `step` apart, zero from the last event on.
void turn(const RowSystem& s, const float* scale, float* turned, std::size_t step) {
  for (std::size_t first = 0; first < step; first += kVector) {
    const float* from[kVector];
    for (std::size_t i = 0; i < kVector; ++i)
      from[i] = first + i < s.count ? s.table + std::size_t{s.events[first + i]} * s.width : kNoRow;
    for (std::size_t j = 0; j < s.width; j += kVector) {
      const Vec by = load(scale + j);
      Vec block[kVector];
#pragma GCC unroll 16
      for (std::size_t i = 0; i < kVector; ++i) block[i] = load(from[i] + j) * by;
      transpose(block);
#pragma GCC unroll 16
      for (std::size_t i = 0; i < kVector; ++i) store(turned + (j + i) * step + first, block[i]);
    }
  }
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
  alignas(64) const float nothing[kWidthMax] = {};
  gather(s, nothing, rows, right);
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
