// The closed-form and counting models, against their definitions written out.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "recommend/co_occurrence.h"
#include "recommend/detail/matrix_kernels.h"
#include "recommend/ease.h"
#include "recommend/item_knn.h"
#include "recommend/rp3beta.h"
#include "recommend/symmetric_matrix.h"

namespace zhiyin::recommend {
namespace {

/// Histories of 1 to `longest` different items, the small numbers more often.
std::vector<std::vector<std::uint32_t>> histories(std::size_t people, std::size_t items,
                                                  std::size_t longest, std::uint64_t seed) {
  Random random(seed);
  std::vector<std::vector<std::uint32_t>> out(people);
  for (auto& history : out) {
    const std::size_t size = 1 + random.below(longest);
    while (history.size() < size) {
      const double u = random.uniform();
      const auto item = static_cast<std::uint32_t>(u * u * static_cast<double>(items));
      if (std::ranges::find(history, item) == history.end()) history.push_back(item);
    }
  }
  return out;
}

Interactions matrix_of(const std::vector<std::vector<std::uint32_t>>& all, std::size_t items) {
  std::vector<Interaction> entries;
  for (std::uint32_t u = 0; u < all.size(); ++u) {
    for (const std::uint32_t item : all[u]) entries.push_back({u, item, 1});
  }
  return Interactions::build(std::move(entries), all.size(), items);
}

CoOccurrence counts_of(const std::vector<std::vector<std::uint32_t>>& all, std::size_t items) {
  CoOccurrence out(items);
  for (const auto& history : all) out.add(history);
  return out;
}

using Dense = std::vector<std::vector<double>>;

/// Gauss-Jordan in float64.
Dense inverse_of(Dense a) {
  const std::size_t n = a.size();
  Dense out(n, std::vector<double>(n, 0));
  for (std::size_t i = 0; i < n; ++i) out[i][i] = 1;
  for (std::size_t k = 0; k < n; ++k) {
    const double pivot = a[k][k];
    for (std::size_t j = 0; j < n; ++j) {
      a[k][j] /= pivot;
      out[k][j] /= pivot;
    }
    for (std::size_t i = 0; i < n; ++i) {
      if (i == k) continue;
      const double factor = a[i][k];
      for (std::size_t j = 0; j < n; ++j) {
        a[i][j] -= factor * a[k][j];
        out[i][j] -= factor * out[k][j];
      }
    }
  }
  return out;
}

SquareMatrix positive_definite(std::size_t n, std::uint64_t seed) {
  Random random(seed);
  auto out = SquareMatrix::create(n);
  EXPECT_TRUE(out);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < i; ++j) out->row(i)[j] = static_cast<float>(random.uniform());
    out->row(i)[i] = static_cast<float>(static_cast<double>(n) / 2 + 1);
  }
  return std::move(*out);
}

TEST(NegativeInverse, TimesTheMatrixIsMinusOneOnEveryInstructionSet) {
  for (std::size_t kernel = 0; kernel < detail::usable_kernels().size(); ++kernel) {
    for (const std::size_t n : {1U, 7U, 48U, 50U, 240U, 241U, 301U, 500U}) {
      const SquareMatrix a = positive_definite(n, n);
      SquareMatrix inverse = positive_definite(n, n);
      ASSERT_TRUE(negative_inverse(inverse, {.kernel = kernel}));
      const auto at = [](const SquareMatrix& m, std::size_t i, std::size_t j) -> double {
        return i < j ? m.row(j)[i] : m.row(i)[j];
      };
      double worst = 0;
      for (std::size_t i = 0; i < n; i += 1 + n / 40) {
        for (std::size_t j = 0; j < n; j += 1 + n / 40) {
          double sum = i == j ? 1 : 0;
          for (std::size_t k = 0; k < n; ++k) sum += at(a, i, k) * at(inverse, k, j);
          worst = std::max(worst, std::abs(sum));
        }
      }
      EXPECT_LT(worst, 1e-5) << n << " " << detail::usable_kernels()[kernel]->name;
    }
  }
}

