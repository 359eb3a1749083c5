#pragma once

#include <string_view>

namespace zhiyin::sandbox {

inline constexpr int kNothingWrong = 100;

struct Objection {
  int label = kNothingWrong;      ///< as in content safety: 10001 ads, 20002 porn, 20008 fraud …
  std::string_view keyword = {};  ///< what it is about
  bool doubtful = false;          ///< a person would have to decide
};

/// What the platform's reviewers object to in a text: they know a short list of words
/// (docs/sandbox.md) and refuse what holds one of them. Pure.
Objection review(std::string_view text);

}  // namespace zhiyin::sandbox
