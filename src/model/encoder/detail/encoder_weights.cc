#include "model/encoder/detail/encoder_weights.h"

#include <fmt/core.h>

namespace zhiyin::model::detail {
namespace {

template <class T>
const T* view(const EncoderFile& file, const std::string& name) {
  // Sections begin at multiples of 64 of a mapped file or of a block of memory.
  return reinterpret_cast<const T*>(file.section(name).data());
}

Norm norm_of(const EncoderFile& file, const std::string& name) {
  return {view<float>(file, name + ".w"), view<float>(file, name + ".b")};
}

/// After attention and after the inner part of a layer.
Norm layer_norm_of(const EncoderFile& file, const std::string& name) {
  Norm out = norm_of(file, name);
  if (file.scaled()) out.factors = view<float>(file, name + ".r");
  return out;
}

Linear linear_of(const EncoderFile& file, const std::string& name, std::size_t inputs,
                 std::size_t columns) {
  Linear out{.bias = view<float>(file, name + ".b"), .inputs = inputs, .columns = padded(columns)};
  if (file.precision() == Precision::kInt8) {
    out.int8 = view<std::int8_t>(file, name + ".w");
    out.scales = view<float>(file, name + ".scale");
    out.sums = view<std::int32_t>(file, name + ".sum");
  } else {
    out.floats = view<float>(file, name + ".w");
  }
  return out;
}

}  // namespace

LayerTable::LayerTable(const EncoderFile& file)
    : positions(view<float>(file, "emb.pos")),
      types(view<float>(file, "emb.type")),
      embedding(norm_of(file, "emb.ln")) {
  const EncoderShape& shape = file.shape();
  if (file.precision() == Precision::kInt8) {
    word_int8 = view<std::int8_t>(file, "emb.word");
    word_scales = view<float>(file, "emb.word.scale");
  } else {
    word_floats = view<float>(file, "emb.word");
  }
  for (std::size_t l = 0; l < shape.layers; ++l) {
    const std::string name = fmt::format("l{}.", l);
    layers.push_back({.qkv = linear_of(file, name + "qkv", shape.width, 3 * shape.width),
                      .ao = linear_of(file, name + "ao", shape.width, shape.width),
                      .fi = linear_of(file, name + "fi", shape.width, shape.inner),
                      .fo = linear_of(file, name + "fo", shape.inner, shape.width),
                      .after_attention = layer_norm_of(file, name + "aln"),
                      .after_inner = layer_norm_of(file, name + "oln")});
  }
}

}  // namespace zhiyin::model::detail
