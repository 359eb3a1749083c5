#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace zhiyin::text::detail {

/// The parts of a dictionary file behind its header, each on a multiple of 8.
enum class DictionaryPart : std::uint8_t {
  kPlane = 0,
  kRare = 1,
  kCells = 2,
  kFacts = 3,
  kWeights = 4,
  kTags = 5,
  kRarities = 6,
  kEmission = 7,
};

struct PartPlace {
  std::uint64_t at;
  std::uint64_t bytes;
};

/// docs/formats/dictionary.md.
struct DictionaryHeader {
  static constexpr std::array<char, 8> kMagic = {'z', 'y', 'w', 'o', 'r', 'd', 's', '\0'};
  static constexpr std::uint32_t kVersion = 1;
  static constexpr std::size_t kParts = 8;

  std::array<char, 8> magic;
  std::uint32_t version;
  std::uint32_t code_count;
  std::uint64_t checksum;  // xxh64 of all that follows this field
  double weight_min;
  double weight_median;
  double count_sum;
  double rarity_average;
  std::array<double, 4> start;
  std::array<std::array<double, 4>, 4> step;
  std::array<PartPlace, kParts> parts;
};

static_assert(std::endian::native == std::endian::little, "files are little-endian");
static_assert(sizeof(DictionaryHeader) == 56 + 32 + 128 + 128);

}  // namespace zhiyin::text::detail
