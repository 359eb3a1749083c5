#pragma once

/// Distribution functions. Pure, thread-safe.
namespace zhiyin::statistics {

double normal_pdf(double x);
double normal_cdf(double x);
/// Requires 0 < p < 1.
double normal_quantile(double p);
/// Student's t. Requires dof > 0 (infinite: the normal distribution).
double t_cdf(double x, double dof);
/// Requires 0 < p < 1 and dof > 0.
double t_quantile(double p, double dof);
/// P(|T| >= |t|).
double t_two_sided_p(double t, double dof);
/// P(X >= x) of chi-square. Requires x >= 0 and dof > 0.
double chi2_upper_tail(double x, double dof);

}  // namespace zhiyin::statistics
