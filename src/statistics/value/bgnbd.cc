#include <algorithm>
#include <array>
#include <cmath>
#include <thread>

#include "base/check.h"
#include "statistics/distributions.h"
#include "statistics/hypergeometric.h"
#include "statistics/value/fit.h"
#include "statistics/value/purchase_models.h"

namespace zhiyin::statistics {
namespace {

/// What of a customer's likelihood depends on the number of purchases only: frequencies are small
/// whole numbers, so gamma functions are computed once for each.
struct FrequencyTerms {
  double constant = 0;  ///< lnG(r+x) - lnG(r) + r ln alpha + A2
  double leave = 0;     ///< ln a - ln(b+x-1)
  double by_r = 0;
  double by_a = 0;
  double by_b = 0;
};

constexpr std::size_t kTableMax = 4096;

FrequencyTerms terms_of(const BgNbd& m, double x) {
  FrequencyTerms t;
  t.constant = log_gamma(m.r + x) - log_gamma(m.r) + m.r * std::log(m.alpha) +
               log_gamma(m.a + m.b) + log_gamma(m.b + x) - log_gamma(m.b) -
               log_gamma(m.a + m.b + x);
  t.by_r = digamma(m.r + x) - digamma(m.r) + std::log(m.alpha);
  t.by_a = digamma(m.a + m.b) - digamma(m.a + m.b + x);
  t.by_b = t.by_a + digamma(m.b + x) - digamma(m.b);
  if (x > 0) t.leave = std::log(m.a) - std::log(m.b + x - 1);
  return t;
}

class FrequencyTable {
 public:
  FrequencyTable(const BgNbd& model, std::span<const CustomerSummary> customers) : model_(model) {
    double most = 0;
    for (const CustomerSummary& c : customers) most = std::max(most, c.frequency);
    table_.resize(std::min(static_cast<std::size_t>(most) + 1, kTableMax));
    known_.resize(table_.size(), false);
  }
  /// The reference lives until the next call.
  const FrequencyTerms& of(double x) {
    const auto i = static_cast<std::size_t>(x);
    if (i >= table_.size()) return other_ = terms_of(model_, x);
    if (!known_[i]) {
      table_[i] = terms_of(model_, x);
      known_[i] = true;
    }
    return table_[i];
  }

