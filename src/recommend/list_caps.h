#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "recommend/candidate_index.h"
#include "recommend/recommender.h"

namespace zhiyin::recommend {

/// The caps of a request: at most so many items of one author, category, topic and campaign in a
/// list. What has no such label is not counted. Counts what stands in the list; owned by whoever
/// makes it.
class ListCaps {
 public:
  /// Both outlive it.
  ListCaps(const CandidateIndex& candidates, const RecommendRequest& request);

  /// Whether the request has any.
  [[nodiscard]] static bool wanted(const RecommendRequest& request);

  [[nodiscard]] bool allow(std::uint32_t candidate) const { return room(candidate) > 0; }
  /// How many with the labels of this one may still come.
  [[nodiscard]] std::size_t room(std::uint32_t candidate) const;
  void add(std::uint32_t candidate);
  /// Everything that stands in a list.
  void add(std::span<const RecommendedItem> items);

  /// One of the caps, for those who choose among many at once (rerank.h).
  struct Cap {
    std::size_t most = 0;
    std::string CandidateItem::* label = nullptr;
  };
  /// Those that the request has.
  [[nodiscard]] static std::vector<Cap> of(const RecommendRequest& request);

 private:
  const CandidateIndex& candidates_;
  std::vector<Cap> caps_;
  std::vector<std::unordered_map<std::string_view, std::size_t>> used_;  ///< by cap
};

}  // namespace zhiyin::recommend
