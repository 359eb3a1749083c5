#include "statistics/cause/uplift.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/random.h"
#include "statistics/accumulator.h"
#include "statistics/compare.h"
#include "statistics/distributions.h"
#include "statistics/draw.h"

namespace zhiyin::statistics {
namespace {

std::vector<std::size_t> best_first(std::span<const double> score) {
  std::vector<std::size_t> order(score.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order,
                           [&](std::size_t a, std::size_t b) { return score[a] > score[b]; });
  return order;
}

/// The curve over people in `order`; equal keys end in one point. `weight`, when not empty, says
/// how often each person counts.
class Curve {
 public:
  void add(bool treated, double outcome, double weight) {
    (treated ? n_t_ : n_c_) += weight;
    (treated ? y_t_ : y_c_) += weight * outcome;
  }
  [[nodiscard]] UpliftPoint point() const {
    UpliftPoint p{n_t_ + n_c_, 0, 0};
    const double mean_t = n_t_ > 0 ? y_t_ / n_t_ : 0;
    const double mean_c = n_c_ > 0 ? y_c_ / n_c_ : 0;
    p.uplift = (mean_t - mean_c) * p.people;
    p.qini = y_t_ - (n_c_ > 0 ? y_c_ * n_t_ / n_c_ : 0);
    return p;
  }

 private:
  double n_t_ = 0, y_t_ = 0, n_c_ = 0, y_c_ = 0;
};

std::vector<UpliftPoint> curve_in_order(const UpliftData& data, std::span<const double> key,
                                        std::span<const std::size_t> order,
                                        std::span<const std::uint32_t> weight = {}) {
  Curve curve;
  std::vector<UpliftPoint> out{{0, 0, 0}};
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::size_t row = order[i];
    const double times = weight.empty() ? 1 : weight[row];
    if (times > 0) curve.add(data.treated[row] != 0, data.outcome[row], times);
    const bool ends = i + 1 == order.size() || key[order[i + 1]] != key[row];
    if (ends) out.push_back(curve.point());
  }
  return out;
}

double area(const std::vector<UpliftPoint>& curve, double UpliftPoint::* member) {
  double sum = 0;
  for (std::size_t i = 1; i < curve.size(); ++i) {
    sum += (curve[i].people - curve[i - 1].people) * (curve[i].*member + curve[i - 1].*member) / 2;
  }
  return sum;
}

double coefficient(const std::vector<UpliftPoint>& model, const std::vector<UpliftPoint>& perfect,
                   double UpliftPoint::* member) {
  const UpliftPoint& end = model.back();
  const double random = end.people * (end.*member) / 2;
  const double best = area(perfect, member) - random;
  return best != 0 ? (area(model, member) - random) / best : 0;
}

/// Ranks for the best order. Uplift: responders treated and silent controls come first, then of the
/// other two groups the one that costs less. Qini: by y w - y (1 - w).
std::vector<double> perfect_key(const UpliftData& data, bool qini) {
  std::vector<double> key(data.outcome.size());
  std::size_t responding_controls = 0;
  std::size_t silent_treated = 0;
  for (std::size_t i = 0; i < key.size(); ++i) {
    responding_controls += data.treated[i] == 0 && data.outcome[i] == 1;
    silent_treated += data.treated[i] != 0 && data.outcome[i] == 0;
  }
  for (std::size_t i = 0; i < key.size(); ++i) {
    const double y = data.outcome[i];
    const double w = data.treated[i];
    const double second = responding_controls > silent_treated ? y : w;
    key[i] = qini ? y * w - y * (1 - w) : 2 * (y == w) + second;
  }
  return key;
}

}  // namespace

Result<void> check_uplift(const UpliftData& data) {
  const std::size_t n = data.score.size();
  if (data.treated.size() != n || data.outcome.size() != n) {
    return fail_field("treated", "scores, treatments and outcomes differ in number");
  }
  std::size_t treated = 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (!std::isfinite(data.score[i]))
      return fail_field(fmt::format("score[{}]", i), "is not a finite number");
    if (!std::isfinite(data.outcome[i])) {
      return fail_field(fmt::format("outcome[{}]", i), "is not a finite number");
    }
    if (data.treated[i] > 1) return fail_field(fmt::format("treated[{}]", i), "is not 0 or 1");
    treated += data.treated[i];
  }
  if (treated == 0) return fail_field("treated", "nobody was treated");
  if (treated == n) return fail_field("treated", "everybody was treated: there is no control");
  return {};
}

std::vector<UpliftPoint> uplift_curve(const UpliftData& data) {
  return curve_in_order(data, data.score, best_first(data.score));
}

std::vector<UpliftPoint> perfect_curve(const UpliftData& data, bool qini) {
  const std::vector<double> key = perfect_key(data, qini);
  return curve_in_order(data, key, best_first(key));
}

Result<UpliftCoefficients> uplift_coefficients(const UpliftData& data) {
  ZHIYIN_TRY_VOID(check_uplift(data));
  for (std::size_t i = 0; i < data.outcome.size(); ++i) {
    if (data.outcome[i] != 0 && data.outcome[i] != 1) {
      return fail_field(fmt::format("outcome[{}]", i), "is {}: the coefficients need 0 or 1",
                        data.outcome[i]);
    }
  }
  const std::vector<UpliftPoint> model = uplift_curve(data);
  return UpliftCoefficients{coefficient(model, perfect_curve(data, false), &UpliftPoint::uplift),
                            coefficient(model, perfect_curve(data, true), &UpliftPoint::qini)};
}

