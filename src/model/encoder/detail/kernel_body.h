// The kernels of one instruction set, for kernels_*.cc: each includes this once, inside a namespace
// of its own, with its flags. No standard functions here: an inline function compiled for a newer
// processor must not become the one copy that all others call.

#include "model/encoder/detail/lanes.h"
#include "model/encoder/detail/tiles.h"

using Size = std::size_t;

/// x (1 + erf(x / sqrt 2)) / 2, off by at most 4e-7 (1 + |x|): erf(x / sqrt 2) / x is a polynomial
/// in x^2 (fitted to the least error of the whole, and to 1 at the end) on [-5, 5], outside of
/// which the function is 1 within 6e-7.
inline F16 gelu(F16 x) {
  const F16 near = max(min(x, splat(5.0F)), splat(-5.0F));
  const F16 s = fma(mul(near, near), splat(0.08F), splat(-1.0F));  // from -1 to 1
  F16 p = splat(0.0015598200261592865F);
  p = fma(p, s, splat(-0.0035126262810081244F));
  p = fma(p, s, splat(0.002606975845992565F));
  p = fma(p, s, splat(-0.004696346819400787F));
  p = fma(p, s, splat(0.01356821320950985F));
  p = fma(p, s, splat(-0.02289765328168869F));
  p = fma(p, s, splat(0.032509807497262955F));
  p = fma(p, s, splat(-0.04633176326751709F));
  p = fma(p, s, splat(0.06293386220932007F));
  p = fma(p, s, splat(-0.08091474324464798F));
  p = fma(p, s, splat(0.10303826630115509F));
  p = fma(p, s, splat(-0.14059141278266907F));
  p = fma(p, s, splat(0.28272759914398193F));
  const F16 half = mul(x, splat(0.5F));
  return fma(half, mul(near, p), half);
}

/// 2^x for x <= 0, off by at most 2e-7 of it, 1 at 0; 2^-125 below -125: the nearest whole number
/// by a bit pattern, the rest by a polynomial.
inline F16 power_negative(F16 x) {
  x = max(x, splat(-125.0F));
  const F16 rounder = splat(12582912.0F);  // adding 1.5 * 2^23 rounds to whole numbers
  const F16 whole = add(x, rounder);
  const F16 r = sub(x, sub(whole, rounder));
  F16 p = splat(1.326472731307149e-3F);
  p = fma(p, r, splat(9.671512991189957e-3F));
  p = fma(p, r, splat(5.550733581185341e-2F));
  p = fma(p, r, splat(2.4022242426872253e-1F));
  p = fma(p, r, splat(6.931470036506653e-1F));
  p = fma(p, r, splat(1.0F));
  return times_power(p, whole);
}

/// Tiles of at most `rows_max` rows, of nearly the same height: low ones wait for their own sums.
constexpr Size tile_count(Size row_count, int rows_max) {
  return (row_count + static_cast<Size>(rows_max) - 1) / static_cast<Size>(rows_max);
}
template <template <int> class Work, class Task, int... I>
inline void run_rows(std::integer_sequence<int, I...>, const Task& task, Size row, Size rows,
                     Size tile) {
  using Run = void (*)(const Task&, Size, Size);
  static constexpr Run kRuns[] = {&Work<I + 1>::run...};
  kRuns[rows - 1](task, row, tile);
}
/// Calls Work<R>::run(task, first row, number of the tile) for all rows, R at a time.
template <template <int> class Work, int Max, class Task>
inline void all_rows(const Task& task, Size row_count) {
  const Size tiles = tile_count(row_count, Max);
  for (Size tile = 0, row = 0; tile < tiles; ++tile) {
    const Size rows = row_count / tiles + (tile < row_count % tiles ? 1 : 0);
    run_rows<Work>(std::make_integer_sequence<int, Max>(), task, row, rows, tile);
    row += rows;
  }
}

inline F16 activate(F16 value, Activation activation) {
  return activation == Activation::kGelu ? gelu(value) : value;
}

/// A share of the streams from `from` for each of the tiles that take turns with them.
inline Ahead ahead_of(const void* from, Size stride, Size turns, Size tile, Size tiles) {
  const Size step = (64 + tiles - 1) / tiles;
  return {static_cast<const char*>(from) + tile * turns * 64 / tiles, stride, step};
}

