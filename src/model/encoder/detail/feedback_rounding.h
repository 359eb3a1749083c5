#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace zhiyin::model::detail {

/// The whole number nearest to `wanted` that keeps to kWeightMax and, with the one before it, to
/// kWeightPairMax.
std::int8_t nearest_weight(float wanted, std::size_t input, std::int8_t before);

/// Rounds the weights of a product so that the product, not each weight, is nearest: what rounding
/// one weight loses is made up by those that follow, as far as their inputs go together. That is
/// adaptive rounding with linear feedback (Chee et al. 2023, "QuIP", where it is shown to be what
/// Frantar et al. 2022 call GPTQ): with the inputs' second moments H = U D U', U upper triangular
/// with ones, weight k is rounded after the sum over j < k of U[j][k] times what j has lost.
/// A pure value; the same moments and weights give the same numbers.
class FeedbackRounding {
 public:
  /// `moments`: E[x x'], row-major, inputs × inputs, finite. Takes it over. A hundredth of their
  /// mean is added to the diagonal, so that inputs that were never seen do no harm.
  FeedbackRounding(std::vector<float> moments, std::size_t inputs);

  /// Whole numbers for each row of inputs() weights, in units of the row's scale, as
  /// `nearest_weight` bounds them; all 0 where the scale is 0.
  void round(std::span<const float> weights, std::span<const float> scales,
             std::span<std::int8_t> out) const;

  [[nodiscard]] std::size_t inputs() const { return inputs_; }

 private:
  std::vector<float> factor_;  // U above the diagonal
  std::size_t inputs_;
};

}  // namespace zhiyin::model::detail
