#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "statistics/draw.h"
#include "statistics/value/purchase_models.h"
#include "statistics/value/retention.h"
#include "statistics/value/rfm.h"
#include "statistics/value/spend.h"
#include "statistics/value/survival.h"

namespace zhiyin::statistics {
namespace {

using ::testing::ElementsAre;

std::int64_t day(int month, int d) {
  return local_day(
      parse_time(fmt::format("2015-{:02}-{:02}", month, d), TimeZone::shanghai()).value(),
      TimeZone::shanghai());
}

TEST(Summary, AsPublished) {
  const std::vector<Order> orders = {{0, day(2, 1), 10}, {0, day(2, 6), 20}, {1, day(1, 1), 5},
                                     {2, day(1, 5), 4},  {2, day(1, 1), 1},  {2, day(1, 2), 2},
                                     {2, day(1, 2), 6},  {2, day(3, 1), 100}};
  const auto s = summarise_orders(orders, 3, day(2, 7));
  ASSERT_TRUE(s);
  const auto is = [&](int i, double x, double recency, double age, double spend) {
    const CustomerSummary& c = (*s)[static_cast<std::size_t>(i)];
    EXPECT_DOUBLE_EQ(c.frequency, x);
    EXPECT_DOUBLE_EQ(c.recency, recency);
    EXPECT_DOUBLE_EQ(c.age, age);
    EXPECT_DOUBLE_EQ(c.spend, spend);
  };
  is(0, 1, 5, 6, 20);
  is(1, 0, 0, 37, 0);
  is(2, 2, 4, 37, 6);
  EXPECT_EQ(summarise_orders(orders, 4, day(2, 7)).error().field, "customers[3]");
  EXPECT_FALSE(check_summaries(std::vector<CustomerSummary>{{1, 5, 4, 0}}));
  EXPECT_FALSE(check_summaries(std::vector<CustomerSummary>{{1.5, 3, 4, 0}}));
  EXPECT_FALSE(check_summaries({}));
}

const BgNbd kCdnow{0.243, 4.414, 0.793, 2.426};

TEST(BgNbd, ExpectationsAsPublished) {
  EXPECT_NEAR(expected_purchases(kCdnow, 39).value(), 1.1967, 5e-5);
  const CustomerSummary customer{2, 30.43, 38.86, 0};
  EXPECT_NEAR(expected_purchases(kCdnow, customer, 39).value(), 1.226, 5e-4);
  EXPECT_NEAR(probability_alive(kCdnow, customer), 0.7266, 5e-5);
  EXPECT_DOUBLE_EQ(probability_alive(kCdnow, {0, 0, 30, 0}), 1);
  EXPECT_NEAR(probability_alive(kCdnow, {1000, 10, 100, 0}), 0, 1e-300);
  EXPECT_NEAR(expected_purchases(kCdnow, {1000, 10, 100, 0}, 10).value(), 0, 1e-9);
  EXPECT_FALSE(expected_purchases(kCdnow, -1));
}

/// Customers of a known BG/NBD population.
std::vector<CustomerSummary> draw_customers(const BgNbd& m, int n, std::uint64_t seed) {
  Random random = random_stream(seed, "customers");
  std::vector<CustomerSummary> out;
  for (int i = 0; i < n; ++i) {
    const double rate = draw_gamma(random, m.r) / m.alpha;
    const double leave = draw_beta(random, m.a, m.b);
    CustomerSummary c{0, 0, 20 + 20 * random.uniform(), 0};
    for (double t = draw_exponential(random) / rate; t < c.age;
         t += draw_exponential(random) / rate) {
      ++c.frequency;
      c.recency = t;
      if (random.uniform() < leave) break;
    }
    out.push_back(c);
  }
  return out;
}

/// Central differences of the log-likelihood.
template <class Model, std::size_t N>
void expect_gradient(const Model& model, std::array<double Model::*, N> members,
                     std::span<const CustomerSummary> customers) {
  std::vector<double> gradient(N, 0);
  log_likelihood(model, customers, gradient);
  for (std::size_t i = 0; i < N; ++i) {
    Model up = model;
    Model down = model;
    const double h = 1e-5 * model.*members[i];
    up.*members[i] += h;
    down.*members[i] -= h;
    const double slope =
        (log_likelihood(up, customers) - log_likelihood(down, customers)) / (2 * h);
    EXPECT_NEAR(gradient[i] / slope, 1, 1e-5) << i;
  }
}

TEST(PurchaseModels, GradientsAgreeWithDifferences) {
  const auto customers = draw_customers(kCdnow, 300, 4);
  expect_gradient(BgNbd{0.5, 6, 0.9, 3}, std::array{&BgNbd::r, &BgNbd::alpha, &BgNbd::a, &BgNbd::b},
                  customers);
  expect_gradient(ParetoNbd{0.55, 10.6, 0.6, 11.7},
                  std::array{&ParetoNbd::r, &ParetoNbd::alpha, &ParetoNbd::s, &ParetoNbd::beta},
                  customers);
  expect_gradient(ParetoNbd{3, 2, 0.2, 40},
                  std::array{&ParetoNbd::r, &ParetoNbd::alpha, &ParetoNbd::s, &ParetoNbd::beta},
                  customers);
}

TEST(BgNbd, SecondDerivativesAgreeWithDifferences) {
  auto customers = draw_customers(kCdnow, 300, 4);
  customers.push_back({5000, 30, 35, 0});  // beyond the table of frequencies
  const std::array members{&BgNbd::r, &BgNbd::alpha, &BgNbd::a, &BgNbd::b};
  const BgNbd m{0.5, 6, 0.9, 3};
  std::vector<double> hessian(16, 0);
  log_likelihood(m, customers, {}, hessian);
  for (std::size_t i = 0; i < 4; ++i) {
    BgNbd up = m;
    BgNbd down = m;
    const double h = 1e-5 * m.*members[i];
    up.*members[i] += h;
    down.*members[i] -= h;
    std::vector<double> high(4, 0);
    std::vector<double> low(4, 0);
    log_likelihood(up, customers, high);
    log_likelihood(down, customers, low);
    for (std::size_t j = 0; j < 4; ++j) {
      const double slope = (high[j] - low[j]) / (2 * h);
      EXPECT_NEAR(hessian[4 * i + j], slope, 1e-5 * std::fabs(slope) + 1e-6) << i << j;
    }
  }
}

TEST(BgNbd, ManyCustomersByNewtonFromASampleGiveTheSameMaximum) {
  const auto customers = draw_customers({0.6, 6, 1.2, 3}, 60000, 7);
  const auto quick = fit_bgnbd(customers);
  const auto slow = fit_bgnbd(customers, {0, {1, 10, 1, 1}});
  ASSERT_TRUE(quick && slow);
  EXPECT_LT(quick->evaluations, slow->evaluations / 2);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(quick->parameters[i] / slow->parameters[i], 1, 1e-6);
    EXPECT_NEAR(quick->standard_errors[i] / slow->standard_errors[i], 1, 1e-5);
  }
  EXPECT_NEAR(quick->log_likelihood / slow->log_likelihood, 1, 1e-13);
}

TEST(PurchaseModels, FindTheirPopulationAgain) {
  const auto customers = draw_customers({0.6, 6, 1.2, 3}, 6000, 5);
  const auto fit = fit_bgnbd(customers);
  ASSERT_TRUE(fit) << fit.error().text();
  const double truth[] = {0.6, 6, 1.2, 3};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(fit->parameters[i], truth[i], 4 * fit->standard_errors[i]) << i;
    EXPECT_LT(fit->standard_errors[i], 0.4 * truth[i]) << i;
  }
}

