#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "statistics/classification.h"
#include "statistics/interval.h"

namespace zhiyin::model {

/// Quality on one part of the data.
struct ResponseMetrics {
  std::map<std::string, double>
      values;  ///< accuracy precision recall f1 macro_f1 auc log_loss brier ece
  std::map<std::string, statistics::Interval> intervals;
  std::map<std::string, double> at_half;  ///< accuracy … macro_f1 with a threshold of 0.5
  statistics::Confusion confusion;
  std::vector<statistics::ClassScore> per_class;
  std::vector<statistics::CalibrationBin> reliability;
};

/// Compares calibrated probabilities with labels (0 or 1). Intervals are percentile bootstraps over
/// rows; large parts get fewer rounds. A metric that is not defined (AUC with one class) is left
/// out. Requires at least one row.
struct MeasureSettings {
  double threshold = 0.5;
  int bootstrap_rounds = 500;
  std::uint64_t seed = 1;
};
ResponseMetrics measure_response(std::span<const double> probabilities, std::span<const int> labels,
                                 const MeasureSettings& settings);

/// {"metrics":{…},"intervals":{…},"at_half":{…},"per_class":[…],"confusion":[[…]],"reliability":[…]}.
Json response_metrics_json(const ResponseMetrics& metrics, const std::vector<std::string>& classes);

}  // namespace zhiyin::model
