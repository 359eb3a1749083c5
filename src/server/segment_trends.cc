#include "server/segment_trends.h"

#include <unordered_map>

#include "recommend/recommend_model.h"

namespace zhiyin::server {
namespace {

using Members = std::unordered_map<std::string, std::uint64_t>;

/// Adds a segment's members under its bit; false when there would be too many.
Result<bool> add_members(audience::Segments& segments, const SegmentId& id, std::uint64_t bit,
                         Members& members) {
  constexpr std::size_t kPage = 10'000;
  std::vector<std::string> found;
  std::string after;
  while (true) {
    ZHIYIN_TRY(const auto page, segments.live_members(id, after, kPage));
    for (const PersonId& person : page.people) found.push_back(person.value);
    if (members.size() + found.size() > SegmentTrends::kMembersMax) return false;
    if (page.next.empty()) break;
    after = page.next;
  }
  for (std::string& person : found) members[std::move(person)] |= bit;
  return true;
}

}  // namespace

Result<std::shared_ptr<const SegmentTrends::Found>> SegmentTrends::count_when_due(Instant now) {
  ZHIYIN_TRY(const auto active, parts_.models.active(recommend::RecommendModel::kKind));
  const std::string model = active ? active->id : "none";
  if (counted_at_ && model == model_ && now - *counted_at_ < kEvery) return nullptr;
  ZHIYIN_TRY(Found found, count(now));
  counted_at_ = now;
  model_ = model;
  return std::make_shared<const Found>(std::move(found));
}

Result<SegmentTrends::Found> SegmentTrends::count(Instant now) const {
  std::vector<SegmentId> live;
  ZHIYIN_TRY_VOID(parts_.state.read([&](storage::Session& session) -> Result<void> {
    ZHIYIN_TRY(live, audience::filled_live_segments(session));
    return {};
  }));
  if (live.size() > recommend::SegmentCounter::kSegmentsMax)
    live.resize(recommend::SegmentCounter::kSegmentsMax);
  Members members;
  Found counted;
  for (const SegmentId& id : live) {
    ZHIYIN_TRY(const auto segment, parts_.segments.get(id));
    ZHIYIN_TRY(const bool fits,
               add_members(parts_.segments, id, std::uint64_t{1} << counted.size(), members));
    if (!fits) {
      parts_.logger.warning("recommend", "segment_too_large", {{"segment", id.value}});
      continue;
    }
    counted.push_back({id.value, segment.name.empty() ? id.value : segment.name, {}});
  }
  if (members.empty()) return Found();
  const recommend::RecommendModel usual;  // how much an action is a liking
  std::vector<std::string> kinds;
  for (const auto& [kind, weight] : recommend::TrainParams::default_kind_weights())
    kinds.push_back(kind);
  recommend::SegmentCounter counter(counted.size(), now, kHalfLife);
  const auto rows =
      recommend::warehouse_rows(parts_.warehouse, std::move(kinds), now, now - kLookedBack);
  ZHIYIN_TRY_VOID(rows([&](const recommend::InteractionRow& row) {
    const auto found = members.find(std::string(row.person));
    counter.add(row, usual.kind_weight(row.kind, row.value),
                found == members.end() ? 0 : found->second);
  }));
  auto items = counter.found();
  for (std::size_t s = 0; s < counted.size(); ++s) counted[s].items = std::move(items[s].items);
  return counted;
}

}  // namespace zhiyin::server
