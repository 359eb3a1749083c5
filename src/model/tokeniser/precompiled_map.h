#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/tokeniser/aligned_text.h"

namespace zhiyin::model {

/// SentencePiece's compiled character map: 4 bytes length of a double array (darts-clone), the
/// array, then replacements, each ended by a zero byte. Immutable and thread-safe.
class PrecompiledMap {
 public:
  static constexpr std::size_t kBytesMax = 16 << 20;

  /// kInvalidArgument when the array reaches beyond the bytes or replacements are not UTF-8.
  static Result<PrecompiledMap> create(std::string_view bytes);

  /// What stands for the shortest entry that `text` begins with (so does Hugging Face's reader,
  /// which asks for whole clusters); none: no entry.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view text) const;

  /// As Hugging Face's Precompiled normaliser: clusters of less than 6 bytes as a whole, where they
  /// have an entry, else character by character.
  void apply(AlignedText& text) const;

 private:
  PrecompiledMap() = default;
  std::vector<std::uint32_t> units_;
  std::string replacements_;
};

}  // namespace zhiyin::model