TEST(ParetoNbd, FindsItsPopulationAgain) {
  const double truth[] = {0.8, 8, 0.9, 15};
  Random random = random_stream(6, "pareto");
  std::vector<CustomerSummary> customers;
  for (int i = 0; i < 2500; ++i) {
    const double rate = draw_gamma(random, truth[0]) / truth[1];
    const double life = draw_exponential(random) / (draw_gamma(random, truth[2]) / truth[3]);
    CustomerSummary c{0, 0, 30 + 20 * random.uniform(), 0};
    const double end = std::min(life, c.age);
    for (double t = draw_exponential(random) / rate; t < end;
         t += draw_exponential(random) / rate) {
      ++c.frequency;
      c.recency = t;
    }
    customers.push_back(c);
  }
  const auto fit = fit_pareto_nbd(customers);
  ASSERT_TRUE(fit) << fit.error().text();
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(fit->parameters[i], truth[i], 4 * fit->standard_errors[i]) << i;
  }
}

TEST(PurchaseModels, RefuseWhatCannotBeFitted) {
  const std::vector<CustomerSummary> once(50, {0, 0, 10, 0});
  EXPECT_EQ(fit_bgnbd(once).error().field, "customers");
  const std::vector<CustomerSummary> wrong = {{1, 5, 4, 0}};
  EXPECT_EQ(fit_bgnbd(wrong).error().field, "customers[0]");
  EXPECT_EQ(fit_pareto_nbd(once).error().field, "customers");
}

