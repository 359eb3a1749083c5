#pragma once

/// Distribution functions. Pure, thread-safe.
///
/// Tails are computed as such, never as 1 - cdf, so that small ones keep their digits.
namespace zhiyin::statistics {

double normal_pdf(double x);
double normal_cdf(double x);
/// ln of `normal_cdf`, also where that is 0 in double precision.
double normal_log_cdf(double x);
/// Requires 0 < p < 1.
double normal_quantile(double p);

/// Student's t. Requires dof > 0 (infinite: the normal distribution).
double t_cdf(double x, double dof);
/// Requires 0 < p < 1 and dof > 0.
double t_quantile(double p, double dof);
/// Upper quantile: the x with P(T > x) = p. Exact for tiny p. Requires 0 < p < 1 and dof > 0.
double t_upper_quantile(double p, double dof);
/// P(|T| >= |t|).
double t_two_sided_p(double t, double dof);

double chi2_cdf(double x, double dof);
/// P(X >= x) of chi-square. Requires x >= 0 and dof > 0.
double chi2_upper_tail(double x, double dof);

/// Beta distribution. Require a, b > 0, 0 <= x <= 1, 0 < p < 1.
double beta_cdf(double x, double a, double b);
double beta_quantile(double p, double a, double b);

/// Gamma distribution by shape and rate. Require shape, rate > 0, x >= 0, 0 < p < 1.
double gamma_cdf(double x, double shape, double rate);
double gamma_upper_tail(double x, double shape, double rate);
double gamma_quantile(double p, double shape, double rate);

/// P(X <= k) and P(X >= k) of a binomial. Require n >= 0 and 0 <= p <= 1.
double binomial_cdf(double k, double n, double p);
double binomial_upper_tail(double k, double n, double p);

/// P(X <= k) and P(X >= k) of a Poisson count. Require mean > 0.
double poisson_cdf(double k, double mean);
double poisson_upper_tail(double k, double mean);

/// Negative binomial by mean and size (variance = mean + mean²/size). Require both > 0.
double negative_binomial_cdf(double k, double mean, double size);
double negative_binomial_upper_tail(double k, double mean, double size);

/// ln Gamma(x), x > 0; unlike std::lgamma it touches no global.
double log_gamma(double x);
/// Derivative of log_gamma, x > 0.
double digamma(double x);
/// Second derivative of log_gamma, x > 0.
double trigamma(double x);
double log_beta(double a, double b);

}  // namespace zhiyin::statistics
