#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "recommend/evaluated_model.h"
#include "recommend/ranking_quality.h"

namespace zhiyin::recommend {

/// One setting that was tried on the validation part.
struct Trial {
  ModelParams params;
  double value = 0;  ///< of the metric
  double low = 0;    ///< 95 % interval
  double high = 0;
  double first_half = 0;   ///< of the people with even place in the file, and with odd: the spread
  double second_half = 0;  ///< between them is what chance alone does to a difference
};

struct TuneSettings {
  std::string model;
  ModelParams fixed;        ///< stay as they are
  std::size_t trials = 20;  ///< 1 … kTrialsMax
  Metric metric;
  std::uint64_t seed = 1;
  int threads = 1;
  /// Where results are noted as they come (JSON lines) and found again after an interruption;
  /// empty: nowhere. Lines of other data, models or metrics are passed over.
  std::filesystem::path notes;
  std::function<bool(double)> progress;
};
inline constexpr std::size_t kTrialsMax = 1000;

/// Random search, then local search around the best, on the validation part only. Three fifths of
/// the trials are drawn from the model's ranges (wide, on a log scale where that is natural), the
/// rest from an ever smaller neighbourhood of the best so far. EASE's trials come in groups that
/// share one lambda, and so one inverse, with several values of recency. The same seed gives the
/// same trials on any number of threads. In the order tried; kInvalidArgument names what is wrong.
Result<std::vector<Trial>> tune(const EvaluationData& data, ModelMaker& maker,
                                const TuneSettings& settings);

/// The trial with the largest value, the earliest of equal ones. Requires one.
const Trial& best_of(const std::vector<Trial>& trials);

}  // namespace zhiyin::recommend
