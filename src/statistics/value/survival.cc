#include "statistics/value/survival.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "base/error.h"
#include "statistics/distributions.h"

namespace zhiyin::statistics {
namespace {

std::vector<std::size_t> by_duration(std::span<const Lifetime> lifetimes) {
  std::vector<std::size_t> order(lifetimes.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, {}, [&](std::size_t i) { return std::pair(lifetimes[i].duration, i); });
  return order;
}

}  // namespace

Result<void> check_lifetimes(std::span<const Lifetime> lifetimes) {
  if (lifetimes.empty()) return fail_field("lifetimes", "there are none");
  for (std::size_t i = 0; i < lifetimes.size(); ++i) {
    if (!(lifetimes[i].duration >= 0) || !std::isfinite(lifetimes[i].duration)) {
      return fail_field(fmt::format("lifetimes[{}].duration", i), "is {}, not a time",
                        lifetimes[i].duration);
    }
  }
  return {};
}

std::vector<SurvivalStep> kaplan_meier(std::span<const Lifetime> lifetimes, double alpha) {
  const std::vector<std::size_t> order = by_duration(lifetimes);
  const double z = normal_quantile(1 - alpha / 2);
  std::vector<SurvivalStep> out;
  double survival = 1;
  double greenwood = 0;
  for (std::size_t begin = 0; begin < order.size();) {
    const double time = lifetimes[order[begin]].duration;
    double events = 0;
    std::size_t end = begin;
    for (; end < order.size() && lifetimes[order[end]].duration == time; ++end) {
      events += lifetimes[order[end]].observed;
    }
    const auto at_risk = static_cast<double>(order.size() - begin);
    begin = end;
    if (events == 0) continue;
    survival *= 1 - events / at_risk;
    if (at_risk > events) greenwood += events / (at_risk * (at_risk - events));
    // Where everybody has left, neither error nor interval is known.
    constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
    SurvivalStep s{time, at_risk, events, survival, kNone, {kNone, kNone}};
    if (survival > 0) {
      s.se = survival * std::sqrt(greenwood);
      const double log_s = std::log(survival);
      const double width = z * std::sqrt(greenwood) / std::fabs(log_s);
      s.interval = {std::exp(log_s * std::exp(width)), std::exp(log_s * std::exp(-width))};
    }
    out.push_back(s);
  }
  return out;
}

double median_survival(std::span<const SurvivalStep> curve) {
  for (const SurvivalStep& s : curve) {
    if (s.survival <= 0.5) return s.time;
  }
  return std::numeric_limits<double>::infinity();
}

Result<LogRank> log_rank(std::span<const Lifetime> lifetimes) {
  ZHIYIN_TRY_VOID(check_lifetimes(lifetimes));
  std::map<std::uint32_t, std::size_t> groups;
  for (const Lifetime& l : lifetimes) groups.emplace(l.group, 0);
  if (groups.size() < 2) return fail_field("group", "there is only one group");
  std::size_t next = 0;
  for (auto& [id, place] : groups) place = next++;
  const std::size_t k = groups.size();
  std::vector<double> at_risk(k, 0);
  for (const Lifetime& l : lifetimes) ++at_risk[groups[l.group]];
  auto total = static_cast<double>(lifetimes.size());
  std::vector<double> excess(k, 0);
  Matrix variance(k - 1, k - 1);  // of the first groups; the last follows from them
  bool any = false;
  const std::vector<std::size_t> order = by_duration(lifetimes);
  for (std::size_t begin = 0; begin < order.size();) {
    const double time = lifetimes[order[begin]].duration;
    std::vector<double> left(k, 0);
    double events = 0;
    std::size_t end = begin;
    for (; end < order.size() && lifetimes[order[end]].duration == time; ++end) {
      const Lifetime& l = lifetimes[order[end]];
      const std::size_t g = groups[l.group];
      ++left[g];
      if (!l.observed) continue;
      ++events;
      ++excess[g];
    }
    if (events > 0) {
      any = true;
      for (std::size_t g = 0; g < k; ++g) excess[g] -= events * at_risk[g] / total;
      if (total > 1) {
        const double factor = events * (total - events) / (total - 1);
        for (std::size_t a = 0; a + 1 < k; ++a) {
          for (std::size_t b = 0; b + 1 < k; ++b) {
            const double share = at_risk[a] / total;
            variance.at(a, b) += factor * share * ((a == b ? 1 : 0) - at_risk[b] / total);
          }
        }
      }
    }
    for (std::size_t g = 0; g < k; ++g) at_risk[g] -= left[g];
    total -= static_cast<double>(end - begin);
    begin = end;
  }
  if (!any) return fail_field("observed", "nobody left: there is nothing to compare");
  const std::span<const double> head = std::span(excess).first(k - 1);
  const auto solved = solve_spd(variance, head);
  if (!solved) {
    return fail(ErrorCode::kUnsupported, "log-rank: the groups are never at risk together");
  }
  LogRank out;
  for (std::size_t g = 0; g + 1 < k; ++g) out.chi2 += excess[g] * (*solved)[g];
  out.dof = static_cast<double>(k - 1);
  out.p = chi2_upper_tail(out.chi2, out.dof);
  return out;
}

namespace {

/// Everything at one value of the coefficients.
struct CoxState {
  double log_likelihood = 0;
  std::vector<double> score;
  Matrix information;
};

class CoxProblem {
 public:
  CoxProblem(std::span<const Lifetime> lifetimes, const Matrix& x)
      : lifetimes_(lifetimes), x_(x), order_(by_duration(lifetimes)) {}

