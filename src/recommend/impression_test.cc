#include "recommend/impression.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/crypto.h"

namespace zhiyin::recommend {
namespace {

Impression sample() {
  return {.id = "i1",
          .person = PersonId("p_a"),
          .account = "shop",
          .model = "recommend-3",
          .ranker = "ranker-2",
          .rival = "recommend-2",
          .context = {Instant{1'700'000'100'000'000}, "ios", "mini_program", "api"},
          .at = {1'700'000'000'000'000},
          .items = {{{"article", "7"}, 0.5, 1, "itemknn", 0.25F, 1.5F, 0, 2},
                    {{"product", "杯"}, 2, 0.25, "popular"}},
          .arms = {{"product", "杯"}, {"product", "壶"}}};
}

TEST(Impression, ReadsBackWhatWasWritten) {
  const auto back = decode_impression(encode_impression(sample()));
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(back->id, "i1");
  EXPECT_EQ(back->person.value, "p_a");
  EXPECT_EQ(back->account, "shop");
  EXPECT_EQ(back->context.place, "api");
  EXPECT_EQ(back->context.device, "ios");
  EXPECT_EQ(back->context.channel, "mini_program");
  EXPECT_EQ(back->context.time, sample().context.time);
  EXPECT_EQ(back->model, "recommend-3");
  EXPECT_EQ(back->ranker, "ranker-2");
  EXPECT_EQ(back->rival, "recommend-2");
  EXPECT_EQ(back->items[0].team, 2);
  EXPECT_EQ(back->arms, sample().arms);
  EXPECT_EQ(back->at, sample().at);
  ASSERT_EQ(back->items.size(), 2U);
  EXPECT_EQ(back->items[1].item, (ItemRef{"product", "杯"}));
  EXPECT_EQ(back->items[1].propensity, 0.25);
  EXPECT_EQ(back->items[0].score, 0.5);
  EXPECT_EQ(back->items[0].source, "itemknn");
  EXPECT_EQ(back->items[0].similarity, 0.25F);
  EXPECT_EQ(back->items[0].popularity, 1.5F);
}

TEST(Impression, ReadsARecordOfVersionOne) {
  // As written when the format was fixed: it must stay readable.
  const auto bytes = crypto::unhex(
      "01020069310300705f61040073686f7003006170690b007265636f6d6d656e642d3300401e18240a"
      "06000200070061727469636c6501003707006974656d6b6e6e000000000000e03f0000803f070070"
      "726f647563740300e69daf0700706f70756c617200000000000000400000803ec1da2f81b2abbb05");
  ASSERT_TRUE(bytes);
  const auto back = decode_impression(*bytes);
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(back->person.value, "p_a");
  EXPECT_EQ(back->context.place, "api");
  EXPECT_EQ(back->model, "recommend-3");
  EXPECT_EQ(back->ranker, "");
  ASSERT_EQ(back->items.size(), 2U);
  EXPECT_EQ(back->items[1].propensity, 0.25);
}

TEST(Impression, ReadsARecordOfVersionTwo) {
  const auto bytes = crypto::unhex(
      "02020069310300705f61040073686f7003006170690b007265636f6d6d656e642d3300401e18240a"
      "0600080072616e6b65722d320b007265636f6d6d656e642d320300696f730c006d696e695f70726f"
      "6772616d0021141e240a06000200070061727469636c6501003707006974656d6b6e6e0000000000"
      "00e03f0000803f0000803e0000c03f02070070726f647563740300e69daf0700706f70756c617200"
      "000000000000400000803e0000000000000000000200070070726f647563740300e69daf07007072"
      "6f647563740300e5a3b6a48b1f98197708ed");
  ASSERT_TRUE(bytes);
  // As it is now, the closeness of texts not known.
  const auto back = decode_impression(*bytes);
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(encode_impression(*back), encode_impression(sample()));
}

TEST(Impression, ReadsARecordOfVersionThree) {
  // As written before there were groups of A/B tests.
  const auto bytes = crypto::unhex(
      "03020069310300705f61040073686f7003006170690b007265636f6d6d656e642d3300401e18240a"
      "0600080072616e6b65722d320b007265636f6d6d656e642d320300696f730c006d696e695f70726f"
      "6772616d0021141e240a06000200070061727469636c6501003707006974656d6b6e6e0000000000"
      "00e03f0000803f0000803e0000c03f0000000002070070726f647563740300e69daf0700706f7075"
      "6c617200000000000000400000803e000000000000000000000000000200070070726f6475637403"
      "00e69daf070070726f647563740300e5a3b6d1b8d59e123c6644");
  ASSERT_TRUE(bytes);
  const auto back = decode_impression(*bytes);
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(back->group, AbGroup::kNone);
  EXPECT_EQ(encode_impression(*back), encode_impression(sample()));
}

TEST(Impression, KeepsTheGroupOfATest) {
  Impression tested = sample();
  tested.ab = "ranker-3";
  tested.group = AbGroup::kB;
  tested.ab_percent = 99;
  const auto back = decode_impression(encode_impression(tested));
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(back->ab, "ranker-3");
  EXPECT_EQ(back->group, AbGroup::kB);
  EXPECT_EQ(back->ab_percent, 99);
  const auto refuses = [&](std::string ab, int group, int percent) {
    tested.ab = std::move(ab);
    tested.group = static_cast<AbGroup>(group);
    tested.ab_percent = static_cast<std::uint8_t>(percent);
    EXPECT_FALSE(decode_impression(encode_impression(tested))) << group << ' ' << percent;
  };
  refuses("ranker-3", 3, 50);
  refuses("ranker-3", 2, 100);
  refuses("ranker-3", 2, 0);
  refuses("ranker-3", 0, 0);
  refuses("", 2, 50);
  refuses("", 0, 50);
}

TEST(Impression, KeepsHowCloseATextWasWithinMinusOneToOne) {
  Impression close = sample();
  close.items[0].text = -0.625F;
  const auto back = decode_impression(encode_impression(close));
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(back->items[0].text, -0.625F);
  EXPECT_EQ(back->items[1].text, 0);
  close.items[0].text = 1.5F;
  EXPECT_FALSE(decode_impression(encode_impression(close)));
  close.items[0].text = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(decode_impression(encode_impression(close)));
}

TEST(Impression, ArmsThatWouldNotFitAreLeftOut) {
  Impression big = sample();
  const ItemRef longest{std::string(32, 'k'), std::string(ingest::kItemIdBytesMax, 'i')};
  big.items.assign(kListMax, {longest, 1, 1, "itemknn"});
  big.arms.assign(kArmsMax, longest);
  const std::string bytes = encode_impression(big);
  EXPECT_LE(bytes.size(), storage::kRecordBytesMax);
  const auto back = decode_impression(bytes);
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(back->items.size(), kListMax);
  EXPECT_TRUE(back->arms.empty());
  big.items.resize(10);
  EXPECT_EQ(decode_impression(encode_impression(big))->arms.size(), kArmsMax);
}

TEST(Impression, DamagedRecordsAreRefused) {
  const std::string bytes = encode_impression(sample());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 4);
    ASSERT_FALSE(decode_impression(damaged)) << i;
    ASSERT_FALSE(decode_impression(bytes.substr(0, i))) << i;
  }
}

TEST(Impression, TheLongestListFitsARecord) {
  Impression big = sample();
  big.items.assign(
      kListMax,
      {{std::string(32, 'k'), std::string(ingest::kItemIdBytesMax, 'i')}, 1, 1, "itemknn"});
  EXPECT_LE(encode_impression(big).size(), storage::kRecordBytesMax);
  EXPECT_EQ(decode_impression(encode_impression(big))->items.size(), kListMax);
}

TEST(Impression, RecordsOfOnePersonShareAPartition) {
  Impression one = sample();
  Impression two = sample();
  two.id = "i2";
  EXPECT_EQ(impression_record(one).partition, impression_record(two).partition);
  EXPECT_LT(impression_record(one).partition, storage::kPartitions);
}

TEST(Impression, ARecordOfAResponseIsThatOfItsCopy) {
  RecommendResponse response;
  response.items.push_back({{"article", "7"}, "t", 0.5, "itemknn", "", "", 0.75});
  response.items.push_back({{"product", "杯"}, "t", 2, "explore", "", "", 0.25});
  response.items[0].facts = {{}, 0, 0.5F, 1.5F};
  response.items[1].team = 2;
  response.arms = {{"product", "杯"}, {"product", "壶"}};
  Impression head = sample();
  head.items.clear();
  head.arms.clear();
  Impression whole = impression_of(response, head.person, head.model, head.at);
  whole.id = head.id;
  whole.account = head.account;
  whole.ranker = head.ranker;
  whole.rival = head.rival;
  whole.context = head.context;
  EXPECT_EQ(impression_record(head, response).bytes, impression_record(whole).bytes);
  EXPECT_EQ(impression_record(head, response).partition, impression_record(whole).partition);
}

TEST(Impression, TakesOverTheListWithItsPropensities) {
  RecommendResponse response;
  response.items.push_back({{"article", "7"}, "t", 0.5, "itemknn", "", "", 0.75});
  const Impression i = impression_of(response, PersonId("p"), "recommend-1", {5});
  ASSERT_EQ(i.items.size(), 1U);
  EXPECT_EQ(i.items[0].propensity, 0.75);
  EXPECT_EQ(i.model, "recommend-1");
}

}  // namespace
}  // namespace zhiyin::recommend