TEST(ParetoNbd, AliveFallsWithSilenceAndStaysFinite) {
  const ParetoNbd m{0.553, 10.578, 0.606, 11.669};
  EXPECT_GT(probability_alive(m, {5, 30, 32, 0}), probability_alive(m, {5, 30, 60, 0}));
  EXPECT_NEAR(probability_alive(m, {1000, 10, 100, 0}), 0, 1e-100);
  EXPECT_GT(expected_purchases(m, {2, 30, 38, 0}, 39), 0.8);
  EXPECT_NEAR(expected_purchases(m, 0), 0, 1e-15);
}

TEST(GammaGamma, MeansAsPublished) {
  const GammaGamma g{6.25, 3.74, 15.44};
  EXPECT_NEAR(expected_spend(g).value(), 35.22, 5e-3);
  EXPECT_NEAR(expected_spend(g, {2, 1, 1, 22.35}).value(), 24.66, 5e-3);
  EXPECT_NEAR(expected_spend(g, {0, 0, 1, 0}).value(), 35.22, 5e-3);
  EXPECT_FALSE(expected_spend(GammaGamma{1, 0.5, 1}));
}

TEST(GammaGamma, FindsItsPopulationAgain) {
  Random random = random_stream(9, "spend");
  std::vector<CustomerSummary> customers;
  for (int i = 0; i < 6000; ++i) {
    const double nu = draw_gamma(random, 4) / 16;
    const auto x = static_cast<double>(1 + random.below(6));
    customers.push_back({x, 1, 2, draw_gamma(random, 6 * x) / (nu * x)});
  }
  expect_gradient(GammaGamma{5, 3, 10}, std::array{&GammaGamma::p, &GammaGamma::q, &GammaGamma::v},
                  std::span<const CustomerSummary>(customers).first(200));
  const auto fit = fit_gamma_gamma(customers);
  ASSERT_TRUE(fit) << fit.error().text();
  EXPECT_NEAR(fit->parameters[0], 6, 4 * fit->standard_errors[0]);
  EXPECT_NEAR(fit->parameters[1], 4, 4 * fit->standard_errors[1]);
  customers[3].spend = 0;
  EXPECT_EQ(fit_gamma_gamma(customers).error().field, "customers[3].spend");
}