TEST(NegativeInverse, ThreadsChangeNothing) {
  SquareMatrix one = positive_definite(530, 3);
  SquareMatrix three = positive_definite(530, 3);
  ASSERT_TRUE(negative_inverse(one, {.threads = 1}));
  ASSERT_TRUE(negative_inverse(three, {.threads = 3}));
  for (std::size_t i = 0; i < 530; ++i) {
    for (std::size_t j = 0; j <= i; ++j) ASSERT_EQ(one.row(i)[j], three.row(i)[j]);
  }
}

TEST(NegativeInverse, RefusesWhatIsNotPositiveDefiniteAndCanBeCancelled) {
  SquareMatrix bad = positive_definite(300, 1);
  bad.row(250)[250] = -1;
  EXPECT_EQ(negative_inverse(bad, {}).error().code, ErrorCode::kInvalidArgument);
  SquareMatrix none = positive_definite(3, 1);
  none.row(1)[1] = NAN;
  EXPECT_FALSE(negative_inverse(none, {}));
  SquareMatrix good = positive_definite(300, 1);
  EXPECT_EQ(negative_inverse(good, {.progress = [](double) { return false; }}).error().code,
            ErrorCode::kDeadline);
  EXPECT_EQ(negative_inverse(good, {.kernel = 99}).error().field, "kernel");
  SquareMatrix empty;
  EXPECT_TRUE(negative_inverse(empty, {}));
}

TEST(CoOccurrence, CountsHistoriesAndTakesThemAwayExactly) {
  const auto all = histories(200, 30, 12, 1);
  const CoOccurrence whole = counts_of(all, 30);
  EXPECT_EQ(whole.count(3, 3),
            static_cast<std::uint32_t>(std::ranges::count_if(
                all, [](const auto& h) { return std::ranges::count(h, 3U) > 0; })));
  CoOccurrence left = whole;
  for (std::size_t u = 100; u < 200; ++u) ASSERT_TRUE(left.remove(all[u]));
  EXPECT_EQ(left, counts_of({all.begin(), all.begin() + 100}, 30));
  left.merge(counts_of({all.begin() + 100, all.end()}, 30));
  EXPECT_EQ(left, whole);
}

TEST(CoOccurrence, EventsAsTheyComeGiveTheSameCounts) {
  const auto all = histories(50, 20, 9, 2);
  CoOccurrence by_event;
  for (const auto& history : all) {
    for (std::size_t i = 0; i < history.size(); ++i)
      by_event.add(history[i], std::span(history).first(i));
  }
  by_event.grow(20);
  EXPECT_EQ(by_event, counts_of(all, 20));
  ASSERT_TRUE(by_event.remove(all[0].back(), std::span(all[0]).first(all[0].size() - 1)));
  auto shorter = all;
  shorter[0].pop_back();
  EXPECT_EQ(by_event, counts_of(shorter, 20));
}

