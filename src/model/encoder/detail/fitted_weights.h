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

/// How rows go into a product: (number - centre) / unit. Empty: as they are.
struct RowForm {
  std::vector<float> centre, unit;
};

/// A layer in int8 that takes rows in the form `before` and gives rows as they are; inside, the
/// rows after attention have the form `inner`. Whoever uses it gives the norms before such shifts
/// and gains, and multiplies rows by their units where results are added to them.
struct FittedLayer {
  SmallProduct qkv, ao, fi, fo;
  RowForm before, inner;
};

/// The layer's weights rounded for such inputs (feedback_rounding.h). What rounding still loses on
/// average goes into the bias. What an input is in the middle of its range is taken off before the
/// product and added to the bias after it, and inputs that vary much are divided by a unit that
/// their weights are multiplied by (Xiao et al. 2023, "SmoothQuant"): so that the few numbers of a
/// row which are large, as encoders have, do not widen the range that a byte must tell apart. In
/// exact arithmetic the layer stays the same but for the rounding.
FittedLayer fit_layer(const LayerNumbers& layer, const LayerInputs& inputs, const Kernels& kernels);

}  // namespace zhiyin::model::detail