TEST(Sbg, HighEndAsPublished) {
  const std::vector<double> alive = {1000, 869, 743, 653, 593, 551, 517, 491};
  const auto fit = fit_sbg(alive);
  ASSERT_TRUE(fit);
  EXPECT_NEAR(fit->parameters[0], 0.668, 5e-4);
  EXPECT_NEAR(fit->parameters[1], 3.806, 5e-4);
  EXPECT_NEAR(fit->log_likelihood, -1611.158, 5e-4);
  EXPECT_NEAR(survival({fit->parameters[0], fit->parameters[1]}, 12), 0.378, 5e-4);
  const Sbg m{0.668, 3.806};
  EXPECT_NEAR(retention_rate(m, 1) * retention_rate(m, 2), survival(m, 2), 1e-12);
  EXPECT_NEAR(residual_lifetime(m, 0, 2, 0), survival(m, 1) + survival(m, 2), 1e-12);
  EXPECT_FALSE(fit_sbg(std::vector<double>{100, 110, 90}));
  EXPECT_FALSE(fit_sbg(std::vector<double>{100, 100, 100}));
}

TEST(Sbg, LikelihoodsThatOnlyRiseHaveNoMaximum) {
  // Everybody left at once; everybody is alike, with a half that leaves each time.
  for (const std::vector<double>& alive :
       {std::vector<double>{100, 0, 0}, {1000, 500, 250, 125}, {100, 100, 100, 0}}) {
    const auto fit = fit_sbg(alive);
    ASSERT_FALSE(fit) << alive[1] << " " << fit->parameters[0] << " " << fit->parameters[1];
    EXPECT_EQ(fit.error().code, ErrorCode::kUnsupported);
  }
  EXPECT_TRUE(fit_sbg(std::vector<double>{1000, 500, 250, 125}, {0.001, {}}));
}

TEST(Fits, DoNotDependOnTheUnit) {
  Random random(21);
  std::vector<CustomerSummary> customers;
  for (int i = 0; i < 1500; ++i) {
    const double rate = 0.02 + 0.3 * random.uniform() * random.uniform();
    const double life = -std::log(1 - random.uniform()) / 0.04;
    const double level = 5 + 60 * random.uniform() * random.uniform();
    CustomerSummary c{0, 0, 20 + 40 * random.uniform(), 0};
    for (double t = -std::log(1 - random.uniform()) / rate; t < std::min(life, c.age);
         t -= std::log(1 - random.uniform()) / rate) {
      ++c.frequency;
      c.recency = t;
      c.spend += level * (0.4 + 1.2 * random.uniform());
    }
    if (c.frequency > 0) c.spend /= c.frequency;
    customers.push_back(c);
  }
  const auto spend = fit_gamma_gamma(customers);
  const auto pareto = fit_pareto_nbd(customers);
  const auto bgnbd = fit_bgnbd(customers);
  ASSERT_TRUE(spend) << spend.error().text();
  ASSERT_TRUE(pareto) << pareto.error().text();
  ASSERT_TRUE(bgnbd) << bgnbd.error().text();
  const auto same = [](const Result<ModelFit>& scaled, const ModelFit& fit,
                       const std::vector<double>& unit) {
    ASSERT_TRUE(scaled) << scaled.error().text();
    for (std::size_t i = 0; i < unit.size(); ++i) {
      EXPECT_NEAR(scaled->parameters[i] / unit[i] / fit.parameters[i], 1, 1e-4) << i;
      EXPECT_NEAR(scaled->standard_errors[i] / unit[i] / fit.standard_errors[i], 1, 1e-3) << i;
    }
  };
  for (const double unit : {1e-6, 201600.0, 1e9}) {
    std::vector<CustomerSummary> other = customers;
    for (CustomerSummary& c : other) {
      c.recency *= unit;
      c.age *= unit;
      c.spend *= unit;
    }
    same(fit_gamma_gamma(other), *spend, {1, 1, unit});
    same(fit_pareto_nbd(other), *pareto, {1, unit, 1, unit});
    same(fit_bgnbd(other), *bgnbd, {1, unit, 1, 1});
  }
}