  /// From the longest time down, so that the sums over those at risk only grow.
  [[nodiscard]] CoxState at(std::span<const double> beta) const {
    const std::size_t p = beta.size();
    CoxState out{0, std::vector<double>(p, 0), Matrix(p, p)};
    double s0 = 0;
    std::vector<double> s1(p, 0);
    Matrix s2(p, p);
    for (std::size_t end = order_.size(); end > 0;) {
      const double time = lifetimes_[order_[end - 1]].duration;
      double d0 = 0;  // of those whose event is now
      std::vector<double> d1(p, 0);
      Matrix d2(p, p);
      double events = 0;
      std::size_t begin = end;
      for (; begin > 0 && lifetimes_[order_[begin - 1]].duration == time; --begin) {
        const std::size_t i = order_[begin - 1];
        const auto row = x_.row(i);
        double eta = 0;
        for (std::size_t j = 0; j < p; ++j) eta += beta[j] * row[j];
        const double w = std::exp(eta);
        add(w, row, s0, s1, s2);
        if (!lifetimes_[i].observed) continue;
        ++events;
        add(w, row, d0, d1, d2);
        out.log_likelihood += eta;
        for (std::size_t j = 0; j < p; ++j) out.score[j] += row[j];
      }
      for (double k = 0; k < events; ++k) {
        const double share = k / events;  // Efron: the tied events leave one after the other
        const double z0 = s0 - share * d0;
        out.log_likelihood -= std::log(z0);
        for (std::size_t a = 0; a < p; ++a) {
          const double za = (s1[a] - share * d1[a]) / z0;
          out.score[a] -= za;
          for (std::size_t b = 0; b <= a; ++b) {
            const double zb = (s1[b] - share * d1[b]) / z0;
            out.information.at(a, b) += (s2.at(a, b) - share * d2.at(a, b)) / z0 - za * zb;
            out.information.at(b, a) = out.information.at(a, b);
          }
        }
      }
      end = begin;
    }
    return out;
  }

 private:
  static void add(double w, std::span<const double> row, double& s0, std::vector<double>& s1,
                  Matrix& s2) {
    s0 += w;
    for (std::size_t a = 0; a < row.size(); ++a) {
      s1[a] += w * row[a];
      for (std::size_t b = 0; b <= a; ++b) s2.at(a, b) += w * row[a] * row[b];
    }
  }

