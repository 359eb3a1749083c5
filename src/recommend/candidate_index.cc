#include "recommend/candidate_index.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace zhiyin::recommend {
namespace {

bool is_carrier(std::string_view kind) {
  return std::ranges::find(kKindsNotRecommended, kind) != std::end(kKindsNotRecommended);
}

}  // namespace

CandidateIndex::CandidateIndex(const RecommendModel& model, std::vector<CandidateItem> catalogue) {
  std::set<std::string> kinds;
  for (CandidateItem& item : catalogue) {
    kinds.insert(item.ref.kind);
    add(std::move(item));
  }
  for (std::uint32_t m = 0; m < model.items(); ++m) {
    if (!kinds.contains(model.item(m).kind))
      add({.ref = model.item(m), .title = {}, .tags = {}, .published_at = {}});
  }
  index_model(model);
  index_tags();
}

void CandidateIndex::add(CandidateItem item) {
  if (is_carrier(item.ref.kind)) return;
  if (!numbers_.emplace(item.ref, static_cast<std::uint32_t>(items_.size())).second) return;
  items_.push_back(std::move(item));
}

void CandidateIndex::index_model(const RecommendModel& model) {
  known_.assign(items_.size(), false);
  popularity_.assign(items_.size(), 0);
  model_item_.assign(items_.size(), kNone);
  for (std::uint32_t m = 0; m < model.items(); ++m) {
    const std::uint32_t candidate = find(model.item(m));
    of_model_.push_back(candidate);
    if (candidate == kNone) continue;
    known_[candidate] = true;
    model_item_[candidate] = m;
    popularity_[candidate] = model.popularity(m);
  }
  for (std::uint32_t c = 0; c < items_.size(); ++c) {
    (known_[c] ? by_popularity_ : by_freshness_).push_back(c);
    by_time_.push_back(c);
  }
  std::ranges::sort(by_popularity_, [&](std::uint32_t a, std::uint32_t b) {
    if (popularity_[a] != popularity_[b]) return popularity_[a] > popularity_[b];
    return items_[a].ref < items_[b].ref;
  });
  const auto is_newer = [&](std::uint32_t a, std::uint32_t b) {
    if (items_[a].published_at != items_[b].published_at) {
      return items_[a].published_at > items_[b].published_at;
    }
    return items_[a].ref < items_[b].ref;
  };
  std::ranges::sort(by_freshness_, is_newer);
  std::ranges::sort(by_time_, is_newer);
}

void CandidateIndex::index_tags() {
  for (std::uint32_t c = 0; c < items_.size(); ++c) {
    double squares = 0;
    for (const auto& [tag, weight] : items_[c].tags) squares += weight * weight;
    if (!(squares > 0)) continue;
    for (const auto& [tag, weight] : items_[c].tags) {
      by_tag_[tag].push_back({c, static_cast<float>(weight / std::sqrt(squares))});
    }
  }
}

std::uint32_t CandidateIndex::find(const ItemRef& ref) const {
  const auto found = numbers_.find(ref);
  return found == numbers_.end() ? kNone : found->second;
}

std::span<const CandidateIndex::Tagged> CandidateIndex::with_tag(const std::string& tag) const {
  const auto found = by_tag_.find(tag);
  if (found == by_tag_.end()) return {};
  return found->second;
}

bool CandidateIndex::may_be_shown(std::uint32_t candidate, Instant now) const {
  const CandidateItem& item = items_[candidate];
  return item.available && (!item.valid_from || *item.valid_from <= now) &&
         (!item.valid_until || now < *item.valid_until);
}

}  // namespace zhiyin::recommend
