// Prints random cases with our answers as JSON, for oracle.py to compare with SciPy.
#include <cstdio>

#include "base/json.h"
#include "base/random.h"
#include "statistics/compare.h"
#include "statistics/distributions.h"
#include "statistics/experiment.h"

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
  constexpr int kCases = 200;
  Json out = Json::object();
  for (const auto& [name, make] : {std::pair("distributions", &statistics::distributions_case),
                                   std::pair("welch", &statistics::welch_case),
                                   std::pair("multiplicity", &statistics::multiplicity_case),
                                   std::pair("srm", &statistics::srm_case)}) {
    Json cases = Json::array();
    for (int i = 0; i < kCases; ++i) cases.push(make(random));
    out.set(name, std::move(cases));
  }
  std::puts(out.dump().c_str());
}
