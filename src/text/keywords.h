#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/segment.h"

namespace zhiyin::text {

/// A word that says what a text is about.
struct Keyword {
  std::string word;
  double weight = 0;              // by rarity: unbounded; by rank: at most 1
  std::vector<ByteRange> places;  // in the text, in order
};

/// Finds keywords: words of two characters and more that are no stop words. Holds a segmenter: one
/// a thread.
class KeywordExtractor {
 public:
  explicit KeywordExtractor(Words words) : segmenter_(std::move(words)) {}

  /// How often a word is there times how rare it is elsewhere (TF-IDF), the `count` heaviest, as
  /// cppjieba's KeywordExtractor. Words without a rarity have the average one.
  Result<std::vector<Keyword>> by_rarity(std::string_view text, std::size_t count);

  /// What stands near what else stands near much (TextRank: neighbours within 5 words, damping
  /// 0.85, 10 rounds), as cppjieba's TextRankExtractor. Fails with kLimitReached above
  /// kRankedBytesMax: the graph grows with the text.
  Result<std::vector<Keyword>> by_rank(std::string_view text, std::size_t count);
  static constexpr std::size_t kRankedBytesMax = std::size_t{4} << 20;

 private:
  struct Candidate {
    std::string_view word;
    ByteRange place;
    std::uint32_t cell;  // in the dictionary's lexicon
  };
  Result<void> find_candidates(std::string_view text);

  Segmenter segmenter_;
  std::vector<ByteRange> found_;
  std::vector<Candidate> candidates_;
};

}  // namespace zhiyin::text
