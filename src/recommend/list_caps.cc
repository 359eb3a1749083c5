#include "recommend/list_caps.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace zhiyin::recommend {

ListCaps::ListCaps(const CandidateIndex& candidates, const RecommendRequest& request)
    : candidates_(candidates), caps_(of(request)), used_(caps_.size()) {}

std::vector<ListCaps::Cap> ListCaps::of(const RecommendRequest& request) {
  std::vector<Cap> out;
  for (const auto& [most, label] : {std::pair(request.author_max, &CandidateItem::author),
                                    std::pair(request.category_max, &CandidateItem::category),
                                    std::pair(request.topic_max, &CandidateItem::topic),
                                    std::pair(request.campaign_max, &CandidateItem::campaign)}) {
    if (most > 0) out.push_back({most, label});
  }
  return out;
}

bool ListCaps::wanted(const RecommendRequest& request) {
  return request.author_max > 0 || request.category_max > 0 || request.topic_max > 0 ||
         request.campaign_max > 0;
}

std::size_t ListCaps::room(std::uint32_t candidate) const {
  std::size_t least = std::numeric_limits<std::size_t>::max();
  for (std::size_t c = 0; c < caps_.size(); ++c) {
    const std::string& label = candidates_.item(candidate).*caps_[c].label;
    if (label.empty()) continue;
    const auto found = used_[c].find(label);
    const std::size_t used = found == used_[c].end() ? 0 : found->second;
    least = std::min(least, caps_[c].most - std::min(caps_[c].most, used));
  }
  return least;
}

void ListCaps::add(std::uint32_t candidate) {
  for (std::size_t c = 0; c < caps_.size(); ++c) {
    const std::string& label = candidates_.item(candidate).*caps_[c].label;
    if (!label.empty()) ++used_[c][label];
  }
}

void ListCaps::add(std::span<const RecommendedItem> items) {
  if (caps_.empty()) return;
  for (const RecommendedItem& item : items) {
    const std::uint32_t candidate = candidates_.find(item.item);
    if (candidate != CandidateIndex::kNone) add(candidate);
  }
}

}  // namespace zhiyin::recommend
