#include "recommend/ranker_training.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "base/random.h"
#include "model/artefact.h"

namespace zhiyin::recommend {
namespace {

constexpr Instant kStart{1'700'000'000'000'000};
constexpr Duration kMinute = std::chrono::minutes(1);

ItemRef article(int i) { return {"article", "a" + std::to_string(i)}; }

ShownList list_of(std::uint32_t person, int minute, const std::vector<int>& items) {
  ShownList out{person, {}};
  out.impression.id = "i" + std::to_string(1'000'000 + minute) + "-" + std::to_string(person);
  out.impression.at = kStart + kMinute * minute;
  for (const int i : items) out.impression.items.push_back({article(i), 1, 1, "popular"});
  return out;
}

FeedbackRow row(std::uint32_t person, int minute, int item, Response response = Response::kRead) {
  return {person, is_of_account(response) ? ItemRef() : article(item), response,
          kStart + kMinute * minute};
}

std::uint8_t bits(std::initializer_list<Response> responses) {
  unsigned out = 0;
  for (const Response r : responses) out |= 1U << static_cast<unsigned>(r);
  return static_cast<std::uint8_t>(out);
}

TEST(JoinResponses, TheNewestListWithinTheWindowGetsTheResponse) {
  const ShownList lists[] = {list_of(1, 0, {1, 2}), list_of(1, 10, {2, 3}), list_of(2, 5, {1})};
  const FeedbackRow did[] = {
      row(1, 4, 2),                     // of the first list
      row(1, 12, 2),                    // of the second, which shows it again
      row(1, 30, 1, Response::kLike),   // of the first: only there
      row(1, 61, 1, Response::kShare),  // an hour and a minute later: of none
      row(1, 15, 9),                    // never shown
      row(2, 4, 1),                     // before it was shown
      row(2, 65, 1, Response::kBuy),    // on the last minute
      row(3, 6, 1)};                    // somebody without lists
  const auto joined = join_responses(lists, did, std::chrono::hours(1));
  EXPECT_EQ(joined, (std::vector<Responses>{{bits({Response::kLike}), bits({Response::kRead})},
                                            {bits({Response::kRead}), 0},
                                            {bits({Response::kBuy})}}));
  // The order of what comes in does not matter.
  std::vector<FeedbackRow> turned(std::rbegin(did), std::rend(did));
  EXPECT_EQ(join_responses(lists, turned, std::chrono::hours(1)), joined);
}

TEST(JoinResponses, FollowingBelongsToTheItemDealtWithLast) {
  const ShownList lists[] = {list_of(1, 0, {1, 2, 3}), list_of(2, 0, {1})};
  const FeedbackRow did[] = {row(1, 1, 3),
                             row(1, 2, 1),
                             row(1, 3, 2, Response::kHide),
                             row(1, 4, 0, Response::kFollow),
                             row(1, 5, 3),
                             row(1, 6, 0, Response::kUnfollow),
                             row(2, 1, 0, Response::kFollow)};  // dealt with nothing
  EXPECT_EQ(
      join_responses(lists, did, std::chrono::hours(1)),
      (std::vector<Responses>{{bits({Response::kRead, Response::kFollow}), bits({Response::kHide}),
                               bits({Response::kRead, Response::kUnfollow})},
                              {0}}));
}

TEST(Objectives, ReadWhatTheOwnerWeighs) {
  const auto some = Objectives::parse(" read=1 ,buy=5.5,hide=-2 ");
  ASSERT_TRUE(some) << some.error().text();
  EXPECT_EQ(some->weight(Response::kBuy), 5.5);
  EXPECT_EQ(some->weight(Response::kShare), 0);
  EXPECT_EQ(some->text(), "read=1, buy=5.5, hide=-2");
  EXPECT_EQ(Objectives::parse("")->weights, Objectives().weights);
  EXPECT_EQ(Objectives::parse(Objectives().text())->weights, Objectives().weights);
  for (const char* bad : {"read", "read=x", "reed=1", "read=1,read=2", "read=0", "read=1,,like=1",
                          "read=nan", "read=1001", "=1"}) {
    const auto refused = Objectives::parse(bad);
    ASSERT_FALSE(refused) << bad;
    EXPECT_EQ(refused.error().field, "objectives") << bad;
  }
  EXPECT_EQ(response_of("course_finish"), Response::kFinish);
  EXPECT_EQ(response_of("not_interested"), Response::kHide);
  EXPECT_FALSE(response_of("show"));
}

/// Readers look at place p with probability 1 / (1 + p) and then read by the item's quality. What
/// is shown first is what they like least, so that plain click rates would say the reverse.
struct World {
  static constexpr int kItems = 24;
  static constexpr int kPlaces = 8;
  std::vector<ShownList> lists;
  std::vector<FeedbackRow> feedback;
  Instant end;

  static double quality(int i) { return 0.04 + 0.9 * i / kItems; }

  explicit World(int count, std::uint64_t seed = 1) {
    Random random(seed);
    for (int l = 0; l < count; ++l) {
      std::vector<std::pair<double, int>> order;
      std::set<int> taken;
      while (taken.size() < kPlaces) taken.insert(static_cast<int>(random.below(kItems)));
      for (const int i : taken) order.emplace_back(quality(i) + 0.5 * random.uniform(), i);
      std::ranges::sort(order);
      std::vector<int> items;
      for (const auto& [key, i] : order) items.push_back(i);
      const auto person = static_cast<std::uint32_t>(random.below(200));
      lists.push_back(list_of(person, l * 3, items));
      for (int p = 0; p < kPlaces; ++p) {
        if (random.uniform() * (1 + 0.2 * p) < quality(items[static_cast<std::size_t>(p)]))
          feedback.push_back(row(person, l * 3 + 1, items[static_cast<std::size_t>(p)]));
      }
    }
    end = lists.back().impression.at;
  }

  Result<TrainedRanker> train(RankerTrainParams params = {}) const {
    if (params.as_of == Instant{}) params.as_of = end + kDay;
    return train_ranker(lists, feedback, [](const ItemRef&) { return std::nullopt; }, params);
  }
};

double probability_in_first_place(const ResponseRanker& ranker, int item) {
  std::vector<RankerFeature> features;
  add_request_features(features, {}, kStart, 0, ranker.params().bits);
  const ItemRef ref = article(item);
  add_item_features(features, {ref, {}, {}, {}}, ranker.params().bits);
  add_shown_features(features, {"popular", 1}, {}, kStart, ranker.params().bits);
  return ranker.probabilities(features)[0];
}

TEST(TrainRanker, TellsQualityFromBeingSeen) {
  const auto trained = World(3000).train();
  ASSERT_TRUE(trained) << trained.error().text();
  int pairs = 0;
  int right = 0;
  for (int a = 0; a < World::kItems; ++a) {
    for (int b = a + 4; b < World::kItems; ++b) {
      ++pairs;
      right += probability_in_first_place(trained->ranker, a) <
               probability_in_first_place(trained->ranker, b);
    }
  }
  EXPECT_GT(right, 0.9 * pairs);
  const RankerReport& report = trained->report;
  EXPECT_EQ(report.lists, 3000U);
  EXPECT_EQ(report.examples, 3000U * World::kPlaces);
  EXPECT_TRUE(report.not_worse);
  EXPECT_GT(report.gain.interval.low, 0);
  EXPECT_NEAR(report.auc - report.shown_auc, report.gain.mean, 1e-9);
  ASSERT_EQ(report.heads.size(), 1U);
  EXPECT_LT(report.heads[0].log_loss, report.heads[0].base_log_loss);
  EXPECT_NEAR(report.heads[0].predicted, report.heads[0].rate, 0.03);
}

TEST(TrainRanker, TheSameListsGiveTheSameBytesInAnyOrder) {
  World world(300);
  const auto one = world.train();
  ASSERT_TRUE(one) << one.error().text();
  std::ranges::reverse(world.lists);
  std::ranges::reverse(world.feedback);
  const auto other = world.train();
  ASSERT_TRUE(other) << other.error().text();
  EXPECT_TRUE(one->ranker.encode() == other->ranker.encode());
}

TEST(TrainRanker, WaitsUntilTheTimeForResponsesIsOver) {
  const World world(400);
  RankerTrainParams params;
  // Of the 400 lists, three minutes apart, those older than a day less ten hours' worth are over.
  params.as_of = kStart + kDay + kMinute * 3 * 249;
  const auto trained = world.train(params);
  ASSERT_TRUE(trained) << trained.error().text();
  EXPECT_EQ(trained->report.lists, 250U);
  EXPECT_EQ(trained->report.open, 150U);
  params.as_of = kStart + kDay + kMinute * 3 * 150;
  const auto refused = world.train(params);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(refused.error().message.find("151 lists"), std::string::npos)
      << refused.error().message;
}

TEST(TrainRanker, IsNotPromotedWhereTheShownOrderIsBetter) {
  // Readers always take the first item: no order can beat the one that was shown.
  std::vector<ShownList> lists;
  std::vector<FeedbackRow> feedback;
  Random random(5);
  for (int l = 0; l < 600; ++l) {
    std::vector<int> items = {0, 1, 2, 3, 4, 5};
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[random.below(i)]);
    lists.push_back(list_of(1, l * 3, items));
    feedback.push_back(row(1, l * 3 + 1, items[0]));
  }
  RankerTrainParams params;
  params.as_of = lists.back().impression.at + kDay;
  const auto trained =
      train_ranker(lists, feedback, [](const ItemRef&) { return std::nullopt; }, params);
  ASSERT_TRUE(trained) << trained.error().text();
  EXPECT_FALSE(trained->report.not_worse);
  EXPECT_EQ(trained->report.shown_auc, 1);
}

TEST(TrainRanker, RefusesWhatItCannotLearnFrom) {
  World world(300);
  world.feedback.clear();
  const auto nothing = world.train();
  ASSERT_FALSE(nothing);
  EXPECT_NE(nothing.error().message.find("no response"), std::string::npos);
  EXPECT_FALSE(World(10).train());
  EXPECT_FALSE(World(300).train({.window = Duration(0)}));
  EXPECT_FALSE(World(300).train({.learn_share = 0.9, .calibrate_share = 0.1}));
  EXPECT_FALSE(World(300).train({.ranker = {.bits = 2}}));
  const auto stopped = World(300).train({.progress = [](double) { return false; }});
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::kDeadline);
}

TEST(LearnOn, AfterTrainingIsTheSameAsTrainingOnAll) {
  const World world(1200);
  const auto no_facts = [](const ItemRef&) -> std::optional<ItemFacts> { return std::nullopt; };
  RankerTrainParams early;
  early.as_of = world.lists[799].impression.at + kDay;
  auto trained = world.train(early);
  const auto all = world.train();
  ASSERT_TRUE(trained && all);
  EXPECT_EQ(trained->report.lists, 800U);
  // What was shown since, in two goes and in any order; what is not finished yet waits.
  std::vector<ShownList> since(world.lists.begin() + 800, world.lists.end());
  std::ranges::reverse(since);
  const Instant middle = world.lists[999].impression.at;
  EXPECT_EQ(learn_on(trained->ranker, since, world.feedback, no_facts, kDay, middle), 200U);
  std::erase_if(since, [&](const ShownList& l) { return l.impression.at <= middle; });
  EXPECT_EQ(learn_on(trained->ranker, since, world.feedback, no_facts, kDay, world.end), 200U);
  const auto weights = [](const ResponseRanker& r) {
    return r.head(Response::kRead)->ranker.encode();
  };
  EXPECT_EQ(weights(trained->ranker), weights(all->ranker));
  EXPECT_EQ(trained->ranker.head(Response::kRead)->positives,
            all->ranker.head(Response::kRead)->positives);
}

/// Lists of six different items each time; those of middling similarity are read, which no weighted
/// sum of what the ranker sees can say. `telling`: whether they really are, or by chance alone.
struct Middling {
  std::vector<ShownList> lists;
  std::vector<FeedbackRow> feedback;

