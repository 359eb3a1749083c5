#include "statistics/value/spend.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/check.h"
#include "statistics/distributions.h"
#include "statistics/value/fit.h"

namespace zhiyin::statistics {

double log_likelihood(const GammaGamma& g, std::span<const CustomerSummary> customers,
                      std::span<double> gradient) {
  ZHIYIN_CHECK(gradient.empty() || gradient.size() == 3);
  double sum = 0;
  const double log_v = std::log(g.v);
  const double gamma_q = log_gamma(g.q);
  const double digamma_q = digamma(g.q);
  for (const CustomerSummary& c : customers) {
    if (c.frequency == 0) continue;
    const double x = c.frequency;
    const double px = g.p * x;
    const double log_total = std::log(x * c.spend + g.v);
    sum += log_gamma(px + g.q) - log_gamma(px) - gamma_q + g.q * log_v +
           (px - 1) * std::log(c.spend) + px * std::log(x) - (px + g.q) * log_total;
    if (gradient.empty()) continue;
    const double psi = digamma(px + g.q);
    gradient[0] += x * (psi - digamma(px) + std::log(c.spend * x) - log_total);
    gradient[1] += psi - digamma_q + log_v - log_total;
    gradient[2] += g.q / g.v - (px + g.q) / (x * c.spend + g.v);
  }
  return sum;
}

Result<ModelFit> fit_gamma_gamma(std::span<const CustomerSummary> customers,
                                 const FitSettings& settings) {
  ZHIYIN_TRY_VOID(check_summaries(customers));
  double repeaters = 0;
  double spend = 0;
  for (std::size_t i = 0; i < customers.size(); ++i) {
    if (customers[i].frequency == 0) continue;
    if (!(customers[i].spend > 0) || !std::isfinite(customers[i].spend)) {
      return fail_field(fmt::format("customers[{}].spend", i), "is {}, not above 0",
                        customers[i].spend);
    }
    ++repeaters;
    spend += customers[i].spend;
  }
  if (repeaters < 2) return fail_field("customers", "fewer than two bought again");
  std::vector<double> start = settings.start;
  if (start.size() != 3) start = {4, 3, spend / repeaters / 2};
  const PositiveLikelihood likelihood = [&](std::span<const double> p, std::span<double> gradient,
                                            std::span<double>) {
    return log_likelihood(GammaGamma{p[0], p[1], p[2]}, customers, gradient);
  };
  return fit_positive({"Gamma-Gamma", likelihood, repeaters},
                      {start, false, {1, 1, spend / repeaters}}, settings.penalty);
}

Result<double> expected_spend(const GammaGamma& g) {
  if (!(g.q > 1)) {
    return fail(ErrorCode::kUnsupported, "Gamma-Gamma: q is {}, so the mean is infinite", g.q);
  }
  return g.p * g.v / (g.q - 1);
}

Result<double> expected_spend(const GammaGamma& g, const CustomerSummary& c) {
  if (c.frequency == 0) return expected_spend(g);
  const double denominator = g.p * c.frequency + g.q - 1;
  if (!(denominator > 0)) return expected_spend(g);
  return g.p * (g.v + c.frequency * c.spend) / denominator;
}

Result<double> residual_value(const PurchaseCurve& purchases, double spend, int periods,
                              double step, double discount) {
  ZHIYIN_CHECK(periods >= 1 && step > 0 && discount > -1);
  double before = 0;
  double value = 0;
  for (int k = 1; k <= periods; ++k) {
    ZHIYIN_TRY(const double until, purchases(k * step));
    value += (until - before) * spend / std::pow(1 + discount, k);
    before = until;
  }
  return value;
}

Result<std::vector<TrackingPoint>> tracking_curve(const PurchaseCurve& expected,
                                                  std::span<const double> births,
                                                  std::span<const double> repeats, double horizon,
                                                  int points) {
  if (!(horizon > 0) || points < 1) return fail_field("horizon", "is {}, not above 0", horizon);
  std::vector<double> sorted(repeats.begin(), repeats.end());
  std::ranges::sort(sorted);
  std::map<double, double> cohorts;  // customers by birth
  for (const double b : births) ++cohorts[b];
  std::vector<TrackingPoint> out;
  for (int k = 1; k <= points; ++k) {
    TrackingPoint p{horizon * k / points, 0, 0};
    p.actual = static_cast<double>(std::ranges::upper_bound(sorted, p.time) - sorted.begin());
    for (const auto& [birth, count] : cohorts) {
      if (birth >= p.time) break;
      ZHIYIN_TRY(const double each, expected(p.time - birth));
      p.expected += count * each;
    }
    out.push_back(p);
  }
  return out;
}

double log_likelihood(const Sbg& m, std::span<const double> alive, std::span<double> gradient) {
  ZHIYIN_CHECK(gradient.empty() || gradient.size() == 2);
  const double base = log_beta(m.alpha, m.beta);
  const double psi_sum = digamma(m.alpha + m.beta);
  const double base_alpha = digamma(m.alpha) - psi_sum;
  const double base_beta = digamma(m.beta) - psi_sum;
  double sum = 0;
  const auto add = [&](double count, double a, double b) {
    if (count == 0) return;
    sum += count * (log_beta(a, b) - base);
    if (gradient.empty()) return;
    const double psi = digamma(a + b);
    gradient[0] += count * (digamma(a) - psi - base_alpha);
    gradient[1] += count * (digamma(b) - psi - base_beta);
  };
  for (std::size_t t = 1; t < alive.size(); ++t) {
    add(alive[t - 1] - alive[t], m.alpha + 1, m.beta + static_cast<double>(t) - 1);
  }
  add(alive.back(), m.alpha, m.beta + static_cast<double>(alive.size() - 1));
  return sum;
}

Result<ModelFit> fit_sbg(std::span<const double> alive, const FitSettings& settings) {
  if (alive.size() < 3)
    return fail_field("alive", "needs three counts or more, has {}", alive.size());
  for (std::size_t t = 0; t < alive.size(); ++t) {
    if (!std::isfinite(alive[t]) || alive[t] < 0) {
      return fail_field(fmt::format("alive[{}]", t), "is {}, not a count", alive[t]);
    }
    if (t > 0 && alive[t] > alive[t - 1]) {
      return fail_field(fmt::format("alive[{}]", t), "is {}, more than the {} before", alive[t],
                        alive[t - 1]);
    }
  }
  if (alive.front() == alive.back()) return fail_field("alive", "nobody left: nothing to fit");
  std::vector<double> start = settings.start;
  if (start.size() != 2) start = {1, 3};
  const PositiveLikelihood likelihood = [&](std::span<const double> p, std::span<double> gradient,
                                            std::span<double>) {
    return log_likelihood(Sbg{p[0], p[1]}, alive, gradient);
  };
  return fit_positive({"sBG", likelihood, alive.front()}, {start}, settings.penalty);
}

double survival(const Sbg& m, double t) {
  return std::exp(log_beta(m.alpha, m.beta + t) - log_beta(m.alpha, m.beta));
}

double retention_rate(const Sbg& m, double t) {
  return (m.beta + t - 1) / (m.alpha + m.beta + t - 1);
}

double residual_lifetime(const Sbg& m, double tenure, int periods, double discount) {
  double kept = 1;
  double sum = 0;
  for (int k = 1; k <= periods; ++k) {
    kept *= retention_rate(m, tenure + k);
    sum += kept / std::pow(1 + discount, k);
  }
  return sum;
}

}  // namespace zhiyin::statistics
