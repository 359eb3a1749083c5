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

constexpr std::size_t kParameters = 4;  // r, alpha, a, b
using Vector4 = std::array<double, kParameters>;

/// A log-likelihood with its derivatives; of the second ones the upper triangle counts.
struct Derivatives {
  double value = 0;
  Vector4 first{};
  std::array<Vector4, kParameters> second{};

  void add(const Derivatives& other, double times) {
    value += times * other.value;
    for (std::size_t i = 0; i < kParameters; ++i) {
      first[i] += times * other.first[i];
      for (std::size_t j = i; j < kParameters; ++j) second[i][j] += times * other.second[i][j];
    }
  }
};

/// What of a customer's likelihood depends on the number of purchases only:
/// lnG(r+x) - lnG(r) + r ln alpha + A2.
Derivatives terms_of(const BgNbd& m, double x) {
  Derivatives t;
  t.value = log_gamma(m.r + x) - log_gamma(m.r) + m.r * std::log(m.alpha) + log_gamma(m.a + m.b) +
            log_gamma(m.b + x) - log_gamma(m.b) - log_gamma(m.a + m.b + x);
  t.first[0] = digamma(m.r + x) - digamma(m.r) + std::log(m.alpha);
  t.first[1] = m.r / m.alpha;
  t.first[2] = digamma(m.a + m.b) - digamma(m.a + m.b + x);
  t.first[3] = t.first[2] + digamma(m.b + x) - digamma(m.b);
  t.second[0][0] = trigamma(m.r + x) - trigamma(m.r);
  t.second[0][1] = 1 / m.alpha;
  t.second[1][1] = -m.r / (m.alpha * m.alpha);
  t.second[2][2] = t.second[2][3] = trigamma(m.a + m.b) - trigamma(m.a + m.b + x);
  t.second[3][3] = t.second[2][3] + trigamma(m.b + x) - trigamma(m.b);
  return t;
}

/// Sum of logarithms as the logarithm of a product, which takes one for many factors.
class LogProduct {
 public:
  void multiply(double factor) {
    constexpr double kLarge = 1e100;
    if (!(factor < kLarge && factor > 1 / kLarge)) {
      sum_ += std::log(factor);
      return;
    }
    product_ *= factor;
    if (product_ > kLarge || product_ < 1 / kLarge) {
      sum_ += std::log(product_);
      product_ = 1;
    }
  }
  [[nodiscard]] double value() const { return sum_ + std::log(product_); }

 private:
  double product_ = 1;
  double sum_ = 0;
};

/// Frequencies are small whole numbers: how many customers have each is counted, so that gamma
/// functions are computed once for a frequency.
constexpr std::size_t kFrequenciesMax = 4096;

/// Of customers who never bought again only the sums over ages count.
struct OnceOnly {
  LogProduct ages;
  double inverse = 0;
  double inverse_squares = 0;
};

void add_repeater(Derivatives& d, LogProduct& logs, const BgNbd& m, const CustomerSummary& c) {
  const double x = c.frequency;
  const double n = m.r + x;
  const double inverse_leave = 1 / (m.b + x - 1);
  const double log_age = std::log(m.alpha + c.age);
  const double log_recency = std::log(m.alpha + c.recency);
  const double u_age = 1 / (m.alpha + c.age);
  const double u_recency = 1 / (m.alpha + c.recency);
  // ln(e^A3 + e^A4) from the difference, which neither overflows nor underflows; in the product is
  // what log1p would give.
  const double by_r = log_age - log_recency;
  const double difference = std::log(m.a * inverse_leave) + n * by_r;
  const double small = std::exp(-std::fabs(difference));
  d.value += std::max(difference, 0.0) - n * log_age;
  logs.multiply(1 + small);
  const double left = (difference > 0 ? 1 : small) / (1 + small);  // probability, given the data
  const double both = small / ((1 + small) * (1 + small));
  const double stayed = (difference > 0 ? small : 1) / (1 + small);
  const double u = stayed * u_age + left * u_recency;
  const double by_alpha = n * (u_age - u_recency);
  const double by_a = 1 / m.a;
  const double by_b = -inverse_leave;
  d.first[0] += left * by_r - log_age;
  d.first[1] -= n * u;
  d.first[2] += left * by_a;
  d.first[3] += left * by_b;
  d.second[0][0] += both * by_r * by_r;
  d.second[0][1] += both * by_r * by_alpha - u;
  d.second[0][2] += both * by_r * by_a;
  d.second[0][3] += both * by_r * by_b;
  d.second[1][1] +=
      n * (stayed * u_age * u_age + left * u_recency * u_recency) + both * by_alpha * by_alpha;
  d.second[1][2] += both * by_alpha * by_a;
  d.second[1][3] += both * by_alpha * by_b;
  d.second[2][2] += (both - left) * by_a * by_a;
  d.second[2][3] += both * by_a * by_b;
  d.second[3][3] += (both + left) * by_b * by_b;
}