/// A row's result in sixteen columns from the sums of its products.
ZHIYIN_INLINE inline void finish_int8(const Int8Product& t, Size line, Size column, Int16s sums,
                                      ColumnSums column_sums) {
  const RowScale scale = t.rows[line];
  const F16 whole = less_zero(sums, column_sums, scale.zero);
  const F16 factor = mul(splat(scale.scale), load(t.column_scales + column));
  store(t.out + line * t.out_stride + column,
        activate(fma(whole, factor, load(t.bias + column)), t.activation));
}

struct Int8Panels {
  const Int8Product* product;
  Size panel;
  const void* next;
};
template <int P>
struct Int8Work {
  template <int R>
  struct Rows {
    static void run(const Int8Panels& at, Size row, Size tile) {
      const Int8Product t = *at.product;  // a copy: stores cannot change it
      const Size panel_bytes = t.groups * 64;
      Int16s sums[R][P];
      int8_tile<R, P>(
          sums, t.a + row * t.a_stride, t.a_stride, t.panels + at.panel * panel_bytes, t.groups,
          ahead_of(at.next, panel_bytes, t.groups, tile, tile_count(t.row_count, kRowsMax)));
      ColumnSums column_sums[P];
      for (int p = 0; p < P; ++p)
        column_sums[p] = load_sums(t.column_sums + (at.panel + static_cast<Size>(p)) * 16);
      for (int r = 0; r < R; ++r)
        for (int p = 0; p < P; ++p)
          finish_int8(t, row + static_cast<Size>(r), (at.panel + static_cast<Size>(p)) * 16,
                      sums[r][p], column_sums[p]);
    }
  };
};

inline void product_int8(const Int8Product& task) {
  const Size panels = task.columns / 16, panel_bytes = task.groups * 64;
  const auto next_of = [&](Size panel) -> const void* {
    return panel < panels || task.next == nullptr ? task.panels + panel * panel_bytes : task.next;
  };
  Size panel = 0;
  for (; panel + kPanelsMax <= panels; panel += kPanelsMax)
    all_rows<Int8Work<kPanelsMax>::template Rows, kRowsMax>(
        Int8Panels{&task, panel, next_of(panel + kPanelsMax)}, task.row_count);
  for (; panel < panels; ++panel)
    all_rows<Int8Work<1>::template Rows, kRowsMax>(Int8Panels{&task, panel, next_of(panel + 1)},
                                                   task.row_count);
}

/// Inputs that are taken at a time: their part of a panel stays in the first cache while all rows
/// pass by. Sums wait in `out` meanwhile, so they are added up in the same order as without.
inline constexpr Size kDepth = 384;