TEST(Sbg, PrintedSurvivalsAreFollowedToTheLastYear) {
  // Per cent still there after each year; the model saw the first seven.
  const double printed[] = {100,  86.9, 74.3, 65.3, 59.3, 55.1, 51.7,
                            49.1, 46.8, 44.5, 42.7, 40.9, 39.4};
  std::vector<double> alive;
  for (int year = 0; year <= 7; ++year) alive.push_back(10 * printed[year]);
  const auto fit = fit_sbg(alive);
  ASSERT_TRUE(fit) << fit.error().text();
  const Sbg m{fit->parameters[0], fit->parameters[1]};
  for (int year = 1; year <= 12; ++year) {
    EXPECT_NEAR(100 * survival(m, year), printed[year], 2.0) << year;
  }
  EXPECT_NEAR(survival(m, 12), 0.378, 5e-4);
}

TEST(ResidualValue, DiscountsEachPeriod) {
  const PurchaseCurve steady = [](double t) -> Result<double> { return 2 * t; };
  EXPECT_NEAR(residual_value(steady, 10, 3, 1, 0).value(), 60, 1e-12);
  EXPECT_NEAR(residual_value(steady, 10, 2, 1, 0.1).value(), 20 / 1.1 + 20 / 1.21, 1e-12);
}

TEST(Rfm, ScoresAndSegmentsAsPublished) {
  const RfmCuts cuts{{115, 181, 297, 482}, {4, 5, 6, 8}, {256, 382, 506, 666}};
  const RfmScore first = rfm_score({205, 6, 472}, cuts);
  EXPECT_EQ(first, (RfmScore{3, 4, 3}));
  EXPECT_EQ(rfm_segment(first).name, "Potential Loyalist");
  const RfmScore second = rfm_score({140, 3, 340}, cuts);
  EXPECT_EQ(second, (RfmScore{4, 1, 2}));
  EXPECT_EQ(rfm_segment(second).name, "New Customers");
  // Equal to a cut: the bin above, for recency the worse score.
  EXPECT_EQ(rfm_score({115, 4, 256}, cuts), (RfmScore{4, 2, 2}));
  EXPECT_EQ(rfm_segment({2, 1, 5}).name, "Others");
  EXPECT_FALSE(check_cuts({{4, 3, 2, 1}, {}, {}}));
  EXPECT_FALSE(rfm_cuts({}));
}

/// The printed boxes, first match wins, over all 125 scores.
TEST(Rfm, SegmentsAreThePrintedBoxes) {
  struct Box {
    std::string_view name;
    int r0, r1, f0, f1, m0, m1;
  };
  constexpr Box kBoxes[] = {
      {"Champions", 5, 5, 5, 5, 5, 5},       {"Potential Loyalist", 3, 5, 3, 5, 2, 5},
      {"Loyal Customers", 2, 4, 2, 4, 2, 4}, {"Promising", 3, 4, 1, 3, 3, 5},
      {"New Customers", 4, 5, 1, 3, 1, 5},   {"Can't Lose Them", 1, 2, 3, 4, 4, 5},
      {"At Risk", 1, 2, 2, 5, 4, 5},         {"Need Attention", 1, 3, 3, 5, 3, 5},
      {"About To Sleep", 2, 3, 1, 3, 1, 4},  {"Lost", 1, 1, 1, 5, 1, 5},
      {"Others", 1, 5, 1, 5, 1, 5}};
  for (int r = 1; r <= 5; ++r) {
    for (int f = 1; f <= 5; ++f) {
      for (int m = 1; m <= 5; ++m) {
        const auto box = std::ranges::find_if(kBoxes, [&](const Box& b) {
          return r >= b.r0 && r <= b.r1 && f >= b.f0 && f <= b.f1 && m >= b.m0 && m <= b.m1;
        });
        EXPECT_EQ(rfm_segment({r, f, m}).name, box->name) << r << f << m;
      }
    }
  }
}

