#pragma once

#include <cstdint>
#include <vector>

#include "model/encoder/detail/sample_rows.h"

namespace zhiyin::model::detail {

/// A product in int8: weights [columns][inputs] in units of their column's scale.
struct SmallProduct {
  std::vector<std::int8_t> weights;
  std::vector<float> scales;
  std::vector<float> bias;
  std::size_t inputs = 0;
  [[nodiscard]] std::size_t columns() const { return bias.size(); }
};
/// Each weight to the nearest; the largest of a column becomes half of kWeightPairMax.
SmallProduct nearest_weights(const Matrix& matrix);

/// A layer in int8 that takes rows less `centre` and gives rows as they are; inside, the rows after
/// attention are less `inner_centre`. Whoever uses it takes the centres off the shifts of the norms
/// before.
struct FittedLayer {
  SmallProduct qkv, ao, fi, fo;
  std::vector<float> centre, inner_centre;
};

/// The layer's weights rounded for such inputs (feedback_rounding.h). What rounding still loses on
/// average goes into the bias; and what an input is in the middle of its range is taken off before
/// the product and added to the bias after it, so that numbers which are large but hardly change,
/// as encoders have, do not widen the range that a byte must tell apart. In exact arithmetic the
/// layer stays the same but for the rounding.
FittedLayer fit_layer(const LayerNumbers& layer, const LayerInputs& inputs, const Kernels& kernels);

}  // namespace zhiyin::model::detail
