#include "statistics/hypergeometric.h"

#include <array>
#include <cmath>
#include <limits>

#include "statistics/distributions.h"

namespace zhiyin::statistics {
namespace {

constexpr int kTermsMax = 200000;

/// Below this the series in z is quick enough.
constexpr double kNearOne = 0.9;

bool is_pole(double x) { return x <= 0 && x == std::floor(x); }

/// NaN when the terms do not die out in time.
double series(double a, double b, double c, double z) {
  double term = 1;
  double sum = 1;
  double lost = 0;  // Kahan: thousands of terms of one sign
  for (int n = 0; n < kTermsMax; ++n) {
    term *= (a + n) * (b + n) / ((c + n) * (n + 1)) * z;
    const double y = term - lost;
    const double next = sum + y;
    lost = (next - sum) - y;
    sum = next;
    if (term == 0) return sum;
    // What is left is about a geometric series of ratio z once n is beyond the parameters.
    const bool settled = n > std::fabs(a) + std::fabs(b) + std::fabs(c);
    if (settled && std::fabs(term) * z < (1 - z) * 1e-17 * std::fabs(sum)) return sum;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

/// 1/Gamma(x), 0 at the poles.
double reciprocal_gamma(double x) { return is_pole(x) ? 0 : 1 / std::tgamma(x); }

/// DLMF 15.8.4; c - a - b must not be an integer.
double from_one(double a, double b, double c, double z) {
  const double d = c - a - b;
  const double w = 1 - z;
  const double first = std::tgamma(c) * std::tgamma(d) * reciprocal_gamma(c - a) *
                       reciprocal_gamma(c - b) * series(a, b, 1 - d, w);
  const double second = std::pow(w, d) * std::tgamma(c) * std::tgamma(-d) * reciprocal_gamma(a) *
                        reciprocal_gamma(b) * series(c - a, c - b, 1 + d, w);
  return first + second;
}

/// The same where c - a - b is close to an integer: both terms have poles that cancel, so the
/// function, smooth in c, is interpolated between six places at either side.
double from_one_interpolated(double a, double b, double c, double z) {
  constexpr double kStep = 0.005;
  constexpr std::array<double, 6> kNodes{-3, -2, -1, 1, 2, 3};
  const double d = c - a - b;
  const double middle = c - (d - std::round(d));
  const double at = (c - middle) / kStep;
  double out = 0;
  for (const double node : kNodes) {
    double weight = 1;
    for (const double other : kNodes) {
      if (other != node) weight *= (at - other) / (node - other);
    }
    out += weight * from_one(a, b, middle + node * kStep, z);
  }
  return out;
}

}  // namespace

Result<double> hypergeometric_2f1(double a, double b, double c, double z) {
  if (!std::isfinite(a) || !std::isfinite(b) || !std::isfinite(c)) {
    return fail(ErrorCode::kInvalidArgument, "2F1: a parameter is not finite");
  }
  if (is_pole(c)) return fail(ErrorCode::kInvalidArgument, "2F1: c is {}, a pole", c);
  if (!(z >= 0 && z < 1))
    return fail(ErrorCode::kInvalidArgument, "2F1: z is {}, not in [0, 1)", z);
  const double d = c - a - b;
  // Gamma functions overflow beyond 170.
  const bool small = std::fabs(a) < 80 && std::fabs(b) < 80 && std::fabs(c) < 80;
  double out = 0;
  if (z > kNearOne && small) {
    // An interpolated value needs c away from the poles too.
    const bool integer = std::fabs(d - std::round(d)) < 0.005;
    out = integer ? from_one_interpolated(a, b, c, z) : from_one(a, b, c, z);
  } else if (d < 0) {
    out = std::pow(1 - z, d) * series(c - a, c - b, c, z);
  } else {
    out = series(a, b, c, z);
  }
  if (std::isfinite(out)) return out;
  return fail(ErrorCode::kUnsupported, "2F1({}, {}; {}; {}) does not converge", a, b, c, z);
}

}  // namespace zhiyin::statistics
