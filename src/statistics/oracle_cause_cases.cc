// Prints random cases with our answers as JSON, for oracle_causes.py: what statistics on causes,
// covariates and detectors give. Usage: PROGRAM [CASES].
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "base/json.h"
#include "base/random.h"
#include "statistics/cause/attribution.h"
#include "statistics/cause/ope.h"
#include "statistics/cause/panel.h"
#include "statistics/cause/uplift.h"
#include "statistics/change/charts.h"
#include "statistics/change/esd.h"
#include "statistics/change/run_length.h"
#include "statistics/change/stl.h"
#include "statistics/stats_compare.h"

namespace zhiyin::statistics {
namespace {

template <class Range>
Json list(const Range& values) {
  Json out = Json::array();
  for (const auto& v : values) out.push(static_cast<double>(v));
  return out;
}

std::vector<double> normals(Random& random, std::size_t n, double mean, double sd) {
  std::vector<double> out(n);
  for (double& v : out) v = mean + sd * random.normal();
  return out;
}

std::size_t between(Random& random, std::size_t low, std::size_t high) {
  return low + random.below(high - low + 1);
}

/// Sums of one arm as `stats compare` takes them, beside the people they are of.
/// `hits`: the covariate of a proportion is one too.
Json arm_case(Random& random, std::string_view kind, double level, bool hits, Json& people) {
  const std::size_t n = between(random, 8, 60);
  std::vector<double> y(n), d(n), x(n), e(n);
  for (std::size_t i = 0; i < n; ++i) {
    x[i] = 3 + random.normal();
    e[i] = 1 + static_cast<double>(random.below(4));
    d[i] = 1 + static_cast<double>(random.below(5));
    y[i] = kind == "proportion" ? static_cast<double>(i == 0 || random.below(3) == 0)
                                : level + 0.7 * x[i] + 0.5 * random.normal();
  }
  if (kind == "proportion") {
    y[1] = 0;
    for (std::size_t i = 0; hits && i < n; ++i) {
      x[i] = i < 2 || (i > 2 && random.below(4) > 0) ? y[i] : 1 - y[i];
    }
  }
  const auto sum = [&](const std::vector<double>& a, const std::vector<double>& b) {
    double out = 0;
    for (std::size_t i = 0; i < n; ++i) out += a[i] * b[i];
    return out;
  };
  const std::vector<double> one(n, 1);
  Json covariate = Json::object()
                       .set("sum", sum(x, one))
                       .set("sum_squares", sum(x, x))
                       .set("sum_products", sum(y, x));
  Json arm = Json::object().set("kind", kind).set("n", n).set("sum", sum(y, one));
  if (kind != "proportion") arm.set("sum_squares", sum(y, y));
  if (kind == "ratio") {
    arm.set("denominator_sum", sum(d, one)).set("denominator_sum_squares", sum(d, d));
    arm.set("sum_products", sum(y, d));
    covariate.set("denominator_sum", sum(e, one)).set("denominator_sum_squares", sum(e, e));
    covariate.set("inner_products", sum(x, e)).set("numerator_denominator_products", sum(y, e));
    covariate.set("denominator_numerator_products", sum(d, x));
    covariate.set("denominator_denominator_products", sum(d, e));
  }
  arm.set("covariate", std::move(covariate));
  people = Json::object().set("y", list(y)).set("d", list(d)).set("x", list(x)).set("e", list(e));
  return arm;
}

Json compare_case(Random& random) {
  constexpr std::string_view kKinds[] = {"mean", "proportion", "ratio"};
  const std::string_view kind = kKinds[random.below(3)];
  const double level = random.below(2) == 0 ? -6 : 4;  // also negative baselines
  const bool hits = random.below(2) == 0;
  Json people[2];
  Json arms = Json::array();
  for (Json& p : people) {
    Json arm = arm_case(random, kind, level + random.normal(), hits, p);
    arms.push(arm.set("name", &p == people ? "control" : "treatment"));
  }
  Json out = Json::object().set("kind", kind).set("a", people[0]).set("b", people[1]);
  const double tuning = 20 + static_cast<double>(random.below(5000));
  const double prior[2] = {0.3 * random.normal(), 0.1 + random.uniform()};
  out.set("tuning", tuning).set("prior_mean", prior[0]).set("prior_sd", prior[1]);
  Json answers = Json::object();
  for (const char* effect : {"absolute", "relative"}) {
    for (const char* method :
         {"fixed", "sequential", "bayesian", "cuped", "greater", "looks_lesser"}) {
      const std::string_view m = method;
      Json in = Json::object().set("effect", effect).set("arms", arms).set("tuning", tuning);
      if (m == "sequential" || m == "looks_lesser") in.set("method", "sequential");
      if (m == "looks_lesser") in.set("one_sided", "lesser");
      if (m == "greater") in.set("one_sided", "greater");
      if (m == "cuped") in.set("cuped", true);
      if (m == "bayesian") {
        in.set("method", "bayesian");
        in.set("prior", Json::object().set("mean", prior[0]).set("sd", prior[1]));
      }
      const auto answer = stats_compare(in);
      answers.set(fmt::format("{} {}", effect, method),
                  answer ? *answer : Json::object().set("error", answer.error().text()));
    }
  }
  return out.set("answers", std::move(answers));
}

Json uplift_case(Random& random) {
  const std::size_t n = between(random, 12, 60);
  std::vector<double> score(n), outcome(n);
  std::vector<std::uint8_t> treated(n);
  for (std::size_t i = 0; i < n; ++i) {
    score[i] = static_cast<double>(random.below(15)) / 4 - 1;  // with ties
    treated[i] = i < 2 ? static_cast<std::uint8_t>(i) : random.below(2);
    outcome[i] = static_cast<double>(random.below(10) < 3U + 2U * treated[i]);
  }
  const UpliftData data{score, treated, outcome};
  Json out = Json::object().set("score", list(score)).set("treated", list(treated));
  out.set("outcome", list(outcome));
  const auto c = uplift_coefficients(data);
  out.set("uplift_auc", c->uplift_auc).set("qini", c->qini);
  std::vector<double> people, uplift, qini;
  for (const UpliftPoint& p : uplift_curve(data)) {
    people.push_back(p.people);
    uplift.push_back(p.uplift);
    qini.push_back(p.qini);
  }
  out.set("people", list(people)).set("curve", list(uplift)).set("qini_curve", list(qini));
  const double propensity = 0.3 + 0.4 * random.uniform();
  out.set("propensity", propensity);
  if (const auto v = policy_value(data, 0.5, propensity)) {
    out.set("value", v->value).set("se", v->se);
    out.set("treat_share", v->treat_share).set("all", v->value_all).set("none", v->value_none);
  }
  if (const auto all = uplift_at(data, 1)) {
    out.set("effect", all->uplift).set("effect_se", all->se).set("effect_p", all->p);
  }
  return out;
}

Json ope_case(Random& random) {
  const std::size_t n = between(random, 20, 120);
  std::vector<double> reward(n), propensity(n), target(n), predicted(n), mean(n);
  for (std::size_t i = 0; i < n; ++i) {
    propensity[i] = 0.05 + 0.9 * random.uniform();
    target[i] = random.below(8) == 0 ? 0 : random.uniform();
    reward[i] = random.normal() + 1;
    predicted[i] = random.normal();
    mean[i] = random.normal();
  }
  Json out = Json::object().set("reward", list(reward)).set("propensity", list(propensity));
  out.set("target", list(target)).set("predicted", list(predicted)).set("mean", list(mean));
  using E = OpeEstimator;
  Json answers = Json::object();
  for (const auto& [name, e] :
       {std::pair("ips", E::kIps), std::pair("snips", E::kSelfNormalised),
        std::pair("clipped", E::kClipped), std::pair("direct", E::kDirect),
        std::pair("dr", E::kDoublyRobust), std::pair("switch", E::kSwitch)}) {
    const std::vector<double> as_true(n, 0);
    const auto v =
        evaluate_policy({reward, propensity, target, predicted, mean, as_true, 0}, {e, 3, 1, 0.1});
    answers.set(name, Json::object()
                          .set("value", v->value)
                          .set("se", v->se)
                          .set("low", v->interval.low)
                          .set("size", v->effective_size));
  }
  return out.set("answers", std::move(answers));
}

Json effect_json(const EffectEstimate& e) {
  return Json::object()
      .set("estimate", e.estimate)
      .set("se", e.se)
      .set("low", e.interval.low)
      .set("high", e.interval.high)
      .set("p", e.p)
      .set("dof", e.dof);
}

Json did_case(Random& random) {
  Json out = Json::object();
  std::vector<double> y, treated, after;
  Moments cells[2][2];
  for (int w = 0; w < 2; ++w) {
    for (int t = 0; t < 2; ++t) {
      const auto values = normals(random, between(random, 2, 25), 5 + w + t, 1 + random.uniform());
      double sum = 0;
      double squares = 0;
      for (const double v : values) {
        y.push_back(v);
        treated.push_back(w);
        after.push_back(t);
        sum += v;
        squares += v * v;
      }
      cells[w][t] = mean_moments(static_cast<double>(values.size()), sum, squares);
    }
  }
  out.set("y", list(y)).set("treated", list(treated)).set("after", list(after));
  out.set("groups", effect_json(*difference_in_differences(cells[0][0], cells[0][1], cells[1][0],
                                                           cells[1][1])));
  std::vector<PanelUnit> units;
  std::vector<double> before, later, in_group;
  const std::size_t n = between(random, 6, 40);
  for (std::size_t i = 0; i < n; ++i) {
    const double level = 10 * random.normal();
    const bool w = i < 2 || (i >= 4 && random.below(2) == 0);
    units.push_back({level, level + 1 + w + random.normal(), w});
    before.push_back(units[i].before);
    later.push_back(units[i].after);
    in_group.push_back(w);
  }
  out.set("unit_before", list(before)).set("unit_after", list(later));
  out.set("unit_treated", list(in_group));
  out.set("units", effect_json(*difference_in_differences(units)));
  return out;
}

Json synthetic_case(Random& random) {
  const std::size_t k = between(random, 2, 7);
  const std::size_t start = between(random, k + 2, 25);
  const std::size_t n = start + between(random, 1, 10);
  Matrix donors(n, k);
  std::vector<double> treated(n);
  for (std::size_t t = 0; t < n; ++t) {
    for (std::size_t j = 0; j < k; ++j) {
      donors.at(t, j) = 5 + static_cast<double>(j) + 2 * random.normal();
      treated[t] += donors.at(t, j) * (j < 2 ? 0.5 : 0);
    }
    treated[t] += random.normal() + (t >= start ? 1 : 0);
  }
  const auto r = synthetic_control(treated, donors, start);
  Json out = Json::object().set("k", k).set("start", start).set("donors", list(donors.values));
  out.set("treated", list(treated)).set("weights", list(r->weights));
  out.set("synthetic", list(r->synthetic)).set("effect", r->effect);
  out.set("rmse_before", r->rmse_before).set("ratio", r->rmse_ratio).set("p", r->placebo_p);
  return out;
}

Json attribution_case(Random& random) {
  const auto channels = static_cast<std::uint32_t>(between(random, 1, 5));
  std::vector<TouchPath> paths(between(random, 1, 8));
  Json out = Json::object().set("channels", channels);
  Json list_of = Json::array();
  bool converted = false;
  for (TouchPath& p : paths) {
    double time = 0;
    const std::size_t touches = between(random, 1, 5);
    for (std::size_t i = 0; i < touches; ++i) {
      p.channels.push_back(static_cast<std::uint32_t>(random.below(channels)));
      p.times.push_back(time += 5 * random.uniform());
    }
    p.end = time;
    p.count = static_cast<double>(1 + random.below(20));
    p.conversions = random.below(3) == 0 && converted ? 0 : 1 + random.uniform();
    converted = true;
    list_of.push(Json::object()
                     .set("channels", list(p.channels))
                     .set("times", list(p.times))
                     .set("count", p.count)
                     .set("conversions", p.conversions));
  }
  out.set("paths", std::move(list_of));
  using R = AttributionRule;
  for (const auto& [name, rule] :
       {std::pair("last", R::kLast), std::pair("first", R::kFirst), std::pair("linear", R::kLinear),
        std::pair("position", R::kPosition), std::pair("decay", R::kDecay),
        std::pair("shapley", R::kShapley), std::pair("markov", R::kMarkov)}) {
    AttributionSettings s;
    s.rule = rule;
    s.ends_share = 0.35;
    s.half_life = 3;
    out.set(name, list(*attribute(paths, channels, s)));
  }
  return out;
}

Json stl_case(Random& random) {
  StlSettings s;
  s.period = between(random, 4, 10);
  s.seasonal = 7 + 2 * random.below(3);
  s.robust = true;
  s.jump = 1;
  auto y = normals(random, 4 * s.period + random.below(20), 10, 1);
  for (std::size_t t = 0; t < y.size(); ++t) {
    y[t] +=
        3 * std::sin(6.283185307179586 * static_cast<double>(t) / static_cast<double>(s.period));
    if (random.below(20) == 0) y[t] += 20;
  }
  const auto parts = decompose_stl(y, s);
  return Json::object()
      .set("y", list(y))
      .set("period", s.period)
      .set("window", s.seasonal)
      .set("seasonal", list(parts->seasonal))
      .set("trend", list(parts->trend))
      .set("weights", list(parts->weights));
}

Json detector_case(Random& random) {
  auto y = normals(random, between(random, 20, 80), 0, 1);
  for (std::size_t t = 0; t < y.size(); ++t) {
    if (t > y.size() / 2) y[t] += 2;
    if (random.below(15) == 0) y[t] += 6;
    y[t] = std::round(4 * y[t]) / 4;  // with ties
  }
  Json out = Json::object().set("y", list(y));
  auto ewma = EwmaChart::create({0.3, 0.1, 1.2, 3}).value();
  auto cusum = CusumChart::create({0.1, 0.4, 4}).value();
  auto page = PageHinkley::create({0.99, 0.01, 6, 5}).value();
  RunLengthDetector::Settings settings;
  settings.hazard = 0.02;
  auto runs = RunLengthDetector::create(settings).value();
  std::vector<double> average, width, high, low, sum, alarm, run, probability;
  for (const double v : y) {
    const auto e = ewma.update(v);
    average.push_back(e.average);
    width.push_back(e.high - 0.1);
    const auto c = cusum.update(v);
    high.push_back(c.high);
    low.push_back(c.low);
    const auto p = page.update(v);
    sum.push_back(p.sum);
    alarm.push_back(p.alarm);
    const auto r = runs.update(v);
    run.push_back(static_cast<double>(r.run));
    probability.push_back(r.probability);
  }
  out.set("average", list(average)).set("width", list(width));
  out.set("high", list(high)).set("low", list(low)).set("sum", list(sum)).set("alarm", list(alarm));
  out.set("run", list(run)).set("probability", list(probability));
  const auto esd = generalised_esd(y, {8, 0.05, Direction::kBoth, false});
  std::vector<double> statistic, critical;
  for (const EsdStep& step : esd->steps) {
    statistic.push_back(step.statistic);
    critical.push_back(step.critical);
  }
  out.set("statistic", list(statistic)).set("critical", list(critical));
  out.set("outliers", esd->outliers.size());
  return out;
}

}  // namespace
}  // namespace zhiyin::statistics

int main(int argc, char** argv) {
  using namespace zhiyin;
  const int cases = argc > 1 ? std::atoi(argv[1]) : 1000;
  Random random(20240503);
  Json out = Json::object();
  for (const auto& [name, make] :
       {std::pair("compare", &statistics::compare_case),
        std::pair("uplift", &statistics::uplift_case), std::pair("ope", &statistics::ope_case),
        std::pair("did", &statistics::did_case),
        std::pair("synthetic", &statistics::synthetic_case),
        std::pair("attribution", &statistics::attribution_case),
        std::pair("stl", &statistics::stl_case),
        std::pair("detectors", &statistics::detector_case)}) {
    Json all = Json::array();
    for (int i = 0; i < cases; ++i) all.push(make(random));
    out.set(name, std::move(all));
  }
  std::puts(out.dump().c_str());
}
