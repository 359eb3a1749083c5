#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace zhiyin::text {

/// The texts that a dictionary is made of, in the form of jieba's files.
struct DictionarySources {
  std::string_view words;       ///< a line: word, count above 0, tag, separated by one space
  std::string_view model;       ///< start, 4 x 4 steps, then emissions of B, E, M, S
  std::string_view rarities;    ///< a line: word, inverse document frequency
  std::string_view stop_words;  ///< a word a line
};

/// The file that Dictionary::open maps (docs/formats/dictionary.md). Weights are as cppjieba
/// computes them, to the last bit. Fails with kInvalidArgument naming the source and line, or
/// kLimitReached for more than the form can hold.
Result<std::string> compile_dictionary(const DictionarySources& sources);

}  // namespace zhiyin::text
