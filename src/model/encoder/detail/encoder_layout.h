#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "model/encoder/encoder_package.h"

/// Numbers that writer and reader of an encoder's file share (docs/formats/encoder.md).
namespace zhiyin::model::detail {

inline constexpr std::string_view kFileMagic = "ZYEN";
inline constexpr std::uint32_t kFileVersion = 1;
inline constexpr std::uint32_t kScaledVersion = 2;  ///< with units of rows (`lN.aln.r`, `lN.oln.r`)
inline constexpr std::size_t kPrefixBytes = 4 + 4 + 8;  ///< magic, version, length of the header
inline constexpr std::size_t kSectionAlignment = 64;
inline constexpr std::size_t kChecksumBytes = 32;
inline constexpr int kWeightMax = 127;  ///< of an int8 weight, either sign
/// Of the sizes of two weights that lie side by side, inputs 2 i and 2 i + 1 of a column: their
/// products with bytes, added up, then fit into 16 bits.
inline constexpr int kWeightPairMax = 128;

/// Records of a character map: u32 character, u8 count, count times u32; ascending by character.
std::string pack_characters(const std::vector<MappedCharacter>& characters);
Result<std::vector<MappedCharacter>> unpack_characters(std::string_view bytes);

}  // namespace zhiyin::model::detail