struct FloatPanels {
  const FloatProduct* product;
  Size panel;
  Size first;  ///< input
  Size count;
  const void* next;
};
template <int P>
struct FloatWork {
  template <int R>
  struct Rows {
    static void run(const FloatPanels& at, Size row, Size tile) {
      const FloatProduct t = *at.product;  // a copy: stores cannot change it
      float* const out = t.out + row * t.out_stride + at.panel * 16;
      F16 sums[R][P];
      float_tile<R, P, true>(
          sums, t.a + row * t.a_stride + at.first, t.a_stride,
          t.panels + (at.panel * t.inputs + at.first) * 16, t.inputs * 16, at.count,
          at.first == 0 ? nullptr : out, t.out_stride,
          ahead_of(at.next, t.inputs * 64, at.count, tile, tile_count(t.row_count, kRowsMax)));
      const bool last = at.first + at.count == t.inputs;
      for (int r = 0; r < R; ++r) {
        for (int p = 0; p < P; ++p) {
          const Size column = static_cast<Size>(p) * 16;
          float* const to = out + static_cast<Size>(r) * t.out_stride + column;
          F16 value = sums[r][p];
          if (last)
            value = activate(add(value, load(t.bias + at.panel * 16 + column)), t.activation);
          store(to, value);
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
    const bool ends = first + count == task.inputs;
    const bool all = ends && (panel + P) * 16 >= task.columns && task.next != nullptr;
    const void* const next =
        all    ? task.next
        : ends ? static_cast<const void*>(task.panels + (panel + P) * task.inputs * 16)
               : task.panels + (panel * task.inputs + first + count) * 16;
    all_rows<FloatWork<P>::template Rows, kRowsMax>(FloatPanels{&task, panel, first, count, next},
                                                    task.row_count);
    first += count;
  } while (first < task.inputs);
}

inline void product_float(const FloatProduct& task) {
  Size panel = 0;
  for (; panel + kPanelsMax <= task.columns / 16; panel += kPanelsMax)
    float_panels<kPanelsMax>(task, panel);
  for (; panel < task.columns / 16; ++panel) float_panels<1>(task, panel);
}

/// Minima and maxima in four runs at once: each would wait for the one before it.
inline void range_of(const float* x, Size whole, F16 rest, float& bottom, float& top) {
  F16 low[4], high[4];
  for (int k = 0; k < 4; ++k) low[k] = min(rest, splat(0)), high[k] = max(rest, splat(0));
  Size i = 0;
  for (; i + 64 <= whole; i += 64) {
    for (int k = 0; k < 4; ++k) {
      const F16 value = load(x + i + static_cast<Size>(k) * 16);
      low[k] = min(value, low[k]);
      high[k] = max(value, high[k]);
    }
  }
  for (; i < whole; i += 16) {
    low[0] = min(load(x + i), low[0]);
    high[0] = max(load(x + i), high[0]);
  }
  bottom = smallest(min(min(low[0], low[1]), min(low[2], low[3])));
  top = largest(max(max(high[0], high[1]), max(high[2], high[3])));
}

inline void quantise_row(const float* x, Size width, F16 last, std::uint8_t* out, RowScale& scale) {
  const Size whole = width / 16 * 16;
  const bool tail = whole != width;
  const F16 rest = tail ? mul(load(x + whole), last) : splat(0);
  float bottom, top;
  range_of(x, whole, rest, bottom, top);
  const float range = top - bottom;
  const float inverse = range > 0 ? 255.0F / range : 0.0F;
  const float zero = __builtin_nearbyintf(-bottom * inverse);
  scale.scale = range > 0 ? range / 255.0F : 0.0F;
  scale.zero = static_cast<std::int32_t>(zero);
  const F16 factor = splat(inverse), shift = splat(zero), most = splat(255), least = splat(0);
  for (Size i = 0; i < whole; i += 16)
    store_bytes(out + i, max(min(fma(load(x + i), factor, shift), most), least));
  if (tail) store_bytes(out + whole, mul(max(min(fma(rest, factor, shift), most), least), last));
}

inline void quantise(const Quantisation& task) {
  const F16 last = first_lanes(task.width % 16);
  for (Size row = 0; row < task.row_count; ++row)
    quantise_row(task.rows + row * task.stride, task.width, last,
                 task.out + row * padded(task.width), task.scales[row]);
}

/// Sums are added up in four runs, every fourth register in one.
struct Runs {
  F16 v[4] = {splat(0), splat(0), splat(0), splat(0)};
  [[nodiscard]] float total() const { return sum(add(add(v[0], v[1]), add(v[2], v[3]))); }
};

inline void norm_row(const NormRows& t, float* x, const float* addend, F16 last) {
  const Size whole = t.width / 16 * 16;
  const Size end = padded(t.width);
  Runs total;
  for (Size i = 0; i < end; i += 16) {
    F16 value = load(x + i);
    if (addend != nullptr)
      value = t.factors == nullptr ? add(value, load(addend + i))
                                   : fma(value, load(t.factors + i), load(addend + i));
    if (i == whole) value = mul(value, last);
    store(x + i, value);
    F16& run = total.v[i / 16 % 4];
    run = add(run, value);
  }
  const float count = static_cast<float>(t.width);
  const F16 mean = splat(total.total() / count);
  Runs squares;
  for (Size i = 0; i < end; i += 16) {
    F16 away = sub(load(x + i), mean);
    if (i == whole) away = mul(away, last);
    F16& run = squares.v[i / 16 % 4];
    run = fma(away, away, run);
  }
  const F16 factor = splat(1.0F / __builtin_sqrtf(squares.total() / count + t.epsilon));
  for (Size i = 0; i < end; i += 16) {
    const F16 scaled = mul(sub(load(x + i), mean), factor);
    store(x + i, fma(scaled, load(t.gain + i), load(t.shift + i)));
  }
}

inline void norm(const NormRows& task) {
  const F16 last = first_lanes(task.width % 16);
  for (Size row = 0; row < task.row_count; ++row)
    norm_row(task, task.x + row * task.stride,
             task.addend == nullptr ? nullptr : task.addend + row * task.stride, last);
}

/// Eight numbers each of eight tokens, `stride` apart, as eight tokens of each number, 16 apart.
inline void transpose_eight(const float* from, Size stride, float* to) {
#ifdef __AVX2__
  __m256 rows[8], pairs[8], fours[8];
  for (int i = 0; i < 8; ++i) rows[i] = _mm256_loadu_ps(from + static_cast<Size>(i) * stride);
  for (int i = 0; i < 8; i += 2) {
    pairs[i] = _mm256_unpacklo_ps(rows[i], rows[i + 1]);
    pairs[i + 1] = _mm256_unpackhi_ps(rows[i], rows[i + 1]);
  }
  for (int i = 0; i < 8; i += 4) {
    for (int k = 0; k < 2; ++k) {
      fours[i + 2 * k] = _mm256_shuffle_ps(pairs[i + k], pairs[i + 2 + k], 0x44);
      fours[i + 2 * k + 1] = _mm256_shuffle_ps(pairs[i + k], pairs[i + 2 + k], 0xee);
    }
  }
  for (int i = 0; i < 4; ++i) {
    const Size line = static_cast<Size>(i);
    _mm256_storeu_ps(to + line * 16, _mm256_permute2f128_ps(fours[i], fours[i + 4], 0x20));
    _mm256_storeu_ps(to + (line + 4) * 16, _mm256_permute2f128_ps(fours[i], fours[i + 4], 0x31));
  }
#else
  for (Size token = 0; token < 8; ++token)
    for (Size i = 0; i < 8; ++i) to[i * 16 + token] = from[token * stride + i];
#endif
}

/// Keys as [token / 16][number][token % 16].
inline void pack_keys(const Attention& t, Size head, float* keys) {
  const Size d = t.width / t.heads;
  for (Size begin = 0; begin < t.tokens; begin += 8) {
    const float* const from = t.qkv + begin * t.qkv_stride + t.width + head * d;
    float* const to = keys + begin / 16 * d * 16 + begin % 16;
    const Size count = t.tokens - begin < 8 ? t.tokens - begin : 8;
    Size i = 0;
    if (count == 8)
      for (; i + 8 <= d; i += 8) transpose_eight(from + i, t.qkv_stride, to + i * 16);
    for (; i < d; ++i)
      for (Size lane = 0; lane < 8; ++lane)
        to[i * 16 + lane] = lane < count ? from[lane * t.qkv_stride + i] : 0.0F;
  }
  if (padded(t.tokens) - t.tokens < 8) return;
  float* const rest = keys + t.tokens / 16 * d * 16 + 8;
  for (Size i = 0; i < d; ++i)
    for (Size lane = 0; lane < 8; ++lane) rest[i * 16 + lane] = 0;
}

/// Values as [number / 16][token][number % 16].
inline void pack_values(const Attention& t, Size head, float* values) {
  const Size d = t.width / t.heads;
  for (Size block = 0; block * 16 < d; ++block) {
    const Size count = d - block * 16 < 16 ? d - block * 16 : 16;
    const float* from = t.qkv + 2 * t.width + head * d + block * 16;
    float* to = values + block * t.tokens * 16;
    for (Size token = 0; token < t.tokens; ++token, from += t.qkv_stride, to += 16) {
      if (count == 16) {
        store(to, load(from));
        continue;
      }
      for (Size i = 0; i < 16; ++i) to[i] = i < count ? from[i] : 0.0F;
    }
  }
}

/// The largest of a row of numbers; those behind the tokens, up to a whole register, become too
/// small for any power.
inline float largest_of(float* row, Size tokens) {
  for (Size i = tokens; i < padded(tokens); ++i) row[i] = -3.0e38F;
  F16 high[2] = {load(row), splat(-3.0e38F)};
  for (Size i = 16; i < tokens; i += 16) {
    F16& one = high[i / 16 % 2];
    one = max(load(row + i), one);
  }
  return largest(max(high[0], high[1]));
}

/// Powers of two of a row of numbers times `scale` less `top`; returns their sum.
inline float powers(float* row, Size tokens, F16 scale, F16 top, F16 last) {
  F16 totals[2] = {splat(0), splat(0)};
  Size i = 0;
  for (; i + 16 <= tokens; i += 16) {
    const F16 value = power_negative(fma(load(row + i), scale, top));
    store(row + i, value);
    F16& total = totals[i / 16 % 2];
    total = add(total, value);
  }
  if (i < tokens) {
    const F16 value = mul(power_negative(fma(load(row + i), scale, top)), last);
    store(row + i, value);
    totals[0] = add(totals[0], value);
  }
  return sum(add(totals[0], totals[1]));
}

struct HeadRows {
  const Attention* attention;
  Size head;
  const float* keys;
  const float* values;
  float* scores;
  float* context;
  F16 last;
};
/// P panels of R rows' products of `inputs` numbers, times the rows' factors.
template <int R, int P>
inline void head_tile(const float* a, Size a_stride, const float* b, Size panel_stride, Size inputs,
                      float* out, Size out_stride, const float* factors) {
  F16 sums[R][P];
  float_tile<R, P, false>(sums, a, a_stride, b, panel_stride, inputs, nullptr, 0, {});
  for (int r = 0; r < R; ++r)
    for (int p = 0; p < P; ++p)
      store(out + static_cast<Size>(r) * out_stride + p * 16,
            factors == nullptr ? sums[r][p] : mul(sums[r][p], splat(factors[r])));
}
template <int R>
inline void head_panels(const float* a, Size a_stride, const float* b, Size panel_stride,
                        Size inputs, Size panels, float* out, Size out_stride,
                        const float* factors) {
  Size panel = 0;
  for (; panel + kHeadPanelsMax <= panels; panel += kHeadPanelsMax)
    head_tile<R, kHeadPanelsMax>(a, a_stride, b + panel * panel_stride, panel_stride, inputs,
                                 out + panel * 16, out_stride, factors);
  for (; panel < panels; ++panel)
    head_tile<R, 1>(a, a_stride, b + panel * panel_stride, panel_stride, inputs, out + panel * 16,
                    out_stride, factors);
}
template <int R>
struct HeadWork {
  static void run(const HeadRows& at, Size row, Size /*tile*/) {
    const Attention& t = *at.attention;
    const Size d = t.width / t.heads;
    const Size score_stride = padded(t.tokens), out_stride = padded(d);
    // Of base 2.
    const F16 scale = splat(1.44269504088896341F / __builtin_sqrtf(static_cast<float>(d)));
    head_panels<R>(t.qkv + row * t.qkv_stride + at.head * d, t.qkv_stride, at.keys, d * 16, d,
                   score_stride / 16, at.scores, score_stride, nullptr);
    float tops[R], factors[R];
    for (int r = 0; r < R; ++r)
      tops[r] = largest_of(at.scores + static_cast<Size>(r) * score_stride, t.tokens);
    for (int r = 0; r < R; ++r)
      factors[r] = 1.0F / powers(at.scores + static_cast<Size>(r) * score_stride, t.tokens, scale,
                                 mul(splat(-tops[r]), scale), at.last);
    // Heads of whole registers go to their place at once.
    const bool whole = d == out_stride;
    float* const out = t.out + row * t.out_stride + at.head * d;
    head_panels<R>(at.scores, score_stride, at.values, t.tokens * 16, t.tokens, out_stride / 16,
                   whole ? out : at.context, whole ? t.out_stride : out_stride, factors);
    for (int r = 0; r < R && !whole; ++r)
      __builtin_memcpy(out + static_cast<Size>(r) * t.out_stride,
                       at.context + static_cast<Size>(r) * out_stride, d * sizeof(float));
  }
};

inline void attend(const Attention& task) {
  static_assert(kHeadRowsMax <= kQueryRowsMax);
  const Size d = task.width / task.heads;
  float* const keys = task.scratch;
  float* const values = keys + padded(task.tokens) * d;
  float* const scores = values + task.tokens * padded(d);
  float* const context = scores + kQueryRowsMax * padded(task.tokens);
  const F16 last = first_lanes(task.tokens % 16);
  for (Size head = task.first; head < task.end; ++head) {
    pack_keys(task, head, keys);
    pack_values(task, head, values);
    all_rows<HeadWork, kHeadRowsMax>(HeadRows{&task, head, keys, values, scores, context, last},
                                     task.tokens);
  }
}