 private:
  const BgNbd& model_;
  std::vector<FrequencyTerms> table_;
  std::vector<bool> known_;
  FrequencyTerms other_;
};

}  // namespace

double log_likelihood(const BgNbd& m, std::span<const CustomerSummary> customers,
                      std::span<double> gradient) {
  ZHIYIN_CHECK(gradient.empty() || gradient.size() == 4);
  FrequencyTable table(m, customers);
  double sum = 0;
  double by_r = 0, by_alpha = 0, by_a = 0, by_b = 0;
  for (const CustomerSummary& c : customers) {
    const double x = c.frequency;
    const FrequencyTerms& t = table.of(x);
    const double log_age = std::log(m.alpha + c.age);
    const double stay = -(m.r + x) * log_age;
    double left = 0;  // probability of having left, given the data
    double log_mean = log_age;
    double inverse_mean = 1 / (m.alpha + c.age);
    if (x > 0) {
      const double log_recency = std::log(m.alpha + c.recency);
      // ln(e^A3 + e^A4) from the difference, which neither overflows nor underflows.
      const double difference = t.leave - (m.r + x) * log_recency - stay;
      const double small = std::exp(-std::fabs(difference));
      sum += stay + std::max(difference, 0.0) + std::log1p(small);
      left = difference > 0 ? 1 / (1 + small) : small / (1 + small);
      log_mean += left * (log_recency - log_age);
      inverse_mean += left * (1 / (m.alpha + c.recency) - inverse_mean);
      by_b -= left / (m.b + x - 1);
    } else {
      sum += stay;
    }
    sum += t.constant;
    by_r += t.by_r - log_mean;
    by_alpha += m.r / m.alpha - (m.r + x) * inverse_mean;
    by_a += t.by_a + left / m.a;
    by_b += t.by_b;
  }
  if (!gradient.empty()) {
    gradient[0] += by_r;
    gradient[1] += by_alpha;
    gradient[2] += by_a;
    gradient[3] += by_b;
  }
  return sum;
}

namespace {

/// Many customers in parts of equal size, one thread each: always the same parts, added in their
/// order, so that the sum does not depend on the machine.
double likelihood_in_parts(const BgNbd& m, std::span<const CustomerSummary> customers,
                           std::span<double> gradient) {
  constexpr std::size_t kParts = 4;
  constexpr std::size_t kWorthwhile = 50000;
  if (customers.size() < kWorthwhile) return log_likelihood(m, customers, gradient);
  struct Part {
    double value = 0;
    std::array<double, 4> gradient{};
  };
  std::array<Part, kParts> parts;
  const std::size_t size = (customers.size() + kParts - 1) / kParts;
  {
    std::array<std::jthread, kParts> threads;
    for (std::size_t i = 0; i < kParts; ++i) {
      threads[i] = std::jthread([&, i] {
        const std::size_t begin = std::min(i * size, customers.size());
        const auto own = customers.subspan(begin, std::min(size, customers.size() - begin));
        parts[i].value = log_likelihood(m, own, parts[i].gradient);
      });
    }
  }
  double value = 0;
  for (const Part& part : parts) {
    value += part.value;
    for (std::size_t k = 0; k < gradient.size(); ++k) gradient[k] += part.gradient[k];
  }
  return value;
}

}  // namespace

Result<ModelFit> fit_bgnbd(std::span<const CustomerSummary> customers,
                           const FitSettings& settings) {
  ZHIYIN_TRY(const double scale, mean_age(customers));
  std::vector<double> start = settings.start;
  if (start.size() != 4) start = {0.5, std::max(scale / 4, 1e-3), 0.8, 2};
  const PositiveLikelihood likelihood = [&](std::span<const double> p, std::span<double> gradient) {
    return likelihood_in_parts(BgNbd{p[0], p[1], p[2], p[3]}, customers, gradient);
  };
  return fit_positive("BG/NBD", likelihood, static_cast<double>(customers.size()), start,
                      settings.penalty);
}

namespace {

/// A function with a removable singularity at a = 1.
template <class F>
Result<double> around_one(double a, const F& at) {
  constexpr double kClose = 1e-6;
  constexpr double kStep = 1e-4;
  if (std::fabs(a - 1) > kClose) return at(a);
  ZHIYIN_TRY(const double low, at(1 - kStep));
  ZHIYIN_TRY(const double high, at(1 + kStep));
  return (low + high) / 2;
}

}  // namespace

Result<double> expected_purchases(const BgNbd& m, double t) {
  if (!(t >= 0) || !std::isfinite(t)) return fail_field("t", "is {}, not a time ahead", t);
  const double z = t / (m.alpha + t);
  return around_one(m.a, [&](double a) -> Result<double> {
    // (1-z)^r 2F1(r, b; a+b-1; z) by Euler's transformation, so that nothing overflows.
    const double c = a + m.b - 1;
    ZHIYIN_TRY(const double f, hypergeometric_2f1(c - m.r, a - 1, c, z));
    return c / (a - 1) * (1 - std::pow(1 - z, a - 1) * f);
  });
}

Result<double> expected_purchases(const BgNbd& m, const CustomerSummary& c, double t) {
  if (!(t >= 0) || !std::isfinite(t)) return fail_field("t", "is {}, not a time ahead", t);
  const double z = t / (m.alpha + c.age + t);
  const double alive = probability_alive(m, c);
  return around_one(m.a, [&](double a) -> Result<double> {
    const double top = a + m.b + c.frequency - 1;
    ZHIYIN_TRY(const double f, hypergeometric_2f1(top - (m.r + c.frequency), a - 1, top, z));
    return alive * top / (a - 1) * (1 - std::pow(1 - z, a - 1) * f);
  });
}

double probability_alive(const BgNbd& m, const CustomerSummary& c) {
  if (c.frequency == 0) return 1;
  const double x = c.frequency;
  const double log_odds_left = std::log(m.a) - std::log(m.b + x - 1) +
                               (m.r + x) * std::log((m.alpha + c.age) / (m.alpha + c.recency));
  return 1 / (1 + std::exp(log_odds_left));
}

}  // namespace zhiyin::statistics
