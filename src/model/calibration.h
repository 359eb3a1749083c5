#pragma once

#include <span>

namespace zhiyin::model {

/// Platt's calibration: probability = sigmoid(slope * log-odds + shift). A pure value.
struct Calibration {
  double slope = 1;
  double shift = 0;
  [[nodiscard]] double probability(double log_odds) const;
};

/// Fitted on rows that the model has not learnt from, with Platt's targets (pulled in from 0 and
/// 1), so that few rows do not give certainty. The identity when a class is absent or the slope
/// would turn negative.
Calibration fit_calibration(std::span<const double> log_odds, std::span<const int> labels);

}  // namespace zhiyin::model
