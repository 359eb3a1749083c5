#include "model/encoder/detail/feedback_rounding.h"

#include <algorithm>
#include <cmath>

#include "model/encoder/detail/encoder_layout.h"

namespace zhiyin::model::detail {
namespace {

constexpr float kDamping = 0.01F;
constexpr std::size_t kRowsAtOnce = 8;  // pass the factor together: it is larger than caches

/// to[0 … count) += by * from[0 … count). Neighbours of four at once by the compiler.
void add_times(float* to, float by, const float* from, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) to[i] += by * from[i];
}

}  // namespace

FeedbackRounding::FeedbackRounding(std::vector<float> moments, std::size_t inputs)
    : factor_(std::move(moments)), inputs_(inputs) {
  const std::size_t n = inputs_;
  double mean = 0;
  for (std::size_t i = 0; i < n; ++i) mean += factor_[i * n + i] / static_cast<double>(n);
  const float more = mean > 0 ? kDamping * static_cast<float>(mean) : 1.0F;
  for (std::size_t i = 0; i < n; ++i) factor_[i * n + i] += more;
  // From the last column to the first: its part D u u' goes off what lies before it.
  std::vector<float> column(n);
  for (std::size_t j = n; j-- > 0;) {
    const float diagonal = std::max(factor_[j * n + j], 1e-3F * more);
    for (std::size_t i = 0; i < j; ++i) {
      column[i] = factor_[i * n + j] / diagonal;
      factor_[i * n + j] = column[i];
    }
    for (std::size_t i = 0; i < j; ++i)
      add_times(factor_.data() + i * n + i, -column[i] * diagonal, column.data() + i, j - i);
  }
}

std::int8_t nearest_weight(float wanted, std::size_t input, std::int8_t before) {
  int most = kWeightMax;
  if (input % 2 == 1) most = std::min(most, kWeightPairMax - (before < 0 ? -before : before));
  const auto bound = static_cast<float>(most);
  return static_cast<std::int8_t>(std::clamp(std::nearbyint(wanted), -bound, bound));
}

void FeedbackRounding::round(std::span<const float> weights, std::span<const float> scales,
                             std::span<std::int8_t> out) const {
  const std::size_t n = inputs_;
  std::vector<float> owed(kRowsAtOnce * n);
  for (std::size_t begin = 0; begin < scales.size(); begin += kRowsAtOnce) {
    const std::size_t rows = std::min(kRowsAtOnce, scales.size() - begin);
    std::ranges::fill(owed, 0.0F);
    for (std::size_t k = 0; k < n; ++k) {
      for (std::size_t r = 0; r < rows; ++r) {
        const std::size_t at = (begin + r) * n + k;
        const float scale = scales[begin + r];
        if (scale <= 0) {
          out[at] = 0;
          continue;
        }
        const float wanted = (weights[at] + owed[r * n + k]) / scale;
        out[at] = nearest_weight(wanted, k, k == 0 ? std::int8_t{0} : out[at - 1]);
        add_times(owed.data() + r * n + k + 1, weights[at] - static_cast<float>(out[at]) * scale,
                  factor_.data() + k * n + k + 1, n - k - 1);
      }
    }
  }
}

}  // namespace zhiyin::model::detail
