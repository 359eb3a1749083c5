#include "model/encoder/detail/feedback_rounding.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "base/random.h"
#include "model/encoder/detail/encoder_layout.h"

namespace zhiyin::model::detail {
namespace {

constexpr std::size_t kInputs = 41, kRows = 19;

/// Inputs that go together: a few causes behind many numbers.
std::vector<float> moments(std::uint64_t seed) {
  constexpr std::size_t kCauses = 6, kSamples = 300;
  Random random(seed);
  std::vector<double> mix(kInputs * kCauses), sum(kInputs * kInputs);
  for (double& m : mix) m = random.normal();
  for (std::size_t s = 0; s < kSamples; ++s) {
    std::vector<double> causes(kCauses), x(kInputs);
    for (double& c : causes) c = random.normal();
    for (std::size_t i = 0; i < kInputs; ++i) {
      x[i] = 0.1 * random.normal();
      for (std::size_t c = 0; c < kCauses; ++c) x[i] += mix[i * kCauses + c] * causes[c];
    }
    for (std::size_t i = 0; i < kInputs; ++i)
      for (std::size_t j = 0; j < kInputs; ++j) sum[i * kInputs + j] += x[i] * x[j] / kSamples;
  }
  return {sum.begin(), sum.end()};
}

/// E[((w - rounded) x)^2].
double loss(const std::vector<float>& moments, const float* weights, const std::int8_t* rounded,
            float scale) {
  double out = 0;
  const auto off = [&](std::size_t i) {
    return static_cast<double>(weights[i]) - static_cast<double>(scale) * rounded[i];
  };
  for (std::size_t i = 0; i < kInputs; ++i)
    for (std::size_t j = 0; j < kInputs; ++j)
      out += off(i) * off(j) * static_cast<double>(moments[i * kInputs + j]);
  return out;
}

TEST(FeedbackRounding, LosesLessThanTheNearestAndKeepsToTheBounds) {
  Random random(2);
  std::vector<float> weights(kRows * kInputs);
  for (float& w : weights) w = static_cast<float>(random.normal());
  std::vector<float> scales(kRows, 0.05F);
  scales[3] = 0;
  scales[4] = 0.01F;  // so small that pairs reach their bound
  const std::vector<float> seen = moments(1);
  std::vector<std::int8_t> out(weights.size(), 99), again(weights.size());
  const FeedbackRounding rounding(seen, kInputs);
  rounding.round(weights, scales, out);
  rounding.round(weights, scales, again);
  EXPECT_EQ(out, again);
  double nearest = 0, fitted = 0;
  for (std::size_t r = 0; r < kRows; ++r) {
    std::vector<std::int8_t> each(kInputs);
    for (std::size_t i = 0; i < kInputs; ++i) {
      const std::int8_t weight = out[r * kInputs + i];
      EXPECT_LE(std::abs(int{weight}), kWeightMax);
      if (i % 2 == 1) {
        EXPECT_LE(std::abs(int{weight}) + std::abs(int{out[r * kInputs + i - 1]}), kWeightPairMax);
      }
      if (r == 3) {
        EXPECT_EQ(weight, 0);
      }
      if (scales[r] > 0)
        each[i] = nearest_weight(weights[r * kInputs + i] / scales[r], i,
                                 i == 0 ? std::int8_t{0} : each[i - 1]);
    }
    if (scales[r] < 0.05F) continue;
    nearest += loss(seen, weights.data() + r * kInputs, each.data(), scales[r]);
    fitted += loss(seen, weights.data() + r * kInputs, out.data() + r * kInputs, scales[r]);
  }
  EXPECT_LT(fitted, 0.5 * nearest);
}

TEST(FeedbackRounding, IndependentInputsAreRoundedToTheNearest) {
  std::vector<float> apart(kInputs * kInputs, 0.0F);
  for (std::size_t i = 0; i < kInputs; ++i) apart[i * kInputs + i] = 1 + static_cast<float>(i);
  std::vector<float> weights(kInputs);
  Random random(5);
  for (float& w : weights) w = static_cast<float>(random.normal());
  std::vector<std::int8_t> out(kInputs);
  FeedbackRounding(apart, kInputs).round(weights, std::vector<float>{0.1F}, out);
  for (std::size_t i = 0; i < kInputs; ++i)
    EXPECT_EQ(out[i], static_cast<std::int8_t>(std::nearbyint(weights[i] / 0.1F))) << i;
}

TEST(FeedbackRounding, InputsThatWereNeverSeenDoNoHarm) {
  std::vector<std::int8_t> out(kInputs);
  const std::vector<float> weights(kInputs, 0.42F);
  FeedbackRounding(std::vector<float>(kInputs * kInputs, 0.0F), kInputs)
      .round(weights, std::vector<float>{0.1F}, out);
  for (const std::int8_t weight : out) EXPECT_EQ(weight, 4);
}

}  // namespace
}  // namespace zhiyin::model::detail
