#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/random.h"

namespace zhiyin::model {

/// A piece of a grammar over characters. A pure value.
struct GrammarPart {
  enum class Kind { kText, kCharacter, kRule, kSequence, kChoice, kRepeat };
  using Range = std::pair<char32_t, char32_t>;  ///< both ends belong to it

  Kind kind = Kind::kSequence;
  std::string text;                ///< kText, UTF-8
  std::vector<Range> ranges;       ///< kCharacter: one character within any of them
  std::size_t rule = 0;            ///< kRule: index
  std::vector<GrammarPart> parts;  ///< kSequence (none: nothing), kChoice; kRepeat: one
  std::size_t least = 0;           ///< kRepeat
  std::size_t most = 0;

  static GrammarPart literal(std::string_view text);
  static GrammarPart character(std::vector<Range> ranges);
  static GrammarPart reference(std::size_t rule);
  static GrammarPart sequence(std::vector<GrammarPart> parts);
  static GrammarPart choice(std::vector<GrammarPart> parts);
  static GrammarPart repeat(GrammarPart part, std::size_t least, std::size_t most);
};

/// Rules of which the first is the root. A pure value.
class Grammar {
 public:
  /// The index of a new rule, to be filled by `set`.
  std::size_t add(std::string name);
  void set(std::size_t rule, GrammarPart part) { rules_[rule].part = std::move(part); }
  [[nodiscard]] std::size_t rules() const { return rules_.size(); }

  /// The form that llama.cpp reads (GBNF), root rule `root`.
  [[nodiscard]] std::string to_gbnf() const;

  /// A text of this grammar, drawn with `random`: of choices any, of repetitions a few; below
  /// `depth_max` nested rules the shortest way out. For scripts and tests. Requires that every rule
  /// can end.
  [[nodiscard]] std::string sample(Random& random, std::size_t depth_max = 24) const;

 private:
  struct Rule {
    std::string name;
    GrammarPart part;
  };
  void write(std::string& out, const GrammarPart& part, bool inside) const;
  void draw(std::string& out, const GrammarPart& part, Random& random, std::size_t depth,
            std::size_t depth_max, const std::vector<std::size_t>& heights) const;
  [[nodiscard]] std::size_t height(const GrammarPart& part,
                                   const std::vector<std::size_t>& heights) const;

  std::vector<Rule> rules_;
};

}  // namespace zhiyin::model
