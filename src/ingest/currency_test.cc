#include "ingest/currency.h"

#include <gtest/gtest.h>

namespace zhiyin::ingest {
namespace {

TEST(Currency, IsKnownByCodeSignAndName) {
  for (const char* text : {"", "CNY", "rmb", " 人民币 ", "¥", "元"})
    EXPECT_EQ(currency_of(text), "") << text;
  const std::pair<std::string_view, std::string_view> foreign[] = {
      {"USD", "usd"}, {"$", "usd"}, {"HK$", "hkd"}, {"欧元", "eur"}, {"xau", "xau"}};
  for (const auto& [text, code] : foreign) EXPECT_EQ(currency_of(text), code) << text;
  for (const char* text : {"dollars", "12", "U$"}) EXPECT_FALSE(currency_of(text)) << text;
}

TEST(Currency, StandsBeforeOrBehindAnAmount) {
  const auto split = [](std::string_view text) {
    const WrittenMoney money = split_currency(text);
    return money.currency + "|" + money.amount;
  };
  EXPECT_EQ(split("$19.90"), "usd|19.90");
  EXPECT_EQ(split("-US$ 1,234"), "usd|-1,234");
  EXPECT_EQ(split("19.90 EUR"), "eur|19.90");
  EXPECT_EQ(split("300日元"), "jpy|300");
  EXPECT_EQ(split("HKD 5"), "hkd|5");
  // The renminbi's own signs are left to `read_yuan`.
  for (const char* text : {"¥199", "199元", "1.2万元", "19.90", "CNY 5", ""})
    EXPECT_EQ(split(text), std::string("|") + text);
}

TEST(Currency, MoneyOfAnotherCurrencyIsAKindOfItsOwn) {
  EXPECT_EQ(kind_in("purchase", "usd"), "purchase.usd");
  EXPECT_EQ(kind_in("purchase", ""), "purchase");
}

}  // namespace
}  // namespace zhiyin::ingest
