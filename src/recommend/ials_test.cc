#include "recommend/ials.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "recommend/detail/eigen.h"
#include "recommend/detail/matrix_kernels.h"

namespace zhiyin::recommend {
namespace {

/// Two tastes with some noise.
Interactions made(std::size_t people, std::size_t items, std::size_t longest, std::uint64_t seed) {
  Random random(seed);
  std::vector<Interaction> entries;
  for (std::uint32_t u = 0; u < people; ++u) {
    const std::size_t size = 1 + random.below(longest);
    for (std::size_t k = 0; k < size; ++k) {
      const bool own = random.uniform() < 0.8;
      const std::uint64_t half = own == (u % 2 == 0) ? 0 : items / 2;
      entries.push_back({u, static_cast<std::uint32_t>(half + random.below(items / 2)), 1});
    }
  }
  return Interactions::build(std::move(entries), people, items);
}

/// Solves a small positive definite system in float64.
std::vector<double> solved(std::vector<std::vector<double>> a, std::vector<double> b) {
  const std::size_t n = b.size();
  for (std::size_t k = 0; k < n; ++k) {
    for (std::size_t i = k + 1; i < n; ++i) {
      const double factor = a[i][k] / a[k][k];
      for (std::size_t j = k; j < n; ++j) a[i][j] -= factor * a[k][j];
      b[i] -= factor * b[k];
    }
  }
  for (std::size_t k = n; k-- > 0;) {
    for (std::size_t j = k + 1; j < n; ++j) b[k] -= a[k][j] * b[j];
    b[k] /= a[k][k];
  }
  return b;
}

/// A person's factors from the definition, in float64.
std::vector<double> folded(const Ials& model, const IalsParams& p,
                           std::span<const std::uint32_t> h) {
  const std::size_t d = p.factors;
  std::vector<std::vector<double>> a(d, std::vector<double>(d, 0));
  std::vector<double> b(d, 0);
  const auto add = [&](std::uint32_t item, double weight) {
    const auto y = model.item(item);
    for (std::size_t i = 0; i < d; ++i) {
      for (std::size_t j = 0; j < d; ++j) a[i][j] += weight * y[i] * y[j];
    }
  };
  for (std::uint32_t i = 0; i < model.items(); ++i) add(i, p.weight);
  for (const std::uint32_t i : h) {
    add(i, 1);
    for (std::size_t k = 0; k < d; ++k) b[k] += model.item(i)[k];
  }
  const double ridge = p.regularization * (static_cast<double>(h.size()) +
                                           p.weight * static_cast<double>(model.items()));
  for (std::size_t i = 0; i < d; ++i) a[i][i] += ridge;
  return solved(std::move(a), std::move(b));
}

TEST(Eigen, RotatesASymmetricMatrixToItsDiagonal) {
  Random random(3);
  constexpr std::size_t n = 20;
  std::vector<double> a(n * n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) a[i * n + j] = a[j * n + i] = random.normal();
  }
  std::vector<double> v;
  const std::vector<double> values = detail::symmetric_eigen(a, n, v);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      double left = 0;
      for (std::size_t k = 0; k < n; ++k) left += a[i * n + k] * v[k * n + j];
      EXPECT_NEAR(left, v[i * n + j] * values[j], 1e-10);
    }
  }
}

TEST(Ials, FoldInIsTheLeastSquaresSolutionForShortAndLongHistories) {
  const Interactions x = made(120, 90, 40, 1);
  for (const std::size_t factors : {5U, 16U, 24U}) {
    const IalsParams params{.factors = factors, .iterations = 3};
    const auto model = Ials::train(x, params);
    ASSERT_TRUE(model) << model.error().text();
    IalsScratch scratch;
    std::vector<float> out(model->width());
    for (std::size_t u = 0; u < 20; ++u) {
      model->fold_in(x.columns(u), out, scratch);
      const auto expected = folded(*model, params, x.columns(u));
      double size = 0;
      for (const double e : expected) size += e * e;
      for (std::size_t k = 0; k < factors; ++k)
        EXPECT_NEAR(out[k], expected[k], 1e-4 * std::sqrt(size)) << u << " " << k;
      for (std::size_t k = factors; k < out.size(); ++k) EXPECT_EQ(out[k], 0);
    }
    model->fold_in({}, out, scratch);
    EXPECT_EQ(std::ranges::count(out, 0.0F), static_cast<std::ptrdiff_t>(out.size()));
  }
}

