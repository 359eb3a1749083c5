#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/encoder/encoder_shape.h"

namespace zhiyin::model {

/// A character and what stands for it (an empty list deletes it).
struct MappedCharacter {
  char32_t from = 0;
  std::vector<char32_t> to;
};

/// What a unigram tokeniser needs: pieces in the order of their ids, scores, the character map.
struct UnigramTable {
  std::vector<std::string_view> pieces;     ///< UTF-8; word start is U+2581
  std::vector<float> scores;                ///< log-probabilities; 0 for special tokens
  std::vector<MappedCharacter> characters;  ///< ascending
  std::int32_t bos = 0;
  std::int32_t eos = 0;
  std::int32_t pad = 0;
  std::int32_t unknown = 0;
};

/// A tensor of the package: float32, or 4-bit blocks of 18 bytes for 32 numbers.
struct PackageTensor {
  bool four_bit = false;
  std::size_t elements = 0;
  std::string_view bytes;
};

/// The file of the default encoder (`E5S1`, version 1): shape, tokeniser and weights in one.
/// Views point into the bytes that were parsed.
struct EncoderPackage {
  EncoderShape shape;  ///< `vocabulary` counts pieces, not the unused rows behind them
  std::size_t word_rows = 0;
  UnigramTable tokeniser;
  std::map<std::string, PackageTensor, std::less<>> tensors;

  /// A tensor of the directory as floats; a name that is not there is our own mistake: names come
  /// from `shape`, and parsing has checked that all of those are present with their sizes.
  [[nodiscard]] std::vector<float> floats(std::string_view name) const;
  /// One row of the word table. Requires id < shape.vocabulary; `out` has `shape.width` places.
  void word_row(std::size_t id, std::span<float> out) const;
};

/// Reads a package file, all of it, and believes nothing: every length, count, order and offset is
/// checked, and that each byte belongs to one part. Fails with kInvalidArgument, naming the part.
Result<EncoderPackage> parse_encoder_package(std::string_view file);

}  // namespace zhiyin::model
