#include "model/encoder/detail/forward.h"

#include <algorithm>

#include "base/check.h"

namespace zhiyin::model::detail {
namespace {

template <class T>
Block<T> zeros(std::size_t count, std::size_t& bytes) {
  bytes += count * sizeof(T);
  Block<T> out(static_cast<T*>(::operator new[](count * sizeof(T), kAlignment)));
  std::uninitialized_value_construct_n(out.get(), count);
  return out;
}

class Pass {
 public:
  Pass(const EncoderShape& shape, const LayerTable& table, const Kernels& kernels, Crew& crew)
      : shape_(shape), table_(table), kernels_(kernels), crew_(crew), arena_(crew.own()) {}

  void run(std::span<const Segment> segments) {
    rows_ = 0;
    for (const Segment& segment : segments) embed(segment);
    kernels_.norm({arena_.x.get(), nullptr, arena_.stride, rows_, shape_.width,
                   table_.embedding.gain, table_.embedding.shift, shape_.epsilon});
    for (std::size_t l = 0; l < table_.layers.size(); ++l) {
      const Layer& layer = table_.layers[l];
      const Layer* const after = l + 1 < table_.layers.size() ? &table_.layers[l + 1] : nullptr;
      for_blocks([&](std::size_t row, std::size_t count, const Arena& own) {
        multiply(layer.qkv, arena_.x.get() + row * arena_.stride, arena_.stride, count,
                 arena_.qkv.get() + row * arena_.qkv_stride, arena_.qkv_stride, Activation::kNone,
                 &layer.ao, own);
      });
      attend(segments);
      for_blocks([&](std::size_t row, std::size_t count, const Arena& own) {
        finish_layer(layer, row, count, after, own);
      });
    }
  }

 private:
  template <class Work>
  void for_blocks(Work work) const {
    // Of nearly the same size: each reads all weights, however few its rows. As many for each of
    // the crew.
    const std::size_t each = kBlockRows * crew_.size();
    const std::size_t blocks = (rows_ + each - 1) / each * crew_.size();
    crew_.each(blocks, [&](std::size_t block, const Arena& own) {
      const std::size_t begin = rows_ * block / blocks, end = rows_ * (block + 1) / blocks;
      if (begin < end) work(begin, end - begin, own);
    });
  }

  void embed(const Segment& segment) {
    std::size_t position = shape_.position_offset;
    const auto put = [&](std::int32_t id, std::size_t type) {
      embed_token(static_cast<std::size_t>(id), position++, type);
    };
    if (segment.first >= 0) put(segment.first, 0);
    for (std::size_t i = 0; i < segment.ids.size(); ++i)
      put(segment.ids[i], segment.types.empty() ? 0 : segment.types[i]);
    if (segment.last >= 0) put(segment.last, 0);
  }

  void embed_token(std::size_t id, std::size_t position, std::size_t type) {
    const std::size_t width = shape_.width;
    float* const out = arena_.x.get() + rows_++ * arena_.stride;
    const float* const place = table_.positions + position * width;
    const float* const kind = table_.types + type * width;
    // Words and types first, then positions: the order of the published implementations.
    if (table_.word_int8 != nullptr) {
      const std::int8_t* const word = table_.word_int8 + id * width;
      const float scale = table_.word_scales[id];
      for (std::size_t i = 0; i < width; ++i)
        out[i] = (static_cast<float>(word[i]) * scale + kind[i]) + place[i];
    } else {
      const float* const word = table_.word_floats + id * width;
      for (std::size_t i = 0; i < width; ++i) out[i] = (word[i] + kind[i]) + place[i];
    }
  }

  /// `next`: what is multiplied with after this; may be null.
  void multiply(const Linear& linear, const float* rows, std::size_t stride, std::size_t count,
                float* out, std::size_t out_stride, Activation activation, const Linear* next,
                const Arena& own) const {
    if (linear.int8 == nullptr) {
      kernels_.product_float({rows, stride, count, linear.floats, linear.bias, linear.inputs,
                              linear.columns, out, out_stride, activation,
                              next == nullptr ? nullptr : next->floats});
      return;
    }
    kernels_.quantise({rows, stride, count, linear.inputs, own.small.get(), own.scales.get()});
    kernels_.product_int8({own.small.get(), padded(linear.inputs), own.scales.get(), count,
                           linear.int8, linear.scales, linear.sums, linear.bias,
                           (linear.inputs + kGroup - 1) / kGroup, linear.columns, out, out_stride,
                           activation, next == nullptr ? nullptr : next->int8});
  }

