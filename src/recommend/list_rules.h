#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "recommend/candidate_index.h"

namespace zhiyin::recommend {

struct ItemRules;

/// The rules of a request made ready for one catalogue: names as its numbers. Asked of hundreds of
/// candidates for a list. Refers to the rules and the catalogue. Immutable, thread-safe.
class ListRules {
 public:
  ListRules(const ItemRules& rules, const CandidateIndex& candidates, Instant now);

  /// Eligible, of the kinds, categories, … asked for, for the reader's accounts, within the price
  /// band, valid and available.
  [[nodiscard]] bool pass(std::uint32_t candidate) const;
  /// Whether it may be listed as far as `ItemRules::eligible` goes.
  [[nodiscard]] bool is_eligible(std::uint32_t candidate) const {
    return !has_eligible_ || eligible_[candidate];
  }
  [[nodiscard]] bool has_eligible() const { return has_eligible_; }

 private:
  const ItemRules& rules_;
  const CandidateIndex& candidates_;
  const Instant now_;
  bool has_eligible_ = false;
  std::vector<bool> eligible_;  ///< by candidate, where has_eligible_
  std::vector<std::uint32_t> kinds_;
  std::vector<std::uint32_t> categories_;
  std::vector<std::uint32_t> topics_;
  std::vector<std::uint32_t> sentiments_;
  std::vector<std::uint32_t> exclude_topics_;
  std::vector<std::uint32_t> exclude_sentiments_;
  std::vector<std::uint32_t> accounts_;
};

}  // namespace zhiyin::recommend
