#pragma once

#include <string>

#include "base/check.h"
#include "text/compile_dictionary.h"
#include "text/words.h"

namespace zhiyin::text {

/// A small dictionary for tests, as the sources that it is compiled from.
struct TestSources {
  std::string words =
      "我 100 r\n爱 50 v\n北京 80 ns\n天安门 30 ns\n天安 3 nr\n北京天安门 5 ns\n的 500 uj\n天气 40 "
      "n\n今天 60 t\n"
      "今 5 t\n天 20 q\n很 90 d\n好 90 a\n中国 70 ns\nT恤 3 n\n𠮷野家 3 nz\n";
  std::string model =
      "#start\n-0.26 -3.14e+100 -3.14e+100 -1.46\n"
      "-3.14e+100 -0.51 -0.92 -3.14e+100\n-0.59 -3.14e+100 -3.14e+100 -0.81\n"
      "-3.14e+100 -0.33 -1.26 -3.14e+100\n-0.72 -3.14e+100 -3.14e+100 -0.67\n"
      "#emit\n小:-4.5,明:-6.5,张:-3.2\n小:-6.5,明:-4.1,张:-9\n小:-7,明:-6,张:-9\n小:-5,明:-8,张:-"
      "6\n";
  std::string rarities = "北京 4.5\n天气 6.5\n今天 3\n小明 9\n";
  std::string stop_words = "的\n今天\n";

  [[nodiscard]] DictionarySources view() const { return {words, model, rarities, stop_words}; }
};

/// A dictionary that lives as long as the program.
inline Words test_words(const TestSources& sources = {}) {
  auto bytes = compile_dictionary(sources.view());
  ZHIYIN_CHECK(bytes.has_value());
  // Kept, and on a multiple of 8, as a mapping is.
  static std::vector<std::unique_ptr<std::string>> kept;
  kept.push_back(std::make_unique<std::string>(std::move(*bytes)));
  auto dictionary = Dictionary::from_bytes(*kept.back());
  ZHIYIN_CHECK(dictionary.has_value());
  return {*dictionary, nullptr};
}

}  // namespace zhiyin::text
