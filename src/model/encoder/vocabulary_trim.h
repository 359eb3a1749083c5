#pragma once

#include <cstdint>
#include <vector>

#include "model/encoder/encoder_package.h"

namespace zhiyin::model {

/// The ids, ascending, of the pieces that Chinese texts need, chosen by the pieces alone: special
/// tokens; pieces of Han characters, with or without punctuation; punctuation, symbols and emoji;
/// single letters of every Latin, Greek and Cyrillic alphabet, of kana and half- and full-width
/// forms; ASCII pieces of up to two characters, those of `english_pieces`, and further ones by
/// score until `pieces_min` are kept. Pieces of other scripts go: their texts fall apart into
/// unknown characters.
std::vector<std::uint32_t> chinese_pieces(const UnigramTable& table,
                                          std::size_t pieces_min = 26'000);

/// Pieces of common English words, without their word-start marks; made by
/// tools/english_pieces.py from the documentation that Debian ships.
std::vector<std::string_view> english_pieces();

}  // namespace zhiyin::model
