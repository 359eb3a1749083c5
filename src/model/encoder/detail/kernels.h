#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

/// The engine's arithmetic, written once and compiled for several instruction sets. All give the
/// same bits: products of integers are exact in 32 bits, and each float comes from the same
/// operations in the same order, whatever the width of the registers.
///
/// Rows are padded: strides are multiples of 16 numbers (`padded`), what lies behind a row's width
/// is zero in weights and biases and of no meaning in results. All functions are pure and
/// thread-safe.
namespace zhiyin::model::detail {

inline constexpr std::size_t kPanel = 16;  ///< columns of a product that lie together
inline constexpr std::size_t kGroup = 4;   ///< inputs that one 32-bit multiplication takes

constexpr std::size_t padded(std::size_t width) { return (width + kPanel - 1) / kPanel * kPanel; }

/// What a row of activations was multiplied by: value = scale * (byte - zero).
struct RowScale {
  float scale = 0;
  std::int32_t zero = 0;
};

enum class Activation : std::uint8_t { kNone, kGelu };

/// out[row][column] = activation(sum over inputs of a[row][input] * b[column][input] + bias).
/// int8: `a` holds bytes with a scale per row, `panels` weights, two neighbours of which have
/// sizes of 128 together at most (their products with bytes then fit into 16 bits), as [column /
/// 16][input / 4][column % 16][input % 4], and `column_sums` the sums of each column's weights.
struct Int8Product {
  const std::uint8_t* a = nullptr;
  std::size_t a_stride = 0;  ///< bytes, a multiple of 4
  const RowScale* rows = nullptr;
  std::size_t row_count = 0;
  const std::int8_t* panels = nullptr;
  const float* column_scales = nullptr;
  const std::int32_t* column_sums = nullptr;
  const float* bias = nullptr;
  std::size_t groups = 0;   ///< inputs / 4, rounded up
  std::size_t columns = 0;  ///< a multiple of 16
  float* out = nullptr;
  std::size_t out_stride = 0;
  Activation activation = Activation::kNone;
  const void* next = nullptr;  ///< weights that are read after these, fetched early; may be null
};

/// The same on floats; `panels` as [column / 16][input][column % 16].
struct FloatProduct {
  const float* a = nullptr;
  std::size_t a_stride = 0;
  std::size_t row_count = 0;
  const float* panels = nullptr;
  const float* bias = nullptr;
  std::size_t inputs = 0;
  std::size_t columns = 0;  ///< a multiple of 16
  float* out = nullptr;
  std::size_t out_stride = 0;
  Activation activation = Activation::kNone;
  const void* next = nullptr;  ///< weights that are read after these, fetched early; may be null
};

/// Bytes of the float rows, each with its own scale: 0 is always exact.
struct Quantisation {
  const float* rows = nullptr;
  std::size_t stride = 0;
  std::size_t row_count = 0;
  std::size_t width = 0;
  std::uint8_t* out = nullptr;  ///< stride padded(width); bytes behind the width become 0
  RowScale* scales = nullptr;
};

/// x = norm(x * factors + addend) * gain + shift, in place. `addend` may be null, `factors` (one
/// for each number of a row, read with an addend only), too: as they are.
struct NormRows {
  float* x = nullptr;
  const float* addend = nullptr;
  std::size_t stride = 0;  ///< of both
  std::size_t row_count = 0;
  std::size_t width = 0;
  const float* gain = nullptr;
  const float* shift = nullptr;
  float epsilon = 0;
  const float* factors = nullptr;
};

/// One text's attention: softmax(q k^T / sqrt(head width)) v for heads from `first` to `end` - 1.
struct Attention {
  const float* qkv = nullptr;  ///< rows of q, k and v side by side, `width` numbers each
  std::size_t qkv_stride = 0;
  std::size_t tokens = 0;
  std::size_t width = 0;
  std::size_t heads = 0;
  float* out = nullptr;
  std::size_t out_stride = 0;
  float* scratch = nullptr;  ///< `attention_scratch` floats
  std::size_t first = 0;
  std::size_t end = 0;
};
/// Rows of queries that are taken together at most.
inline constexpr std::size_t kQueryRowsMax = 12;
constexpr std::size_t attention_scratch(std::size_t tokens, std::size_t head_width) {
  return padded(tokens) * head_width + tokens * padded(head_width) +
         kQueryRowsMax * (padded(tokens) + padded(head_width));
}

struct Kernels {
  const char* name;
  void (*product_int8)(const Int8Product&);
  void (*product_float)(const FloatProduct&);
  void (*quantise)(const Quantisation&);
  void (*norm)(const NormRows&);
  void (*attend)(const Attention&);
};

extern const Kernels kPortableKernels;

/// Those that were compiled in and that this processor can run, best first; the portable ones last.
/// Where it has AMX the first call measures for some hundred microseconds what is best.
std::span<const Kernels* const> usable_kernels();

/// Which of `kernels`, of which there must be one, takes the least time for a product of bytes of
/// few rows and one of many. By the clock: the answer may change, no result does.
const Kernels& quickest_for_bytes(std::span<const Kernels* const> kernels);

/// True when `kernels` gives the portable ones' bits on small products, norm and attention.
bool agrees_with_portable(const Kernels& kernels);

}  // namespace zhiyin::model::detail
