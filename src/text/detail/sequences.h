#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "text/detail/character_data.h"

namespace zhiyin::text::detail {

/// A sequence of the tables, found at the beginning of a text.
struct PhraseMatch {
  std::size_t bytes = 0;  // of the text
  std::u32string_view value;
};

/// The longest phrase with a conversion of its own at byte `at`.
std::optional<PhraseMatch> match_phrase(std::string_view text, std::size_t at);

struct EmojiMatch {
  std::size_t bytes = 0;  // with variation selectors, skin tones and keycap
  std::string_view name;  // empty: without a name
};

/// The longest emoji sequence at byte `at`, where an emoji begins: a single one if no longer
/// sequence has a name.
EmojiMatch match_emoji(std::string_view text, std::size_t at);

/// The longest spelling of a unit at byte `at`.
std::optional<PhraseMatch> match_unit(std::string_view text, std::size_t at);

}  // namespace zhiyin::text::detail
