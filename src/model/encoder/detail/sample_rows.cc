#include "model/encoder/detail/sample_rows.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "base/random.h"

namespace zhiyin::model::detail {
namespace {

/// Ids of the source's word table, by probability: `upto` ascends to the whole.
struct Draw {
  std::vector<std::uint32_t> ids;
  std::vector<double> upto;

  std::uint32_t operator()(Random& random) const {
    const auto at = std::ranges::upper_bound(upto, random.uniform() * upto.back());
    return ids[static_cast<std::size_t>(std::min(at, upto.end() - 1) - upto.begin())];
  }
};

Draw draw_of(const EncoderSource& source, std::span<const std::uint32_t> kept) {
  const UnigramTable* const table = source.unigram();
  const std::size_t all = kept.empty() ? source.shape().vocabulary : kept.size();
  Draw out;
  double total = 0;
  for (std::size_t row = 0; row < all; ++row) {
    const std::size_t id = kept.empty() ? row : kept[row];
    // What scores 0 is a mark of the model, and rows beyond the table no piece.
    if (table != nullptr && (id >= table->scores.size() || table->scores[id] == 0)) continue;
    total += table == nullptr ? 1 : std::exp(static_cast<double>(table->scores[id]));
    out.ids.push_back(static_cast<std::uint32_t>(id));
    out.upto.push_back(total);
  }
  return out;
}

std::vector<float> padded_to_panels(std::vector<float> numbers) {
  numbers.resize(padded(numbers.size()), 0.0F);
  return numbers;
}

}  // namespace

std::vector<float> float_panels(std::span<const float> weights, std::size_t columns,
                                std::size_t inputs) {
  std::vector<float> out(padded(columns) * inputs, 0.0F);
  for (std::size_t c = 0; c < columns; ++c)
    for (std::size_t i = 0; i < inputs; ++i)
      out[(c / kPanel * inputs + i) * kPanel + c % kPanel] = weights[c * inputs + i];
  return out;
}

Result<LayerNumbers> read_layer(const EncoderSource& source, std::size_t layer) {
  const std::string name = fmt::format("l{}.", layer);
  const EncoderShape& shape = source.shape();
  const auto matrix = [&](const std::string& part, std::size_t inputs) -> Result<Matrix> {
    Matrix out{.inputs = inputs};
    ZHIYIN_TRY(out.weights, source.tensor(name + part + ".w"));
    ZHIYIN_TRY(out.bias, source.tensor(name + part + ".b"));
    return out;
  };
  LayerNumbers out;
  out.qkv.inputs = shape.width;
  for (const char* part : {"q", "k", "v"}) {
    ZHIYIN_TRY(const Matrix one, matrix(part, shape.width));
    out.qkv.weights.insert(out.qkv.weights.end(), one.weights.begin(), one.weights.end());
    out.qkv.bias.insert(out.qkv.bias.end(), one.bias.begin(), one.bias.end());
  }
  ZHIYIN_TRY(out.ao, matrix("ao", shape.width));
  ZHIYIN_TRY(out.fi, matrix("fi", shape.width));
  ZHIYIN_TRY(out.fo, matrix("fo", shape.inner));
  const std::pair<const char*, std::vector<float>*> norms[] = {{"aln.w", &out.aln_gain},
                                                               {"aln.b", &out.aln_shift},
                                                               {"oln.w", &out.oln_gain},
                                                               {"oln.b", &out.oln_shift}};
  for (const auto& [part, to] : norms) {
    ZHIYIN_TRY(std::vector<float> numbers, source.tensor(name + part));
    *to = padded_to_panels(std::move(numbers));
  }
  return out;
}

SampleRows::SampleRows(const EncoderShape& shape)
    : shape_(shape),
      kernels_(usable_kernels().front()),
      tokens_(std::min(kTokens, shape.tokens_max())),
      x_(rows_of(shape.width)) {
  // Floats have the same bits by all kernels; these are the quickest that can be trusted.
  for (const Kernels* const kernels : usable_kernels()) {
    kernels_ = kernels;
    if (kernels == &kPortableKernels || agrees_with_portable(*kernels)) break;
  }
}

Rows SampleRows::rows_of(std::size_t width) const {
  Rows out{.count = kTexts * tokens_, .width = width, .stride = padded(width)};
  out.values.resize(out.count * out.stride);
  return out;
}

Result<SampleRows> SampleRows::create(const EncoderSource& source,
                                      std::span<const std::uint32_t> kept) {
  SampleRows out(source.shape());
  const std::size_t width = out.shape_.width;
  ZHIYIN_TRY(const std::vector<float> positions, source.tensor("emb.pos"));
  ZHIYIN_TRY(const std::vector<float> types, source.tensor("emb.type"));
  ZHIYIN_TRY(std::vector<float> gain, source.tensor("emb.ln.w"));
  ZHIYIN_TRY(std::vector<float> shift, source.tensor("emb.ln.b"));
  const Draw draw = draw_of(source, kept);
  if (draw.ids.empty()) return fail(ErrorCode::kInvalidArgument, "encoder: no pieces to try");
  const UnigramTable* const table = source.unigram();
  Random random(1);
  std::vector<float> word(width);
  for (std::size_t row = 0; row < out.x_.count; ++row) {
    const std::size_t place = row % out.tokens_;
    std::uint32_t id = draw(random);
    if (table != nullptr && place == 0) id = static_cast<std::uint32_t>(table->bos);
    if (table != nullptr && place + 1 == out.tokens_) id = static_cast<std::uint32_t>(table->eos);
    source.word_row(id, word);
    const float* const at = positions.data() + (place + out.shape_.position_offset) * width;
    float* const to = out.x_.values.data() + row * out.x_.stride;
    for (std::size_t i = 0; i < width; ++i) to[i] = (word[i] + types[i]) + at[i];
  }
  gain = padded_to_panels(std::move(gain));
  shift = padded_to_panels(std::move(shift));
  out.kernels_->norm({out.x_.values.data(), nullptr, out.x_.stride, out.x_.count, width,
                      gain.data(), shift.data(), out.shape_.epsilon});
  return out;
}

Rows SampleRows::times(const Rows& rows, const Matrix& matrix, Activation activation) const {
  Rows out = rows_of(matrix.columns());
  const std::vector<float> panels = float_panels(matrix.weights, matrix.columns(), matrix.inputs);
  const std::vector<float> bias = padded_to_panels(matrix.bias);
  kernels_->product_float({rows.values.data(), rows.stride, rows.count, panels.data(), bias.data(),
                           matrix.inputs, out.stride, out.values.data(), out.stride, activation});
  return out;
}

void SampleRows::add_and_norm(const Rows& addend, std::span<const float> gain,
                              std::span<const float> shift) {
  kernels_->norm({x_.values.data(), addend.values.data(), x_.stride, x_.count, x_.width,
                  gain.data(), shift.data(), shape_.epsilon});
}

LayerInputs SampleRows::advance(const LayerNumbers& layer) {
  LayerInputs out{.qkv = x_, .ao = rows_of(shape_.width), .fi = {}, .fo = {}};
  const Rows qkv = times(x_, layer.qkv, Activation::kNone);
  std::vector<float> scratch(attention_scratch(tokens_, shape_.head_width()));
  for (std::size_t text = 0; text < kTexts; ++text) {
    const std::size_t row = text * tokens_;
    kernels_->attend({qkv.values.data() + row * qkv.stride, qkv.stride, tokens_, shape_.width,
                      shape_.heads, out.ao.values.data() + row * out.ao.stride, out.ao.stride,
                      scratch.data(), 0, shape_.heads});
  }
  add_and_norm(times(out.ao, layer.ao, Activation::kNone), layer.aln_gain, layer.aln_shift);
  out.fi = x_;
  out.fo = times(x_, layer.fi, Activation::kGelu);
  add_and_norm(times(out.fo, layer.fo, Activation::kNone), layer.oln_gain, layer.oln_shift);
  return out;
}

}  // namespace zhiyin::model::detail
