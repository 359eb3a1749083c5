#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "model/encoder/encoder_package.h"

namespace zhiyin::model {

/// The ids, ascending, of the pieces that Chinese texts with English words in them need, chosen by
/// the pieces alone: special tokens; pieces of Han characters; punctuation, symbols and emoji;
/// numbers of up to four digits; single letters of the Latin, Greek and Cyrillic alphabets and of
/// kana; `english`, with or without a word's start; and, without one, any two Latin letters and
/// three capitals. Other scripts, and words of other languages, fall apart into letters or unknown
/// characters.
std::vector<std::uint32_t> chinese_pieces(const UnigramTable& table,
                                          const std::vector<std::string_view>& english);

/// The pieces that common English words fall into (english_pieces.txt, made by
/// tools/english_pieces.py from the manual pages that Debian ships).
std::vector<std::string_view> english_pieces();

}  // namespace zhiyin::model
