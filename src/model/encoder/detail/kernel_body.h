// The kernels of one instruction set, for kernels_*.cc: each includes this once, inside a namespace
// of its own, with its flags. No standard functions here: an inline function compiled for a newer
// processor must not become the one copy that all others call.

#include "model/encoder/detail/lanes.h"
#include "model/encoder/detail/tiles.h"

using Size = std::size_t;

/// erf(x) as x P(x^2) / Q(x^2) on [-4, 4], outside of which it is 1 in float: the rational
/// approximation that Eigen and XLA use; off by at most 4e-7.
inline F8 erf(F8 x) {
  x = max(min(x, splat(4.0F)), splat(-4.0F));
  const F8 square = mul(x, x);
  F8 p = splat(-2.72614225801306e-10F);
  p = fma(p, square, splat(2.77068142495902e-08F));
  p = fma(p, square, splat(-2.10102402082508e-06F));
  p = fma(p, square, splat(-5.69250639462346e-05F));
  p = fma(p, square, splat(-7.34990630326855e-04F));
  p = fma(p, square, splat(-2.95459980854025e-03F));
  p = fma(p, square, splat(-1.60960333262415e-02F));
  F8 q = splat(-1.45660718464996e-05F);
  q = fma(q, square, splat(-2.13374055278905e-04F));
  q = fma(q, square, splat(-1.68282697438203e-03F));
  q = fma(q, square, splat(-7.37332916720468e-03F));
  q = fma(q, square, splat(-1.42647390514189e-02F));
  return div(mul(x, p), q);
}

/// x (1 + erf(x / sqrt 2)) / 2.
inline F8 gelu(F8 x) {
  const F8 half = mul(x, splat(0.5F));
  return fma(half, erf(mul(x, splat(0.70710678118654752F))), half);
}

/// e^x for x <= 0 (Cephes' polynomial after taking out powers of two); 0 below -87.
inline F8 exp_negative(F8 x) {
  x = max(x, splat(-87.0F));
  // Adding 1.5 * 2^23 rounds to whole numbers.
  const F8 rounder = splat(12582912.0F);
  const F8 n = sub(add(mul(x, splat(1.44269504088896341F)), rounder), rounder);
  F8 r = fma(n, splat(-0.693359375F), x);
  r = fma(n, splat(2.12194440e-4F), r);
  F8 p = splat(1.9875691500e-4F);
  p = fma(p, r, splat(1.3981999507e-3F));
  p = fma(p, r, splat(8.3334519073e-3F));
  p = fma(p, r, splat(4.1665795894e-2F));
  p = fma(p, r, splat(1.6666665459e-1F));
  p = fma(p, r, splat(5.0000001201e-1F));
  p = fma(p, mul(r, r), add(r, splat(1.0F)));
  return mul(p, power_of_two(n));
}

/// Calls Work<R>::run for all rows, R at a time.
template <template <int> class Work, int R, class Task>
inline void last_rows(const Task& task, Size row, Size left) {
  if constexpr (R > 0) {
    if (left == R)
      Work<R>::run(task, row);
    else
      last_rows<Work, R - 1>(task, row, left);
  }
}
template <template <int> class Work, class Task>
inline void all_rows(const Task& task, Size row_count) {
  Size row = 0;
  for (; row + kRowsMax <= row_count; row += kRowsMax) Work<kRowsMax>::run(task, row);
  last_rows<Work, kRowsMax - 1>(task, row, row_count - row);
}

inline void finish(F8 value, const float* bias, Activation activation, float* out) {
  value = add(value, load(bias));
  store(out, activation == Activation::kGelu ? gelu(value) : value);
}

struct Int8Panels {
  const Int8Product* product;
  Size panel;
};
template <int P>
struct Int8Work {
  template <int R>
  struct Rows {
    static void run(const Int8Panels& at, Size row) {
      const Int8Product& t = *at.product;
      Int16s sums[R][P];
      int8_tile<R, P>(sums, t.a + row * t.a_stride, t.a_stride, t.panels + at.panel * t.groups * 64,
                      t.groups);
      for (int r = 0; r < R; ++r) {
        const Size line = row + static_cast<Size>(r);
        const RowScale scale = t.rows[line];
        for (int p = 0; p < P; ++p) {
          const Size column = (at.panel + static_cast<Size>(p)) * 16;
          F8 part[2];
          split(sums[r][p], part[0], part[1], t.column_sums + column, scale.zero);
          for (Size h = 0; h < 2; ++h) {
            const Size c = column + 8 * h;
            const F8 factor = mul(splat(scale.scale), load(t.column_scales + c));
            finish(mul(part[h], factor), t.bias + c, t.activation, t.out + line * t.out_stride + c);
          }
        }
      }
    }
  };
};

inline void product_int8(const Int8Product& task) {
  Size panel = 0;
  for (; panel + kPanelsMax <= task.columns / 16; panel += kPanelsMax)
    all_rows<Int8Work<kPanelsMax>::template Rows>(Int8Panels{&task, panel}, task.row_count);
  for (; panel < task.columns / 16; ++panel)
    all_rows<Int8Work<1>::template Rows>(Int8Panels{&task, panel}, task.row_count);
}

