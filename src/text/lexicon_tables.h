#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "text/lexicon.h"

namespace zhiyin::text {

/// A word on its way into a lexicon.
struct LexiconWord {
  bool has_weight = false;
  double weight = 0;  // log of the word's share
  std::string tag;
  bool is_stop_word = false;
  bool has_rarity = false;
  double rarity = 0;
};

/// The tables of a lexicon in memory, built from words. Not thread-safe while built.
class LexiconTables {
 public:
  /// By spelling. `more` are code points that get a code though no word has them. Fails with
  /// kInvalidArgument for an empty, too long or not well-formed word or a long tag, and with
  /// kLimitReached for more distinct weights, rarities, tags or code points than the form can tell
  /// apart.
  static Result<LexiconTables> build(const std::map<std::string, LexiconWord>& words,
                                     std::u32string_view more = {});

  /// A view of these tables; valid while they live and stay where they are.
  [[nodiscard]] Lexicon view() const;

 private:
  friend class LexiconBuild;

  std::vector<std::uint16_t> plane_;
  std::vector<detail::RareCode> rare_;
  std::uint32_t code_count_ = 1;
  std::vector<detail::TrieCell> cells_;
  std::vector<double> weights_;
  std::vector<std::uint32_t> facts_;
  std::vector<Lexicon::Tag> tags_;
  std::vector<double> rarities_;
};

}  // namespace zhiyin::text
