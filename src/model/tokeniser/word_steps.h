#pragma once

#include <string>
#include <variant>
#include <vector>

#include "model/tokeniser/aligned_text.h"

/// How a normalised text is cut into words before pieces are looked for, each as Hugging Face's
/// pre-tokeniser of the same name.
namespace zhiyin::model::words {

/// A text and its words, in order; what lies between them is dropped.
struct Words {
  AlignedText text;
  std::vector<ByteSpan> spans;  ///< bytes of `text`
};

struct WhitespaceSplit {};
struct Whitespace {};   ///< \w+|[^\w\s]+: runs of word characters, and of others
struct Punctuation {};  ///< each punctuation character is a word
struct Bert {};         ///< both
struct Metaspace {
  enum class Prepend { kAlways, kFirst, kNever };
  std::string replacement = "\u2581";
  Prepend prepend = Prepend::kAlways;
  bool split = true;
};

using Step = std::variant<WhitespaceSplit, Whitespace, Punctuation, Bert, Metaspace>;

void apply(const Step& step, Words& words);

}  // namespace zhiyin::model::words