TEST(Ials, LargestScoresComeInOrderAndEqualOnesByPlace) {
  Random random(5);
  for (const std::size_t size : {1U, 7U, 33U, 500U}) {
    std::vector<float> scores(size);
    for (float& s : scores) s = static_cast<float>(random.below(40));
    std::vector<std::uint32_t> expected(size);
    for (std::uint32_t i = 0; i < size; ++i) expected[i] = i;
    std::ranges::stable_sort(
        expected, [&](std::uint32_t a, std::uint32_t b) { return scores[a] > scores[b]; });
    for (const std::size_t count : {0U, 1U, 20U, 600U}) {
      const auto best = places_of_largest(scores, count);
      ASSERT_EQ(best.size(), std::min<std::size_t>(count, size));
      EXPECT_TRUE(std::ranges::equal(best, std::span(expected).first(best.size())));
    }
  }
}

/// Every instruction set against the definition, in float64.
TEST(MatrixKernels, LeastSquaresOfARowIsTheSameOnEveryInstructionSet) {
  Random random(9);
  constexpr std::size_t rows = 50;
  for (const std::size_t width : {16U, 48U, 64U, 128U}) {
    std::vector<float> table(rows * width);
    // Numbers that bfloat16 holds, so that gradients, which read such, have the same solution.
    for (float& y : table) y = static_cast<float>(std::round(random.normal() * 38) / 128);
    std::vector<float> gram(width * width, 0);
    std::vector<float> diagonal(width);
    for (std::size_t j = 0; j < width; ++j)
      gram[j * width + j] = diagonal[j] = static_cast<float>(0.5 + random.uniform());
    for (const std::size_t count : {1U, 15U, 16U, 37U}) {
      std::vector<std::uint32_t> events(count);
      for (std::size_t i = 0; i < count; ++i) events[i] = static_cast<std::uint32_t>(i * 7 % rows);
      std::vector<std::vector<double>> a(width, std::vector<double>(width, 0));
      std::vector<double> b(width, 0);
      constexpr double kRidge = 0.4;
      for (std::size_t j = 0; j < width; ++j) a[j][j] = diagonal[j] + kRidge;
      for (const std::uint32_t e : events) {
        const float* const y = table.data() + e * width;
        for (std::size_t i = 0; i < width; ++i) {
          b[i] += 2.0 * y[i];
          for (std::size_t j = 0; j < width; ++j) a[i][j] += y[i] * y[j];
        }
      }
      const std::vector<double> expected = solved(a, b);
      const detail::RowSystem system{
          table.data(), events.data(), count, width, gram.data(), static_cast<float>(kRidge), 2};
      const std::size_t step = detail::padded(count);
      for (const detail::MatrixKernels* const k : detail::usable_kernels()) {
        const auto expect = [&](const std::vector<float>& x, const char* what) {
          for (std::size_t j = 0; j < width; ++j)
            EXPECT_NEAR(x[j], expected[j], 1e-4)
                << k->name << " " << what << " " << width << " " << count << " " << j;
        };
        std::vector<float> x(width, 0.1F);
        std::vector<float> memory(step * width);
        std::vector<float> square(std::max(step * step, width * width));
        std::vector<float> vectors(std::max(4 * width, step));
        k->conjugate_gradients(system, 60, x.data(), memory.data(), vectors.data());
        expect(x, "gradients");
        std::vector<std::uint32_t> halves(table.size() / 2);
        detail::RowSystem halved = system;
        const bool has_halves = k->halve(table.data(), rows, width, halves.data());
        EXPECT_TRUE(has_halves || width != 64) << k->name;
        if (has_halves) halved.halves = halves.data();
        std::ranges::fill(x, 0.1F);
        k->conjugate_gradients(halved, 60, x.data(), memory.data(), vectors.data());
        expect(x, "gradients from halves");
        ASSERT_TRUE(k->solve_dual(system, diagonal.data(), width, x.data(), memory.data(),
                                  square.data(), vectors.data()));
        expect(x, "dual");
        std::ranges::copy(gram, square.begin());
        ASSERT_TRUE(k->solve_whole(system, width, x.data(), memory.data(), square.data()));
        expect(x, "whole");
      }
    }
  }
}

