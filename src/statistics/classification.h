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