  explicit Middling(int count, bool telling) {
    Random random(5);
    for (int l = 0; l < count; ++l) {
      std::vector<int> items;
      for (int i = 0; i < 6; ++i) items.push_back(l * 6 + i);
      lists.push_back(list_of(static_cast<std::uint32_t>(l % 50), l * 3, items));
      for (ShownItem& shown : lists.back().impression.items) {
        shown.similarity = static_cast<float>(random.uniform());
        const bool middling = shown.similarity > 0.35F && shown.similarity < 0.65F;
        const double chance = telling ? (middling ? 0.7 : 0.1) : 0.3;
        if (random.uniform() < chance)
          feedback.push_back({lists.back().person, shown.item, Response::kRead,
                              lists.back().impression.at + kMinute});
      }
    }
  }
  [[nodiscard]] Result<TrainedRanker> train() const {
    RankerTrainParams params;
    params.as_of = lists.back().impression.at + kDay;
    return train_ranker(lists, feedback, [](const ItemRef&) { return std::nullopt; }, params);
  }
};

TEST(SecondStage, IsKeptWhereItOrdersTheNewestListsBetter) {
  const auto trained = Middling(1500, true).train();
  ASSERT_TRUE(trained) << trained.error().text();
  const StageReport& stage = trained->report.stage;
  EXPECT_GT(stage.examples, 1000U);
  EXPECT_TRUE(stage.kept);
  EXPECT_GT(stage.gain.interval.low, 0.1);
  EXPECT_EQ(trained->report.auc, stage.auc);
  ASSERT_NE(trained->ranker.stage(), nullptr);
  EXPECT_EQ(trained->ranker.stage()->objectives, Objectives().text());
  // The same bytes again, and back from them.
  EXPECT_EQ(Middling(1500, true).train()->ranker.encode(), trained->ranker.encode());
  const auto back = ResponseRanker::decode(trained->ranker.encode());
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(back->encode(), trained->ranker.encode());
}

TEST(SecondStage, IsNotKeptWhereItSaysNothing) {
  const auto trained = Middling(1500, false).train();
  ASSERT_TRUE(trained) << trained.error().text();
  EXPECT_GT(trained->report.stage.examples, 1000U);
  EXPECT_FALSE(trained->report.stage.kept);
  EXPECT_EQ(trained->ranker.stage(), nullptr);
}

TEST(SecondStage, OrdersListsAndItsPartsAddUpToTheValue) {
  auto trained = Middling(1500, true).train();
  ASSERT_TRUE(trained) << trained.error().text();
  auto ranker = std::make_shared<const ResponseRanker>(std::move(trained->ranker));
  // Items that carry the interest to a different degree: their similarity is 0 to 1.
  std::vector<CandidateItem> items;
  for (int i = 0; i < 21; ++i) {
    CandidateItem item{article(i), "题", {}, kStart};
    const double angle = 1.5707963 * i / 20;
    item.tags = {{"茶", std::cos(angle)}, {"酒", std::sin(angle)}};
    items.push_back(item);
  }
  auto model = std::make_shared<const RecommendModel>();
  RecommendRequest request{.n = 21, .now = kStart + kDay};
  request.interests = {{"茶", 1}};
  request.explain = true;
  const audience::PersonView person{PersonId("p_x"), {}, {}};
  const auto similarity = [](const RecommendedItem& item) { return item.facts.similarity; };
  const auto ask = [&](const Objectives& objectives) {
    const auto list =
        Recommender::create(model, "m", items, nullptr, {ranker, "ranker-1", objectives})
            ->recommend(person, request);
    EXPECT_TRUE(list) << list.error().text();
    return list->items;
  };
  const auto listed = ask({});
  ASSERT_EQ(listed.size(), 21U);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_GT(similarity(listed[i]), 0.3F) << i;
    EXPECT_LT(similarity(listed[i]), 0.7F) << i;
  }
  for (const RecommendedItem& item : listed) {
    double sum = value_of(item.responses, {});
    ASSERT_FALSE(item.value_terms.empty());
    for (const auto& [input, share] : item.value_terms) sum += share;
    EXPECT_NEAR(sum, *item.value, 1e-6);
    EXPECT_EQ(item.value_terms.back().first, "average");
  }
  EXPECT_EQ(listed[0].value_terms[0].first, "similarity");
  // With other weights they say nothing: the ranker alone orders.
  const auto alone = ask(*Objectives::parse("read=2"));
  EXPECT_TRUE(alone[0].value_terms.empty());
}