namespace {

/// Whole people in a share; 0.29 of 100 are 29, whatever the product is rounded to.
std::size_t people_in(double share, std::size_t people) {
  return static_cast<std::size_t>(share * static_cast<double>(people) * (1 + 1e-12));
}

struct TwoArms {
  Accumulator control;
  Accumulator treatment;
};

TwoArms arms_of(const UpliftData& data, std::span<const std::size_t> rows) {
  TwoArms out;
  for (const std::size_t row : rows) {
    (data.treated[row] != 0 ? out.treatment : out.control).add(data.outcome[row]);
  }
  return out;
}

Result<Comparison> compare_arms(const TwoArms& arms, double alpha) {
  const auto c =
      compare_fixed(arms.control.moments(), arms.treatment.moments(), EffectKind::kAbsolute, alpha);
  if (!c) return fail(ErrorCode::kUnsupported, "uplift: {}", to_string(c.error()));
  return *c;
}

}  // namespace

Result<UpliftAtShare> uplift_at(const UpliftData& data, double share, double alpha) {
  ZHIYIN_TRY_VOID(check_uplift(data));
  if (!(share > 0 && share <= 1)) return fail_field("share", "is {}, not in (0, 1]", share);
  const std::vector<std::size_t> order = best_first(data.score);
  const std::size_t n = std::max<std::size_t>(1, people_in(share, order.size()));
  const TwoArms arms = arms_of(data, std::span(order).first(n));
  ZHIYIN_TRY(const Comparison c, compare_arms(arms, alpha));
  return UpliftAtShare{share,
                       static_cast<double>(n),
                       arms.treatment.mean(),
                       arms.control.mean(),
                       c.estimate,
                       c.se,
                       c.interval,
                       c.p};
}

Result<PolicyValue> policy_value(const UpliftData& data, double threshold, double propensity,
                                 double alpha) {
  ZHIYIN_TRY_VOID(check_uplift(data));
  if (!(propensity > 0 && propensity < 1)) {
    return fail_field("propensity", "is {}, not between 0 and 1", propensity);
  }
  const std::size_t n = data.score.size();
  std::vector<double> values(n);
  PolicyValue out;
  Accumulator all, none;
  for (std::size_t i = 0; i < n; ++i) {
    const bool would = data.score[i] >= threshold;
    const bool did = data.treated[i] != 0;
    const double weight = did ? 1 / propensity : 1 / (1 - propensity);
    values[i] = would == did ? weight * data.outcome[i] : 0;
    out.treat_share += would / static_cast<double>(n);
    all.add(did ? weight * data.outcome[i] : 0);
    none.add(did ? 0 : weight * data.outcome[i]);
  }
  const MeanInterval m = mean_interval(values, alpha);
  if (!(m.se > 0)) {
    return fail(ErrorCode::kUnsupported,
                "policy: the outcomes of those for whom it would have done what was done do not "
                "vary, so there is no interval");
  }
  out.value = m.mean;
  out.se = m.se;
  out.interval = m.interval;
  out.value_all = all.mean();
  out.value_none = none.mean();
  return out;
}

Result<UpliftEvidence> uplift_evidence(const UpliftData& data, double share, int rounds,
                                       std::uint64_t seed, double alpha) {
  ZHIYIN_TRY(const UpliftCoefficients c, uplift_coefficients(data));
  if (!(share > 0 && share < 1)) return fail_field("share", "is {}, not between 0 and 1", share);
  UpliftEvidence out;
  out.qini = c.qini;
  const std::vector<std::size_t> order = best_first(data.score);
  const std::size_t cut = people_in(share, order.size());
  const TwoArms upper = arms_of(data, std::span(order).first(cut));
  const TwoArms lower = arms_of(data, std::span(order).subspan(cut));
  ZHIYIN_TRY(const Comparison top, compare_arms(upper, alpha));
  ZHIYIN_TRY(const Comparison rest, compare_arms(lower, alpha));
  out.difference = top.estimate - rest.estimate;
  const double z = out.difference / std::hypot(top.se, rest.se);
  out.difference_p = 2 * normal_cdf(-std::fabs(z));
  // The order by score stays; how often each person was drawn is all that changes.
  Random random = random_stream(seed, "uplift bootstrap");
  const std::vector<UpliftPoint> perfect = perfect_curve(data, true);
  std::vector<double> found;
  std::vector<std::uint32_t> times(order.size());
  const std::vector<double> key = perfect_key(data, true);
  const std::vector<std::size_t> key_order = best_first(key);
  for (int round = 0; round < rounds; ++round) {
    std::ranges::fill(times, 0);
    for (std::size_t i = 0; i < order.size(); ++i) ++times[random.below(order.size())];
    found.push_back(coefficient(curve_in_order(data, data.score, order, times),
                                curve_in_order(data, key, key_order, times), &UpliftPoint::qini));
  }
  out.interval = percentile_interval(std::move(found), alpha);
  out.evidence = out.interval.low > 0 && z > 0 && out.difference_p < alpha;
  return out;
}

}  // namespace zhiyin::statistics
