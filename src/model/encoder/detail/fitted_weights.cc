#include "model/encoder/detail/fitted_weights.h"

#include <algorithm>
#include <cmath>

#include "model/encoder/detail/encoder_layout.h"
#include "model/encoder/detail/feedback_rounding.h"

namespace zhiyin::model::detail {
namespace {

constexpr int kNearestMax = kWeightPairMax / 2;
constexpr double kSquareMin = 1e-12;  // of numbers that hardly change

/// With half of what two neighbours may have: no weight needs to know the other.
std::vector<float> nearest_scales(const Matrix& matrix) {
  std::vector<float> out;
  for (std::size_t c = 0; c < matrix.columns(); ++c) {
    const float* const row = matrix.weights.data() + c * matrix.inputs;
    float largest = 0;
    for (std::size_t i = 0; i < matrix.inputs; ++i) largest = std::max(largest, std::abs(row[i]));
    out.push_back(largest / static_cast<float>(kNearestMax));
  }
  return out;
}

/// As small as kWeightMax and kWeightPairMax let them be.
std::vector<float> scales_of(const Matrix& matrix) {
  std::vector<float> out;
  for (std::size_t c = 0; c < matrix.columns(); ++c) {
    const float* const row = matrix.weights.data() + c * matrix.inputs;
    float largest = 0, pair = 0;
    for (std::size_t i = 0; i < matrix.inputs; ++i) {
      largest = std::max(largest, std::abs(row[i]));
      if (i % 2 == 1) pair = std::max(pair, std::abs(row[i - 1]) + std::abs(row[i]));
    }
    out.push_back(std::max(largest / static_cast<float>(kWeightMax),
                           pair / static_cast<float>(kWeightPairMax)));
  }
  return out;
}

/// The middle of what each number of the rows was.
std::vector<float> centre_of(const Rows& rows) {
  std::vector<float> low(rows.values.begin(),
                         rows.values.begin() + static_cast<std::ptrdiff_t>(rows.width));
  std::vector<float> high = low;
  for (std::size_t r = 1; r < rows.count; ++r) {
    const float* const row = rows.values.data() + r * rows.stride;
    for (std::size_t i = 0; i < rows.width; ++i) {
      low[i] = std::min(low[i], row[i]);
      high[i] = std::max(high[i], row[i]);
    }
  }
  for (std::size_t i = 0; i < rows.width; ++i) low[i] = (low[i] + high[i]) / 2;
  return low;
}

/// Units by how far the numbers are from their centre (root of the mean square): the square root
/// of that, so that bytes have one part of the spread and weights the other.
std::vector<float> units_of(const Rows& rows, const std::vector<float>& centre) {
  std::vector<double> squares(rows.width);
  for (std::size_t r = 0; r < rows.count; ++r) {
    for (std::size_t i = 0; i < rows.width; ++i) {
      const double away = static_cast<double>(rows.values[r * rows.stride + i]) - centre[i];
      squares[i] += away * away / static_cast<double>(rows.count);
    }
  }
  std::vector<float> out;
  for (const double square : squares)
    out.push_back(static_cast<float>(std::sqrt(std::sqrt(std::max(square, kSquareMin)))));
  return out;
}

RowForm form_of(const Rows& rows) {
  RowForm out{.centre = centre_of(rows), .unit = {}};
  out.unit = units_of(rows, out.centre);
  return out;
}

void put_into(const RowForm& form, Rows& rows) {
  for (std::size_t r = 0; r < rows.count; ++r) {
    float* const row = rows.values.data() + r * rows.stride;
    for (std::size_t i = 0; i < form.centre.size(); ++i) row[i] -= form.centre[i];
    for (std::size_t i = 0; i < form.unit.size(); ++i) row[i] /= form.unit[i];
  }
}

std::vector<double> mean_of(const Rows& rows) {
  std::vector<double> out(rows.width);
  for (std::size_t r = 0; r < rows.count; ++r)
    for (std::size_t i = 0; i < rows.width; ++i)
      out[i] += static_cast<double>(rows.values[r * rows.stride + i]);
  for (double& mean : out) mean /= static_cast<double>(rows.count);
  return out;
}

/// E[x x'], by the same kernels as the rows.
std::vector<float> moments_of(const Rows& rows, const Kernels& kernels) {
  const std::size_t n = rows.width, columns = padded(n), stride = padded(rows.count);
  std::vector<float> across(n * stride, 0.0F), panels(columns * rows.count, 0.0F);
  for (std::size_t r = 0; r < rows.count; ++r) {
    for (std::size_t i = 0; i < n; ++i) {
      const float value = rows.values[r * rows.stride + i];
      across[i * stride + r] = value / static_cast<float>(rows.count);
      panels[(i / kPanel * rows.count + r) * kPanel + i % kPanel] = value;
    }
  }
  const std::vector<float> bias(columns, 0.0F);
  std::vector<float> wide(n * columns);
  kernels.product_float({across.data(), stride, n, panels.data(), bias.data(), rows.count, columns,
                         wide.data(), columns, Activation::kNone});
  std::vector<float> out;
  out.reserve(n * n);
  for (std::size_t i = 0; i < n; ++i)
    out.insert(out.end(), wide.begin() + static_cast<std::ptrdiff_t>(i * columns),
               wide.begin() + static_cast<std::ptrdiff_t>(i * columns + n));
  return out;
}

/// W x, added to the bias.
void add_product(const Matrix& matrix, const std::vector<float>& x, std::vector<float>& bias) {
  for (std::size_t c = 0; c < matrix.columns(); ++c) {
    double sum = bias[c];
    for (std::size_t i = 0; i < matrix.inputs; ++i)
      sum += static_cast<double>(matrix.weights[c * matrix.inputs + i]) * x[i];
    bias[c] = static_cast<float>(sum);
  }
}

/// For rows that are put into that form here.
SmallProduct fitted(Matrix matrix, Rows rows, const RowForm& form, const Kernels& kernels) {
  SmallProduct out{.bias = matrix.bias, .inputs = matrix.inputs};
  if (!form.centre.empty()) add_product(matrix, form.centre, out.bias);
  if (!form.unit.empty())
    for (std::size_t at = 0; at < matrix.weights.size(); ++at)
      matrix.weights[at] *= form.unit[at % matrix.inputs];
  put_into(form, rows);
  out.scales = scales_of(matrix);
  out.weights.resize(matrix.weights.size());
  FeedbackRounding(moments_of(rows, kernels), matrix.inputs)
      .round(matrix.weights, out.scales, out.weights);
  const std::vector<double> mean = mean_of(rows);
  for (std::size_t c = 0; c < matrix.columns(); ++c) {
    double lost = 0;
    for (std::size_t i = 0; i < matrix.inputs; ++i) {
      const std::size_t at = c * matrix.inputs + i;
      lost += (static_cast<double>(matrix.weights[at]) -
               static_cast<double>(out.scales[c]) * out.weights[at]) *
              mean[i];
    }
    out.bias[c] = static_cast<float>(static_cast<double>(out.bias[c]) + lost);
  }
  return out;
}

void add(std::vector<float>& to, const std::vector<float>& more) {
  for (std::size_t i = 0; i < more.size(); ++i) to[i] += more[i];
}

}  // namespace

SmallProduct nearest_weights(const Matrix& matrix) {
  SmallProduct out{.scales = nearest_scales(matrix), .bias = matrix.bias, .inputs = matrix.inputs};
  out.weights.reserve(matrix.weights.size());
  for (std::size_t at = 0; at < matrix.weights.size(); ++at) {
    const float scale = out.scales[at / matrix.inputs];
    const long weight = scale > 0 ? std::lround(matrix.weights[at] / scale) : 0;
    out.weights.push_back(
        static_cast<std::int8_t>(std::clamp(weight, -long{kNearestMax}, long{kNearestMax})));
  }
  return out;
}

FittedLayer fit_layer(const LayerNumbers& layer, const LayerInputs& inputs,
                      const Kernels& kernels) {
  FittedLayer out{.before = form_of(inputs.qkv), .inner = form_of(inputs.fi)};
  const RowForm context{.centre = centre_of(inputs.ao), .unit = {}};
  out.qkv = fitted(layer.qkv, inputs.qkv, out.before, kernels);
  // What attention gives is a mean of values: less by as much as they are.
  const std::size_t values = 2 * layer.ao.inputs;
  for (std::size_t i = 0; i < context.centre.size(); ++i)
    out.qkv.bias[values + i] -= context.centre[i];
  out.ao = fitted(layer.ao, inputs.ao, context, kernels);
  add(out.ao.bias, out.before.centre);  // the rows that it is added to lack it
  out.fi = fitted(layer.fi, inputs.fi, out.inner, kernels);
  out.fo = fitted(layer.fo, inputs.fo, {}, kernels);
  add(out.fo.bias, out.inner.centre);
  return out;
}

}  // namespace zhiyin::model::detail
