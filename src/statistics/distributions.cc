#include "statistics/distributions.h"

#include <math.h>  // lgamma_r is not in <cmath>

#include <boost/math/distributions/chi_squared.hpp>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <boost/math/special_functions/beta.hpp>
#include <boost/math/special_functions/digamma.hpp>
#include <boost/math/special_functions/gamma.hpp>
#include <boost/math/special_functions/trigamma.hpp>
#include <cmath>
#include <numbers>

namespace zhiyin::statistics {
namespace {

namespace policies = boost::math::policies;
// Arguments at the edge of a domain give infinities instead of exceptions.
using Policy = policies::policy<policies::domain_error<policies::ignore_error>,
                                policies::overflow_error<policies::ignore_error>,
                                policies::pole_error<policies::ignore_error>,
                                policies::evaluation_error<policies::ignore_error>>;
using Normal = boost::math::normal_distribution<double, Policy>;
using StudentsT = boost::math::students_t_distribution<double, Policy>;
using ChiSquared = boost::math::chi_squared_distribution<double, Policy>;

constexpr Policy kPolicy{};

}  // namespace

double normal_pdf(double x) { return std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi); }

double normal_cdf(double x) { return std::erfc(-x / std::numbers::sqrt2) / 2; }

double normal_log_cdf(double x) {
  if (x > -10) return std::log(normal_cdf(x));
  // Mills' ratio as a continued fraction (Abramowitz and Stegun 26.2.14).
  double fraction = 0;
  for (int k = 60; k >= 1; --k) fraction = k / (-x + fraction);
  return -x * x / 2 - std::log(2 * std::numbers::pi) / 2 - std::log(-x + fraction);
}

double normal_quantile(double p) { return boost::math::quantile(Normal(), p); }

double t_cdf(double x, double dof) {
  if (!std::isfinite(dof)) return normal_cdf(x);
  return boost::math::cdf(StudentsT(dof), x);
}

double t_quantile(double p, double dof) {
  if (!std::isfinite(dof)) return normal_quantile(p);
  return boost::math::quantile(StudentsT(dof), p);
}

double t_upper_quantile(double p, double dof) {
  if (!std::isfinite(dof)) return boost::math::quantile(boost::math::complement(Normal(), p));
  return boost::math::quantile(boost::math::complement(StudentsT(dof), p));
}

double t_two_sided_p(double t, double dof) { return 2 * t_cdf(-std::fabs(t), dof); }

double chi2_cdf(double x, double dof) { return boost::math::cdf(ChiSquared(dof), x); }

double chi2_upper_tail(double x, double dof) {
  return boost::math::cdf(boost::math::complement(ChiSquared(dof), x));
}

double beta_cdf(double x, double a, double b) { return boost::math::ibeta(a, b, x, kPolicy); }

double beta_quantile(double p, double a, double b) {
  return boost::math::ibeta_inv(a, b, p, kPolicy);
}

double gamma_cdf(double x, double shape, double rate) {
  return boost::math::gamma_p(shape, x * rate, kPolicy);
}

double gamma_upper_tail(double x, double shape, double rate) {
  return boost::math::gamma_q(shape, x * rate, kPolicy);
}

double gamma_quantile(double p, double shape, double rate) {
  return boost::math::gamma_p_inv(shape, p, kPolicy) / rate;
}

// Sums of discrete probabilities are incomplete beta and gamma functions (NIST
// DLMF 8.17.5, 8.4.10).

double binomial_cdf(double k, double n, double p) {
  k = std::floor(k);
  if (k < 0) return 0;
  if (k >= n) return 1;
  return boost::math::ibetac(k + 1, n - k, p, kPolicy);
}

double binomial_upper_tail(double k, double n, double p) {
  k = std::ceil(k);
  if (k <= 0) return 1;
  if (k > n) return 0;
  return boost::math::ibeta(k, n - k + 1, p, kPolicy);
}

double poisson_cdf(double k, double mean) {
  k = std::floor(k);
  return k < 0 ? 0 : boost::math::gamma_q(k + 1, mean, kPolicy);
}

double poisson_upper_tail(double k, double mean) {
  k = std::ceil(k);
  return k <= 0 ? 1 : boost::math::gamma_p(k, mean, kPolicy);
}

double negative_binomial_cdf(double k, double mean, double size) {
  k = std::floor(k);
  return k < 0 ? 0 : boost::math::ibeta(size, k + 1, size / (size + mean), kPolicy);
}

double negative_binomial_upper_tail(double k, double mean, double size) {
  k = std::ceil(k);
  return k <= 0 ? 1 : boost::math::ibetac(size, k, size / (size + mean), kPolicy);
}

double log_gamma(double x) {
  int sign = 0;
  return ::lgamma_r(x, &sign);
}

double digamma(double x) { return boost::math::digamma(x, kPolicy); }

double trigamma(double x) { return boost::math::trigamma(x, kPolicy); }

double log_beta(double a, double b) { return log_gamma(a) + log_gamma(b) - log_gamma(a + b); }

}  // namespace zhiyin::statistics
