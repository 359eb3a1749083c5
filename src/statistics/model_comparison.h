#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "base/error.h"
#include "statistics/interval.h"

/// Is one model better than another, on the same cases? Pure, thread-safe.
namespace zhiyin::statistics {

/// Area under the ROC curve with its standard error (DeLong, DeLong and Clarke-Pearson 1988; in
/// O(n log n) by Sun and Xu 2014).
struct AucEstimate {
  double auc = 0;
  double se = 0;
  Interval interval;  ///< normal, cut to 0 and 1
};
/// labels are 0 or 1. kInvalidArgument for lengths that differ, scores that are not finite, other
/// labels, or fewer than two cases of either.
Result<AucEstimate> delong_auc(std::span<const double> scores, std::span<const int> labels,
                               double alpha = 0.05);

struct PairedDifference {
  double difference = 0;  ///< second minus first
  double se = 0;
  Interval interval;
  double p = 1;
};
/// Two models' scores of the same cases. No variance at all (the same order): p is 1.
Result<PairedDifference> delong_difference(std::span<const double> first,
                                           std::span<const double> second,
                                           std::span<const int> labels, double alpha = 0.05);

/// McNemar's test on which cases each model gets right. Exact (binomial) up to 1000 cases on which
/// they differ, beyond that chi-square with continuity correction.
struct McNemar {
  std::int64_t only_first = 0;  ///< right by the first model only
  std::int64_t only_second = 0;
  double p = 1;
};
/// Requires equal lengths.
McNemar mcnemar(std::span<const bool> first_right, std::span<const bool> second_right);

/// Any statistic of the same rows of two models: bootstrap of the difference, percentile interval,
/// p from the share of differences at or beyond 0 (two-sided). `difference` gets row numbers drawn
/// with replacement. Requires n >= 1 and rounds >= 1.
PairedDifference paired_bootstrap(std::size_t n, const RowStatistic& difference,
                                  BootstrapSettings settings);

}  // namespace zhiyin::statistics