/// Readers of two groups, whose tastes are known, read the articles of their own.
TEST(ClickTastes, LetTreesSeeWhoseAnItemIs) {
  constexpr std::size_t kWidth = 16;
  std::vector<ShownList> lists;
  std::vector<FeedbackRow> feedback;
  Random random(11);
  for (int l = 0; l < 1500; ++l) {
    const auto person = static_cast<std::uint32_t>(random.below(200));
    std::set<int> items;
    while (items.size() < 6) items.insert(static_cast<int>(random.below(24)));
    lists.push_back(list_of(person, l * 3, {items.begin(), items.end()}));
    for (const int i : items) {
      if (random.uniform() < (static_cast<std::uint32_t>(i) % 2 == person % 2 ? 0.6 : 0.05))
        feedback.push_back(row(person, l * 3 + 1, i));
    }
  }
  std::vector<float> taste(kWidth, 0);
  const auto taste_of = [&](const ShownList& list) -> std::span<const float> {
    std::ranges::fill(taste, 0.0F);
    taste[list.person % 2] = 3;
    return taste;
  };
  const auto train = [&](Tastes tastes) {
    RankerTrainParams params;
    params.as_of = lists.back().impression.at + kDay;
    params.tastes = std::move(tastes);
    auto out = train_ranker(lists, feedback, [](const ItemRef&) { return std::nullopt; }, params);
    EXPECT_TRUE(out) << out.error().text();
    return std::move(*out);
  };
  const TrainedRanker blind = train({});
  EXPECT_FALSE(blind.report.stage.kept);
  const TrainedRanker seeing = train({"recommend-1", kWidth, taste_of});
  EXPECT_TRUE(seeing.report.stage.kept);
  EXPECT_GT(seeing.report.stage.gain.interval.low, 0.1);
  // Stored with the trees, and the same bytes again.
  const std::string bytes = seeing.ranker.encode();
  const auto back = ResponseRanker::decode(bytes);
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(back->encode(), bytes);
  ASSERT_TRUE(back->stage() != nullptr && back->stage()->tastes);
  const ClickTastes& learnt = *back->stage()->tastes;
  EXPECT_EQ((std::pair(learnt.model(), learnt.items())),
            (std::pair(std::string("recommend-1"), 24UL)));
  const std::span<const float> even = taste_of(list_of(0, 0, {}));
  EXPECT_GT(learnt.affinity(article(2), even), learnt.affinity(article(3), even));
  EXPECT_EQ(learnt.affinity(article(99), even), 0);
  EXPECT_NEAR(learnt.rate(article(2)), 0.32, 0.1);
  EXPECT_EQ(learnt.rate(article(99)), 0.1);
  for (std::size_t cut = 0; cut < learnt.encode().size(); cut += 101)
    EXPECT_FALSE(ClickTastes::decode(std::string_view(learnt.encode()).substr(0, cut)));
}

