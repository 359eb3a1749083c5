#pragma once

#include <string>
#include <vector>

#include "text/code_point.h"

namespace zhiyin::text {

inline std::string repeated(std::string_view what, std::size_t bytes) {
  std::string out;
  while (out.size() < bytes) out += what;
  return out;
}

/// Texts that break careless readers, for tests; the long ones have about `bytes` bytes.
inline std::vector<std::string> hostile_texts(std::size_t bytes) {
  std::vector<std::string> out = {
      "",
      std::string(1, '\0'),
      "\xed\xa0\x80",                                  // a lone surrogate
      "\xed\xa0\xbd\xed\xb8\x82",                      // a pair of them
      "\xc0\xaf\xe0\x80\xaf",                          // overlong slashes
      "\xf4\x90\x80\x80\xff\xfe",                      // beyond Unicode, and no UTF-8 at all
      "\xe4\xb8",                                      // cut within a character
      "好\xe4\xb8的\xb8\xad",                          // and between others
      "\xe2\x80\xae\xe2\x80\xad",                      // overrides of direction alone
      "\xcc\x81\xcc\x81",                              // marks on nothing
      "👨‍👩‍👧‍👦🏽‍🇨🇨🇳",  // an emoji sequence that goes wrong
      "https://例子.测试/a?b=1&c=你好。http://",
      "\xef\xbb\xbf"
      "begins with a mark",
  };
  for (const std::string_view unit : {"a",
                                      "中",
                                      "\xe2\x80\x8b",
                                      "\xcc\x81",
                                      "😂",
                                      "\xe2\x80\xae"
                                      "a",
                                      " ",
                                      "\n",
                                      "。",
                                      "1,",
                                      "\x80",
                                      "\xed\xa0\x80",
                                      "e\xcc\x81",
                                      "\xe1\x84\x80",
                                      "電",
                                      "[",
                                      "0",
                                      ".",
                                      "\xe2\x80\x8d",
                                      "乾"}) {
    out.push_back(repeated(unit, bytes));
  }
  return out;
}

}  // namespace zhiyin::text
