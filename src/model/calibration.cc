#include "model/calibration.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/check.h"
#include "model/logistic.h"

namespace zhiyin::model {
namespace {

/// First and second derivatives of Platt's log-loss in (slope, shift).
struct Derivatives {
  double slope = 0, shift = 0;
  double slope_slope = 1e-9, slope_shift = 0, shift_shift = 1e-9;
};

double loss(std::span<const double> x, std::span<const double> target, const Calibration& c) {
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double z = c.slope * x[i] + c.shift;
    sum += std::max(z, 0.0) + std::log1p(std::exp(-std::fabs(z))) - target[i] * z;
  }
  return sum;
}

Derivatives derivatives(std::span<const double> x, std::span<const double> target,
                        const Calibration& c) {
  Derivatives d;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double p = c.probability(x[i]);
    const double w = p * (1 - p);
    d.slope += (p - target[i]) * x[i];
    d.shift += p - target[i];
    d.slope_slope += w * x[i] * x[i];
    d.slope_shift += w * x[i];
    d.shift_shift += w;
  }
  return d;
}

/// Newton with step halving on two parameters.
Calibration minimise(std::span<const double> x, std::span<const double> target) {
  constexpr int kIterationsMax = 100;
  constexpr int kHalvingsMax = 40;
  Calibration c;
  double now = loss(x, target, c);
  for (int i = 0; i < kIterationsMax; ++i) {
    const Derivatives d = derivatives(x, target, c);
    const double determinant = d.slope_slope * d.shift_shift - d.slope_shift * d.slope_shift;
    if (!(determinant > 0)) break;
    const double step_slope = (d.shift_shift * d.slope - d.slope_shift * d.shift) / determinant;
    const double step_shift = (d.slope_slope * d.shift - d.slope_shift * d.slope) / determinant;
    double share = 1;
    bool better = false;
    for (int h = 0; h < kHalvingsMax && !better; ++h, share /= 2) {
      const Calibration there{c.slope - share * step_slope, c.shift - share * step_shift};
      const double value = loss(x, target, there);
      better = value < now;
      if (better) {
        c = there;
        now = value;
      }
    }
    if (!better) break;
  }
  return c;
}

}  // namespace

double Calibration::probability(double log_odds) const { return sigmoid(slope * log_odds + shift); }

Calibration fit_calibration(std::span<const double> log_odds, std::span<const int> labels) {
  ZHIYIN_CHECK(log_odds.size() == labels.size());
  const auto positives = static_cast<double>(std::ranges::count(labels, 1));
  const double negatives = static_cast<double>(labels.size()) - positives;
  if (positives == 0 || negatives == 0) return {};
  std::vector<double> target;
  for (const int y : labels) {
    target.push_back(y == 1 ? (positives + 1) / (positives + 2) : 1 / (negatives + 2));
  }
  const Calibration c = minimise(log_odds, target);
  return c.slope > 0 ? c : Calibration{};
}

}  // namespace zhiyin::model
