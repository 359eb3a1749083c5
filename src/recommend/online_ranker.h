#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace zhiyin::recommend {

/// One input of a ranker: a hashed slot and its value (1 for a category).
struct RankerFeature {
  std::uint32_t slot = 0;
  float value = 1;
};

struct RankerParams {
  unsigned bits = 18;        ///< 2^bits slots, 8 … 26
  std::size_t factors = 16;  ///< of the pairwise part, 0 (a logistic model) … 64
  // Linear part, FTRL-proximal.
  double linear_rate = 0.1;  ///< alpha
  double linear_l1 = 0;      ///< lambda 1: weights that matter little stay exactly 0
  double linear_l2 = 1;      ///< lambda 2
  // Pairwise part, AdaGrad.
  double factor_rate = 0.05;
  double factor_l2 = 5e-3;
  double factor_start = 0.01;  ///< deviation of the first values
  std::uint64_t seed = 1;
};

/// The slot of a category or a number by name: xxh64 of the UTF-8 bytes `field \0 value`.
/// Requires bits <= 32. Two features may share a slot; with few enough of them that costs little.
std::uint32_t feature_slot(std::string_view field, std::string_view value, unsigned bits);

/// A factorisation machine for one response (clicked, read to the end, …) that learns from one
/// example after the other: log-odds = sum w_i x_i + sum over pairs (v_i · v_j) x_i x_j (Rendle,
/// ICDM 2010), w by FTRL-proximal (McMahan and others, KDD 2013), v by AdaGrad. The same examples
/// in the same order give the same bytes. Memory: (4 + 4 + 8 · factors) bytes a slot. Not
/// thread-safe while it learns; predicting is.
class OnlineRanker {
 public:
  /// kInvalidArgument names the parameter.
  static Result<OnlineRanker> create(const RankerParams& params);

  /// Requires slots below 2^bits.
  [[nodiscard]] double log_odds(std::span<const RankerFeature> features) const;
  [[nodiscard]] double probability(std::span<const RankerFeature> features) const;
  /// `weight` above 0: how much the example counts (1 / propensity of the place where it was shown,
  /// say). Features that are not finite are the caller's mistake: the example is left out and false
  /// returned.
  bool learn(std::span<const RankerFeature> features, bool positive, double weight = 1);

  /// What a slot adds: its linear weight, and its factors (params().factors of them), for callers
  /// that sum up themselves.
  [[nodiscard]] float weight(std::uint32_t slot) const { return linear(slot); }
  [[nodiscard]] std::span<const float> factors(std::uint32_t slot) const {
    return std::span(factors_).subspan(std::size_t{slot} * params_.factors, params_.factors);
  }
  [[nodiscard]] const RankerParams& params() const { return params_; }
  [[nodiscard]] std::uint64_t learnt() const { return learnt_; }

  /// Artefact of kind `ranker` (docs/formats/model.md): the same model gives the same bytes.
  [[nodiscard]] std::string encode() const;
  /// kDataLoss when the bytes are damaged, cut short, of another kind or version.
  static Result<OnlineRanker> decode(std::string_view bytes);

 private:
  [[nodiscard]] float linear(std::uint32_t slot) const;

  RankerParams params_;
  std::uint64_t learnt_ = 0;
  std::vector<float> z_;        ///< FTRL's sums of gradients less what the weights took
  std::vector<float> n_;        ///< sums of squared gradients
  std::vector<float> factors_;  ///< slots × factors
  std::vector<float> squares_;  ///< AdaGrad's sums, as factors_
};

}  // namespace zhiyin::recommend
