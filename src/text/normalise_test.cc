#include "text/normalise.h"

#include <gtest/gtest.h>
#include <unicode/normalizer2.h>
#include <unicode/unistr.h>

#include <opencc/SimpleConverter.hpp>
#include <random>

#include "base/utf8.h"
#include "text/code_point.h"
#include "text/hostile_texts.h"

namespace zhiyin::text {
namespace {

std::string normal(std::string_view text, const NormaliseOptions& options = {}) {
  return Normaliser(options).run(text)->text;
}

NormaliseOptions only(bool NormaliseOptions::* what) {
  NormaliseOptions none{.nfkc = false,
                        .fold_case = false,
                        .simplify = false,
                        .drop_invisible = false,
                        .digit_styles = false};
  none.*what = true;
  return none;
}

std::string icu_nfkc(std::string_view text) {
  UErrorCode status = U_ZERO_ERROR;
  const auto* how = icu::Normalizer2::getNFKCInstance(status);
  std::string out;
  how->normalize(icu::UnicodeString::fromUTF8(std::string(text)), status).toUTF8String(out);
  return out;
}

/// Code points that make trouble with each other: marks, jamo, compatibility forms, traditional.
std::string random_text(std::mt19937& random, std::size_t length) {
  constexpr std::pair<char32_t, char32_t> kRanges[] = {
      {0x41, 0x7a},      {0xc0, 0x17f},    {0x300, 0x36f},   {0x390, 0x3b0},   {0x5d0, 0x5ea},
      {0x610, 0x669},    {0x900, 0x97f},   {0xf71, 0xf84},   {0x1100, 0x1112}, {0x1161, 0x1175},
      {0x11a8, 0x11c2},  {0x1e00, 0x1fff}, {0x2000, 0x206f}, {0x3040, 0x30ff}, {0x4e00, 0x9fff},
      {0xac00, 0xac40},  {0xf900, 0xfaff}, {0xfe00, 0xfe0f}, {0xff00, 0xffef}, {0x1d400, 0x1d7ff},
      {0x1f600, 0x1f64f}};
  std::string out;
  for (std::size_t i = 0; i < length; ++i) {
    const auto [first, last] = kRanges[random() % std::size(kRanges)];
    append_utf8(out, first + random() % (last - first + 1));
  }
  return out;
}

void expect_good_map(std::string_view text, const Normalised& made) {
  ASSERT_TRUE(utf8::is_valid(made.text));
  std::uint32_t before = 0;
  for (std::size_t at = 0; at < made.text.size();) {
    const std::size_t bytes = code_point_at(made.text, at).bytes;
    const ByteRange source =
        made.map.source(static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(at + bytes));
    ASSERT_LE(before, source.begin);
    ASSERT_LT(source.begin, source.end);
    ASSERT_LE(source.end, text.size());
    for (const std::uint32_t edge : {source.begin, source.end}) {
      const bool inside = edge < text.size() && is_continuation_byte(text[edge]);
      // Only where the text itself is not UTF-8 may a place lie before such a byte.
      ASSERT_TRUE(!inside || !utf8::is_valid(text));
    }
    before = source.begin;
    at += bytes;
  }
}

TEST(Normalise, FormsWidthCaseAndScriptBecomeOne) {
  EXPECT_EQ(normal("ＡＢＣ１２３！ㄅ㎏①Straße"), "abc123!ㄅkg1strasse");
  EXPECT_EQ(normal("買１台電腦，皇后與後天"), "买1台电脑,皇后与后天");
  EXPECT_EQ(normal("乾隆乾燥"), "乾隆干燥");
  EXPECT_EQ(normal("e\xcc\x81"
                   "cole"),
            "école");
  EXPECT_EQ(normal(""), "");
}

TEST(Normalise, WhatCannotBeSeenGoes) {
  EXPECT_EQ(normal("法\xe2\x80\x8b轮\xe2\x80\xae功\xef\xbb\xbf\x01"), "法轮功");
  EXPECT_EQ(normal("a\tb\nc"), "a\tb\nc");
  EXPECT_EQ(normal("e\xe2\x80\x8b\xcc\x81"), "é");  // and what it kept apart joins
}

TEST(Normalise, DigitsAndUnits) {
  EXPECT_EQ(normal("1,299元 1,2 1,2345 12,345,678 3.1,234 ٣"),
            "1299元 1,2 1,2345 12345678 3.1,234 3");
  NormaliseOptions options;
  options.unit_styles = true;
  EXPECT_EQ(normal("5千克和5公斤，３公釐；公斤", options), "5kg和5kg,3mm;公斤");
}

TEST(Normalise, EmojiStayOrAreNamedOrGo) {
  const std::string text = "好😂👍🏽👨‍👩‍👧❤️1️⃣🇨🇳";
  const std::string kept =
      "好😂👍🏽👨‍👩‍👧❤️1\xe2\x83\xa3🇨🇳";  // a keycap is one without
                                                                       // its selector
  EXPECT_EQ(normal(text), kept);
  NormaliseOptions options;
  options.emoji = NormaliseOptions::Emoji::kName;
  EXPECT_EQ(normal(text, options), "好[笑哭了][拇指向上][家庭: 男人女人女孩][红心]1[中国旗]");
  options.emoji = NormaliseOptions::Emoji::kDrop;
  EXPECT_EQ(normal(text, options), "好1");
}

TEST(Normalise, RunsOfSpaceAreOneWhereAsked) {
  NormaliseOptions options;
  options.join_spaces = true;
  EXPECT_EQ(normal("a b  c\t\nd\xe3\x80\x80 e\xe3\x80\x80", options), "a b c d e ");
}

TEST(Normalise, PlacesOfTheOriginalAreKept) {
  const std::string text = "Ａ\xe2\x80\x8b買1,299元";
  const auto made = *Normaliser().run(text);
  ASSERT_EQ(made.text, "a买1299元");
  EXPECT_EQ(made.map.source(0, 1), (ByteRange{0, 3}));
  EXPECT_EQ(made.map.source(1, 4), (ByteRange{6, 9}));
  EXPECT_EQ(made.map.source(0, 4), (ByteRange{0, 9}));
  EXPECT_EQ(made.map.source(4, 8), (ByteRange{9, 14}));
  EXPECT_EQ(made.map.source(8, 11), (ByteRange{14, 17}));
}

TEST(Normalise, NfkcAgreesWithIcu) {
  const Normaliser normaliser(only(&NormaliseOptions::nfkc));
  for (char32_t c = 1; c <= 0x10ffff; c += c < 0x20000 ? 1 : 61) {
    if (c >= 0xd800 && c <= 0xdfff) continue;
    std::string text = "a";
    append_utf8(text, c);
    text += "\xcc\x81";
    ASSERT_EQ(normaliser.run(text)->text, icu_nfkc(text)) << static_cast<std::uint32_t>(c);
  }
  std::mt19937 random(7);
  for (int i = 0; i < 5000; ++i) {
    const std::string text = random_text(random, 1 + random() % 12);
    ASSERT_EQ(normaliser.run(text)->text, icu_nfkc(text)) << text << " in round " << i;
  }
}

TEST(Normalise, SimplifyingAgreesWithOpencc) {
  const opencc::SimpleConverter converter("t2s.json");
  const Normaliser normaliser(only(&NormaliseOptions::simplify));
  std::mt19937 random(7);
  const std::u32string_view common =
      U"乾隆坤旋轉慶著作者名衝沖後面裡里發髮表麵面條台臺風颱於余餘祇只於是瞭解了乾燥干凈淨着手藉口"
      U"狼籍"
      U"薑姜太公薴苧畫劃國語計畫電腦硬體開啟啓動複雜恢復覆蓋徵求特征於戲嚐鮮鐘錶鍾情";
  for (int i = 0; i < 5000; ++i) {
    std::string text;
    for (std::size_t n = random() % 20; n > 0; --n)
      append_utf8(text, common[random() % common.size()]);
    ASSERT_EQ(normaliser.run(text)->text, converter.Convert(text)) << text;
  }
}

TEST(Normalise, TwiceIsOnce) {
  std::mt19937 random(11);
  for (int i = 0; i < 5000; ++i) {
    const std::string text = random_text(random, 1 + random() % 12);
    const std::string once = normal(text);
    ASSERT_EQ(normal(once), once) << text << " in round " << i;
  }
}

TEST(Normalise, HostileTextsKeepTheirPlaces) {
  NormaliseOptions all{.unit_styles = true, .join_spaces = true};
  all.emoji = NormaliseOptions::Emoji::kName;
  for (const NormaliseOptions& options : {NormaliseOptions{}, all}) {
    const Normaliser normaliser(options);
    for (const std::string& text : hostile_texts(20'000)) {
      const auto made = normaliser.run(text);
      ASSERT_TRUE(made);
      expect_good_map(text, *made);
    }
    std::mt19937 random(3);
    for (int i = 0; i < 2000; ++i) {
      const std::string text = random_text(random, random() % 30);
      expect_good_map(text, *normaliser.run(text));
    }
  }
}

TEST(Normalise, TooMuchIsRefused) {
  const std::string text(Normaliser::kTextBytesMax + 1, 'a');
  EXPECT_EQ(Normaliser().run(text).error().code, ErrorCode::kLimitReached);
}

}  // namespace
}  // namespace zhiyin::text
