#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/error.h"
#include "statistics/interval.h"
#include "statistics/linear.h"

/// Off-policy evaluation: what another policy would have earned, from a log of actions with the
/// probability of each. Pure, thread-safe.
namespace zhiyin::statistics {

enum class OpeEstimator {
  kIps,             ///< inverse propensity
  kSelfNormalised,  ///< the same divided by the mean weight
  kClipped,         ///< weights cut off at `clip`
  kDirect,          ///< the reward model alone: no protection against its errors
  kDoublyRobust,    ///< reward model plus weighted residuals
  kSwitch           ///< doubly robust where the weight is at most `clip`, the model alone elsewhere
};

/// One row per logged action. `predicted` and `predicted_target` are needed by the estimators with
/// a reward model; `influence` says what the model's own error adds, for the two that trust it.
struct OpeLog {
  std::span<const double> reward;
  std::span<const double> propensity;  ///< of the logged action, by the policy that acted; (0, 1]
  std::span<const double> target;      ///< of the logged action, by the policy to evaluate; [0, 1]
  std::span<const double> predicted;   ///< reward model of the logged action
  std::span<const double> predicted_target;  ///< its mean over the target policy's actions
  /// How far each row moves the estimate through the model that was learnt from it
  /// (`action_mean_influence`); zeros when the model came from elsewhere and counts as true.
  /// Absent: not known, so kDirect, and kSwitch where weights are above `clip`, have no interval.
  std::span<const double> influence;
  double model_shift = 0;  ///< how far shrinking moved the model's part of the estimate
};
struct OpeSettings {
  OpeEstimator estimator = OpeEstimator::kSelfNormalised;
  double clip = 10;
  double effective_min = 100;  ///< effective sample size below which there is no answer
  double alpha = 0.05;
};
/// What the interval rests on.
enum class OpeInterval {
  kNormal,          ///< the standard error
  kWilson,          ///< hits or misses only: Wilson's, of as many rows as the log is worth
  kWilsonOrNormal,  ///< the same where the weights do not add up to 1: widened to the normal one
  kNone             ///< the model's error is not known: se and interval are NaN
};
struct OpeResult {
  double value = 0;
  double se = 0;  ///< NaN unless kNormal
  Interval interval;
  OpeInterval method = OpeInterval::kNormal;
  double effective_size = 0;  ///< (sum w)² / sum w²
  double weight_max = 0;
  double clipped_share = 0;   ///< of rows whose weight was above `clip`
  double mean_weight = 1;     ///< far from 1: propensities are wrong, or the log lacks actions
  double mean_weight_se = 0;  ///< how far it may be from 1 by chance
};
/// Whether weights with that mean can be those of a log with true propensities, of which the mean
/// is 1: within six standard errors (weights have long tails), or within a twentieth.
bool weights_add_up(double mean, double se);
/// Mean of n weights with that sum, and its standard error if the mean of all is 1.
struct MeanWeight {
  double mean = 0;
  double se = 0;
};
MeanWeight mean_weight(double sum, double squares, double n);

/// kInvalidArgument, naming the row, for a propensity that is not in [1e-60, 1], a target outside
/// [0, 1], or values that are not finite or beyond kValueMax; kUnsupported, with the number, when
/// the effective sample size is below effective_min.
///
/// When all rewards of the rows that the policy shares are equal (to rounding; rows that together
/// weigh less than a hundredth of one do not count), nothing is known of their spread and the
/// standard error is no measure. Where all rewards of the log are 0 or 1 the interval is then
/// Wilson's, widened to the normal one within 0 and 1; else kUnsupported, naming `reward`.
Result<OpeResult> evaluate_policy(const OpeLog& log, const OpeSettings& settings);

/// Mean reward by action, shrunk towards the overall mean by `prior` pseudo-observations: a simple
/// reward model from a log without features, fitted across `folds` so that no row predicts itself.
/// Row r gives [r][action]. Requires action < actions, folds >= 2, equal lengths.
Matrix action_mean_model(std::span<const std::uint32_t> action, std::span<const double> reward,
                         std::uint32_t actions, int folds = 5, double prior = 10);

/// How exactly that model is known: of the sum over actions of `share[a]` times its mean, how far
/// each row moves it (delta method; the squares add up to its variance), and how far shrinking
/// moved it from the plain means. `share`: how much each action's prediction counts in the
/// estimate. Requires action < share.size() and equal lengths.
struct ModelError {
  std::vector<double> influence;
  double shift = 0;
};
ModelError action_mean_error(std::span<const std::uint32_t> action, std::span<const double> reward,
                             std::span<const double> share, double prior = 10);

}  // namespace zhiyin::statistics
