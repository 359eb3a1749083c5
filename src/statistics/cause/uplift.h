#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/error.h"
#include "statistics/interval.h"
#include "statistics/linear.h"

/// Whom a treatment changes, from randomised data. Pure, thread-safe.
namespace zhiyin::statistics {

/// People with the score that a model gave them (higher: treat first), treatment 0 or 1, and what
/// came of it.
struct UpliftData {
  std::span<const double> score;
  std::span<const std::uint8_t> treated;
  std::span<const double> outcome;
};
/// kInvalidArgument, naming the row, for lengths that differ, values that are not finite or
/// treatment other than 0 or 1; also when either arm is empty.
Result<void> check_uplift(const UpliftData& data);

/// After the first n people by score; people of equal scores come together.
struct UpliftPoint {
  double people = 0;
  double uplift = 0;  ///< (y_t/n_t - y_c/n_c)(n_t + n_c); 0 while an arm is empty
  double qini = 0;    ///< y_t - y_c n_t/n_c
};
/// From (0, 0, 0). Requires checked data.
std::vector<UpliftPoint> uplift_curve(const UpliftData& data);
/// Of the best order there could be for 0/1 outcomes: treated who responded and controls who did
/// not come first.
std::vector<UpliftPoint> perfect_curve(const UpliftData& data, bool qini);

/// (area of the model - area of a random order) / (area of the perfect - area of a random order).
/// 0 when the perfect order is no better than a random one; kInvalidArgument unless outcomes are 0
/// or 1.
struct UpliftCoefficients {
  double uplift_auc = 0;
  double qini = 0;
};
Result<UpliftCoefficients> uplift_coefficients(const UpliftData& data);

/// Difference of the arms' means among the first `share` of people by score.
struct UpliftAtShare {
  double share = 0;
  double people = 0;
  double treated_mean = 0, control_mean = 0;
  double uplift = 0;
  double se = 0;
  Interval interval;
  double p = 1;
};
/// Welch. kInvalidArgument unless share is in (0, 1]; kUnsupported when an arm has fewer than two
/// people or no variance there.
Result<UpliftAtShare> uplift_at(const UpliftData& data, double share, double alpha = 0.05);

/// Mean outcome of a person if exactly those whose score is at least `threshold` were treated (by
/// inverse propensity), with a normal interval, against treating everybody and nobody.
struct PolicyValue {
  double value = 0;
  double se = 0;
  Interval interval;
  double treat_share = 0;
  double value_all = 0;
  double value_none = 0;
};
/// `propensity`: probability of treatment, the same for all, in (0, 1). kUnsupported when the
/// outcomes that count do not vary.
Result<PolicyValue> policy_value(const UpliftData& data, double threshold, double propensity,
                                 double alpha = 0.05);

/// Is the score any good? The Qini coefficient with a bootstrap interval, and the uplift of the
/// first 30 % against that of the rest.
struct UpliftEvidence {
  double qini = 0;
  Interval interval;
  double difference = 0;  ///< uplift of the upper part minus that of the lower
  double difference_p = 1;
  bool evidence = false;  ///< interval above 0 and difference_p below alpha, upwards
};
Result<UpliftEvidence> uplift_evidence(const UpliftData& data, double share = 0.3, int rounds = 200,
                                       std::uint64_t seed = 1, double alpha = 0.05);

/// Any model of probabilities (or means): learns from rows and gives a function of a row. Its
/// errors are passed on.
using Predictor = std::function<double(std::span<const double> row)>;
using Learner =
    std::function<Result<Predictor>(const Matrix& rows, std::span<const double> target)>;

/// Score = predicted outcome treated minus predicted outcome untreated, by one model each.
Result<Predictor> two_model_learner(const Learner& learner, const Matrix& rows,
                                    std::span<const std::uint8_t> treated,
                                    std::span<const double> outcome);
/// One model of z = y w/e - y (1-w)/(1-e), whose mean is the uplift (Athey and Imbens 2015). For
/// learners of means. `propensity` in (0, 1).
Result<Predictor> transformed_outcome_learner(const Learner& learner, const Matrix& rows,
                                              std::span<const std::uint8_t> treated,
                                              std::span<const double> outcome, double propensity);

/// Ridge logistic regression by Newton's method, standardised inside: a learner of probabilities
/// for 0/1 targets. Columns that do not vary are ignored.
Learner logistic_learner(double ridge = 1e-4);
/// Ridge linear regression, likewise: a learner of means.
Learner linear_learner(double ridge = 1e-8);

}  // namespace zhiyin::statistics