TEST(ResponseRanker, ReadsBackWhatWasWrittenAndRefusesTheRest) {
  auto trained = World(300).train({.ranker = {.bits = 8, .factors = 2}});
  ASSERT_TRUE(trained) << trained.error().text();
  const std::string bytes = trained->ranker.encode();
  const auto back = ResponseRanker::decode(bytes);
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_TRUE(back->encode() == bytes);
  EXPECT_EQ(probability_in_first_place(*back, 3), probability_in_first_place(trained->ranker, 3));
  for (std::size_t cut = 0; cut < bytes.size(); cut += 97)
    EXPECT_FALSE(ResponseRanker::decode(bytes.substr(0, cut))) << cut;
  EXPECT_FALSE(ResponseRanker::decode(ResponseRanker::create({})->encode()));
  EXPECT_FALSE(ResponseRanker::decode(OnlineRanker::create({.bits = 8})->encode()));
}

// Lists in service

std::vector<CandidateItem> catalogue() {
  std::vector<CandidateItem> out;
  for (int i = 0; i < World::kItems; ++i) {
    CandidateItem item{article(i), "t" + std::to_string(i), {{"茶", 1.0 + i}}, kStart - kDay * i};
    item.category = i % 2 == 0 ? "even" : "odd";
    item.price_fen = i * 100;
    out.push_back(std::move(item));
  }
  return out;
}