TEST(Ials, ScoresOfManyPeopleAtOnceAreThoseOfEach) {
  const Interactions x = made(70, 101, 30, 3);
  const auto model = Ials::train(x, {.factors = 20, .iterations = 2});
  ASSERT_TRUE(model);
  IalsScratch scratch;
  for (const std::size_t people : {0U, 1U, 8U, 37U}) {
    std::vector<float> rows(people * model->width());
    for (std::size_t p = 0; p < people; ++p)
      model->fold_in(x.columns(p), std::span(rows).subspan(p * model->width(), model->width()),
                     scratch);
    std::vector<float> all(people * model->items(), NAN);
    model->score_all(rows, all);
    std::vector<float> one(model->items());
    for (std::size_t p = 0; p < people; ++p) {
      model->score(std::span(rows).subspan(p * model->width(), model->width()), one);
      for (std::size_t i = 0; i < one.size(); ++i)
        EXPECT_NEAR(all[p * one.size() + i], one[i], 1e-5) << people << " " << p << " " << i;
    }
  }
}

TEST(Ials, GradientsOnHalvesComeCloseToTheExactLoss) {
  const Interactions x = made(300, 200, 60, 6);
  const auto halved = Ials::train(x, {.factors = 32, .solver = IalsSolver::kConjugateGradient});
  const auto exact = Ials::train(x, {.factors = 32, .solver = IalsSolver::kExact});
  ASSERT_TRUE(halved && exact);
  EXPECT_NEAR(halved->trained_loss().total() / exact->trained_loss().total(), 1, 2e-3);
}

TEST(Ials, ContributionsOfTheHistoryAddUpToTheScore) {
  const Interactions x = made(120, 90, 40, 1);
  const auto model = Ials::train(x, {.factors = 12, .iterations = 4});
  ASSERT_TRUE(model);
  const auto stored =
      Ials::from_parts(model->params(), {model->factors().begin(), model->factors().end()},
                       {model->diagonal().begin(), model->diagonal().end()});
  ASSERT_TRUE(stored);
  IalsScratch scratch;
  std::vector<float> person(model->width());
  std::vector<float> scores(model->items());
  for (std::size_t u = 0; u < 10; ++u) {
    const auto history = x.columns(u);
    stored->fold_in(history, person, scratch);
    stored->score(person, scores);
    std::vector<float> terms(history.size());
    Ials::Terms shares = stored->terms(history);
    for (const std::uint32_t item : {0U, 33U, 89U}) {
      shares.of(item, terms);
      double sum = 0;
      for (const float t : terms) sum += t;
      EXPECT_NEAR(sum, scores[item], 2e-4) << u << " " << item;
    }
  }
  EXPECT_FALSE(Ials::from_parts(model->params(), std::vector<float>(7), std::vector<float>(16)));
  EXPECT_FALSE(
      Ials::from_parts({.factors = 12}, std::vector<float>(16, NAN), std::vector<float>(16)));
}

TEST(Ials, TermsAreThoseOfTheNormalMatrixForShortAndLongHistories) {
  const Interactions x = made(120, 90, 40, 1);
  const IalsParams params{.factors = 12, .iterations = 4};
  const auto model = Ials::train(x, params);
  ASSERT_TRUE(model);
  for (const std::size_t events : {1U, 5U, 11U, 12U, 20U}) {
    std::vector<std::uint32_t> history;
    for (std::uint32_t e = 0; e < events; ++e) history.push_back(e * 4 + 1);
    const double ridge =
        params.regularization *
        std::pow(static_cast<double>(events) + params.weight * static_cast<double>(model->items()),
                 params.frequency);
    std::vector<std::vector<double>> a(12, std::vector<double>(12));
    for (std::size_t i = 0; i < 12; ++i) {
      a[i][i] = model->diagonal()[i] + ridge;
      for (std::size_t j = 0; j < 12; ++j) {
        for (const std::uint32_t e : history)
          a[i][j] += double{model->item(e)[i]} * model->item(e)[j];
      }
    }
    Ials::Terms terms = model->terms(history);
    std::vector<float> found(events);
    for (const std::uint32_t item : {0U, 33U, 89U}) {
      terms.of(item, found);
      const auto z = solved(a, {model->item(item).begin(), model->item(item).begin() + 12});
      for (std::size_t e = 0; e < events; ++e) {
        double expected = 0;
        for (std::size_t j = 0; j < 12; ++j) expected += model->item(history[e])[j] * z[j];
        EXPECT_NEAR(found[e], expected, 1e-4) << events << " " << e;
      }
    }
  }
}