  std::span<const Lifetime> lifetimes_;
  const Matrix& x_;
  std::vector<std::size_t> order_;
};

/// Harrell's C. Quadratic, so of the first kPairsRows rows in a fixed shuffle when there are more.
double concordance(std::span<const Lifetime> lifetimes, std::span<const double> risk) {
  constexpr std::size_t kRowsMax = 5000;
  const std::size_t step = (lifetimes.size() + kRowsMax - 1) / kRowsMax;
  double good = 0;
  double all = 0;
  for (std::size_t i = 0; i < lifetimes.size(); i += step) {
    if (!lifetimes[i].observed) continue;
    for (std::size_t j = 0; j < lifetimes.size(); j += step) {
      const bool later = lifetimes[j].duration > lifetimes[i].duration ||
                         (lifetimes[j].duration == lifetimes[i].duration && !lifetimes[j].observed);
      if (i == j || !later) continue;
      ++all;
      good += risk[i] > risk[j] ? 1 : risk[i] == risk[j] ? 0.5 : 0;
    }
  }
  return all > 0 ? good / all : 0.5;
}

/// Mean and deviation of each column; kInvalidArgument when one does not vary.
Result<Matrix> standardised(const Matrix& x, std::vector<double>& deviation) {
  Matrix out = x;
  deviation.assign(x.columns, 0);
  for (std::size_t c = 0; c < x.columns; ++c) {
    double mean = 0;
    for (std::size_t r = 0; r < x.rows; ++r) {
      if (!std::isfinite(x.at(r, c))) {
        return fail_field(fmt::format("covariates[{}]", c), "row {} is not a finite number", r);
      }
      mean += x.at(r, c);
    }
    mean /= static_cast<double>(x.rows);
    double squares = 0;
    for (std::size_t r = 0; r < x.rows; ++r) squares += (x.at(r, c) - mean) * (x.at(r, c) - mean);
    deviation[c] = std::sqrt(squares / static_cast<double>(x.rows));
    if (!(deviation[c] > 0)) return fail_field(fmt::format("covariates[{}]", c), "does not vary");
    for (std::size_t r = 0; r < x.rows; ++r) out.at(r, c) = (x.at(r, c) - mean) / deviation[c];
  }
  return out;
}

}  // namespace

Result<CoxFit> fit_cox(std::span<const Lifetime> lifetimes, const Matrix& covariates) {
  ZHIYIN_TRY_VOID(check_lifetimes(lifetimes));
  if (covariates.rows != lifetimes.size()) return fail_field("covariates", "are not one row each");
  if (covariates.columns == 0 || covariates.columns > kCoxCovariatesMax) {
    return fail_field("covariates", "are {}, not 1 to {}", covariates.columns, kCoxCovariatesMax);
  }
  if (std::ranges::none_of(lifetimes, &Lifetime::observed)) {
    return fail_field("observed", "nobody left: there is nothing to fit");
  }
  std::vector<double> deviation;
  ZHIYIN_TRY(const Matrix x, standardised(covariates, deviation));
  const CoxProblem problem(lifetimes, x);
  const std::size_t p = x.columns;
  std::vector<double> beta(p, 0);
  CoxState state = problem.at(beta);
  CoxFit out;
  out.log_likelihood_null = state.log_likelihood;
  constexpr int kRoundsMax = 100;
  constexpr double kFarOut = 25;  // a hazard ratio of e^25 per deviation: no maximum
  bool converged = false;
  for (int round = 0; round < kRoundsMax && !converged; ++round) {
    const auto step = solve_spd(state.information, state.score);
    if (!step) break;
    double size = 1;
    double largest = 0;
    for (const double s : *step) largest = std::max(largest, std::fabs(s));
    CoxState next;
    std::vector<double> moved(p);
    for (int halving = 0; halving < 30; ++halving, size /= 2) {
      for (std::size_t j = 0; j < p; ++j) moved[j] = beta[j] + size * (*step)[j];
      next = problem.at(moved);
      if (std::isfinite(next.log_likelihood) &&
          next.log_likelihood >= state.log_likelihood - 1e-12 * std::fabs(state.log_likelihood)) {
        break;
      }
    }
    beta = moved;
    state = std::move(next);
    converged = largest * size < 1e-11;
    if (std::ranges::any_of(beta, [](double b) { return !(std::fabs(b) < kFarOut); })) break;
  }
  const auto covariance = inverse_spd(state.information);
  if (!converged || !covariance) {
    return fail(ErrorCode::kUnsupported,
                "Cox: the likelihood has no maximum (a covariate separates those who left, or two "
                "say the same)");
  }
  out.log_likelihood = state.log_likelihood;
  std::vector<double> risk(lifetimes.size(), 0);
  for (std::size_t r = 0; r < x.rows; ++r) {
    for (std::size_t j = 0; j < p; ++j) risk[r] += beta[j] * x.at(r, j);
  }
  out.concordance = concordance(lifetimes, risk);
  for (std::size_t j = 0; j < p; ++j) {
    const double se = std::sqrt(covariance->at(j, j));
    out.coefficients.push_back(beta[j] / deviation[j]);
    out.standard_errors.push_back(se / deviation[j]);
    out.p.push_back(2 * normal_cdf(-std::fabs(beta[j] / se)));
  }
  return out;
}

}  // namespace zhiyin::statistics
