#include "ingest/detail/written_number.h"

#include <gtest/gtest.h>

#include <string>

namespace zhiyin::ingest::detail {
namespace {

std::string fen(std::string_view text) {
  const auto read = read_yuan(text);
  return read ? std::to_string(read->fen) + (read->rounded ? "~" : "") : "none";
}

std::string number(std::string_view text, NumberForm form = NumberForm::kCount) {
  const auto read = read_number(text, form);
  if (!read) return "none";
  std::string out = std::to_string(read->value);
  out.erase(out.find_last_not_of('0') + 1);
  if (out.ends_with('.')) out.pop_back();
  return out;
}

TEST(WrittenNumber, CountsAsPeopleWriteThem) {
  EXPECT_EQ(number("12"), "12");
  EXPECT_EQ(number("1,234,567.5"), "1234567.5");
  EXPECT_EQ(number("1 000"), "1000");
  EXPECT_EQ(number("1\xc2\xa0"
                   "000"),
            "1000");
  EXPECT_EQ(number("1.2万"), "12000");
  EXPECT_EQ(number("1.2 万"), "12000");
  EXPECT_EQ(number("1.2w"), "12000");
  EXPECT_EQ(number("3k"), "3000");
  EXPECT_EQ(number("１，２３４"), "1234");
  EXPECT_EQ(number("-1,000"), "-1000");
  for (const std::string_view none :
       {"", "万", "1,23", "1,2345", "1 2", "1,000 000", "10万+", "12.5O", "¥5", "7分30秒",
        "00:07:30", "1.2.3", "--1", "1,,000", ",100"}) {
    EXPECT_EQ(number(none), "none") << none;
  }
}

TEST(WrittenNumber, TimesInWordsAndAsAClock) {
  const auto seconds = [](std::string_view text) { return number(text, NumberForm::kSeconds); };
  EXPECT_EQ(seconds("420"), "420");
  EXPECT_EQ(seconds("7分30秒"), "450");
  EXPECT_EQ(seconds("7 分钟 30 秒"), "450");
  EXPECT_EQ(seconds("1小时2分"), "3720");
  EXPECT_EQ(seconds("30秒"), "30");
  EXPECT_EQ(seconds("00:07:30"), "450");
  EXPECT_EQ(seconds("１：００：００"), "3600");
  EXPECT_EQ(seconds("1,800"), "1800");
  for (const std::string_view none : {"7:30", "30秒7分", "7分7分", "分", "0:7:30", "00:60:00",
                                      "00:00:60", "-1:00:00", "1:2:3:4", "::", "7分30"}) {
    EXPECT_EQ(seconds(none), "none") << none;
  }
}

TEST(WrittenNumber, MoneyIsExact) {
  EXPECT_EQ(fen("199.00"), "19900");
  EXPECT_EQ(fen("¥199.00"), "19900");
  EXPECT_EQ(fen("￥ 199"), "19900");
  EXPECT_EQ(fen("199元"), "19900");
  EXPECT_EQ(fen("1,299.00"), "129900");
  EXPECT_EQ(fen("¥1,299.5 元"), "129950");
  EXPECT_EQ(fen("1.2万元"), "1200000");
  EXPECT_EQ(fen("-¥5.01"), "-501");
  EXPECT_EQ(fen("-5.01"), "-501");
  EXPECT_EQ(fen(".5"), "50");
  EXPECT_EQ(fen("0.29"), "29");
  EXPECT_EQ(fen("1.005"), "101~") << "half a fen goes up, which binary fractions would not show";
  EXPECT_EQ(fen("1.0049"), "100~");
  EXPECT_EQ(fen("1.0000"), "100");
  EXPECT_EQ(fen("1.2e3"), "120000");
  for (std::int64_t n = 0; n < 100'000; ++n) {
    const std::string text =
        std::to_string(n / 100) + "." + std::to_string(n / 10 % 10) + std::to_string(n % 10);
    ASSERT_EQ(fen(text), std::to_string(n)) << text;
  }
  for (const std::string_view none :
       {"", "元", "¥", "12.5O", "$5", "1,29", "99999999999999999", "1e300"})
    EXPECT_EQ(fen(none), "none") << none;
}

TEST(WrittenNumber, WhatWasCorrectedIsSaid) {
  EXPECT_FALSE(read_number("12")->corrected());
  EXPECT_TRUE(read_number("1,000")->separators);
  EXPECT_TRUE(read_number("１２")->full_width);
  EXPECT_TRUE(read_number("1.2万")->words);
  EXPECT_TRUE(read_number("7分", NumberForm::kSeconds)->words);
  EXPECT_TRUE(read_yuan("¥1")->as_written.currency);
}

}  // namespace
}  // namespace zhiyin::ingest::detail
