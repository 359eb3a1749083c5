#pragma once

#include <functional>
#include <string>
#include <vector>

#include "model/response_metrics.h"
#include "model/response_model.h"

namespace zhiyin::model {

struct ResponseSettings {
  std::uint64_t seed = 1;
  SplitShares shares;
  std::vector<double> l2 = {1e-4, 1e-3, 1e-2, 1e-1, 1.0};  ///< tried; the best on validation wins
  int bootstrap_rounds = 500;
  /// Share done in 0 … 1; returning false cancels (kDeadline). May be empty.
  std::function<bool(double)> progress;
};
struct TrainedResponse {
  ResponseModel model;
  ResponseMetrics test;  ///< on the part that nothing was fitted or chosen on
  double l2 = 0;
  std::size_t train_rows = 0, validation_rows = 0, test_rows = 0;
  double positive_share = 0;
  std::vector<std::string> warnings;  ///< features that alone nearly give the label away

  /// For the registry and for people.
  [[nodiscard]] Json metrics_json() const;
  [[nodiscard]] Json settings_json() const;
};
inline constexpr std::size_t kClassRowsMin = 10;
/// Split, standardise, fit, choose l2 and threshold on validation, calibrate there, measure on
/// test. Deterministic: the same table and seed give the same bytes. Fails with kInvalidArgument
/// when the label is degenerate (fewer than kClassRowsMin rows of a class) or the table is
/// malformed.
Result<TrainedResponse> train_response(const FeatureTable& table, const ResponseSettings& settings);

}  // namespace zhiyin::model
