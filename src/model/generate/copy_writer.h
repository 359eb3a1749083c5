#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/generate/generator.h"

namespace zhiyin::model {

/// One thing that is known about what is written about.
struct Fact {
  std::string name;   ///< `颜色`; 1 to kFactBytesMax bytes
  std::string value;  ///< `酒红色`; likewise
};

/// What is to be written.
struct CopyOrder {
  std::vector<Fact> facts;     ///< 1 to kFactsMax; the order is that of importance
  std::size_t length = 80;     ///< characters to aim at, kLengthMin to kLengthMax
  std::size_t length_max = 0;  ///< never more; later facts are left out for it. 0: no such end
  std::uint64_t seed = 0;      ///< the same order and seed give the same text

  static constexpr std::size_t kFactsMax = 64;
  static constexpr std::size_t kFactBytesMax = 300;
  static constexpr std::size_t kLengthMin = 10;
  static constexpr std::size_t kLengthMax = 1000;
};

/// Where a text says a fact.
struct FactSpan {
  std::size_t fact = 0;   ///< index
  std::size_t begin = 0;  ///< bytes
  std::size_t end = 0;
};

struct CopyText {
  std::string text;
  std::vector<FactSpan> spans;        ///< ascending
  std::vector<std::size_t> left_out;  ///< facts that `length_max` left no room for
};

/// Writes Chinese copy from facts without a model: clauses of our own, chosen by seed, of which
/// only the values say anything about the product, so nothing is stated that was not given. All
/// facts are stated, as long as `length_max` allows; the text may therefore be longer than
/// `length`. kInvalidArgument names the field that is out of bounds.
Result<CopyText> write_copy(const CopyOrder& order);

/// Facts in lines `名称：值` (or `name: value`), as people paste them; `名称#值*名称#值` as well.
/// Several values of one name may be separated by 、. Lines of another form are no facts.
std::vector<Fact> parse_facts(std::string_view text);

/// The writer as a back end: facts are read from the last user message, the length from
/// `tokens_max` (one character each, at most 120 unless a line `字数：N` asks for another). A text
/// with more tokens (estimated) ends there, before a value that would be cut: kLength.
/// kInvalidArgument when the message holds no fact, kUnsupported for schemas and tools.
/// Thread-safe.
class CopyGenerator final : public Generator {
 public:
  using Generator::generate;
  Result<Generation> generate(const GenerateRequest& request, const OnText& on_text) override;
  [[nodiscard]] std::string name() const override { return "grounded"; }
};

}  // namespace zhiyin::model
