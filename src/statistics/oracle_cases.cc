// Prints random cases with our answers as JSON, for oracle.py to compare with SciPy.
#include <cmath>
#include <cstdio>

#include "base/json.h"
#include "base/random.h"
#include "statistics/classification.h"
#include "statistics/compare.h"
#include "statistics/distributions.h"
#include "statistics/experiment.h"
#include "statistics/hypergeometric.h"
#include "statistics/model_comparison.h"
#include "statistics/ranking.h"

namespace zhiyin::statistics {
namespace {

Json distributions_case(Random& random) {
  const double x = 4 * random.normal();
  const double dof = 1 + 200 * random.uniform();
  const double p = 0.0005 + 0.999 * random.uniform();
  const double chi2 = 30 * random.uniform();
  Json out = Json::object();
  out.set("x", x).set("dof", dof).set("p", p).set("chi2", chi2);
  out.set("normal_cdf", normal_cdf(x)).set("normal_quantile", normal_quantile(p));
  out.set("t_cdf", t_cdf(x, dof)).set("t_quantile", t_quantile(p, dof));
  out.set("chi2_upper_tail", chi2_upper_tail(chi2, dof));
  const double far = 40 * random.uniform();
  out.set("far", far).set("normal_log_cdf", normal_log_cdf(-far));
  const double a = 0.1 + 20 * random.uniform();
  const double b = 0.1 + 20 * random.uniform();
  const double share = random.uniform();
  out.set("a", a).set("b", b).set("share", share);
  out.set("beta_cdf", beta_cdf(share, a, b)).set("beta_quantile", beta_quantile(p, a, b));
  out.set("gamma_cdf", gamma_cdf(chi2, a, b)).set("gamma_upper_tail", gamma_upper_tail(chi2, a, b));
  out.set("gamma_quantile", gamma_quantile(p, a, b));
  const auto n = static_cast<double>(1 + random.below(500));
  const auto k = static_cast<double>(random.below(static_cast<std::uint64_t>(n) + 1));
  out.set("n", n).set("k", k);
  out.set("binomial_cdf", binomial_cdf(k, n, share));
  out.set("binomial_upper_tail", binomial_upper_tail(k, n, share));
  out.set("poisson_cdf", poisson_cdf(k, 10 * a))
      .set("poisson_upper_tail", poisson_upper_tail(k, 10 * a));
  out.set("negative_binomial_cdf", negative_binomial_cdf(k, 10 * a, b));
  out.set("negative_binomial_upper_tail", negative_binomial_upper_tail(k, 10 * a, b));
  out.set("log_gamma", log_gamma(a))
      .set("digamma", digamma(a))
      .set("trigamma", trigamma(a))
      .set("log_beta", log_beta(a, b));
  return out;
}

Json hypergeometric_case(Random& random) {
  // As BG/NBD asks for it: small a and b, any c, z up to close below 1.
  const double a = 4 * random.uniform() - 1;
  const double b = 4 * random.uniform() - 1;
  const double c = 0.2 + (random.below(2) == 0 ? 3 : 60) * random.uniform();
  const double z = 1 - std::pow(10, -5 * random.uniform());
  const auto found = hypergeometric_2f1(a, b, c, z);
  return Json::object().set("a", a).set("b", b).set("c", c).set("z", z).set(
      "value", found ? Json(*found) : Json());
}

Json metrics_case(Random& random) {
  const std::size_t n = 20 + random.below(60);
  std::vector<double> scores(n);
  std::vector<double> second(n);
  std::vector<double> gains(n);
  std::vector<int> labels(n);
  std::vector<int> actual(n);
  std::vector<int> predicted(n);
  for (std::size_t i = 0; i < n; ++i) {
    labels[i] = i < 2 ? 1 : i < 4 ? 0 : static_cast<int>(random.below(2));
    scores[i] = std::round(20 * (random.uniform() + 0.3 * labels[i])) / 30;
    second[i] = random.uniform() + 0.2 * labels[i];
    gains[i] = static_cast<double>(random.below(4));
    actual[i] = i < 3 ? static_cast<int>(i) : static_cast<int>(random.below(3));
    predicted[i] = random.below(3) == 0 ? static_cast<int>(random.below(3)) : actual[i];
  }
  const auto list = [](const auto& values) {
    return Json(Json::Array(values.begin(), values.end()));
  };
  const Confusion c = confusion(actual, predicted, 3);
  Json out = Json::object();
  out.set("scores", list(scores)).set("second", list(second)).set("labels", list(labels));
  out.set("gains", list(gains)).set("actual", list(actual)).set("predicted", list(predicted));
  out.set("balanced_accuracy", balanced_accuracy(c)).set("kappa", cohen_kappa(c));
  for (const auto& [name, average] : {std::pair{"micro", Average::kMicro},
                                      {"macro", Average::kMacro},
                                      {"weighted", Average::kWeighted}}) {
    const AveragedScore s = averaged_score(c, average, 0.5);
    out.set(name, Json(Json::Array{s.precision, s.recall, s.f}));
  }
  out.set("auc", auc(scores, labels)).set("average_precision", average_precision(scores, labels));
  out.set("ndcg", ndcg_graded(gains, 10));
  const RegressionScore r = regression_score(scores, second);
  out.set("mean_absolute", r.mean_absolute).set("root_mean_square", r.root_mean_square);
  out.set("median_absolute", r.median_absolute).set("r_squared", r.r_squared);
  const auto d = delong_auc(scores, labels);
  const auto difference = delong_difference(scores, second, labels);
  out.set("delong_se", d->se).set("difference", difference->difference);
  out.set("difference_se", difference->se);
  return out;
}

Json power_case(Random& random) {
  PowerPlan plan;
  plan.effect = EffectKind::kAbsolute;
  plan.variance = 0.5 + 4 * random.uniform();
  plan.users_per_arm = static_cast<double>(50 + random.below(5000));
  const double effect = 0.3 * random.uniform();
  Json out = Json::object();
  out.set("variance", plan.variance).set("users", plan.users_per_arm).set("effect", effect);
  out.set("power", *power_of(plan, effect));
  return out;
}

Json sample_json(const std::vector<double>& values) {
  return Json(Json::Array(values.begin(), values.end()));
}

std::vector<double> draw(Random& random, std::size_t n, double mean, double sd) {
  std::vector<double> out(n);
  for (double& v : out) v = mean + sd * random.normal();
  return out;
}

Moments moments(const std::vector<double>& values) {
  double sum = 0;
  double squares = 0;
  for (const double v : values) {
    sum += v;
    squares += v * v;
  }
  return mean_moments(static_cast<double>(values.size()), sum, squares);
}

Json welch_case(Random& random) {
  const auto a = draw(random, 2 + random.below(40), 5, 1 + random.uniform());
  const auto b = draw(random, 2 + random.below(40), 5.3, 1 + 3 * random.uniform());
  Json out = Json::object();
  out.set("a", sample_json(a)).set("b", sample_json(b));
  const auto two = compare_fixed(moments(a), moments(b), EffectKind::kAbsolute);
  const auto greater =
      compare_fixed(moments(a), moments(b), EffectKind::kAbsolute, 0.05, Sides::kGreater);
  if (!two || !greater) return out;
  out.set("estimate", two->estimate).set("p", two->p).set("dof", two->dof);
  out.set("low", two->interval.low).set("high", two->interval.high);
  out.set("p_greater", greater->p);
  return out;
}

Json multiplicity_case(Random& random) {
  std::vector<double> p(1 + random.below(12));
  for (double& v : p) v = random.uniform() * random.uniform();
  Json out = Json::object();
  out.set("p", sample_json(p)).set("benjamini_hochberg", sample_json(benjamini_hochberg(p)));
  out.set("holm", sample_json(holm(p)));
  return out;
}

Json srm_case(Random& random) {
  std::vector<double> users(2 + random.below(4));
  std::vector<double> weights(users.size());
  for (double& u : users) u = 500 + static_cast<double>(random.below(60));
  for (double& w : weights) w = 1 + 0.05 * random.uniform();
  Json out = Json::object();
  out.set("users", sample_json(users)).set("weights", sample_json(weights));
  out.set("p", srm_p(users, weights));
  return out;
}

}  // namespace
}  // namespace zhiyin::statistics

int main() {
  using namespace zhiyin;
  Random random(20240501);
  constexpr int kCases = 1000;
  Json out = Json::object();
  for (const auto& [name, make] :
       {std::pair("distributions", &statistics::distributions_case),
        std::pair("hypergeometric", &statistics::hypergeometric_case),
        std::pair("metrics", &statistics::metrics_case),
        std::pair("power", &statistics::power_case), std::pair("welch", &statistics::welch_case),
        std::pair("multiplicity", &statistics::multiplicity_case),
        std::pair("srm", &statistics::srm_case)}) {
    Json cases = Json::array();
    for (int i = 0; i < kCases; ++i) cases.push(make(random));
    out.set(name, std::move(cases));
  }
  std::puts(out.dump().c_str());
}