TEST(CoOccurrence, TakingAwayMoreThanWasAddedChangesNothing) {
  CoOccurrence counts = counts_of({{0, 1}, {1, 2}}, 3);
  const CoOccurrence before = counts;
  EXPECT_EQ(counts.remove(std::vector<std::uint32_t>{0, 2}).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_FALSE(counts.remove(std::vector<std::uint32_t>{0, 9}));
  EXPECT_FALSE(counts.remove(0, std::vector<std::uint32_t>{2}));
  EXPECT_EQ(counts, before);
  CoOccurrence smaller(1);
  smaller.merge(counts);
  EXPECT_EQ(smaller, counts);
}

TEST(Ease, WeightsAreThoseOfTheClosedForm) {
  constexpr std::size_t n = 60;
  const CoOccurrence counts = counts_of(histories(300, n, 15, 4), n);
  Dense g(n, std::vector<double>(n));
  for (std::uint32_t i = 0; i < n; ++i) {
    for (std::uint32_t j = 0; j < n; ++j) g[i][j] = counts.count(i, j) + (i == j ? 7.5 : 0);
  }
  const Dense p = inverse_of(g);
  const auto ease = Ease::train(counts, {.lambda = 7.5});
  ASSERT_TRUE(ease) << ease.error().text();
  for (std::uint32_t i = 0; i < n; ++i) {
    for (std::uint32_t j = 0; j < n; ++j)
      EXPECT_NEAR(ease->row(i)[j], i == j ? 0 : -p[i][j] / p[j][j], 2e-5) << i << " " << j;
  }
}

TEST(Ease, TheStrongestWeightsAreKept) {
  const auto ease = Ease::train(counts_of(histories(300, 40, 15, 4), 40), {.lambda = 20});
  ASSERT_TRUE(ease);
  const ItemNeighbours all = ease->strongest(100);
  const ItemNeighbours few = ease->strongest(5);
  EXPECT_EQ(all.row(3).size(), 39U);
  ASSERT_EQ(few.row(3).size(), 5U);
  float weakest = 9;
  for (const Neighbour& n : few.row(3)) {
    EXPECT_EQ(n.similarity, ease->row(3)[n.item]);
    weakest = std::min(weakest, std::abs(n.similarity));
  }
  EXPECT_EQ(std::ranges::count_if(
                all.row(3), [&](const Neighbour& n) { return std::abs(n.similarity) > weakest; }),
            4);
}

TEST(Ease, KeepsMoreWeightsUntilLittleIsLeftOutWithinTheMemory) {
  const auto ease = Ease::train(counts_of(histories(300, 40, 15, 4), 40), {.lambda = 20});
  ASSERT_TRUE(ease);
  const auto size_of = [](std::span<const Neighbour> row) {
    double sum = 0;
    for (const Neighbour& n : row) sum += std::abs(n.similarity);
    return sum;
  };
  const ItemNeighbours all = ease->strongest(100);
  const ItemNeighbours most = ease->strongest(3, 0.1, 1 << 20);
  std::size_t longest = 0;
  for (std::uint32_t i = 0; i < 40; ++i) {
    EXPECT_GE(size_of(most.row(i)), 0.9 * size_of(all.row(i)) - 1e-6) << i;
    EXPECT_LT(most.row(i).size(), all.row(i).size()) << i;
    // One less would leave out more.
    float weakest = 9;
    for (const Neighbour& n : most.row(i)) weakest = std::min(weakest, std::abs(n.similarity));
    EXPECT_LT(size_of(most.row(i)) - weakest, 0.9 * size_of(all.row(i)) + 1e-6) << i;
    longest = std::max(longest, most.row(i).size());
  }
  // Of what is allowed nearly all is used, by rows of one length; k comes first.
  const std::size_t half = most.neighbours().size() / 2;
  const ItemNeighbours cut = ease->strongest(3, 0.1, half * sizeof(Neighbour));
  EXPECT_LE(cut.neighbours().size(), half);
  EXPECT_GT(cut.neighbours().size() + 40, half);
  EXPECT_EQ(ease->strongest(3, 0.1, 0).neighbours().size(), 3 * 40U);
  EXPECT_EQ(ease->strongest(3, 0, 1 << 20).neighbours().size(), all.neighbours().size());
  EXPECT_EQ(ease->strongest(3, 1, 1 << 20).neighbours().size(), 3 * 40U);
  EXPECT_GT(longest, 5U);
}

TEST(Ease, LocalRegressionsOverAllNeighboursAreTheDenseModel) {
  constexpr std::size_t n = 25;
  const auto all = histories(400, n, 10, 6);
  const auto dense = Ease::train(counts_of(all, n), {.lambda = 30});
  const auto local = train_local_ease(matrix_of(all, n), n, {.lambda = 30, .threads = 2});
  ASSERT_TRUE(dense && local);
  for (std::uint32_t i = 0; i < n; ++i) {
    for (const Neighbour& c : local->row(i)) EXPECT_NEAR(c.similarity, dense->row(i)[c.item], 2e-5);
  }
  const auto narrow = train_local_ease(matrix_of(all, n), 3, {.lambda = 30});
  ASSERT_TRUE(narrow);
  EXPECT_EQ(narrow->neighbours().size(), 3 * n);
}

TEST(Ease, RefusesBadParametersAndTakesAnyCatalogue) {
  const CoOccurrence counts = counts_of({{0, 1}, {0, 1}}, 2);
  EXPECT_EQ(Ease::train(counts, {.lambda = 0}).error().field, "lambda");
  EXPECT_EQ(Ease::train(counts, {.lambda = NAN}).error().field, "lambda");
  EXPECT_EQ(Ease::train(CoOccurrence(kDenseItemsMax + 1), {}).error().code,
            ErrorCode::kLimitReached);
  EXPECT_EQ(Ease::train(CoOccurrence(), {})->items(), 0U);
  EXPECT_EQ(Ease::train(counts_of({{0}}, 1), {})->row(0)[0], 0);
  EXPECT_EQ(train_local_ease(matrix_of({{0, 1}}, 2), 0, {}).error().field, "neighbours");
  // All items alike: the weights are alike, too.
  const auto alike = Ease::train(counts_of({{0, 1, 2}, {0, 1, 2}}, 3), {.lambda = 1});
  EXPECT_NEAR(alike->row(0)[1], alike->row(2)[1], 1e-6);
}

/// The definition with dense matrices.
Dense rp3beta_of(const Interactions& x, const Rp3BetaParams& p) {
  const std::size_t n = x.items();
  Dense w(n, std::vector<double>(n, 0));
  std::vector<double> degree(n, 0);
  for (std::size_t u = 0; u < x.users(); ++u) {
    for (const auto i : x.columns(u)) ++degree[i];
  }
  for (std::size_t u = 0; u < x.users(); ++u) {
    for (const auto i : x.columns(u)) {
      for (const auto j : x.columns(u)) {
        if (i == j) continue;
        w[i][j] += std::pow(1 / degree[i], p.alpha) *
                   std::pow(1 / static_cast<double>(x.columns(u).size()), p.alpha) *
                   std::pow(degree[j], -p.beta);
      }
    }
  }
  return w;
}

TEST(Rp3Beta, WeightsAreThoseOfTheDefinition) {
  const Interactions x = matrix_of(histories(150, 25, 8, 9), 25);
  const Rp3BetaParams params{.k = 25, .alpha = 0.7, .beta = 0.4, .threads = 2};
  const auto trained = train_rp3beta(x, params);
  ASSERT_TRUE(trained);
  const Dense expected = rp3beta_of(x, params);
  std::size_t entries = 0;
  for (std::uint32_t i = 0; i < 25; ++i) {
    for (const Neighbour& n : trained->row(i)) {
      EXPECT_NEAR(n.similarity, expected[i][n.item], 1e-6);
      ++entries;
    }
  }
  std::size_t nonzero = 0;
  for (const auto& row : expected) nonzero += 25 - std::ranges::count(row, 0.0);
  EXPECT_EQ(entries, nonzero);
}

TEST(Rp3Beta, CutsRowsThenNormalisesThenCutsColumns) {
  const Interactions x = matrix_of(histories(150, 25, 8, 9), 25);
  const auto trained = train_rp3beta(x, {.k = 4, .alpha = 1, .beta = 0.2, .normalize = true});
  ASSERT_TRUE(trained);
  std::vector<int> speakers(25, 0);
  for (std::uint32_t i = 0; i < 25; ++i) {
    EXPECT_LE(trained->row(i).size(), 4U);
    double sum = 0;
    for (const Neighbour& n : trained->row(i)) {
      ++speakers[n.item];
      sum += n.similarity;
    }
    EXPECT_LE(sum, 1 + 1e-6);
  }
  EXPECT_LE(std::ranges::max(speakers), 4);
  EXPECT_EQ(train_rp3beta(x, {.k = 0}).error().field, "k");
  EXPECT_EQ(train_rp3beta(x, {.alpha = -1}).error().field, "alpha");
  EXPECT_EQ(train_rp3beta(x, {.beta = INFINITY}).error().field, "beta");
  EXPECT_EQ(train_rp3beta(Interactions(), {})->items(), 0U);
}

}  // namespace
}  // namespace zhiyin::recommend