TEST(Ials, RoughScoresAreNearTheScores) {
  const Interactions x = made(120, 90, 40, 1);
  const auto model = Ials::train(x, {.factors = 12, .iterations = 4});
  ASSERT_TRUE(model);
  IalsScratch scratch;
  std::vector<float> person(model->width());
  std::vector<float> scores(model->items());
  std::vector<float> rough(model->items());
  for (std::size_t u = 0; u < 10; ++u) {
    model->fold_in(x.columns(u), person, scratch);
    model->score(person, scores);
    model->score_roughly(person, rough);
    const float largest = std::ranges::max(scores);
    for (std::uint32_t i = 0; i < model->items(); ++i) {
      EXPECT_NEAR(rough[i], scores[i], 0.02 * largest) << u << " " << i;
      EXPECT_NEAR(model->score_of(person, i), scores[i], 1e-5);
    }
  }
}

/// Alternating least squares with float64 Cholesky-like solves from the same start.
double reference_loss(const Interactions& x, const IalsParams& p) {
  const Interactions t = x.transposed();
  const std::size_t d = p.factors;
  using Rows = std::vector<std::vector<double>>;
  Random random(p.seed);
  const auto start = [&](std::size_t rows) {
    Rows out(rows, std::vector<double>(d));
    for (auto& row : out) {
      for (double& v : row)
        v = static_cast<float>(0.1 / std::sqrt(static_cast<double>(d)) * random.normal());
    }
    return out;
  };
  Rows users = start(x.users());
  Rows items = start(x.items());
  const auto ridge = [&](std::size_t events, std::size_t other) {
    return p.regularization * (static_cast<double>(events) + p.weight * static_cast<double>(other));
  };
  const auto sweep = [&](const Interactions& m, Rows& mine, const Rows& other) {
    std::vector<std::vector<double>> gram(d, std::vector<double>(d, 0));
    for (const auto& y : other) {
      for (std::size_t i = 0; i < d; ++i) {
        for (std::size_t j = 0; j < d; ++j) gram[i][j] += p.weight * y[i] * y[j];
      }
    }
    for (std::size_t r = 0; r < m.users(); ++r) {
      auto a = gram;
      std::vector<double> b(d, 0);
      for (const std::uint32_t c : m.columns(r)) {
        for (std::size_t i = 0; i < d; ++i) {
          b[i] += other[c][i];
          for (std::size_t j = 0; j < d; ++j) a[i][j] += other[c][i] * other[c][j];
        }
      }
      for (std::size_t i = 0; i < d; ++i) a[i][i] += ridge(m.columns(r).size(), other.size());
      mine[r] = m.columns(r).empty() ? std::vector<double>(d, 0) : solved(a, b);
    }
  };
  for (std::size_t i = 0; i < p.iterations; ++i) {
    sweep(x, users, items);
    sweep(t, items, users);
  }
  const auto dot = [](const auto& a, const auto& b) {
    double out = 0;
    for (std::size_t i = 0; i < a.size(); ++i) out += a[i] * b[i];
    return out;
  };
  double loss = 0;
  for (std::size_t u = 0; u < x.users(); ++u) {
    loss += ridge(x.columns(u).size(), x.items()) * dot(users[u], users[u]);
    for (std::size_t i = 0; i < x.items(); ++i) {
      const double y = dot(users[u], items[i]);
      loss += p.weight * y * y;
      if (x.contains(u, static_cast<std::uint32_t>(i))) loss += (1 - y) * (1 - y);
    }
  }
  for (std::size_t i = 0; i < x.items(); ++i)
    loss += ridge(t.columns(i).size(), x.users()) * dot(items[i], items[i]);
  return loss;
}

TEST(Ials, TheExactSolverHasTheLossOfCholeskyInFloat64) {
  const Interactions x = made(150, 80, 50, 2);
  const IalsParams params{.factors = 20, .iterations = 6, .solver = IalsSolver::kExact, .seed = 5};
  const auto model = Ials::train(x, params);
  ASSERT_TRUE(model);
  const double expected = reference_loss(x, params);
  EXPECT_NEAR(model->trained_loss().total() / expected, 1, 1e-5);
}

