#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "statistics/classification.h"
#include "statistics/interval.h"

namespace zhiyin::model {

/// Quality of a classifier of texts on one part of the data.
struct TextMetrics {
  /// accuracy, macro_f1, log_loss, ece (of the chosen class's probability), coverage (share not
  /// rejected), accepted_accuracy (among those; absent when all were rejected).
  std::map<std::string, double> values;
  std::map<std::string, statistics::Interval> intervals;  ///< 95 %: accuracy, macro_f1
  statistics::Confusion confusion;                        ///< all classes
  std::vector<statistics::ClassScore> per_class;
  std::vector<statistics::CalibrationBin> reliability;
};

struct MeasureTextSettings {
  double threshold = 0;
  std::uint64_t seed = 1;
  int bootstrap_rounds = 500;
};

/// `scores` is rows × known classes; `labels` are below `classes`, which may be more than are
/// known: rows of an unknown class are wrong whatever is predicted. The macro F1 averages over the
/// classes that occur among labels or predictions. Accuracy has Wilson's interval, macro F1 a
/// percentile bootstrap. Requires at least one row.
TextMetrics measure_text(std::span<const double> scores, std::span<const std::uint32_t> labels,
                         std::size_t classes, const MeasureTextSettings& settings);

/// {"metrics","intervals"} and, where class names are given, "classes", "per_class", "confusion"
/// (rows by truth, columns by prediction), "reliability".
Json text_metrics_json(const TextMetrics& metrics, std::span<const std::string> classes);

}  // namespace zhiyin::model
