#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "text/dictionary.h"

namespace zhiyin::text::detail {

/// The likeliest states of a run of characters (Viterbi). Keeps its memory; not thread-safe.
class Viterbi {
 public:
  explicit Viterbi(const CharacterModel& model) : model_(model) {}

  /// One state a character, valid until the next call. Requires at least one code; the last state
  /// is kEnd or kSingle.
  std::span<const std::uint8_t> run(std::span<const std::uint16_t> codes);

 private:
  using ByState = CharacterModel::ByState;
  ByState step(const ByState& before, const ByState& emission, std::uint8_t* from) const;

  CharacterModel model_;
  std::vector<std::uint8_t> from_;  // by place and state: the state before
  std::vector<std::uint8_t> states_;
};

}  // namespace zhiyin::text::detail
