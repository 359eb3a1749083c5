#include "text/near_duplicate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "base/file.h"
#include "text/code_point.h"
#include "text/near_duplicate_table.h"

namespace zhiyin::text {
namespace {

std::string random_text(std::mt19937& random, std::size_t characters) {
  std::string out;
  for (std::size_t i = 0; i < characters; ++i)
    append_utf8(out, U'一' + static_cast<char32_t>(random() % 3000));
  return out;
}

/// `text` (of three-byte characters) with some replaced.
std::string changed(std::string text, std::mt19937& random, int places) {
  for (int i = 0; i < places; ++i) {
    std::string one;
    append_utf8(one, U'一' + static_cast<char32_t>(random() % 3000));
    text.replace(random() % (text.size() / 3) * 3, 3, one);
  }
  return text;
}

TEST(Simhash, WhatSaysNothingMakesNoDifference) {
  EXPECT_EQ(simhash("今天天气真好，Hello World"),
            simhash("今天 天氣真好！！ＨＥＬＬＯ world\u200b"));
  EXPECT_NE(simhash("今天天气真好"), simhash("明天天气不好"));
  EXPECT_EQ(simhash(""), 0);
  EXPECT_EQ(simhash("，。 \xff"), 0);
}

TEST(Simhash, MajorityIsAsCountedBitByBit) {
  // Over 255 shingles, so that counts are carried over; against a count without tricks.
  std::mt19937 random(5);
  const std::string text = random_text(random, 700);
  const std::string half = text.substr(0, 900);
  EXPECT_GT(bits_apart(simhash(text), simhash(random_text(random, 700))), 15);
  EXPECT_LT(bits_apart(simhash(text), simhash(changed(text, random, 2))), 8);
  EXPECT_LT(bits_apart(simhash(text), simhash(half)), 30);
}

TEST(MinHash, EstimatesTheShareOfCommonBigrams) {
  std::mt19937 random(6);
  double error = 0;
  constexpr int kRounds = 300;
  for (int i = 0; i < kRounds; ++i) {
    const std::string common = random_text(random, 41), a = common + random_text(random, 10),
                      b = common + random_text(random, 10);
    // 40 bigrams in common of about 60.
    error += similarity(min_hash(a), min_hash(b)) - 40.0 / 60.0;
  }
  EXPECT_NEAR(error / kRounds, 0, 0.03);
  EXPECT_EQ(similarity(min_hash("好"), min_hash("好！")), 1);
  EXPECT_EQ(similarity(min_hash(""), min_hash("")), 0);
}

TEST(NearDuplicateIndex, FindsShortAndLongTexts) {
  std::mt19937 random(8);
  NearDuplicateIndex index;
  std::vector<std::string> texts;
  for (int i = 0; i < 3000; ++i) {
    texts.push_back(random_text(random, i % 2 == 0 ? 30 : 600));
    EXPECT_EQ(index.add(texts.back()), static_cast<std::uint32_t>(i));
  }
  int found = 0;
  for (std::uint32_t i = 0; i < texts.size(); ++i) {
    const auto same = index.find(texts[i]);
    ASSERT_FALSE(same.empty());
    ASSERT_EQ(same[0], (NearDuplicate{i, 1.0}));
    for (const NearDuplicate& near : index.find(changed(texts[i], random, 1)))
      found += near.text == i ? 1 : 0;
  }
  EXPECT_GT(found, 2700);
  EXPECT_TRUE(index.find(random_text(random, 30)).empty());
  EXPECT_GT(index.memory(), 0);
}

TEST(NearDuplicateIndex, EveryFingerprintWithinThreeBitsIsFound) {
  std::mt19937 random(9);
  NearDuplicateIndex index;
  std::vector<std::string> texts;
  for (int i = 0; i < 400; ++i) texts.push_back(random_text(random, 500)), index.add(texts.back());
  int within = 0;
  for (std::uint32_t i = 0; i < texts.size(); ++i) {
    const std::string other = changed(texts[i], random, 2);
    if (bits_apart(simhash(texts[i]), simhash(other)) > 3) continue;
    ++within;
    const auto found = index.find(other);
    ASSERT_TRUE(std::ranges::any_of(found, [&](const auto& n) { return n.text == i; }));
  }
  EXPECT_GT(within, 100);
}

TEST(NearDuplicateIndex, TextsWithoutLettersAreNeverFound) {
  NearDuplicateIndex index;
  EXPECT_EQ(index.add("！！！"), 0);
  EXPECT_EQ(index.add(""), 1);
  EXPECT_TRUE(index.find("！！！").empty());
  EXPECT_EQ(index.size(), 2);
}

TEST(NearDuplicateIndex, TheSameTextManyTimesStaysQuick) {
  NearDuplicateIndex index({.candidates_max = 100});
  for (int i = 0; i < 20'000; ++i) index.add("加我微信领取红包");
  const auto found = index.find("加我微信领取红包", 5);
  ASSERT_EQ(found.size(), 5);
  EXPECT_EQ(found[0].similarity, 1);
}

TEST(NearDuplicateIndex, ComesBackFromAFile) {
  std::mt19937 random(9);
  NearDuplicateIndex index({.similarity_min = 0.6, .bits_max = 2, .candidates_max = 100});
  std::vector<std::string> texts;
  for (int i = 0; i < 1500; ++i) texts.push_back(random_text(random, i % 50 == 0 ? 300 : 30));
  texts[7] = "，";  // numbered, never found
  for (const std::string& text : texts) index.add(text);
  const TempFolder folder;
  ASSERT_TRUE(index.save(folder.path() / "index").has_value());
  auto loaded = NearDuplicateIndex::load(folder.path() / "index");
  ASSERT_TRUE(loaded.has_value()) << loaded.error().text();
  EXPECT_EQ(loaded->size(), index.size());
  EXPECT_EQ(loaded->options().candidates_max, 100);
  EXPECT_EQ(loaded->to_bytes(), index.to_bytes());
  for (int i = 0; i < 300; ++i) {
    const std::string asked = changed(texts[random() % texts.size()] + "啊", random, 2);
    EXPECT_EQ(loaded->find(asked), index.find(asked));
    // It goes on growing as the other does.
    EXPECT_EQ(loaded->add(asked), index.add(asked));
  }
  EXPECT_EQ(loaded->to_bytes(), index.to_bytes());
}

TEST(NearDuplicateIndex, ADamagedFileIsRefused) {
  NearDuplicateIndex index;
  for (const char* text : {"今天天气真好", "明天天气不好"}) index.add(text);
  const std::string bytes = index.to_bytes();
  EXPECT_TRUE(NearDuplicateIndex::from_bytes(bytes).has_value());
  for (std::size_t size = 0; size < bytes.size(); size += 7)
    EXPECT_EQ(NearDuplicateIndex::from_bytes(bytes.substr(0, size)).error().code,
              ErrorCode::kDataLoss);
  for (std::size_t at = 64; at < bytes.size(); at += 5) {
    std::string changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ 4);
    EXPECT_FALSE(NearDuplicateIndex::from_bytes(changed).has_value()) << at;
  }
  std::string other = bytes;
  other[8] = 9;
  EXPECT_EQ(NearDuplicateIndex::from_bytes(other).error().code, ErrorCode::kUnsupported);
}

TEST(NearDuplicateTable, FindsWhatTheIndexFindsAndIsRefusedWhenDamaged) {
  std::mt19937 random(11);
  NearDuplicateIndex index;
  NearDuplicateTableBuilder builder;
  std::vector<std::string> texts;
  for (std::uint32_t i = 0; i < 2000; ++i) {
    // Short ones, long ones, and some near the border, which stand in both ways.
    texts.push_back(random_text(random, i % 3 == 0 ? 400 : i % 3 == 1 ? 30 : 220));
    if (i == 7) texts.back() = "，";
    const TextSignature signature = signature_of(texts.back());
    EXPECT_EQ(index.add(signature), i);
    builder.add(10 * i, signature);  // gaps, as of texts that were taken out
  }
  const TempFolder folder;
  const auto path = folder.path() / "table";
  ASSERT_TRUE(builder.write(path, 5, 20'000).has_value());
  const auto table = NearDuplicateTable::open(path);
  ASSERT_TRUE(table.has_value()) << table.error().text();
  EXPECT_EQ(table->owner(), 5);
  EXPECT_EQ(table->end(), 20'000);
  EXPECT_EQ(table->size(), 1999);
  for (int i = 0; i < 500; ++i) {
    const TextSignature asked = signature_of(changed(texts[random() % texts.size()], random, 2));
    for (const double least : {0.5, 0.8}) {
      const NearDuplicateOptions options{.similarity_min = least, .bits_max = 3};
      auto expected = index.find(asked, options, 100);
      for (NearDuplicate& one : expected) one.text *= 10;
      EXPECT_EQ(table->find(asked, options, 100), expected);
    }
  }
  EXPECT_TRUE(table->find(signature_of("，"), {}, 10).empty());

  const std::string bytes = *read_file(path);
  for (std::size_t at = 0; at < bytes.size(); at += 1 + bytes.size() / 97) {
    std::string other = bytes;
    other[at] = static_cast<char>(other[at] ^ 0x5a);
    ASSERT_TRUE(write_file(path, at % 2 == 0 ? other : bytes.substr(0, at)).has_value());
    EXPECT_FALSE(NearDuplicateTable::open(path).has_value()) << at;
  }
  ASSERT_TRUE(NearDuplicateTableBuilder().write(path, 1, 0).has_value());
  const auto empty = NearDuplicateTable::open(path);
  ASSERT_TRUE(empty.has_value()) << empty.error().text();
  EXPECT_TRUE(empty->find(signature_of(texts[0]), {}, 10).empty());
}

TEST(NearSimilarity, IsWhatTheIndexSays) {
  std::mt19937 random(12);
  for (int i = 0; i < 100; ++i) {
    const std::string text = random_text(random, i % 2 == 0 ? 40 : 500);
    const auto a = signature_of(text), b = signature_of(changed(text, random, i % 5));
    NearDuplicateIndex index;
    index.add(a);
    const auto found = index.find(b, {}, 1);
    const auto alike = near_similarity(a, b, {});
    // The index may miss what is just similar enough, never the other way round.
    if (!found.empty()) {
      EXPECT_EQ(alike.value_or(0), found[0].similarity);
    }
  }
}

}  // namespace
}  // namespace zhiyin::text
