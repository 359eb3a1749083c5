#pragma once

#include <string_view>
#include <vector>

#include "text/keywords.h"

namespace zhiyin::text {

/// A sentence taken from a text, and how much it says, relative to the one that says most (1).
struct SummarySentence {
  ByteRange place;
  double weight = 0;
};

struct SummaryOptions {
  std::size_t sentences_max = 3;
  /// All sentences together; the first is taken whatever its length.
  std::size_t characters_max = 300;
  /// 0: only how much a sentence says; 1: only how little of it was said before.
  double novelty = 0.4;
};

/// Summaries by extraction: whole sentences of the text. Holds a segmenter: one a thread.
class Summariser {
 public:
  static constexpr std::size_t kSentencesMax = 2000;  // later ones are not looked at

  explicit Summariser(Words words) : keywords_(std::move(words)) {}

  /// The sentences that say most, in the order of the text. A sentence says what its keywords
  /// weigh in the whole text (TF-IDF), on average, the first ones a little more; of those that
  /// remain, the one is taken next that says most and repeats least (maximal marginal relevance,
  /// Carbonell and Goldstein 1998). Fails with kInvalidArgument for a novelty outside [0, 1] or no
  /// sentences, kLimitReached for too long a text.
  Result<std::vector<SummarySentence>> run(std::string_view text,
                                           const SummaryOptions& options = {});

 private:
  KeywordExtractor keywords_;
};

}  // namespace zhiyin::text
