#include "recommend/segment_popularity.h"

#include <algorithm>
#include <cmath>

#include "base/crypto.h"

namespace zhiyin::recommend {

void SegmentCounter::add(const InteractionRow& row, double weight, std::uint64_t members) {
  if (!(weight > 0) || row.at > now_) return;
  const double age =
      static_cast<double>((now_ - row.at).count()) / static_cast<double>(half_life_.count());
  const auto aged = static_cast<float>(weight * std::exp2(-age));
  const auto [number, is_new] =
      numbers_.try_emplace(row.item, static_cast<std::uint32_t>(items_.size()));
  if (is_new) items_.push_back(row.item);
  constexpr std::uint64_t kSpread = 0x9e3779b97f4a7c15ULL;
  const std::uint64_t key = crypto::xxh64(row.person) ^ (number->second + 1) * kSpread;
  if (likings_.size() >= kLikingsMax && !likings_.contains(key)) return;
  Liking& liking = likings_[key];
  if (aged > liking.weight) liking = {aged, number->second, members};
}

std::vector<SegmentItems> SegmentCounter::found() const {
  struct Counts {
    double weight = 0;
    std::size_t people = 0;
  };
  std::vector<double> all(items_.size(), 0);
  std::vector<std::vector<Counts>> by_segment(segments_, std::vector<Counts>(items_.size()));
  std::vector<double> totals(segments_, 0);
  // In an order that does not depend on the hash table, or sums would differ in their last bits.
  std::vector<std::uint64_t> keys;
  keys.reserve(likings_.size());
  for (const auto& [key, liking] : likings_) keys.push_back(key);
  std::ranges::sort(keys);
  double total = 0;
  for (const std::uint64_t key : keys) {
    const Liking& liking = likings_.at(key);
    all[liking.item] += liking.weight;
    total += liking.weight;
    for (std::size_t s = 0; s < segments_; ++s) {
      if ((liking.members >> s & 1) == 0) continue;
      by_segment[s][liking.item].weight += liking.weight;
      by_segment[s][liking.item].people += 1;
      totals[s] += liking.weight;
    }
  }
  std::vector<SegmentItems> out(segments_);
  for (std::size_t s = 0; s < segments_; ++s) {
    for (std::size_t i = 0; i < items_.size(); ++i) {
      const Counts& counts = by_segment[s][i];
      if (counts.people < kPeopleMin) continue;
      const double everybody = all[i] / total;
      const double share = (counts.weight + kSmoothing * everybody) / (totals[s] + kSmoothing);
      if (share >= kLiftMin * everybody) out[s].items.push_back({items_[i], share});
    }
    std::ranges::sort(out[s].items, [](const auto& a, const auto& b) {
      return a.share != b.share ? a.share > b.share : a.item < b.item;
    });
    if (out[s].items.size() > kItemsKept) out[s].items.resize(kItemsKept);
  }
  return out;
}

}  // namespace zhiyin::recommend
