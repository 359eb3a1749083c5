#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/error.h"
#include "model/encoder/detail/kernels.h"
#include "model/encoder/encoder_source.h"

namespace zhiyin::model::detail {

/// A matrix [columns][inputs] and its bias.
struct Matrix {
  std::vector<float> weights;
  std::vector<float> bias;
  std::size_t inputs = 0;
  [[nodiscard]] std::size_t columns() const { return bias.size(); }
};
/// As products of floats read them: [column / 16][input][column % 16].
std::vector<float> float_panels(std::span<const float> weights, std::size_t columns,
                                std::size_t inputs);

/// The numbers of a layer, as its source has them; gains and shifts padded.
struct LayerNumbers {
  Matrix qkv, ao, fi, fo;
  std::vector<float> aln_gain, aln_shift, oln_gain, oln_shift;
};
Result<LayerNumbers> read_layer(const EncoderSource& source, std::size_t layer);

/// Rows of numbers, `stride` apart.
struct Rows {
  std::vector<float> values;
  std::size_t count = 0, width = 0, stride = 0;
};
/// What goes into the products of one layer.
struct LayerInputs {
  Rows qkv, ao, fi, fo;
};

/// Made texts on their way through an encoder, in floats: pieces by the probability that the
/// tokeniser's table gives them, between its marks, or any pieces where there is no such table.
/// They show what goes into each product, without texts of anybody. The same source and rows of the
/// word table give the same numbers on every processor.
class SampleRows {
 public:
  static constexpr std::size_t kTexts = 256, kTokens = 32;

  /// `kept` as in CompileOptions.
  static Result<SampleRows> create(const EncoderSource& source,
                                   std::span<const std::uint32_t> kept);
  /// Takes the rows through the next layer.
  LayerInputs advance(const LayerNumbers& layer);
  [[nodiscard]] const Kernels& kernels() const { return *kernels_; }

 private:
  explicit SampleRows(const EncoderShape& shape);
  Rows rows_of(std::size_t width) const;
  Rows times(const Rows& rows, const Matrix& matrix, Activation activation) const;
  void add_and_norm(const Rows& addend, std::span<const float> gain, std::span<const float> shift);

  EncoderShape shape_;
  const Kernels* kernels_;
  std::size_t tokens_;  // of a text
  Rows x_;
};

}  // namespace zhiyin::model::detail
