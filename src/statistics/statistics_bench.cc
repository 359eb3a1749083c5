// Figures for `bench/run statistics`. Usage: statistics_bench speed | coverage [RUNS] |
// customers FILE N | fit FILE
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <numbers>
#include <string>
#include <thread>

#include "statistics/accumulator.h"
#include "statistics/assignment.h"
#include "statistics/change/charts.h"
#include "statistics/change/esd.h"
#include "statistics/change/rate.h"
#include "statistics/change/run_length.h"
#include "statistics/compare.h"
#include "statistics/cuped.h"
#include "statistics/distributions.h"
#include "statistics/draw.h"
#include "statistics/experiment.h"
#include "statistics/quantile.h"
#include "statistics/value/purchase_models.h"

namespace zhiyin::statistics {
namespace {

/// The best of five rounds, in seconds.
template <class Work>
double seconds_of(const Work& work, int rounds = 5) {
  double best = INFINITY;
  for (int i = 0; i < rounds; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    best = std::min(best, took.count());
  }
  return best;
}

double sink = 0;  // what is computed is used

void bench_compare() {
  Random random(1);
  std::vector<std::vector<Arm>> metrics(100);
  for (auto& arms : metrics) {
    for (int a = 0; a < 4; ++a) {
      Arm arm;
      arm.n = 100000;
      arm.sum = 5e5 + 1000 * random.normal();
      arm.sum_squares = 3e6;
      arms.push_back(arm);
    }
  }
  const double took = seconds_of([&] {
    for (const auto& arms : metrics) {
      for (std::size_t a = 1; a < 4; ++a) {
        sink += compare_fixed(*moments_of(arms[0]), *moments_of(arms[a]), EffectKind::kRelative)->p;
      }
    }
  });
  std::printf("  100 metrics by 4 arms from sums: %.3f ms (target 5)\n", 1e3 * took);
}

void bench_hashes() {
  constexpr std::size_t kUnits = 1000000;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < kUnits; ++i) names.push_back("o6_" + std::to_string(7919 * i));
  const std::vector<std::string_view> units(names.begin(), names.end());
  std::vector<double> out(kUnits);
  for (const HashVersion v : {HashVersion::kOne, HashVersion::kTwo}) {
    const double took = seconds_of([&] { assignment_hashes("spring", units, out, v); });
    std::printf("  a million assignment hashes, version %d: %.1f ms (target 20)\n",
                static_cast<int>(v), 1e3 * took);
  }
  sink += out[5];
}

template <class Detector, class Values>
void bench_detector(const char* name, Detector detector, const Values& values) {
  const double took = seconds_of([&] {
    for (const double v : values) sink += detector.update(v).alarm;
  });
  std::printf("  %s: %.3f us an update (target 1 to 20)\n", name,
              1e6 * took / static_cast<double>(values.size()));
}

void bench_detectors() {
  Random random(2);
  std::vector<double> values(20000);
  for (double& v : values) v = random.normal();
  bench_detector("EWMA", EwmaChart::create({}).value(), values);
  bench_detector("CUSUM", CusumChart::create({}).value(), values);
  bench_detector("Page-Hinkley", PageHinkley::create({}).value(), values);
  bench_detector("ADWIN", Adwin::create({}).value(), values);
  auto runs = RunLengthDetector::create({}).value();
  const double took = seconds_of([&] {
    for (const double v : values) sink += runs.update(v).probability;
  });
  std::printf("  Bayesian change points, 200 runs: %.2f us an update (target 1 to 20)\n",
              1e6 * took / static_cast<double>(values.size()));
  std::vector<double> counts(20000);
  for (double& c : counts) c = draw_poisson(random, 12);
  auto rate = RateMonitor::create({}).value();
  std::int64_t hour = 0;
  const double rates = seconds_of([&] {
    for (const double c : counts) sink += rate.update(hour++, c)->test.p_high;
  });
  std::printf("  hourly rate against earlier weeks: %.2f us an update (target 1 to 20)\n",
              1e6 * rates / static_cast<double>(counts.size()));
}

void bench_seasonal() {
  Random random(3);
  std::vector<double> minutes(14400);
  for (std::size_t i = 0; i < minutes.size(); ++i) {
    const double angle = 2 * std::numbers::pi * static_cast<double>(i % 1440) / 1440;
    minutes[i] = 100 + 40 * std::sin(angle) + 5 * random.normal() + (i % 997 == 0 ? 60 : 0);
  }
  SeasonalEsdSettings settings;
  settings.period = 1440;
  std::size_t found = 0;
  const double took =
      seconds_of([&] { found = seasonal_esd(minutes, settings)->esd.outliers.size(); });
  std::printf("  S-H-ESD of 14,400 minutes: %.1f ms (target 50), %zu outliers\n", 1e3 * took,
              found);
}

int write_customers(const char* path, int n) {
  const BgNbd m{0.6, 6, 1.2, 3};
  Random random = random_stream(1, "bench customers");
  std::ofstream out(path);
  out << "frequency,recency,age,spend\n";
  for (int i = 0; i < n; ++i) {
    const double rate = draw_gamma(random, m.r) / m.alpha;
    const double leave = draw_beta(random, m.a, m.b);
    const double age = 20 + 20 * random.uniform();
    double last = 0;
    int x = 0;
    for (double t = draw_exponential(random) / rate; t < age;
         t += draw_exponential(random) / rate) {
      ++x;
      last = t;
      if (random.uniform() < leave) break;
    }
    char line[100];
    std::snprintf(line, sizeof line, "%d,%.9g,%.9g,0\n", x, last, age);
    out << line;
  }
  return 0;
}

int fit_customers(const char* path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  std::vector<CustomerSummary> customers;
  char comma = 0;
  for (CustomerSummary c;
       in >> c.frequency >> comma >> c.recency >> comma >> c.age >> comma >> c.spend;) {
    customers.push_back(c);
  }
  Result<ModelFit> fit;
  const double took = seconds_of([&] { fit = fit_bgnbd(customers); }, 1);
  if (!fit) {
    std::fprintf(stderr, "%s\n", fit.error().text().c_str());
    return 1;
  }
  std::printf("%zu %.3f %d %.9g %.9g %.9g %.9g %.6f\n", customers.size(), took, fit->evaluations,
              fit->parameters[0], fit->parameters[1], fit->parameters[2], fit->parameters[3],
              fit->log_likelihood);
  return 0;
}

/// How often `trial` holds, on two threads with streams of their own.
template <class Trial>
double share_of(int runs, const char* name, const Trial& trial) {
  double inside[2] = {0, 0};
  std::vector<std::thread> threads;
  for (int part = 0; part < 2; ++part) {
    threads.emplace_back([&, part] {
      Random random = random_stream(static_cast<std::uint64_t>(part), name);
      for (int i = 0; i < runs / 2; ++i) inside[part] += trial(random);
    });
  }
  for (std::thread& t : threads) t.join();
  return (inside[0] + inside[1]) / (runs / 2 * 2);
}

bool covers(const Interval& i, double truth) { return i.low <= truth && truth <= i.high; }

struct Pair {
  Accumulator a, b;
};
Pair draw_pair(Random& random, int n, double mean_a, double mean_b, double sd_a, double sd_b) {
  Pair p;
  for (int i = 0; i < n; ++i) {
    p.a.add(mean_a + sd_a * random.normal());
    p.b.add(mean_b + sd_b * random.normal());
  }
  return p;
}

void coverage(int runs) {
  const auto report = [&](const char* name, double share, const char* target) {
    std::printf("  %s: %.2f %% (%s)\n", name, 100 * share, target);
    std::fflush(stdout);
  };
  const char* kCover = "target 94.5 to 95.5";
  report(
      "Welch, absolute",
      share_of(runs, "welch absolute",
               [](Random& r) {
                 const Pair p = draw_pair(r, 200, 10, 10.5, 2, 4);
                 return covers(
                     compare_fixed(p.a.moments(), p.b.moments(), EffectKind::kAbsolute)->interval,
                     0.5);
               }),
      kCover);
  report(
      "Welch, relative",
      share_of(runs, "welch relative",
               [](Random& r) {
                 const Pair p = draw_pair(r, 500, 10, 11, 2, 3);
                 return covers(
                     compare_fixed(p.a.moments(), p.b.moments(), EffectKind::kRelative)->interval,
                     0.1);
               }),
      kCover);
  report("proportions, relative",
         share_of(runs, "proportions",
                  [](Random& r) {
                    double hits_a = 0, hits_b = 0;
                    for (int i = 0; i < 2000; ++i) {
                      hits_a += r.uniform() < 0.2;
                      hits_b += r.uniform() < 0.24;
                    }
                    return covers(
                        compare_fixed(proportion_moments(2000, hits_a),
                                      proportion_moments(2000, hits_b), EffectKind::kRelative)
                            ->interval,
                        0.2);
                  }),
         kCover);
  report("ratio (delta method)",
         share_of(runs, "ratio",
                  [](Random& r) {
                    Arm arms[2];
                    for (int k = 0; k < 2; ++k) {
                      PairAccumulator sums;
                      for (int i = 0; i < 800; ++i) {
                        const double d = 1 + draw_poisson(r, 3);
                        sums.add((k == 0 ? 0.5 : 0.6) * d + r.normal() * std::sqrt(d), d);
                      }
                      arms[k].kind = MetricKind::kRatio;
                      arms[k].n = sums.count();
                      arms[k].sum = sums.x().sum();
                      arms[k].sum_squares = sums.x().sum_squares();
                      arms[k].denominator_sum = sums.y().sum();
                      arms[k].denominator_sum_squares = sums.y().sum_squares();
                      arms[k].sum_products = sums.sum_products();
                    }
                    return covers(compare_fixed(*moments_of(arms[0]), *moments_of(arms[1]),
                                                EffectKind::kAbsolute)
                                      ->interval,
                                  0.1);
                  }),
         kCover);
  report("CUPED, relative",
         share_of(
             runs, "cuped",
             [](Random& r) {
               CovariateArm arms[2];
               for (int k = 0; k < 2; ++k) {
                 for (int i = 0; i < 400; ++i) {
                   const double x = 5 + r.normal();
                   const double y = (k == 0 ? 10 : 11) + 1.5 * (x - 5) + r.normal();
                   arms[k].n += 1;
                   arms[k].post_sum += y;
                   arms[k].post_sum_squares += y * y;
                   arms[k].pre_sum += x;
                   arms[k].pre_sum_squares += x * x;
                   arms[k].sum_products += x * y;
                 }
               }
               return covers(
                   compare_fixed(*cuped_evidence(arms[0], arms[1], EffectKind::kRelative)).interval,
                   0.1);
             }),
         kCover);
  report("median of exponentials",
         share_of(runs, "quantile",
                  [](Random& r) {
                    std::vector<double> a(1000), b(1000);
                    for (double& v : a) v = draw_exponential(r);
                    for (double& v : b) v = 1.2 * draw_exponential(r);
                    const auto c = compare_fixed(*quantile_moments(quantile_arm(a, 0.5), 0.5),
                                                 *quantile_moments(quantile_arm(b, 0.5), 0.5),
                                                 EffectKind::kAbsolute);
                    return covers(c->interval, 0.2 * std::numbers::ln2);
                  }),
         kCover);
  report("sequential: false positives under continuous peeking",
         share_of(runs, "peeking",
                  [](Random& r) {
                    Accumulator a, b;
                    for (int look = 0; look < 100; ++look) {
                      for (int i = 0; i < 30; ++i) {
                        a.add(r.normal());
                        b.add(r.normal());
                      }
                      const auto c =
                          compare_sequential(a.moments(), b.moments(), EffectKind::kAbsolute);
                      if (a.count() >= 100 && c->p < 0.05) return true;
                    }
                    return false;
                  }),
         "target below 5");
  report("Benjamini-Hochberg: false discovery rate",
         share_of(runs, "fdr",
                  [](Random& r) {
                    std::vector<double> p;
                    for (int i = 0; i < 20; ++i) {
                      const double z = r.normal() + (i < 5 ? 3 : 0);
                      p.push_back(2 * normal_cdf(-std::fabs(z)));
                    }
                    const auto adjusted = benjamini_hochberg(p);
                    double found = 0, wrong = 0;
                    for (std::size_t i = 0; i < p.size(); ++i) {
                      found += adjusted[i] < 0.05;
                      wrong += adjusted[i] < 0.05 && i >= 5;
                    }
                    // A fair coin with the share's probability has the same mean.
                    return found > 0 && r.uniform() < wrong / found;
                  }),
         "target below 5");
}

}  // namespace
}  // namespace zhiyin::statistics

int main(int argc, char** argv) {
  using namespace zhiyin::statistics;
  const std::string_view what = argc > 1 ? argv[1] : "speed";
  if (what == "customers" && argc == 4) return write_customers(argv[2], std::atoi(argv[3]));
  if (what == "fit" && argc == 3) return fit_customers(argv[2]);
  if (what == "coverage") {
    coverage(argc > 2 ? std::atoi(argv[2]) : 20000);
    return 0;
  }
  bench_compare();
  bench_hashes();
  bench_detectors();
  bench_seasonal();
  return sink == 42 ? 1 : 0;
}
