#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// What tokenisers ask about characters: categories as of Unicode 8, decompositions,
/// compositions and combining classes as of Unicode 9, word characters as of Unicode 16, the rest
/// as in the ICU that the build had. Pure, thread-safe.
namespace zhiyin::model {

/// Categories Cc, Cf, Cs and Co.
bool is_other_category(char32_t c);
/// Unicode's White_Space.
bool is_white_space(char32_t c);
/// Category P*.
bool is_punctuation_category(char32_t c);
/// What \w of regular expressions stands for (UTS 18): letters, marks, digits, `_` and joiners.
bool is_word_character(char32_t c);
/// Category Mn.
bool is_nonspacing_mark(char32_t c);
/// BERT's "Chinese characters": eight blocks of Han.
bool is_bert_han(char32_t c);
/// Lower case, one character for one (U+0130 aside, whose second is left out).
char32_t lower_case(char32_t c);
/// Canonical decomposition (NFD of one character).
std::u32string canonical_decomposition(char32_t c);

/// Compatible decomposition (NFKD of one character).
std::u32string compatible_decomposition(char32_t c);
/// What two characters make in NFC; 0 where they stay two.
char32_t composition(char32_t first, char32_t second);

/// Unicode's Canonical_Combining_Class; 0 for most.
std::uint8_t combining_class(char32_t c);

/// Bytes of the extended grapheme cluster (UAX 29) that begins at `at`. Requires valid UTF-8 and
/// at < text.size().
std::size_t grapheme_bytes(std::string_view text, std::size_t at);

}  // namespace zhiyin::model