  void attend(std::span<const Segment> segments) const {
    std::size_t row = 0;
    for (const Segment& segment : segments) {
      const std::size_t tokens = segment.tokens();
      const auto heads = [&](std::size_t first, std::size_t end, const Arena& own) {
        kernels_.attend({arena_.qkv.get() + row * arena_.qkv_stride, arena_.qkv_stride, tokens,
                         shape_.width, shape_.heads, arena_.context.get() + row * arena_.stride,
                         arena_.stride, own.scratch.get(), first, end});
      };
      if (crew_.size() == 1)
        heads(0, shape_.heads, arena_);
      else
        crew_.each(shape_.heads,
                   [&](std::size_t head, const Arena& own) { heads(head, head + 1, own); });
      row += tokens;
    }
  }

  /// What comes after attention, for a few rows that stay in the cache: the outer product with its
  /// residual and norm, the inner part with GELU, its residual and norm.
  void finish_layer(const Layer& layer, std::size_t row, std::size_t count, const Layer* after,
                    const Arena& own) const {
    const std::size_t stride = arena_.stride;
    float* const x = arena_.x.get() + row * stride;
    float* const context = arena_.context.get() + row * stride;
    // The rows of q, k and v have been used: the first of them take the products' results.
    float* const result = arena_.qkv.get() + row * arena_.qkv_stride;
    multiply(layer.ao, context, stride, count, result, stride, Activation::kNone, &layer.fi, own);
    add_and_norm(x, result, count, layer.after_attention);
    const std::size_t inner_stride = padded(shape_.inner);
    multiply(layer.fi, x, stride, count, own.inner.get(), inner_stride, Activation::kGelu,
             &layer.fo, own);
    multiply(layer.fo, own.inner.get(), inner_stride, count, result, stride, Activation::kNone,
             after == nullptr ? nullptr : &after->qkv, own);
    add_and_norm(x, result, count, layer.after_inner);
  }

  void add_and_norm(float* x, const float* result, std::size_t count, const Norm& norm) const {
    kernels_.norm({x, result, arena_.stride, count, shape_.width, norm.gain, norm.shift,
                   shape_.epsilon, norm.factors});
  }

  const EncoderShape& shape_;
  const LayerTable& table_;
  const Kernels& kernels_;
  Crew& crew_;
  Arena& arena_;  ///< with the rows
  std::size_t rows_ = 0;
};

}  // namespace

Arena::Arena(const EncoderShape& shape, std::size_t tokens_, Rows rows)
    : tokens(tokens_), stride(padded(shape.width)), qkv_stride(padded(3 * shape.width)) {
  if (rows == Rows::kOwn) {
    x = zeros<float>(tokens * stride, bytes);
    context = zeros<float>(tokens * stride, bytes);
    qkv = zeros<float>(tokens * qkv_stride, bytes);
  }
  inner = zeros<float>(kBlockRows * padded(shape.inner), bytes);
  const std::size_t longest = std::min(tokens, shape.tokens_max());
  scratch = zeros<float>(attention_scratch(longest, shape.head_width()), bytes);
  small = zeros<std::uint8_t>(kBlockRows * padded(std::max(shape.width, shape.inner)), bytes);
  scales = zeros<RowScale>(kBlockRows, bytes);
}

void forward(const EncoderShape& shape, const LayerTable& table, const Kernels& kernels,
             std::span<const Segment> segments, Crew& crew) {
  std::size_t tokens = 0;
  for (const Segment& segment : segments) tokens += segment.tokens();
  ZHIYIN_CHECK(tokens <= crew.own().tokens);
  Pass(shape, table, kernels, crew).run(segments);
}

}  // namespace zhiyin::model::detail