TEST(Survival, KaplanMeierByHand) {
  const std::vector<Lifetime> lives = {{1, true}, {2, true}, {2, false}, {3, true}, {4, false}};
  const auto curve = kaplan_meier(lives);
  ASSERT_EQ(curve.size(), 3U);
  EXPECT_DOUBLE_EQ(curve[0].survival, 0.8);
  EXPECT_DOUBLE_EQ(curve[1].survival, 0.8 * 0.75);
  EXPECT_DOUBLE_EQ(curve[2].survival, 0.8 * 0.75 * 0.5);
  EXPECT_GT(curve[0].interval.low, 0);
  EXPECT_LT(curve[0].interval.high, 1);
  EXPECT_DOUBLE_EQ(median_survival(curve), 3);
}

TEST(Survival, CoxFindsTheHazardAndRefusesSeparation) {
  Random random = random_stream(3, "cox");
  std::vector<Lifetime> lives;
  Matrix x(2000, 2);
  for (std::size_t i = 0; i < x.rows; ++i) {
    x.at(i, 0) = random.normal();
    x.at(i, 1) = static_cast<double>(random.below(2));
    const double t = draw_exponential(random) / std::exp(0.7 * x.at(i, 0) - 0.5 * x.at(i, 1));
    lives.push_back({std::min(t, 2.0), t < 2, static_cast<std::uint32_t>(x.at(i, 1))});
  }
  const auto fit = fit_cox(lives, x);
  ASSERT_TRUE(fit) << fit.error().text();
  EXPECT_NEAR(fit->coefficients[0], 0.7, 4 * fit->standard_errors[0]);
  EXPECT_NEAR(fit->coefficients[1], -0.5, 4 * fit->standard_errors[1]);
  EXPECT_GT(fit->concordance, 0.6);
  EXPECT_LT(log_rank(lives)->p, 0.01);
  Matrix constant(2000, 1);
  EXPECT_EQ(fit_cox(lives, constant).error().field, "covariates[0]");
  const std::vector<Lifetime> split = {{1, true}, {2, true}, {3, false}, {4, false}};
  Matrix early(4, 1);
  for (std::size_t i = 0; i < 4; ++i) early.at(i, 0) = static_cast<double>(i);
  EXPECT_EQ(fit_cox(split, early).error().code, ErrorCode::kUnsupported);
}

Instant at(std::string_view text) { return parse_time(text, TimeZone::shanghai()).value(); }

TEST(Retention, RecurringCohortsAsPublished) {
  std::vector<Activity> all;
  for (const int d : {0, 1, 2, 5, 6, 10}) {  // day 10 only stretches the matrix to eleven days
    if (d < 10) all.push_back({1, at(fmt::format("2026-03-{:02}", d + 1))});
  }
  for (const int d : {1, 2, 3, 6}) all.push_back({2, at(fmt::format("2026-03-{:02}", d + 1))});
  all.push_back({3, at("2026-03-11")});
  RetentionSettings s;
  s.cohort = CohortKind::kRecurring;
  const auto rows = retention_matrix(all, s);
  ASSERT_TRUE(rows);
  EXPECT_THAT((*rows)[0].people, ElementsAre(1, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0));
  EXPECT_EQ((*rows)[0].period, "2026-03-01");
}

TEST(Retention, BordersWeeksAndMonths) {
  RetentionSettings s;
  s.period = RetentionPeriod::kWeek;
  // 2026-03-01 is a Sunday.
  const std::vector<Activity> sunday = {{1, at("2026-02-28T23:59:59")}, {1, at("2026-03-01")}};
  EXPECT_EQ(retention_matrix(sunday, s)->size(), 1U);
  EXPECT_EQ(retention_matrix(sunday, s)->at(0).period, "2026-02-23");
  s.week_starts_monday = false;
  EXPECT_EQ(retention_matrix(sunday, s)->size(), 2U);
  s.period = RetentionPeriod::kMonth;
  const auto months = retention_matrix(sunday, s);
  EXPECT_THAT(months->at(0).people, ElementsAre(1, 1));
  // The same moments lie in one month in UTC.
  s.zone = TimeZone::create("Z").value();
  EXPECT_EQ(retention_matrix(sunday, s)->size(), 1U);
}

}  // namespace
}  // namespace zhiyin::statistics
