#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace zhiyin::model {

/// Where something that an answer states stands in its evidence. Bytes.
struct EvidenceSpan {
  std::size_t begin = 0;  ///< in the kept text
  std::size_t end = 0;
  std::size_t evidence = 0;  ///< index
  std::size_t evidence_begin = 0;
  std::size_t evidence_end = 0;
};

struct RemovedSentence {
  std::string text;
  std::string reason;  ///< `99元: not in the evidence`
};

struct CheckedText {
  std::string text;  ///< the sentences that stay
  std::vector<EvidenceSpan> spans;
  std::vector<RemovedSentence> removed;
};

/// Keeps only the sentences whose numbers, dates, prices and names (see stated_values.h) all occur
/// in the evidence. Pure.
CheckedText check_evidence(std::string_view text, const std::vector<std::string>& evidence,
                           const std::vector<std::string>& known_names = {});

/// Sentences with their closing marks: after 。！？!?；; and line ends, closing quotes included.
std::vector<std::string_view> split_answer(std::string_view text);

/// Parts of `secret` (instructions that nobody is to see) that `text` repeats: runs of at least
/// kLeakCharacters characters, spaces and punctuation aside, that stand in none of `allowed`.
/// Returns the first such run as it stands in `text`, or nothing.
std::string find_leak(std::string_view text, std::string_view secret,
                      const std::vector<std::string>& allowed);
inline constexpr std::size_t kLeakCharacters = 12;

}  // namespace zhiyin::model
