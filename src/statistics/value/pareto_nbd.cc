#include <algorithm>
#include <array>
#include <cmath>

#include "base/check.h"
#include "statistics/distributions.h"
#include "statistics/value/fit.h"
#include "statistics/value/purchase_models.h"

namespace zhiyin::statistics {
namespace {

// Gauss and Legendre's 16 points on [-1, 1]; the other half mirrors them.
constexpr std::array<double, 8> kNodes = {
    0.0950125098376374, 0.2816035507792589, 0.4580167776572274, 0.6178762444026438,
    0.7554044083550030, 0.8656312023878318, 0.9445750230732326, 0.9894009349916499};
constexpr std::array<double, 8> kWeights = {
    0.1894506104550685, 0.1826034150449236, 0.1691565193950025, 0.1495959888165767,
    0.1246289712555339, 0.0951585116824928, 0.0622535239386479, 0.0271524594117541};

/// Integrals over the time of leaving, between the last purchase and the end, of
/// f = (alpha+t)^-(r+x) (beta+t)^-(s+1), divided by f's value at the last purchase.
struct LeavingIntegrals {
  double whole = 0;
  double log_alpha = 0;   ///< of f ln((alpha+t)/(alpha+recency))
  double log_beta = 0;    ///< of f ln((beta+t)/(beta+recency))
  double over_alpha = 0;  ///< of f / (alpha+t)
  double over_beta = 0;   ///< of f / (beta+t)
};

/// In v = ln(m + t), m the smaller of alpha and beta, f is smooth: its singularities are π away.
/// Steps are short enough for the exponents, and end where f has become nothing.
LeavingIntegrals integrate_leaving(const ParetoNbd& m, const CustomerSummary& c) {
  constexpr double kNothing = -45;
  const double shift = std::min(m.alpha, m.beta);
  const double power_a = m.r + c.frequency;
  const double power_b = m.s + 1;
  const double end = std::log(shift + c.age);
  double from = std::log(shift + c.recency);
  LeavingIntegrals out;
  while (from < end) {
    // How fast the exponent falls here, per unit of v.
    const double reached = std::exp(from);
    const double t_from = reached - shift;
    const double slope = reached * (power_a / (m.alpha + t_from) + power_b / (m.beta + t_from));
    const double to = std::min(end, from + std::min(1.0, 6 / slope));
    const double middle = (from + to) / 2;
    const double half = (to - from) / 2;
    double highest = kNothing;
    for (std::size_t k = 0; k < 2 * kNodes.size(); ++k) {
      const double node = k < kNodes.size() ? kNodes[k] : -kNodes[k - kNodes.size()];
      const double v = middle + half * node;
      const double jacobian = std::exp(v);
      const double t = jacobian - shift;
      const double a = std::log((m.alpha + t) / (m.alpha + c.recency));
      const double b = std::log((m.beta + t) / (m.beta + c.recency));
      const double exponent = -power_a * a - power_b * b;
      highest = std::max(highest, exponent);
      const double f = kWeights[k % kNodes.size()] * half * std::exp(exponent) * jacobian;
      out.whole += f;
      out.log_alpha += f * a;
      out.log_beta += f * b;
      out.over_alpha += f / (m.alpha + t);
      out.over_beta += f / (m.beta + t);
    }
    if (highest <= kNothing) break;
    from = to;
  }
  return out;
}

/// The two ways to have bought as seen: alive at the end, or left before. Both divided by
/// (alpha+recency)^-(r+x) (beta+recency)^-s.
struct Ways {
  double alive = 0;
  double left = 0;
  double log_scale = 0;
  double log_alpha_end = 0;  ///< ln((alpha+age)/(alpha+recency))
  double log_beta_end = 0;
  LeavingIntegrals integrals;
};
Ways ways_of(const ParetoNbd& m, const CustomerSummary& c) {
  Ways w;
  const double x = c.frequency;
  w.integrals = integrate_leaving(m, c);
  w.log_alpha_end = std::log((m.alpha + c.age) / (m.alpha + c.recency));
  w.log_beta_end = std::log((m.beta + c.age) / (m.beta + c.recency));
  w.alive = std::exp(-(m.r + x) * w.log_alpha_end - m.s * w.log_beta_end);
  w.left = m.s * w.integrals.whole / (m.beta + c.recency);
  w.log_scale = -(m.r + x) * std::log(m.alpha + c.recency) - m.s * std::log(m.beta + c.recency);
  return w;
}

/// (1 - (1/ratio)^(s-1)) / (s-1), with its limit at s = 1.
double tail_factor(double log_ratio, double s) {
  if (s == 1) return log_ratio;
  return -std::expm1(-(s - 1) * log_ratio) / (s - 1);
}

}  // namespace

double log_likelihood(const ParetoNbd& m, std::span<const CustomerSummary> customers,
                      std::span<double> gradient) {
  ZHIYIN_CHECK(gradient.empty() || gradient.size() == 4);
  double sum = 0;
  for (const CustomerSummary& c : customers) {
    const double x = c.frequency;
    const Ways w = ways_of(m, c);
    const double all = w.alive + w.left;
    sum += log_gamma(m.r + x) - log_gamma(m.r) + m.r * std::log(m.alpha) + m.s * std::log(m.beta) +
           w.log_scale + std::log(all);
    if (gradient.empty()) continue;
    const LeavingIntegrals& i = w.integrals;
    const double unit = m.s / (m.beta + c.recency);  // of an integral, in terms of `left`
    gradient[0] += digamma(m.r + x) - digamma(m.r) + std::log(m.alpha) -
                   std::log(m.alpha + c.recency) -
                   (w.alive * w.log_alpha_end + unit * i.log_alpha) / all;
    gradient[1] +=
        m.r / m.alpha - (m.r + x) * (w.alive / (m.alpha + c.age) + unit * i.over_alpha) / all;
    gradient[2] += std::log(m.beta) - std::log(m.beta + c.recency) + w.left / m.s / all -
                   (w.alive * w.log_beta_end + unit * i.log_beta) / all;
    gradient[3] +=
        m.s / m.beta - (m.s * w.alive / (m.beta + c.age) + (m.s + 1) * unit * i.over_beta) / all;
  }
  return sum;
}

Result<ModelFit> fit_pareto_nbd(std::span<const CustomerSummary> customers,
                                const FitSettings& settings) {
  ZHIYIN_TRY(const double scale, mean_age(customers));
  std::vector<double> start = settings.start;
  if (start.size() != 4) start = {0.6, scale / 3, 0.6, scale / 3};
  const PositiveLikelihood likelihood = [&](std::span<const double> p, std::span<double> gradient,
                                            std::span<double>) {
    return log_likelihood(ParetoNbd{p[0], p[1], p[2], p[3]}, customers, gradient);
  };
  return fit_positive({"Pareto/NBD", likelihood, static_cast<double>(customers.size())},
                      {start, false, {1, scale, 1, scale}}, settings.penalty);
}

double expected_purchases(const ParetoNbd& m, double t) {
  return m.r * m.beta / m.alpha * tail_factor(std::log1p(t / m.beta), m.s);
}

double expected_purchases(const ParetoNbd& m, const CustomerSummary& c, double t) {
  return probability_alive(m, c) * (m.r + c.frequency) * (m.beta + c.age) / (m.alpha + c.age) *
         tail_factor(std::log1p(t / (m.beta + c.age)), m.s);
}

double probability_alive(const ParetoNbd& m, const CustomerSummary& c) {
  const Ways w = ways_of(m, c);
  // Long silence can make the chance of being alive smaller than any number.
  return w.alive > 0 ? w.alive / (w.alive + w.left) : 0;
}

}  // namespace zhiyin::statistics
