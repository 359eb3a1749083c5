#include "base/visible_text.h"

#include <gtest/gtest.h>

namespace zhiyin {
namespace {

TEST(VisibleText, OrdinaryTextStaysAsItIs) {
  EXPECT_EQ(visible_text("上海 a1 é 😀"), "上海 a1 é 😀");
  EXPECT_EQ(visible_text(""), "");
}

TEST(VisibleText, WhatWouldActOnATerminalIsShown) {
  EXPECT_EQ(visible_text("\x1b[31mred"), "\\x1b[31mred");
  EXPECT_EQ(visible_text("a\r\n\tb\x7f"), "a\\x0d\\x0a\\x09b\\x7f");
  EXPECT_EQ(visible_text("\xc2\x9b"
                         "31m"),
            "\\x9b31m")
      << "C1 as UTF-8";
  EXPECT_EQ(visible_text("\xe2\x80\xae"
                         "fdp.exe"),
            "\\u202efdp.exe");
  EXPECT_EQ(visible_text("\xff\xe4\xb8"), "\\xff\\xe4\\xb8") << "no UTF-8";
  EXPECT_EQ(visible_text("a\nb", true), "a\nb");
}

}  // namespace
}  // namespace zhiyin