std::shared_ptr<const Recommender> recommender(const ResponseRanker& ranker,
                                               Objectives objectives = {}) {
  return Recommender::create(std::make_shared<RecommendModel>(), "none", catalogue(), nullptr,
                             {std::make_shared<ResponseRanker>(ranker), "ranker-1", objectives});
}

std::vector<std::string> ids(const RecommendResponse& response) {
  std::vector<std::string> out;
  for (const RecommendedItem& item : response.items) out.push_back(item.item.id);
  return out;
}

TEST(RankedLists, StandInTheOrderOfTheirValue) {
  const auto trained = World(3000).train();
  ASSERT_TRUE(trained) << trained.error().text();
  const auto r = recommender(trained->ranker);
  const audience::PersonView nobody;
  const auto list = r->recommend(nobody, {.n = 10, .now = kStart, .explain = true});
  ASSERT_TRUE(list) << list.error().text();
  ASSERT_EQ(list->items.size(), 10U);
  for (std::size_t i = 0; i < list->items.size(); ++i) {
    const RecommendedItem& item = list->items[i];
    ASSERT_TRUE(item.value);
    // Only reading was learnt, and it weighs 1.
    EXPECT_NEAR(*item.value, item.responses[0], 1e-6);
    EXPECT_EQ(item.source, "fresh");
    if (i > 0) {
      EXPECT_LE(*item.value, *list->items[i - 1].value);
    }
    // The good ones, not the newest, which are the bad ones.
    EXPECT_GE(std::stoi(item.item.id.substr(1)), 8) << item.item.id;
    EXPECT_EQ(item.facts.similarity, 0);
  }
  // Where reading is a bad thing, the other way round.
  Objectives reverse;
  reverse.weights.fill(0);
  reverse.weights[0] = -1;
  const auto worst =
      recommender(trained->ranker, reverse)->recommend(nobody, {.n = World::kItems, .now = kStart});
  const auto best = r->recommend(nobody, {.n = World::kItems, .now = kStart});
  auto turned = ids(*worst);
  std::ranges::reverse(turned);
  EXPECT_EQ(turned, ids(*best));
}

