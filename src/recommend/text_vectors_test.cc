#include "recommend/text_vectors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "base/random.h"
#include "recommend/detail/byte_dots.h"
#include "recommend/recommender.h"

namespace zhiyin::recommend {
namespace {

constexpr Instant kNow{1'000'000'000'000'000};

ItemRef article(int i) { return {"article", "i" + std::to_string(i)}; }

TEST(ByteDots, OfShortRowsAreTheSameOnEveryInstructionSet) {
  constexpr std::size_t kWidth = detail::kByteLanes;
  Random random(4);
  std::vector<std::int8_t> table(11 * kWidth);
  for (auto& v : table) v = static_cast<std::int8_t>(static_cast<int>(random.below(255)) - 127);
  std::vector<std::uint32_t> places(11);
  for (std::uint32_t i = 0; i < places.size(); ++i) places[i] = i;
  std::vector<std::int32_t> expected(places.size(), 0);
  for (std::size_t i = 0; i < places.size(); ++i) {
    for (std::size_t j = 0; j < kWidth; ++j) expected[i] += table[i * kWidth + j] * table[j];
  }
  for (const detail::ByteDots* set : detail::usable_byte_dots()) {
    std::vector<std::int32_t> out(places.size());
    set->dots(table.data(), kWidth, places.data(), places.size(), table.data(), out.data());
    EXPECT_EQ(out, expected) << set->name;
  }
}

TEST(ByteDots, AreTheSameOnEveryInstructionSet) {
  constexpr std::size_t kWidth = 3 * detail::kByteLanes;
  Random random(1);
  std::vector<std::int8_t> table(7 * kWidth);
  for (auto& v : table) v = static_cast<std::int8_t>(static_cast<int>(random.below(255)) - 127);
  std::fill_n(table.begin(), kWidth, std::int8_t{127});
  std::vector<std::int8_t> query(kWidth, 127);
  for (std::size_t j = kWidth / 2; j < kWidth; ++j) query[j] = -127;
  query[5] = 3;
  const std::vector<std::uint32_t> places = {0, 6, 3, 3, 1, 5, 0};
  std::vector<std::int32_t> expected;
  for (const std::uint32_t place : places) {
    std::int32_t sum = 0;
    for (std::size_t j = 0; j < kWidth; ++j) sum += table[place * kWidth + j] * query[j];
    expected.push_back(sum);
  }
  for (const detail::ByteDots* set : detail::usable_byte_dots()) {
    std::vector<std::int32_t> out(places.size());
    set->dots(table.data(), kWidth, places.data(), places.size(), query.data(), out.data());
    EXPECT_EQ(out, expected) << set->name;
  }
  std::vector<float> factors;
  std::vector<float> sums(kWidth, 1);
  for (std::size_t i = 0; i < places.size(); ++i) {
    factors.push_back(0.1F + static_cast<float>(i) / 7);
    for (std::size_t j = 0; j < kWidth; ++j) {
      // No fused operation: the product is rounded.
      const volatile float product = factors[i] * static_cast<float>(table[places[i] * kWidth + j]);
      sums[j] += product;
    }
  }
  for (const detail::ByteDots* set : detail::usable_byte_dots()) {
    std::vector<float> out(kWidth, 1);
    set->add_rows(table.data(), kWidth, places.data(), factors.data(), places.size(), out.data());
    EXPECT_EQ(out, sums) << set->name;
  }
}

/// Random directions around a common one.
std::vector<std::vector<float>> cone(std::size_t count, std::size_t width) {
  Random random(2);
  std::vector<std::vector<float>> out;
  for (std::size_t i = 0; i < count; ++i) {
    auto& row = out.emplace_back(width);
    for (std::size_t j = 0; j < width; ++j)
      row[j] = static_cast<float>(random.normal() + (j < width / 2 ? 3 : 0));
  }
  return out;
}

TEST(TextVectors, CosinesAreThoseWithoutTheMean) {
  constexpr std::size_t kWidth = 100;
  const auto rows = cone(400, kWidth);
  std::vector<TextVectors::Given> given;
  for (std::size_t i = 0; i < rows.size(); ++i)
    given.push_back({article(static_cast<int>(i)), direction_of(rows[i])});
  const auto texts = *TextVectors::create(kWidth, given);
  ASSERT_EQ(texts->size(), rows.size());

  std::vector<double> mean(kWidth, 0);
  std::vector<std::vector<double>> unit;
  for (const auto& row : rows) {
    double squares = 0;
    for (const float v : row) squares += double{v} * v;
    auto& u = unit.emplace_back();
    for (const float v : row) u.push_back(v / std::sqrt(squares));
    for (std::size_t j = 0; j < kWidth; ++j) mean[j] += u[j];
  }
  for (double& m : mean) m /= 400;
  const auto cosine = [&](std::size_t a, std::size_t b) {
    double dot = 0;
    double aa = 0;
    double bb = 0;
    for (std::size_t j = 0; j < kWidth; ++j) {
      const double x = unit[a][j] - mean[j];
      const double y = unit[b][j] - mean[j];
      dot += x * y;
      aa += x * x;
      bb += y * y;
    }
    return dot / std::sqrt(aa * bb);
  };
  double sum = 0;
  for (std::uint32_t b = 1; b < 200; ++b) {
    const float found = texts->cosine(0, b);
    EXPECT_NEAR(found, cosine(0, b), 0.02) << b;
    EXPECT_EQ(found, texts->cosine(b, 0));
    sum += found;
  }
  EXPECT_NEAR(sum / 199, 0, 0.05);  // the cone is gone
  EXPECT_NEAR(texts->cosine(5, 5), 1, 1e-6);
  std::vector<std::uint32_t> many(300);
  for (std::uint32_t i = 0; i < many.size(); ++i) many[i] = (i * 7) % 400;
  std::vector<float> cosines(many.size());
  texts->cosines(8, many, cosines);
  for (std::size_t i = 0; i < many.size(); ++i) EXPECT_EQ(cosines[i], texts->cosine(8, many[i]));

  const TextVectors::Part parts[] = {{3, 1.5F}, {4, 1}, {5, 0.25F}};
  std::vector<std::uint32_t> all(rows.size());
  for (std::uint32_t i = 0; i < all.size(); ++i) all[i] = i;
  std::vector<float> scores(all.size());
  texts->scores(parts, all, scores);
  for (const std::uint32_t i : all) {
    float exact = 0;
    for (const auto& part : parts) exact += part.weight * texts->cosine(part.row, i);
    EXPECT_NEAR(scores[i], exact, 0.02);
  }
  texts->exact_scores(texts->profile_of(parts), all, scores);
  for (const std::uint32_t i : all) {
    float exact = 0;
    for (const auto& part : parts) exact += part.weight * texts->cosine(part.row, i);
    EXPECT_NEAR(scores[i], exact, 3e-6);
  }
}

TEST(TextVectors, OddRowsAndRefusals) {
  const auto texts = *TextVectors::create(
      3, std::vector<TextVectors::Given>{
             {article(0), {0, 0, 0}}, {article(1), {127, 0, 0}}, {article(1), {0, 127, 0}}});
  EXPECT_EQ(texts->size(), 2U);
  EXPECT_EQ(texts->find(article(7)), TextVectors::kNone);
  EXPECT_EQ(texts->cosine(texts->find(article(0)), texts->find(article(1))), 0);  // says nothing
  EXPECT_EQ(texts->cosine(0, 0), 0);
  EXPECT_EQ((*TextVectors::create(3, {}))->size(), 0U);
  // One item is its own mean.
  const auto one =
      *TextVectors::create(3, std::vector<TextVectors::Given>{{article(0), {5, 9, 127}}});
  EXPECT_EQ(one->cosine(0, 0), 0);
  EXPECT_EQ(TextVectors::create(0, {}).error().field, "width");
  EXPECT_EQ(TextVectors::create(TextVectors::kWidthMax + 1, {}).error().field, "width");
  const auto wrong =
      TextVectors::create(3, std::vector<TextVectors::Given>{{article(4), {1, 2}}}).error();
  EXPECT_NE(wrong.message.find("article/i4 has 2 numbers, expected 3"), std::string::npos);
  EXPECT_EQ(direction_of(std::vector<float>{2, -4, std::numeric_limits<float>::quiet_NaN()}),
            (std::vector<std::int8_t>{64, -127, 0}));
}

/// Articles 0 to 9 are about one thing, 10 to 19 about another; 20 to 69 about anything. Those of
/// the first group are near i0, the less the higher their number.
std::shared_ptr<const TextVectors> subjects() {
  constexpr std::size_t kWidth = 64;
  Random random(3);
  std::vector<TextVectors::Given> given;
  for (int i = 0; i < 70; ++i) {
    std::vector<float> row(kWidth);
    for (float& v : row) v = static_cast<float>(random.normal());
    if (i < 20) row[i < 10 ? 0 : 1] += 40 - static_cast<float>(i % 10) * 2;
    given.push_back({article(i), direction_of(row)});
  }
  return *TextVectors::create(kWidth, given);
}

std::vector<CandidateItem> catalogue() {
  std::vector<CandidateItem> out;
  for (int i = 0; i < 70; ++i)
    out.push_back({article(i), "T" + std::to_string(i), {}, kNow - kDay * i});
  return out;
}

audience::PersonView reader(const std::vector<int>& items) {
  audience::PersonView view{PersonId("p"), {}, {}};
  for (const int i : items)
    view.activity.push_back({static_cast<std::int64_t>(view.activity.size()), kNow - kDay, "read",
                             article(i), 0, "shop", ""});
  return view;
}

TEST(TextSource, NewItemsCloseToWhatWasReadWithTheReasonAndItsTerms) {
  const auto r =
      Recommender::create(std::make_shared<RecommendModel>(), "none", catalogue(), subjects());
  RecommendRequest request{.n = 9, .now = kNow};
  request.explain = true;
  const auto out = *r->recommend(reader({11, 0}), request);  // 0 is the newest
  ASSERT_EQ(out.items.size(), 9U);
  EXPECT_TRUE(out.fallback);
  for (const RecommendedItem& item : out.items) {
    EXPECT_EQ(item.source, "text");
    EXPECT_LT(std::stoi(item.item.id.substr(1)), 20) << item.item.id;
    double sum = 0;
    for (const ScoreTerm& term : item.terms) sum += term.share;
    EXPECT_NEAR(sum, item.score, 1e-6);
    // The reason names the largest term.
    ASSERT_FALSE(item.terms.empty());
    EXPECT_EQ(item.reason, "与你读过的《" + item.terms[0].title + "》内容相近");
  }
  EXPECT_EQ(out.items[0].reason_en, "its text is close to \"T0\", which you read");
  EXPECT_TRUE(std::ranges::is_sorted(out.items, std::ranges::greater(), &RecommendedItem::score));
}

TEST(TextSource, TakesTurnsWithTagsForTheNewItemsOfAList) {
  const RowSource rows =
      [](const std::function<void(const InteractionRow&)>& take) -> Result<void> {
    for (int p = 0; p < 12; ++p) {
      const std::string person = "p" + std::to_string(p);
      for (int i = 40; i < 60; ++i) take({person, article(i), "read", 0, kNow - kDay});
      take({person, article(0), "read", 0, kNow - kDay});
    }
    return {};
  };
  TrainParams params;
  params.as_of = kNow;
  const auto model = std::make_shared<RecommendModel>(*train_recommend(rows, params));
  auto items = catalogue();
  items[0].tags = items[61].tags = items[62].tags = {{"育儿", 1}};
  const auto r = Recommender::create(model, "m", items, subjects());
  const auto out = *r->recommend(reader({0}), {.n = 20, .now = kNow});
  std::map<std::string, int> counts;
  for (const RecommendedItem& item : out.items) ++counts[item.source];
  EXPECT_EQ(counts["text"], 2);
  EXPECT_EQ(counts["tags"], 2);
  EXPECT_EQ(counts["itemknn"], 16);
  EXPECT_FALSE(out.fallback);
}

TEST(TextSource, SimilarItemsOfWhatNobodyKnows) {
  const auto r =
      Recommender::create(std::make_shared<RecommendModel>(), "none", catalogue(), subjects());
  const auto out = *r->similar(article(15), {.n = 5, .now = kNow});
  ASSERT_EQ(out.items.size(), 5U);
  for (const RecommendedItem& item : out.items) {
    const int number = std::stoi(item.item.id.substr(1));
    EXPECT_TRUE(number >= 10 && number < 20) << number;
    EXPECT_EQ(item.source, "text");
    EXPECT_EQ(item.reason, "与《T15》相似");
  }
  RecommendRequest request{.n = 50, .now = kNow};
  request.rules.exclude = {article(10)};
  const auto all = *r->similar(article(15), request);
  EXPECT_LT(all.items.size(), 20U);  // nothing that is not close
  EXPECT_TRUE(std::ranges::none_of(all.items,
                                   [](const RecommendedItem& i) { return i.item == article(10); }));
  // Without texts there is nothing to go by.
  const auto bare = Recommender::create(std::make_shared<RecommendModel>(), "none", catalogue());
  EXPECT_TRUE((*bare->similar(article(15), {.n = 5, .now = kNow})).items.empty());
}

/// Texts of some subjects: directions that scatter around those of their subject.
std::vector<TextVectors::Given> subjects(std::size_t count, std::size_t width) {
  constexpr std::size_t kSubjects = 300;
  Random random(4);
  std::vector<std::vector<float>> centres(kSubjects, std::vector<float>(width));
  for (auto& centre : centres) {
    for (float& v : centre) v = static_cast<float>(random.normal());
  }
  std::vector<TextVectors::Given> out;
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<float> row = centres[random.below(kSubjects)];
    for (float& v : row) v += static_cast<float>(0.7 * random.normal());
    out.push_back({article(static_cast<int>(i)), direction_of(row)});
  }
  return out;
}

TEST(TextIndex, FindsWhatBruteForceFinds) {
  constexpr std::size_t kTexts = 12'000;
  constexpr std::size_t kWanted = 20;
  const auto given = subjects(kTexts, 64);
  const auto exact = *TextVectors::create(64, given);
  const auto indexed = *TextVectors::create(64, given, kTexts - 1);
  ASSERT_FALSE(exact->has_index());
  ASSERT_TRUE(indexed->has_index());
  std::vector<std::uint32_t> rows(kTexts);
  for (std::uint32_t i = 0; i < kTexts; ++i) rows[i] = i;
  Random random(5);
  std::size_t found = 0;
  constexpr std::size_t kAsked = 100;
  for (std::size_t q = 0; q < kAsked; ++q) {
    const TextVectors::Part parts[] = {{static_cast<std::uint32_t>(random.below(kTexts)), 1},
                                       {static_cast<std::uint32_t>(random.below(kTexts)), 0.5F}};
    std::vector<float> near(kTexts);
    exact->scores(parts, rows, near);
    std::vector<std::uint32_t> best = rows;
    std::ranges::partial_sort(best, best.begin() + kWanted, [&](std::uint32_t a, std::uint32_t b) {
      return near[a] != near[b] ? near[a] > near[b] : a < b;
    });
    const auto mine = indexed->nearest(parts, kWanted);
    ASSERT_EQ(mine.size(), kWanted);
    for (std::size_t i = 0; i < kWanted; ++i)
      found += static_cast<std::size_t>(std::ranges::count(mine, best[i]));
  }
  const double recall = static_cast<double>(found) / (kAsked * kWanted);
  RecordProperty("recall", std::to_string(recall));
  EXPECT_GT(recall, 0.95);
}

TEST(TextIndex, NothingAndOneAndZerosAreNoProblem) {
  const std::vector<std::int8_t> zeros(128, 0);
  const float norms[] = {0, 0};
  const auto none = TextIndex::build(64, zeros, norms, 1);
  ASSERT_TRUE(none) << none.error().text();
  std::vector<std::int8_t> query(64, 0);
  EXPECT_TRUE((*none)->nearest(query, 3).empty());
  query[3] = 5;
  EXPECT_TRUE((*none)->nearest(query, 3).empty());
  const auto empty = TextIndex::build(64, {}, {}, 2);
  ASSERT_TRUE(empty);
  EXPECT_TRUE((*empty)->nearest(query, 3).empty());
  EXPECT_EQ(TextIndex::build(64, zeros, std::span(norms).first(1), 1).error().field, "values");
  const auto one = subjects(1, 64);
  const auto texts = *TextVectors::create(64, one, 0);
  EXPECT_TRUE(texts->has_index());
}

TEST(TextIndex, ListsAreThoseWithoutIt) {
  constexpr int kTexts = 5'000;
  const auto given = subjects(kTexts, 64);
  std::vector<CandidateItem> items;
  for (int i = 0; i < kTexts; ++i) items.push_back({article(i), "t", {}, kNow - kDay * i});
  items[7].available = false;
  const auto model = std::make_shared<const RecommendModel>();
  audience::PersonView person{PersonId("p_x"), {}, {}};
  for (const int liked : {3, 40, 500}) {
    audience::Activity a;
    a.at = kNow - kDay;
    a.kind = "read";
    a.item = article(liked);
    person.activity.push_back(std::move(a));
  }
  const auto listed = [&](std::size_t exact_max, RecommendRequest request) {
    request.n = 20;
    request.now = kNow;
    const auto list =
        Recommender::create(model, "m", items, *TextVectors::create(64, given, exact_max))
            ->recommend(person, request);
    EXPECT_TRUE(list) << list.error().text();
    std::set<std::string> out;
    for (const RecommendedItem& item : list->items) out.insert(item.source + item.item.id);
    return out;
  };
  const auto shared = [&](const RecommendRequest& request) {
    const auto with = listed(0, request);
    const auto without = listed(kTexts, request);
    EXPECT_EQ(with.size(), 20U);
    return std::ranges::count_if(with, [&](const auto& id) { return without.contains(id); });
  };
  EXPECT_GE(shared({}), 19);
  // What the rules leave is found although the index finds others first.
  RecommendRequest narrow;
  narrow.rules.eligible.emplace();
  for (int i = 0; i < kTexts; i += 150) narrow.rules.eligible->push_back(article(i));
  EXPECT_EQ(shared(narrow), 20);
}

}  // namespace
}  // namespace zhiyin::recommend