/// Inputs that are taken at a time: their part of a panel stays in the first cache while all rows
/// pass by. Sums wait in `out` meanwhile, so they are added up in the same order as without.
inline constexpr Size kDepth = 384;

struct FloatPanels {
  const FloatProduct* product;
  Size panel;
  Size first;  ///< input
  Size count;
};
template <int P>
struct FloatWork {
  template <int R>
  struct Rows {
    static void run(const FloatPanels& at, Size row) {
      const FloatProduct& t = *at.product;
      float* const out = t.out + row * t.out_stride + at.panel * 16;
      Float16s sums[R][P];
      float_tile<R, P>(sums, t.a + row * t.a_stride + at.first, t.a_stride,
                       t.panels + (at.panel * t.inputs + at.first) * 16, t.inputs * 16, at.count,
                       at.first == 0 ? nullptr : out, t.out_stride);
      const bool last = at.first + at.count == t.inputs;
      for (int r = 0; r < R; ++r) {
        for (int p = 0; p < P; ++p) {
          const Size column = static_cast<Size>(p) * 16;
          float* const to = out + static_cast<Size>(r) * t.out_stride + column;
          const float* const bias = t.bias + at.panel * 16 + column;
          F8 part[2];
          split(sums[r][p], part[0], part[1]);
          for (Size h = 0; h < 2; ++h) {
            if (last)
              finish(part[h], bias + 8 * h, t.activation, to + 8 * h);
            else
              store(to + 8 * h, part[h]);
          }
        }
      }
    }
  };
};

template <int P>
inline void float_panels(const FloatProduct& task, Size panel) {
  Size first = 0;
  do {
    const Size left = task.inputs - first;
    const Size count = left < kDepth ? left : kDepth;
    all_rows<FloatWork<P>::template Rows>(FloatPanels{&task, panel, first, count}, task.row_count);
    first += count;
  } while (first < task.inputs);
}

inline void product_float(const FloatProduct& task) {
  Size panel = 0;
  for (; panel + kPanelsMax <= task.columns / 16; panel += kPanelsMax)
    float_panels<kPanelsMax>(task, panel);
  for (; panel < task.columns / 16; ++panel) float_panels<1>(task, panel);
}

inline void quantise_row(const float* x, Size width, std::uint8_t* out, RowScale& scale) {
  const Size whole = width / 8 * 8;
  F8 low = splat(0), high = splat(0);
  for (Size i = 0; i < whole; i += 8) {
    low = min(load(x + i), low);
    high = max(load(x + i), high);
  }
  float bottom = smallest(low), top = largest(high);
  for (Size i = whole; i < width; ++i) {
    bottom = x[i] < bottom ? x[i] : bottom;
    top = x[i] > top ? x[i] : top;
  }
  const float range = top - bottom;
  const float inverse = range > 0 ? 255.0F / range : 0.0F;
  const float zero = __builtin_nearbyintf(-bottom * inverse);
  scale.scale = range > 0 ? range / 255.0F : 0.0F;
  scale.zero = static_cast<std::int32_t>(zero);
  const F8 factor = splat(inverse), shift = splat(zero), most = splat(255), least = splat(0);
  for (Size i = 0; i < whole; i += 8)
    store_bytes(out + i, max(min(fma(load(x + i), factor, shift), most), least));
  const Size end = padded(width);
  for (Size i = whole; i < end; ++i) out[i] = 0;
  if (whole == width) return;
  float tail[8] = {};
  for (Size i = whole; i < width; ++i) tail[i - whole] = x[i];
  std::uint8_t bytes[8];
  store_bytes(bytes, max(min(fma(load(tail), factor, shift), most), least));
  for (Size i = whole; i < width; ++i) out[i] = bytes[i - whole];
}

inline void quantise(const Quantisation& task) {
  for (Size row = 0; row < task.row_count; ++row)
    quantise_row(task.rows + row * task.stride, task.width, task.out + row * padded(task.width),
                 task.scales[row]);
}

inline void norm_row(const NormRows& t, float* x, const float* addend, F8 last) {
  const Size whole = t.width / 8 * 8;
  const bool tail = whole != t.width;
  const Size end = tail ? whole + 8 : whole;
  F8 total = splat(0);
  for (Size i = 0; i < end; i += 8) {
    F8 value = load(x + i);
    if (addend != nullptr) value = add(value, load(addend + i));
    if (i == whole) value = mul(value, last);
    store(x + i, value);
    total = add(total, value);
  }
  const float count = static_cast<float>(t.width);
  const F8 mean = splat(sum(total) / count);
  F8 squares = splat(0);
  for (Size i = 0; i < end; i += 8) {
    F8 away = sub(load(x + i), mean);
    if (i == whole) away = mul(away, last);
    squares = fma(away, away, squares);
  }
  const F8 factor = splat(1.0F / __builtin_sqrtf(sum(squares) / count + t.epsilon));
  for (Size i = 0; i < end; i += 8) {
    const F8 scaled = mul(sub(load(x + i), mean), factor);
    store(x + i, fma(scaled, load(t.gain + i), load(t.shift + i)));
  }
}

