#include "recommend/segment_popularity.h"

#include <gtest/gtest.h>

#include <cmath>

#include "recommend/reason.h"
#include "recommend/recommender.h"

namespace zhiyin::recommend {
namespace {

TEST(SegmentReason, NamesPlacesAloneAndOtherTraitsWithTheirName) {
  EXPECT_EQ(reason_popular_in({"s", "成都新关注", {}}).zh, "「成都新关注」的人最近都在看");
  const Reason city = reason_popular_in({{}, "成都", {}, "city"});
  EXPECT_EQ(city.zh, "「成都」的人最近都在看");
  EXPECT_EQ(city.en, "popular among readers in \"成都\" right now");
  const Reason level = reason_popular_in({{}, "gold", {}, "member_level"});
  EXPECT_EQ(level.zh, "member_level 为「gold」的人最近都在看");
  EXPECT_EQ(level.en, "popular among readers whose member_level is \"gold\" right now");
}

constexpr Instant kNow{1'000'000'000'000'000};

struct Count {
  SegmentCounter counter{2, kNow, 14 * kDay};
  /// People FROM … TO - 1 read it.
  void read(int from, int to, const std::string& item, std::uint64_t members, int days_ago = 1) {
    for (int p = from; p < to; ++p) {
      const std::string person = "p" + std::to_string(p);
      counter.add({person, {"article", item}, "read", 0, kNow - kDay * days_ago}, 1, members);
    }
  }
};

std::vector<std::string> ids(const SegmentItems& segment) {
  std::vector<std::string> out;
  for (const auto& item : segment.items) out.push_back(item.item.id);
  return out;
}

TEST(SegmentCounter, WhatMembersLikeMoreThanOthers) {
  Count c;
  c.read(0, 100, "all", 0);
  c.read(100, 140, "all", 1);
  c.read(100, 130, "hotpot", 1);
  c.read(100, 110, "tea", 1);
  c.read(0, 40, "tea", 0);
  c.read(140, 150, "snow", 2);
  const auto found = c.counter.found();
  EXPECT_EQ(ids(found[0]),
            (std::vector<std::string>{"hotpot"}));  // all and tea are liked elsewhere
  EXPECT_EQ(ids(found[1]), (std::vector<std::string>{"snow"}));
  // 30 and 80 of the members' likings; of everybody's 30 in 230.
  const double age = std::exp2(-1.0 / 14);
  EXPECT_NEAR(found[0].items[0].share, (30 * age + 50 * 30.0 / 230) / (80 * age + 50), 1e-6);
}

TEST(SegmentCounter, CountsAPersonOnceAndNeedsSeveral) {
  Count c;
  c.read(0, 2, "rare", 1);
  for (int again = 0; again < 50; ++again) c.read(0, 1, "rare", 1);
  c.read(50, 90, "other", 0);
  EXPECT_TRUE(c.counter.found()[0].items.empty());
  c.read(2, 3, "rare", 1);
  EXPECT_EQ(ids(c.counter.found()[0]), (std::vector<std::string>{"rare"}));
}

TEST(SegmentCounter, OlderLikingsCountLessAndLaterOnesNot) {
  Count c;
  c.read(0, 10, "old", 1, 50);
  c.read(10, 20, "new", 1, 1);
  c.read(20, 30, "future", 1, -1);
  c.read(30, 90, "other", 0);
  EXPECT_EQ(ids(c.counter.found()[0]), (std::vector<std::string>{"new", "old"}));
  Count none;
  EXPECT_EQ(none.counter.found().size(), 2U);
  EXPECT_TRUE(none.counter.found()[0].items.empty());
}

TEST(SegmentSource, ListsWhatIsPopularAmongThem) {
  std::vector<CandidateItem> catalogue;
  for (int i = 0; i < 30; ++i)
    catalogue.push_back({{"article", "i" + std::to_string(i)}, "T", {}, kNow - kDay * i});
  const auto r =
      Recommender::create(std::make_shared<RecommendModel>(), "none", std::move(catalogue));
  SegmentItems chengdu{"cd", "成都新关注", {}};
  SegmentItems parents{"pa", "家长", {}};
  for (const int i : {20, 21, 22, 23, 24, 25})
    chengdu.items.push_back({{"article", "i" + std::to_string(i)}, 0.1});
  for (const int i : {20, 27}) parents.items.push_back({{"article", "i" + std::to_string(i)}, 0.2});
  parents.items.push_back({{"article", "gone"}, 0.1});
  RecommendRequest request;
  request.n = 9;
  request.now = kNow;
  request.segments = {&chengdu, &parents};
  const audience::PersonView nobody{PersonId("p"), {}, {}};
  const auto out = *r->recommend(nobody, request);
  std::vector<std::string> listed;
  for (const auto& item : out.items) {
    if (item.source == "segment") listed.push_back(item.item.id);
  }
  // Two thirds, from each segment in turn, none twice.
  EXPECT_EQ(listed, (std::vector<std::string>{"i20", "i27", "i21", "i22", "i23", "i24"}));
  EXPECT_EQ(out.items[0].reason, "「成都新关注」的人最近都在看");
  EXPECT_EQ(out.items[1].reason_en, "popular among \"家长\" right now");
  EXPECT_EQ(out.items.size(), 9U);
}

}  // namespace
}  // namespace zhiyin::recommend
