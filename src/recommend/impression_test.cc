#include "recommend/impression.h"

#include <gtest/gtest.h>

#include "base/crypto.h"

namespace zhiyin::recommend {
namespace {

Impression sample() {
  return {"i1",
          PersonId("p_a"),
          "shop",
          "api",
          "recommend-3",
          {1'700'000'000'000'000},
          {{{"article", "7"}, 0.5, 1, "itemknn"}, {{"product", "杯"}, 2, 0.25, "popular"}}};
}

TEST(Impression, ReadsBackWhatWasWritten) {
  const auto back = decode_impression(encode_impression(sample()));
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(back->id, "i1");
  EXPECT_EQ(back->person.value, "p_a");
  EXPECT_EQ(back->account, "shop");
  EXPECT_EQ(back->place, "api");
  EXPECT_EQ(back->model, "recommend-3");
  EXPECT_EQ(back->at, sample().at);
  ASSERT_EQ(back->items.size(), 2U);
  EXPECT_EQ(back->items[1].item, (ItemRef{"product", "杯"}));
  EXPECT_EQ(back->items[1].propensity, 0.25);
  EXPECT_EQ(back->items[0].score, 0.5);
  EXPECT_EQ(back->items[0].source, "itemknn");
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
  EXPECT_EQ(encode_impression(sample()), *bytes);
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