Derivatives derivatives_of(const BgNbd& m, std::span<const CustomerSummary> customers) {
  Derivatives out;
  std::vector<double> counts;
  OnceOnly once;
  LogProduct logs;
  for (const CustomerSummary& c : customers) {
    if (c.frequency < kFrequenciesMax) {
      const auto x = static_cast<std::size_t>(c.frequency);
      if (x >= counts.size()) counts.resize(x + 1, 0);
      ++counts[x];
    } else {
      out.add(terms_of(m, c.frequency), 1);
    }
    if (c.frequency > 0) {
      add_repeater(out, logs, m, c);
      continue;
    }
    const double inverse = 1 / (m.alpha + c.age);
    once.ages.multiply(m.alpha + c.age);
    once.inverse += inverse;
    once.inverse_squares += inverse * inverse;
  }
  out.value += logs.value() - m.r * once.ages.value();
  out.first[0] -= once.ages.value();
  out.first[1] -= m.r * once.inverse;
  out.second[0][1] -= once.inverse;
  out.second[1][1] += m.r * once.inverse_squares;
  for (std::size_t x = 0; x < counts.size(); ++x) {
    if (counts[x] > 0) out.add(terms_of(m, static_cast<double>(x)), counts[x]);
  }
  return out;
}

void hand_over(const Derivatives& d, std::span<double> gradient, std::span<double> hessian) {
  ZHIYIN_CHECK(gradient.empty() || gradient.size() == kParameters);
  ZHIYIN_CHECK(hessian.empty() || hessian.size() == kParameters * kParameters);
  for (std::size_t i = 0; i < gradient.size(); ++i) gradient[i] += d.first[i];
  for (std::size_t i = 0; i < hessian.size(); ++i) {
    const auto [low, high] = std::minmax({i / kParameters, i % kParameters});
    hessian[i] += d.second[low][high];
  }
}

}  // namespace

double log_likelihood(const BgNbd& m, std::span<const CustomerSummary> customers,
                      std::span<double> gradient, std::span<double> hessian) {
  const Derivatives d = derivatives_of(m, customers);
  hand_over(d, gradient, hessian);
  return d.value;
}

namespace {

/// Many customers in parts of equal size, one thread each: always the same parts, added in their
/// order, so that the sum does not depend on the machine.
double likelihood_in_parts(const BgNbd& m, std::span<const CustomerSummary> customers,
                           std::span<double> gradient, std::span<double> hessian) {
  constexpr std::size_t kParts = 4;
  constexpr std::size_t kWorthwhile = 50000;
  if (customers.size() < kWorthwhile) return log_likelihood(m, customers, gradient, hessian);
  std::array<Derivatives, kParts> parts;
  const std::size_t size = (customers.size() + kParts - 1) / kParts;
  {
    std::array<std::jthread, kParts> threads;
    for (std::size_t i = 0; i < kParts; ++i) {
      threads[i] = std::jthread([&, i] {
        const std::size_t begin = std::min(i * size, customers.size());
        parts[i] =
            derivatives_of(m, customers.subspan(begin, std::min(size, customers.size() - begin)));
      });
    }
  }
  Derivatives all;
  for (const Derivatives& part : parts) all.add(part, 1);
  hand_over(all, gradient, hessian);
  return all.value;
}

/// Every so-manieth customer, of whom a fit is quick and near that of all.
std::vector<CustomerSummary> sample_of(std::span<const CustomerSummary> customers) {
  constexpr std::size_t kSample = 25000;
  std::vector<CustomerSummary> out;
  const std::size_t stride = customers.size() / kSample;
  if (stride < 2) return out;
  for (std::size_t i = 0; i < customers.size(); i += stride) out.push_back(customers[i]);
  return out;
}

}  // namespace

Result<ModelFit> fit_bgnbd(std::span<const CustomerSummary> customers,
                           const FitSettings& settings) {
  ZHIYIN_TRY(const double scale, mean_age(customers));
  PositiveStart start{settings.start, false, {1, scale, 1, 1}};
  if (start.parameters.size() != kParameters) {
    start.parameters = {0.5, scale / 4, 0.8, 2};
    const std::vector<CustomerSummary> sample = sample_of(customers);
    if (!sample.empty()) {
      if (auto near = fit_bgnbd(sample, settings)) {
        start.parameters = std::move(near->parameters);
        start.near = true;
      }
    }
  }
  const PositiveLikelihood likelihood = [&](std::span<const double> p, std::span<double> gradient,
                                            std::span<double> hessian) {
    return likelihood_in_parts(BgNbd{p[0], p[1], p[2], p[3]}, customers, gradient, hessian);
  };
  return fit_positive({"BG/NBD", likelihood, static_cast<double>(customers.size()), true}, start,
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
