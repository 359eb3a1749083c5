// Prints random cases with our answers as JSON, for oracle_models.py: customer value, survival and
// series. Usage: PROGRAM [CASES]; or PROGRAM fit FILE, a CSV of frequency, recency, age and spend:
// the fits of all models.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "base/json.h"
#include "base/random.h"
#include "statistics/cause/panel.h"
#include "statistics/change/stl.h"
#include "statistics/draw.h"
#include "statistics/value/purchase_models.h"
#include "statistics/value/spend.h"
#include "statistics/value/survival.h"

namespace zhiyin::statistics {
namespace {

template <class Range>
Json list(const Range& values) {
  Json out = Json::array();
  for (const auto& v : values) out.push(static_cast<double>(v));
  return out;
}

std::vector<CustomerSummary> draw_customers(Random& random, std::size_t n) {
  std::vector<CustomerSummary> out;
  for (std::size_t i = 0; i < n; ++i) {
    CustomerSummary c;
    c.frequency = static_cast<double>(random.below(3) == 0 ? 0 : 1 + random.below(12));
    c.age = 5 + 60 * random.uniform();
    if (c.frequency > 0) c.recency = c.age * (0.05 + 0.9 * random.uniform());
    c.spend = c.frequency > 0 ? 1 + 80 * random.uniform() : 0;
    out.push_back(c);
  }
  return out;
}

void set_customers(Json& out, const std::vector<CustomerSummary>& customers) {
  Json columns[4] = {Json::array(), Json::array(), Json::array(), Json::array()};
  for (const CustomerSummary& c : customers) {
    columns[0].push(c.frequency);
    columns[1].push(c.recency);
    columns[2].push(c.age);
    columns[3].push(c.spend);
  }
  out.set("frequency", columns[0]).set("recency", columns[1]).set("age", columns[2]);
  out.set("spend", columns[3]);
}

double draw_parameter(Random& random) { return std::exp(3 * random.uniform() - 1.5); }

Json value_case(Random& random) {
  const auto customers = draw_customers(random, 5);
  const BgNbd b{draw_parameter(random), 5 * draw_parameter(random), draw_parameter(random),
                1 + draw_parameter(random)};
  const ParetoNbd p{draw_parameter(random), 5 * draw_parameter(random), draw_parameter(random),
                    5 * draw_parameter(random)};
  const GammaGamma g{3 * draw_parameter(random), 1.5 + draw_parameter(random),
                     10 * draw_parameter(random)};
  const double t = 1 + 50 * random.uniform();
  Json out = Json::object().set("t", t);
  set_customers(out, customers);
  out.set("bgnbd", list(std::vector<double>{b.r, b.alpha, b.a, b.b}));
  out.set("pareto", list(std::vector<double>{p.r, p.alpha, p.s, p.beta}));
  out.set("gamma", list(std::vector<double>{g.p, g.q, g.v}));
  out.set("bgnbd_ll", log_likelihood(b, customers)).set("pareto_ll", log_likelihood(p, customers));
  out.set("gamma_ll", log_likelihood(g, customers));
  out.set("bgnbd_new", expected_purchases(b, t).value_or(NAN));
  out.set("pareto_new", expected_purchases(p, t));
  Json rows[5] = {Json::array(), Json::array(), Json::array(), Json::array(), Json::array()};
  for (const CustomerSummary& c : customers) {
    rows[0].push(expected_purchases(b, c, t).value_or(NAN));
    rows[1].push(probability_alive(b, c));
    rows[2].push(expected_purchases(p, c, t));
    rows[3].push(probability_alive(p, c));
    rows[4].push(expected_spend(g, c).value_or(NAN));
  }
  out.set("bgnbd_expected", rows[0]).set("bgnbd_alive", rows[1]);
  out.set("pareto_expected", rows[2]).set("pareto_alive", rows[3]).set("spend_expected", rows[4]);
  return out;
}

Json survival_case(Random& random) {
  const std::size_t n = 30 + random.below(30);
  std::vector<Lifetime> lives;
  Matrix x(n, 2);
  std::vector<double> durations, observed, groups;
  for (std::size_t i = 0; i < n; ++i) {
    x.at(i, 0) = random.normal();
    x.at(i, 1) = random.normal();
    const double t = draw_exponential(random) / std::exp(0.4 * x.at(i, 0));
    const double rounded = std::ceil(6 * t) / 4;  // ties
    const bool seen = random.below(4) != 0;
    const auto group = static_cast<std::uint32_t>(i < 3 ? i : random.below(3));
    lives.push_back({rounded, seen, group});
    durations.push_back(rounded);
    observed.push_back(seen);
    groups.push_back(group);
  }
  Json out = Json::object();
  out.set("duration", list(durations)).set("observed", list(observed)).set("group", list(groups));
  out.set("x", list(x.values));
  std::vector<double> times, survivals, lows, highs, errors;
  for (const SurvivalStep& s : kaplan_meier(lives)) {
    times.push_back(s.time);
    survivals.push_back(s.survival);
    lows.push_back(s.survival > 0 ? s.interval.low : 0);
    highs.push_back(s.survival > 0 ? s.interval.high : 0);
    errors.push_back(s.survival > 0 ? s.se : 0);
  }
  out.set("times", list(times)).set("survival", list(survivals)).set("se", list(errors));
  out.set("low", list(lows)).set("high", list(highs));
  if (const auto test = log_rank(lives)) out.set("chi2", test->chi2).set("p", test->p);
  if (const auto fit = fit_cox(lives, x)) {
    out.set("coefficients", list(fit->coefficients)).set("errors", list(fit->standard_errors));
    out.set("log_likelihood", fit->log_likelihood);
  }
  return out;
}

Json series_case(Random& random) {
  const std::size_t period = 4 + random.below(9);
  const std::size_t n = 5 * period + random.below(30);
  std::vector<double> y(n);
  double noise = 0;
  for (std::size_t t = 0; t < n; ++t) {
    noise = 0.5 * noise + random.normal();
    const auto time = static_cast<double>(t);
    y[t] = 10 + 0.1 * time + 4 * std::sin(6.283185307179586 * time / static_cast<double>(period)) +
           noise + (random.below(30) == 0 ? 15 : 0);
  }
  StlSettings s;
  s.period = period;
  s.seasonal = 7 + 2 * random.below(3);
  s.robust = false;
  s.jump = 1;
  Json out = Json::object();
  out.set("y", list(y)).set("period", period).set("seasonal_window", s.seasonal);
  const auto parts = decompose_stl(y, s);
  out.set("seasonal", list(parts->seasonal)).set("trend", list(parts->trend));
  const std::size_t start = n / 3 + random.below(n / 3);
  const auto its = interrupted_series(y, {.start = start, .lags = 3});
  out.set("start", start).set("level", its->level.estimate).set("level_se", its->level.se);
  out.set("slope_change", its->trend.estimate).set("slope_change_se", its->trend.se);
  return out;
}

Json fit_json(const Result<ModelFit>& fit) {
  if (!fit) return Json::object().set("error", fit.error().text());
  return Json::object()
      .set("parameters", list(fit->parameters))
      .set("standard_errors", list(fit->standard_errors))
      .set("log_likelihood", fit->log_likelihood)
      .set("evaluations", fit->evaluations);
}

int fit_file(const char* path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  std::vector<CustomerSummary> customers;
  char comma = 0;
  for (CustomerSummary c;
       in >> c.frequency >> comma >> c.recency >> comma >> c.age >> comma >> c.spend;) {
    customers.push_back(c);
  }
  Json out = Json::object().set("customers", customers.size());
  out.set("bgnbd", fit_json(fit_bgnbd(customers)));
  out.set("pareto", fit_json(fit_pareto_nbd(customers)));
  out.set("gamma", fit_json(fit_gamma_gamma(customers)));
  std::puts(out.dump().c_str());
  return 0;
}

}  // namespace
}  // namespace zhiyin::statistics

int main(int argc, char** argv) {
  using namespace zhiyin;
  if (argc == 3 && std::string_view(argv[1]) == "fit") return statistics::fit_file(argv[2]);
  const int cases = argc > 1 ? std::atoi(argv[1]) : 1000;
  Random random(20240502);
  Json out = Json::object();
  for (const auto& [name, make] : {std::pair("value", &statistics::value_case),
                                   std::pair("survival", &statistics::survival_case),
                                   std::pair("series", &statistics::series_case)}) {
    Json all = Json::array();
    for (int i = 0; i < cases; ++i) all.push(make(random));
    out.set(name, std::move(all));
  }
  std::puts(out.dump().c_str());
}