TEST(Ials, ConjugateGradientsComeCloseToTheExactLoss) {
  const Interactions x = made(300, 100, 30, 2);
  IalsParams params{.factors = 16};
  const double gradient = Ials::train(x, params)->trained_loss().total();
  params.solver = IalsSolver::kExact;
  const double exact = Ials::train(x, params)->trained_loss().total();
  EXPECT_NEAR(gradient / exact, 1, 0.01);
}

TEST(Ials, LearnsATinySetByHeart) {
  // Two people with nothing in common.
  std::vector<Interaction> entries = {{0, 0, 1}, {0, 1, 1}, {1, 2, 1}, {1, 3, 1}};
  const Interactions x = Interactions::build(entries, 2, 4);
  const auto model = Ials::train(x, {.factors = 2,
                                     .weight = 0.01,
                                     .regularization = 0.0001,
                                     .iterations = 50,
                                     .solver = IalsSolver::kExact});
  ASSERT_TRUE(model);
  IalsScratch scratch;
  std::vector<float> person(model->width());
  std::vector<float> scores(4);
  model->fold_in(std::vector<std::uint32_t>{0}, person, scratch);
  model->score(person, scores);
  EXPECT_GT(scores[1], 0.9);
  EXPECT_LT(std::abs(scores[2]), 0.05);
  EXPECT_LT(model->loss(x).observed, 0.01);
}

TEST(Ials, ThreadsChangeNothingAndTheSeedDoes) {
  const Interactions x = made(100, 60, 20, 7);
  for (const IalsSolver solver : {IalsSolver::kExact, IalsSolver::kConjugateGradient}) {
    IalsParams params{.factors = 8, .iterations = 4, .solver = solver};
    const auto one = Ials::train(x, params);
    params.threads = 3;
    const auto three = Ials::train(x, params);
    params.seed = 2;
    const auto other = Ials::train(x, params);
    ASSERT_TRUE(one && three && other);
    EXPECT_TRUE(std::ranges::equal(one->item(7), three->item(7)));
    EXPECT_FALSE(std::ranges::equal(one->item(7), other->item(7)));
  }
}

TEST(Ials, RefusesBadParametersAndTakesEmptySets) {
  const Interactions x = made(10, 10, 3, 1);
  const auto field = [&](const IalsParams& p) { return Ials::train(x, p).error().field; };
  EXPECT_EQ(field({.factors = 0}), "factors");
  EXPECT_EQ(field({.factors = 513}), "factors");
  EXPECT_EQ(field({.weight = 0}), "weight");
  EXPECT_EQ(field({.weight = NAN}), "weight");
  EXPECT_EQ(field({.regularization = -1}), "regularization");
  EXPECT_EQ(field({.iterations = 0}), "iterations");
  EXPECT_EQ(Ials::train(x, {}, [](double) { return false; }).error().code, ErrorCode::kDeadline);
  const auto empty = Ials::train(Interactions::build({}, 0, 0), {.factors = 4});
  ASSERT_TRUE(empty) << empty.error().text();
  EXPECT_EQ(empty->items(), 0U);
  EXPECT_TRUE(Ials::train(Interactions::build({{0, 0, 1}}, 3, 1), {.factors = 4}));
}

TEST(Ials, NotesTheObjectiveOfEachIterationWhereAsked) {
  const Interactions matrix = made(60, 20, 8, 4);
  IalsParams params{.factors = 6, .iterations = 7, .solver = IalsSolver::kExact};
  const auto quiet = Ials::train(matrix, params);
  params.notes_losses = true;
  const auto told = Ials::train(matrix, params);
  ASSERT_TRUE(quiet && told);
  EXPECT_TRUE(quiet->losses().empty());
  ASSERT_EQ(told->losses().size(), 7U);
  EXPECT_EQ(told->losses().back(), told->trained_loss().total());
  EXPECT_TRUE(std::ranges::equal(told->factors(), quiet->factors()));
  // Exact alternating least squares never climbs.
  for (std::size_t i = 1; i < 7; ++i)
    EXPECT_LE(told->losses()[i], told->losses()[i - 1] * (1 + 1e-6));
}

}  // namespace
}  // namespace zhiyin::recommend
