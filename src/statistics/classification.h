#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

/// How good predictions are. Pure, thread-safe. Spans of one call have equal lengths.
namespace zhiyin::statistics {

/// counts[actual][predicted].
struct Confusion {
  std::vector<std::vector<std::int64_t>> counts;
  [[nodiscard]] std::int64_t total() const;
  [[nodiscard]] double accuracy() const;
};
/// Requires every label < classes.
Confusion confusion(std::span<const int> actual, std::span<const int> predicted, int classes);

/// Of one class. A quotient without cases (nothing predicted, nothing there) counts as 0.
struct ClassScore {
  double precision = 0;
  double recall = 0;
  double f1 = 0;
  std::int64_t support = 0;
};
ClassScore class_score(const Confusion& c, std::size_t which);
double macro_f1(const Confusion& c);

/// Mean of the recalls of the classes that occur; 0 when none does.
double balanced_accuracy(const Confusion& c);
/// Cohen's kappa: agreement beyond chance; 0 when chance alone would agree always.
double cohen_kappa(const Confusion& c);

enum class Average {
  kMicro,    ///< over all cases: the accuracy
  kMacro,    ///< every class counts the same, also those without cases
  kWeighted  ///< by the cases of each class
};
struct AveragedScore {
  double precision = 0;
  double recall = 0;
  double f = 0;  ///< F-beta
};
/// Requires beta > 0: recall counts beta times as much as precision.
AveragedScore averaged_score(const Confusion& c, Average average, double beta = 1);

/// Average precision, the area under the precision-recall curve as a sum of steps; NaN without
/// positives. labels are 0 or 1.
double average_precision(std::span<const double> scores, std::span<const int> labels);

/// Among the first cases by score: the share of all positives (gain), and their share against that
/// of all cases (lift). Cases of equal score count in part.
struct LiftPoint {
  double share = 0;  ///< of the cases, (0, 1]
  double gain = 0;
  double lift = 0;
};
/// At `parts` equal steps. NaN without positives. Requires parts >= 1.
std::vector<LiftPoint> lift_curve(std::span<const double> scores, std::span<const int> labels,
                                  int parts = 10);

/// How far predicted numbers are off.
struct RegressionScore {
  double mean_absolute = 0;
  double root_mean_square = 0;
  double median_absolute = 0;
  double bias = 0;             ///< mean of predicted - actual
  double r_squared = 0;        ///< NaN when the actual values do not vary
  double mean_percentage = 0;  ///< absolute, of the actual value; NaN where one is 0
};
/// Requires equal lengths of at least one.
RegressionScore regression_score(std::span<const double> actual, std::span<const double> predicted);

/// Area under the ROC curve, ties counted half; NaN when a class is absent. labels are 0 or 1.
double auc(std::span<const double> scores, std::span<const int> labels);
/// Mean negative log-likelihood; probabilities are kept within 1e-15 of 0 and 1.
double log_loss(std::span<const double> probabilities, std::span<const int> labels);
/// Mean squared difference.
double brier(std::span<const double> probabilities, std::span<const int> labels);

/// One bin of a reliability diagram.
struct CalibrationBin {
  double predicted = 0;  ///< mean probability
  double observed = 0;   ///< share of positives
  std::int64_t count = 0;
};
/// Bins of equal width; empty ones are left out.
std::vector<CalibrationBin> calibration_bins(std::span<const double> probabilities,
                                             std::span<const int> labels, int bins = 10);
/// Expected calibration error: mean |predicted - observed| weighted by count.
double calibration_error(std::span<const CalibrationBin> bins);

}  // namespace zhiyin::statistics