inline void norm(const NormRows& task) {
  const F8 last = first_lanes(task.width % 8);
  for (Size row = 0; row < task.row_count; ++row)
    norm_row(task, task.x + row * task.stride,
             task.addend == nullptr ? nullptr : task.addend + row * task.stride, last);
}

/// Keys as [token / 16][number][token % 16], values as [number / 16][token][number % 16].
inline void pack_head(const Attention& t, Size head, float* keys, float* values) {
  const Size d = t.width / t.heads;
  for (Size block = 0; block * 16 < t.tokens; ++block) {
    for (Size lane = 0; lane < 16; ++lane) {
      const Size token = block * 16 + lane;
      const float* const from = t.qkv + token * t.qkv_stride + t.width + head * d;
      float* const to = keys + block * d * 16 + lane;
      for (Size i = 0; i < d; ++i) to[i * 16] = token < t.tokens ? from[i] : 0.0F;
    }
  }
  for (Size block = 0; block * 16 < d; ++block) {
    const Size count = d - block * 16 < 16 ? d - block * 16 : 16;
    for (Size token = 0; token < t.tokens; ++token) {
      const float* const from = t.qkv + token * t.qkv_stride + 2 * t.width + head * d + block * 16;
      float* const to = values + (block * t.tokens + token) * 16;
      for (Size i = 0; i < count; ++i) to[i] = from[i];
      for (Size i = count; i < 16; ++i) to[i] = 0;
    }
  }
}

/// Exponentials of a row of scores, less its largest; returns their sum.
inline float exponentials(float* row, Size tokens) {
  const Size end = (tokens + 7) / 8 * 8;
  F8 high = splat(-3.0e38F);
  for (Size i = tokens; i < end; ++i) row[i] = -3.0e38F;
  for (Size i = 0; i < end; i += 8) high = max(load(row + i), high);
  const F8 top = splat(largest(high));
  F8 total = splat(0);
  for (Size i = 0; i < end; i += 8) {
    F8 value = exp_negative(sub(load(row + i), top));
    if (i + 8 > tokens) value = mul(value, first_lanes(tokens - i));
    store(row + i, value);
    total = add(total, value);
  }
  return sum(total);
}

struct HeadRows {
  const Attention* attention;
  Size head;
  const float* keys;
  const float* values;
  float* scores;
  float* context;
};
template <int R>
struct HeadWork {
  static void run(const HeadRows& at, Size row) {
    const Attention& t = *at.attention;
    const Size d = t.width / t.heads;
    const Size score_stride = padded(t.tokens);
    const F8 scale = splat(1.0F / __builtin_sqrtf(static_cast<float>(d)));
    const float* const query = t.qkv + row * t.qkv_stride + at.head * d;
    for (Size block = 0; block * 16 < t.tokens; ++block) {
      Float16s sums[R][1];
      float_tile<R, 1>(sums, query, t.qkv_stride, at.keys + block * d * 16, 0, d, nullptr, 0);
      for (int r = 0; r < R; ++r) {
        F8 part[2];
        split(sums[r][0], part[0], part[1]);
        float* const to = at.scores + static_cast<Size>(r) * score_stride + block * 16;
        store(to, mul(part[0], scale));
        store(to + 8, mul(part[1], scale));
      }
    }
    float totals[R];
    for (int r = 0; r < R; ++r)
      totals[r] = exponentials(at.scores + static_cast<Size>(r) * score_stride, t.tokens);
    const Size out_stride = padded(d);
    for (Size block = 0; block * 16 < d; ++block) {
      Float16s sums[R][1];
      float_tile<R, 1>(sums, at.scores, score_stride, at.values + block * t.tokens * 16, 0,
                       t.tokens, nullptr, 0);
      for (int r = 0; r < R; ++r) {
        F8 part[2];
        split(sums[r][0], part[0], part[1]);
        float* const to = at.context + static_cast<Size>(r) * out_stride + block * 16;
        const F8 share = splat(1.0F / totals[r]);
        store(to, mul(part[0], share));
        store(to + 8, mul(part[1], share));
      }
    }
    for (int r = 0; r < R; ++r) {
      float* const to = t.out + (row + static_cast<Size>(r)) * t.out_stride + at.head * d;
      __builtin_memcpy(to, at.context + static_cast<Size>(r) * out_stride, d * sizeof(float));
    }
  }
};

inline void attend(const Attention& task) {
  const Size d = task.width / task.heads;
  float* const keys = task.scratch;
  float* const values = keys + padded(task.tokens) * d;
  float* const scores = values + task.tokens * padded(d);
  float* const context = scores + kQueryRowsMax * padded(task.tokens);
  for (Size head = 0; head < task.heads; ++head) {
    pack_head(task, head, keys, values);
    all_rows<HeadWork>(HeadRows{&task, head, keys, values, scores, context}, task.tokens);
  }
}
