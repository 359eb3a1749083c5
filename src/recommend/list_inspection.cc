#include "recommend/list_inspection.h"

#include <algorithm>
#include <iterator>
#include <map>

#include "recommend/list_builder.h"
#include "recommend/list_caps.h"

namespace zhiyin::recommend {
namespace {

struct ObstacleName {
  Obstacle obstacle;
  std::string_view name;
  ObstacleWords words;
};
constexpr ObstacleName kObstacles[] = {
    {Obstacle::kNone, "", {"", ""}},
    {Obstacle::kDealtWith, "dealt_with", {"已经接触过", "dealt with already"}},
    {Obstacle::kTired, "tired", {"多次展示而没有反应", "shown again and again without effect"}},
    {Obstacle::kExcluded, "excluded", {"请求中排除", "excluded by the request"}},
    {Obstacle::kNotEligible, "not_eligible", {"不在指定的内容之内", "not among the eligible"}},
    {Obstacle::kKind, "kind", {"类型不符", "of another kind"}},
    {Obstacle::kCategory, "category", {"类目不符", "of another category"}},
    {Obstacle::kTopic, "topic", {"话题不符", "of another topic"}},
    {Obstacle::kSentiment, "sentiment", {"情感不符", "of another sentiment"}},
    {Obstacle::kAccount, "account", {"属于其他账号", "for the followers of another account"}},
    {Obstacle::kHidden, "hidden", {"已被运营下架", "hidden by the operator"}},
    {Obstacle::kPrice, "price", {"价格不在范围内", "outside the price band"}},
    {Obstacle::kNotYetValid, "not_yet_valid", {"尚未到展示时间", "not valid yet"}},
    {Obstacle::kExpired, "expired", {"已过期", "expired"}},
    {Obstacle::kUnavailable, "unavailable", {"缺货", "out of stock"}},
    {Obstacle::kNearlySame, "nearly_same", {"与另一条内容几乎相同", "nearly the same as another"}},
    {Obstacle::kAuthorMax, "author_max", {"同一作者已到上限", "enough by this author"}},
    {Obstacle::kCategoryMax, "category_max", {"同一类目已到上限", "enough of this category"}},
    {Obstacle::kTopicMax, "topic_max", {"同一话题已到上限", "enough of this topic"}},
    {Obstacle::kCampaignMax, "campaign_max", {"同一活动已到上限", "enough of this campaign"}},
    {Obstacle::kVariety, "variety", {"为了多样性换成了别的内容", "gave way to variety"}},
    {Obstacle::kPlaces, "places", {"名额已满", "better ones filled the list"}},
};

const ObstacleName& entry(Obstacle obstacle) {
  return *std::ranges::find(kObstacles, obstacle, &ObstacleName::obstacle);
}

bool is_listed(const std::vector<RecommendedItem>& list, const ItemRef& ref) {
  return std::ranges::any_of(list, [&](const RecommendedItem& one) { return one.item == ref; });
}

}  // namespace

std::string_view name_of(Obstacle obstacle) { return entry(obstacle).name; }
ObstacleWords words_of(Obstacle obstacle) { return entry(obstacle).words; }

Obstacle ListBuilder::obstacle_of(std::uint32_t candidate) const {
  if (taste_.seen[candidate]) return Obstacle::kDealtWith;
  const CandidateItem& item = candidates_.item(candidate);
  const ItemRules& rules = request_.rules;
  const auto among = [](const auto& names, const auto& name) {
    return std::ranges::find(names, name) != names.end();
  };
  if (among(rules.exclude, item.ref)) return Obstacle::kExcluded;
  if (request_.leaves_out_tired && among(request_.tired, item.ref)) return Obstacle::kTired;
  const std::uint32_t group = candidates_.group(candidate);
  if (passes_rules(candidate))
    return group != 0 && taken_groups_[group] && !taken_[candidate] ? Obstacle::kNearlySame
                                                                    : Obstacle::kNone;
  if (rules.eligible && !among(*rules.eligible, item.ref)) return Obstacle::kNotEligible;
  if (!rules.kinds.empty() && !among(rules.kinds, item.ref.kind)) return Obstacle::kKind;
  if (!rules.categories.empty() && !among(rules.categories, item.category))
    return Obstacle::kCategory;
  if ((!rules.topics.empty() && !among(rules.topics, item.topic)) ||
      among(rules.exclude_topics, item.topic))
    return Obstacle::kTopic;
  if ((!rules.sentiments.empty() && !among(rules.sentiments, item.sentiment)) ||
      among(rules.exclude_sentiments, item.sentiment))
    return Obstacle::kSentiment;
  if (rules.accounts && !item.account.empty() && !among(*rules.accounts, item.account))
    return Obstacle::kAccount;
  if (item.hidden) return Obstacle::kHidden;
  if (!item.available) return Obstacle::kUnavailable;
  if (item.valid_from && request_.now < *item.valid_from) return Obstacle::kNotYetValid;
  if (item.valid_until && request_.now >= *item.valid_until) return Obstacle::kExpired;
  return Obstacle::kPrice;
}

RecommendedItem ListBuilder::item_of(const Gathered& g) {
  list(g, 1);
  RecommendedItem out = std::move(out_.items.back());
  out_.items.pop_back();
  return out;
}

InspectedSource ListBuilder::source_of(std::string_view source, Because because,
                                       std::vector<Scored> scored, std::size_t depth) {
  InspectedSource out;
  out.source = source;
  out.candidates = scored.size();
  depth = std::min(depth, scored.size());
  // Popular and fresh ones come in their order.
  if (because == Because::kLiked || because == Because::kText || because == Because::kInterest) {
    std::ranges::partial_sort(scored, scored.begin() + static_cast<std::ptrdiff_t>(depth),
                              [&](const Scored& a, const Scored& b) {
                                if (a.score != b.score) return a.score > b.score;
                                return candidates_.place_by_ref(a.candidate) <
                                       candidates_.place_by_ref(b.candidate);
                              });
  }
  for (std::size_t i = 0; i < depth; ++i) {
    const Scored& one = scored[i];
    out.best.push_back({item_of({one, source, because}), obstacle_of(one.candidate)});
  }
  return out;
}

std::vector<ObstacleCount> ListBuilder::count_obstacles(const std::vector<bool>& offered) const {
  std::map<Obstacle, std::size_t> counts;
  for (std::uint32_t c = 0; c < offered.size(); ++c) {
    if (!offered[c]) continue;
    if (const Obstacle obstacle = obstacle_of(c); obstacle != Obstacle::kNone) ++counts[obstacle];
  }
  std::vector<ObstacleCount> out;
  for (const auto& [obstacle, count] : counts) out.push_back({obstacle, count});
  std::ranges::stable_sort(out, std::ranges::greater(), &ObstacleCount::count);
  return out;
}

void ListBuilder::note_stage(std::string_view stage) {
  if (inspection_ == nullptr) return;
  InspectedStage out{std::string(stage), {}};
  for (const RecommendedItem& pinned : out_.items) out.items.push_back({pinned, Obstacle::kNone});
  for (const Gathered& g : gathered_) out.items.push_back({item_of(g), Obstacle::kNone});
  inspection_->stages.push_back(std::move(out));
}

void ListBuilder::note_list(std::string_view stage) {
  if (inspection_ == nullptr) return;
  InspectedStage out{std::string(stage), {}};
  for (const RecommendedItem& item : out_.items) out.items.push_back({item, Obstacle::kNone});
  inspection_->stages.push_back(std::move(out));
}

/// Why those of `stage` that are not in the list are not.
void ListBuilder::tell_what_was_left_out(InspectedStage& stage,
                                         const std::vector<RecommendedItem>& list) const {
  constexpr std::pair<Obstacle, std::size_t RecommendRequest::*> kCaps[] = {
      {Obstacle::kAuthorMax, &RecommendRequest::author_max},
      {Obstacle::kCategoryMax, &RecommendRequest::category_max},
      {Obstacle::kTopicMax, &RecommendRequest::topic_max},
      {Obstacle::kCampaignMax, &RecommendRequest::campaign_max}};
  std::vector<std::pair<Obstacle, ListCaps>> caps;
  for (const auto& [obstacle, most] : kCaps) {
    RecommendRequest alone;
    alone.*most = request_.*most;
    caps.emplace_back(obstacle, ListCaps(candidates_, alone)).second.add(list);
  }
  for (std::size_t place = 0; place < stage.items.size(); ++place) {
    InspectedItem& one = stage.items[place];
    if (is_listed(list, one.item.item)) continue;
    const std::uint32_t candidate = candidates_.find(one.item.item);
    const auto full =
        std::ranges::find_if(caps, [&](const auto& cap) { return !cap.second.allow(candidate); });
    if (full != caps.end()) {
      one.obstacle = full->first;
    } else {
      const bool had_place = place + request_.explore < request_.n;
      one.obstacle = had_place && request_.diversity > 0 ? Obstacle::kVariety : Obstacle::kPlaces;
    }
  }
}

std::vector<Scored> ListBuilder::segment_scores() const {
  std::vector<Scored> out;
  std::vector<bool> known(candidates_.size(), false);
  std::size_t longest = 0;
  for (const SegmentItems* segment : request_.segments)
    longest = std::max(longest, segment->items.size());
  for (std::size_t i = 0; i < longest; ++i) {
    for (std::uint32_t s = 0; s < request_.segments.size(); ++s) {
      const auto& items = request_.segments[s]->items;
      if (i >= items.size()) continue;
      const std::uint32_t c = candidates_.find(items[i].item);
      if (c == CandidateIndex::kNone || known[c]) continue;
      known[c] = true;
      out.push_back({items[i].share, c, s});
    }
  }
  return out;
}

std::vector<Scored> ListBuilder::edited_scores() const {
  std::vector<Scored> out;
  std::vector<bool> known(candidates_.size(), false);
  std::size_t longest = 0;
  for (const EditorItems& list : request_.editors) longest = std::max(longest, list.items.size());
  for (std::size_t place = 0; place < longest; ++place) {
    for (std::uint32_t e = 0; e < request_.editors.size(); ++e) {
      const auto items = request_.editors[e].items;
      if (place >= items.size()) continue;
      const std::uint32_t c = candidates_.find(items[place]);
      if (c == CandidateIndex::kNone || known[c]) continue;
      known[c] = true;
      out.push_back({score_by_place(place), c, e});
    }
  }
  return out;
}

ListInspection ListBuilder::inspect(std::size_t depth) {
  ListInspection out;
  out.interests = taste_.interests;
  out.history = taste_.liked.size();
  std::vector<bool> offered(candidates_.size(), false);
  const auto add = [&](std::string_view source, Because because, std::vector<Scored> scored) {
    std::erase_if(scored, [&](const Scored& s) {
      return s.score <= 0 && because != Because::kPopular && because != Because::kFresh;
    });
    for (const Scored& s : scored) offered[s.candidate] = true;
    out.sources.push_back(source_of(source, because, std::move(scored), depth));
  };
  const auto all = [](std::span<const std::uint32_t> candidates, const auto& score) {
    std::vector<Scored> scored;
    for (const std::uint32_t c : candidates) scored.push_back({score(c), c, 0});
    return scored;
  };
  add(model_.algorithm(), Because::kLiked, behaviour_scores());
  if (model_.ials() != nullptr) add("ials", Because::kLiked, factor_scores());
  if (candidates_.texts() != nullptr)
    add("text", Because::kText, best_by_text(taste_.texts, Among::kAll, candidates_.size()));
  add("tags", Because::kInterest, tag_scores(taste_.tags, Among::kAll));
  if (!request_.editors.empty()) add("editor", Because::kEditor, edited_scores());
  if (!request_.segments.empty()) add("segment", Because::kSegment, segment_scores());
  add("popular", Because::kPopular,
      all(candidates_.by_popularity(), [&](std::uint32_t c) { return candidates_.popularity(c); }));
  add("fresh", Because::kFresh,
      all(candidates_.unknown_by_freshness(), [](std::uint32_t) { return 0.0; }));
  out.removed = count_obstacles(offered);
  out.candidates = static_cast<std::size_t>(std::ranges::count(offered, true));

  inspection_ = &out;
  const RecommendResponse list = personal();
  inspection_ = nullptr;
  InspectedStage last{"final", {}};
  for (const RecommendedItem& item : list.items) last.items.push_back({item, Obstacle::kNone});
  for (InspectedStage& stage : out.stages) tell_what_was_left_out(stage, list.items);
  out.stages.push_back(std::move(last));
  out.fallback = list.fallback;
  return out;
}

}  // namespace zhiyin::recommend
