#include "statistics/distributions.h"

#include <boost/math/distributions/chi_squared.hpp>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
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

}  // namespace

double normal_pdf(double x) { return std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi); }

double normal_cdf(double x) { return std::erfc(-x / std::numbers::sqrt2) / 2; }

double normal_quantile(double p) { return boost::math::quantile(Normal(), p); }

double t_cdf(double x, double dof) {
  if (!std::isfinite(dof)) return normal_cdf(x);
  return boost::math::cdf(StudentsT(dof), x);
}

double t_quantile(double p, double dof) {
  if (!std::isfinite(dof)) return normal_quantile(p);
  return boost::math::quantile(StudentsT(dof), p);
}

double t_two_sided_p(double t, double dof) { return 2 * t_cdf(-std::fabs(t), dof); }

double chi2_upper_tail(double x, double dof) {
  return boost::math::cdf(boost::math::complement(ChiSquared(dof), x));
}

}  // namespace zhiyin::statistics