TEST(RankedLists, GiveTheProbabilitiesOfTheRankerItself) {
  const auto trained = World(600).train();
  ASSERT_TRUE(trained) << trained.error().text();
  const RecommendModel model;
  const CandidateIndex candidates(model, catalogue());
  const ListRanker lists({std::make_shared<ResponseRanker>(trained->ranker), "ranker-1", {}},
                         candidates);
  const RequestContext context{.device = "ios", .channel = "web", .place = "home"};
  auto asked = lists.ask(context, kStart);
  for (std::uint32_t c = 0; c < candidates.size(); ++c) {
    const CandidateItem& item = candidates.item(c);
    const ShownFacts shown{c % 3 == 0 ? "popular" : "text", 0.5 + c, c % 2 == 0 ? 0.25F : 0,
                           c % 5 == 0 ? 0 : 1.5F};
    std::vector<RankerFeature> features;
    const unsigned bits = trained->ranker.params().bits;
    add_request_features(features, context, kStart, 0, bits);
    add_item_features(features, {item.ref, item.category, item.price_fen, item.published_at}, bits);
    add_shown_features(features, shown, item.published_at, kStart, bits);
    EXPECT_NEAR(lists.probabilities(asked, c, shown)[0], trained->ranker.probabilities(features)[0],
                1e-5);
  }
}

TEST(RankedLists, ManyHeadsHaveTheProbabilitiesOfEach) {
  for (const std::size_t heads : {1U, 4U, 5U, 8U}) {
    auto ranker = *ResponseRanker::create({.bits = 9, .factors = 5});
    for (std::size_t h = 0; h < heads; ++h) ranker.begin(static_cast<Response>(kResponses - 1 - h));
    Random random(heads);
    std::vector<RankerFeature> some(12);
    for (int i = 0; i < 3000; ++i) {
      for (RankerFeature& f : some) f.slot = static_cast<std::uint32_t>(random.below(1U << 9));
      ranker.learn(some, static_cast<std::uint8_t>(random.below(256)));
    }
    const RecommendModel model;
    const CandidateIndex candidates(model, catalogue());
    const ListRanker lists({std::make_shared<ResponseRanker>(ranker), "ranker-1", {}}, candidates);
    auto asked = lists.ask({}, kStart);
    for (std::uint32_t c = 0; c < candidates.size(); ++c) {
      const CandidateItem& item = candidates.item(c);
      const ShownFacts shown{"fresh", 0, 0.5F, 0.1F};
      std::vector<RankerFeature> features;
      add_request_features(features, {}, kStart, 0, 9);
      add_item_features(features, {item.ref, item.category, item.price_fen, item.published_at}, 9);
      add_shown_features(features, shown, item.published_at, kStart, 9);
      const auto found = lists.probabilities(asked, c, shown);
      const auto expected = ranker.probabilities(features);
      for (std::size_t r = 0; r < kResponses; ++r)
        EXPECT_NEAR(found[r], expected[r], 1e-5) << heads;
    }
  }
}

/// Items whose texts are close to what the reader likes are read, whatever else they are.
struct TextWorld {
  std::vector<ShownList> lists;
  std::vector<FeedbackRow> feedback;

  explicit TextWorld(int count) {
    Random random(5);
    for (int l = 0; l < count; ++l) {
      std::vector<int> items;
      std::set<int> taken;
      while (taken.size() < 6) taken.insert(static_cast<int>(random.below(24)));
      items.assign(taken.begin(), taken.end());
      const auto person = static_cast<std::uint32_t>(random.below(200));
      lists.push_back(list_of(person, l * 3, items));
      for (ShownItem& item : lists.back().impression.items) {
        item.text = static_cast<float>(random.uniform());
        if (random.uniform() < item.text)
          feedback.push_back({person, item.item, Response::kRead, kStart + kMinute * (l * 3 + 1)});
      }
    }
  }
  [[nodiscard]] Result<TrainedRanker> train() const {
    RankerTrainParams params;
    params.as_of = lists.back().impression.at + kDay;
    return train_ranker(lists, feedback, [](const ItemRef&) { return std::nullopt; }, params);
  }
};

