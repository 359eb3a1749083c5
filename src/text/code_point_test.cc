#include "text/code_point.h"

#include <gtest/gtest.h>

#include "base/utf8.h"

namespace zhiyin::text {
namespace {

TEST(CodePoint, EveryScalarValueComesBack) {
  for (char32_t value = 0; value <= 0x10ffff; ++value) {
    if (value >= 0xd800 && value <= 0xdfff) continue;
    std::string bytes;
    append_utf8(bytes, value);
    const CodePoint read = code_point_at(bytes, 0);
    ASSERT_TRUE(read.well_formed && read.value == value && read.bytes == bytes.size())
        << static_cast<std::uint32_t>(value);
  }
}

TEST(CodePoint, ATextIsAllOfThem) {
  EXPECT_EQ(code_points("a\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80"), U"a\u00e9\u4e2d\U0001f600");
  EXPECT_EQ(code_points("\xe4\xb8"), U"\ufffd\ufffd");
  EXPECT_EQ(code_points(""), U"");
}

TEST(CodePoint, WhatIsNotUtf8TakesOneByteAndNoMore) {
  for (const std::string_view bad : {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80",
                                     "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xff", "\xe4\xb8"}) {
    const CodePoint read = code_point_at(bad, 0);
    EXPECT_FALSE(read.well_formed);
    EXPECT_EQ(read.bytes, 1);
    EXPECT_EQ(read.value, kReplacement);
  }
}

TEST(CodePoint, AgreesWithTheOtherReaderOnWhatIsUtf8) {
  // Every three bytes whose first begins a longer form.
  for (int first = 0xc0; first < 0x100; ++first) {
    for (int second = 0x70; second < 0x100; second += 3) {
      for (int third = 0x70; third < 0x100; third += 5) {
        const std::string bytes = {static_cast<char>(first), static_cast<char>(second),
                                   static_cast<char>(third)};
        std::size_t at = 0;
        bool good = true;
        while (at < bytes.size()) {
          const CodePoint read = code_point_at(bytes, at);
          good = good && read.well_formed;
          at += read.bytes;
        }
        ASSERT_EQ(good, utf8::is_valid(bytes)) << first << ' ' << second << ' ' << third;
      }
    }
  }
}

}  // namespace
}  // namespace zhiyin::text
