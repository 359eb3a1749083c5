#pragma once

#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "model/classify/fold.h"
#include "model/classify/ngram.h"

namespace zhiyin::model {

/// A text as its likeness to others is seen by.
struct PairSide {
  FoldedText folded;
  std::vector<NgramKey> keys;  ///< its n-grams of 1 to 3 characters, ascending, each once
};
/// Replaces what `out` held; keeps its memory. Thread-safe.
void fold_side(std::string_view text, PairSide& out);

/// What the characters of two texts have in common, in the order of kLikenessNames. All symmetric.
inline constexpr std::size_t kLikenessColumns = 14;
using Likeness = std::array<double, kLikenessColumns>;
inline constexpr std::array<std::string_view, kLikenessColumns> kLikenessNames = {
    "jaccard_1",  ///< n-grams in both, of those in either …
    "overlap_1",  ///< … and of those in the text that has fewer
    "jaccard_2",        "overlap_2", "jaccard_3", "overlap_3",
    "length_ratio",  ///< |ln((1 + characters) / (1 + characters))|
    "length",        ///< ln(1 + characters) of the shorter
    "subsequence",   ///< the longest common one, of the mean length
    "substring",     ///< the longest common one, of the shorter's length …
    "prefix",        ///< … and the common beginning and end
    "suffix",
    "negations_differ",  ///< 1: one has more characters of negation than the other
    "numbers_differ"};   ///< 1: their numbers and Latin words are not the same
/// Characters of a text that subsequence and substring look at: time grows with their product.
inline constexpr std::size_t kAlignedCharactersMax = 256;
Likeness likeness_of(const PairSide& a, const PairSide& b);

/// Of n-grams of one and two characters: in both, of those in either.
double jaccard_12(const PairSide& a, const PairSide& b);

}  // namespace zhiyin::model