/// Directions of the texts of articles 0 to 23: the first twelve are about one thing, the others
/// about another.
std::shared_ptr<const TextVectors> two_subjects() {
  std::vector<TextVectors::Given> given;
  Random random(9);
  for (int i = 0; i < 24; ++i) {
    std::vector<float> row(64);
    for (float& v : row) v = static_cast<float>(random.normal());
    row[i < 12 ? 0 : 1] += 12;
    given.push_back({article(i), direction_of(row)});
  }
  return *TextVectors::create(64, given);
}

/// As a version from before there was the input stored it.
ResponseRanker without_texts(const ResponseRanker& ranker) {
  auto artefact = *model::decode_artefact(ranker.encode());
  Json header = Json::object();
  for (const std::string_view name : {"heads", "stage_objectives", "stage_bytes", "tastes_bytes"})
    header.set(name, artefact.header[name]);
  artefact.header = std::move(header);
  return *ResponseRanker::decode(model::encode_artefact(artefact));
}

TEST(TextsInTheRanker, WhatIsCloseToTheReadersTextsStandsFirstAndTheReasonSaysSo) {
  const auto trained = TextWorld(1500).train();
  ASSERT_TRUE(trained) << trained.error().text();
  EXPECT_TRUE(trained->ranker.sees_texts());
  audience::PersonView reader{PersonId("p"), {}, {}};
  reader.activity.push_back({1, kStart - kDay, "read", article(20), 0, "shop", ""});
  const auto listed_by = [&](const ResponseRanker& ranker) {
    const auto r =
        Recommender::create(std::make_shared<RecommendModel>(), "none", catalogue(), two_subjects(),
                            {std::make_shared<ResponseRanker>(ranker), "ranker-1", {}});
    return *r->recommend(reader, {.n = 23, .now = kStart, .explain = true});
  };
  const RecommendResponse list = listed_by(trained->ranker);
  ASSERT_EQ(list.items.size(), 23U);
  int named = 0;
  for (std::size_t i = 0; i < list.items.size(); ++i) {
    const RecommendedItem& item = list.items[i];
    const bool close = std::stoi(item.item.id.substr(1)) >= 12;
    EXPECT_EQ(close, i < 11) << i << " " << item.item.id;
    EXPECT_EQ(close, item.facts.text > 0.2F) << item.item.id;
    if (item.source == "text") continue;
    named += close ? 1 : 0;
    EXPECT_EQ(item.reason.ends_with("，内容也与你读过的《t20》相近"), close) << item.reason;
  }
  EXPECT_GT(named, 0);
  // What is listed goes into the impression as the ranker saw it.
  const Impression shown = impression_of(list, reader.id, "none", kStart);
  for (std::size_t i = 0; i < list.items.size(); ++i)
    EXPECT_EQ(shown.items[i].text, list.items[i].facts.text);
}

TEST(TextsInTheRanker, VersionsFromBeforeThereWereAnyDoNotLookAtThem) {
  const auto trained = TextWorld(1500).train();
  ASSERT_TRUE(trained) << trained.error().text();
  const ResponseRanker old = without_texts(trained->ranker);
  EXPECT_FALSE(old.sees_texts());
  EXPECT_FALSE(ResponseRanker::decode(old.encode())->sees_texts());
  EXPECT_TRUE(ResponseRanker::decode(trained->ranker.encode())->sees_texts());
  const RecommendModel model;
  const CandidateIndex candidates(model, catalogue());
  const ListRanker lists({std::make_shared<ResponseRanker>(old), "ranker-1", {}}, candidates);
  auto asked = lists.ask({}, kStart);
  ShownFacts shown{"fresh", 0, 0, 0};
  const auto without = lists.probabilities(asked, 3, shown);
  shown.text = 0.9F;
  EXPECT_EQ(lists.probabilities(asked, 3, shown), without);
  // Nor do they learn from them.
  ResponseRanker a = old;
  ResponseRanker b = old;
  TextWorld world(20);
  auto blind = world.lists;
  for (ShownList& list : blind) {
    for (ShownItem& item : list.impression.items) item.text = 0;
  }
  const auto none = [](const ItemRef&) { return std::nullopt; };
  const Instant end = world.lists.back().impression.at;
  EXPECT_GT(learn_on(a, world.lists, world.feedback, none, kDay, end), 0U);
  learn_on(b, blind, world.feedback, none, kDay, end);
  EXPECT_EQ(a.encode(), b.encode());
}

