#pragma once

#include <memory>
#include <string_view>

#include "base/error.h"
#include "text/dictionary.h"
#include "text/lexicon_tables.h"

namespace zhiyin::text {

/// Words that an installation adds to a dictionary, or whose weight or tag it changes. Immutable,
/// any thread.
class UserWords {
 public:
  static constexpr std::size_t kBytesMax = std::size_t{16} << 20;

  /// From lines `word`, `word tag` or `word count tag`, separated by one space; empty lines are
  /// passed over, the last of two lines for a word counts. A word without a count weighs as the
  /// dictionary's middle word. Fails with kInvalidArgument naming the line (`line 3`: a count below
  /// 1, a word of more than Lexicon::kWordLengthMax characters, bytes that are not UTF-8) or
  /// kLimitReached.
  static Result<std::shared_ptr<const UserWords>> parse(std::string_view text,
                                                        const Dictionary& dictionary);

  [[nodiscard]] const Lexicon& lexicon() const { return lexicon_; }

 private:
  explicit UserWords(LexiconTables tables) : tables_(std::move(tables)), lexicon_(tables_.view()) {}

  LexiconTables tables_;
  Lexicon lexicon_;
};

}  // namespace zhiyin::text