TEST(RankerFeatures, SizesAreHalfPowersOfTwo) {
  EXPECT_EQ(size_class(0), -kSizeMost - 1);
  EXPECT_EQ(size_class(-1), -kSizeMost - 1);
  EXPECT_EQ(size_class(std::nan("")), -kSizeMost - 1);
  EXPECT_EQ(size_class(std::numeric_limits<double>::infinity()), kSizeMost);
  EXPECT_EQ(size_class(1e300), kSizeMost);
  EXPECT_EQ(size_class(std::numeric_limits<double>::denorm_min()), -kSizeMost);
  Random random(3);
  for (int i = 0; i < 2000; ++i) {
    const double value = std::exp2(20 * (random.uniform() - 0.5));
    EXPECT_EQ(size_class(value), static_cast<int>(std::floor(2 * std::log2(value)))) << value;
  }
  for (int e = -8; e < 8; ++e) EXPECT_EQ(size_class(std::exp2(e)), 2 * e);
}

TEST(RankedLists, KeepRulesCapsPinsAndExploration) {
  const auto trained = World(600).train();
  ASSERT_TRUE(trained) << trained.error().text();
  const auto r = recommender(trained->ranker);
  RecommendRequest request{.n = 10, .now = kStart};
  request.diversity = 0.2;
  request.category_max = 5;  // of two categories: no more than the list has places
  request.rules.exclude = {article(23)};
  request.pinned = {article(0)};
  request.explore = 1;
  const auto list = r->recommend({}, request);
  ASSERT_TRUE(list) << list.error().text();
  const auto listed = ids(*list);
  EXPECT_EQ(listed[0], "a0");
  EXPECT_FALSE(list->items[0].value);
  EXPECT_EQ(std::ranges::count(listed, "a23"), 0);
  EXPECT_EQ(std::set<std::string>(listed.begin(), listed.end()).size(), listed.size());
  const auto even = std::ranges::count_if(
      listed, [](const std::string& id) { return std::stoi(id.substr(1)) % 2 == 0; });
  EXPECT_EQ(listed.size(), 10U);
  EXPECT_EQ(even, 5);
  EXPECT_EQ(list->items.back().source, "explore");
  EXPECT_LT(list->items.back().propensity, 1);
  EXPECT_FALSE(list->arms.empty());
}

TEST(TiredItems, MoveBehindAllOthersOrAreLeftOut) {
  const auto plain = Recommender::create(std::make_shared<RecommendModel>(), "none", catalogue());
  const auto trained = World(600).train();
  ASSERT_TRUE(trained) << trained.error().text();
  for (const auto& r : {plain, recommender(trained->ranker)}) {
    RecommendRequest request{.n = 5, .now = kStart};
    const auto before = ids(*r->recommend({}, request));
    request.tired = {{"article", before[0]}, {"article", before[2]}, {"article", "unknown"}};
    request.explain = true;
    const auto moved = r->recommend({}, request);
    EXPECT_EQ(ids(*moved)[0], before[1]);
    EXPECT_EQ(ids(*moved)[1], before[3]);
    EXPECT_EQ(moved->tired.size(), 2U);
    request.n = World::kItems;
    const auto all = ids(*r->recommend({}, request));
    ASSERT_EQ(all.size(), static_cast<std::size_t>(World::kItems));
    EXPECT_EQ(std::set<std::string>(all.end() - 2, all.end()), (std::set{before[0], before[2]}));
    request.leaves_out_tired = true;
    const auto without = ids(*r->recommend({}, request));
    EXPECT_EQ(without.size(), static_cast<std::size_t>(World::kItems - 2));
    EXPECT_EQ(std::ranges::count(without, before[0]), 0);
    request.diversity = 0.3;
    request.leaves_out_tired = false;
    request.n = 5;
    const auto varied = ids(*r->recommend({}, request));
    EXPECT_EQ(std::ranges::count(varied, before[0]) + std::ranges::count(varied, before[2]), 0);
  }
}

}  // namespace
}  // namespace zhiyin::recommend
