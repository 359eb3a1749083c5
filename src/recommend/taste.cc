#include "recommend/taste.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "recommend/objectives.h"

namespace zhiyin::recommend {
namespace {

/// Interest in a tag halves in this time.
constexpr Duration kInterestHalfLife = 30 * kDay;

/// Weights of tags by number, in open addressing: each event adds to several.
class TagSums {
 public:
  void add(std::uint32_t tag, double weight) {
    if (2 * (used_ + 1) > cells_.size()) grow();
    CandidateIndex::TagWeight& cell = cell_of(tag);
    if (cell.tag == CandidateIndex::kNone) {
      cell.tag = tag;
      ++used_;
    }
    cell.weight += weight;
  }
  /// In no order that means anything.
  [[nodiscard]] std::vector<CandidateIndex::TagWeight> all() const {
    std::vector<CandidateIndex::TagWeight> out;
    out.reserve(used_);
    for (const auto& cell : cells_) {
      if (cell.tag != CandidateIndex::kNone) out.push_back(cell);
    }
    return out;
  }

 private:
  CandidateIndex::TagWeight& cell_of(std::uint32_t tag) {
    constexpr std::uint32_t kSpread = 0x9e3779b1U;
    const std::size_t last = cells_.size() - 1;
    std::size_t at = (tag * kSpread >> 8) & last;
    while (cells_[at].tag != CandidateIndex::kNone && cells_[at].tag != tag) at = (at + 1) & last;
    return cells_[at];
  }
  void grow() {
    constexpr std::size_t kFirst = 128;
    const auto before = all();
    cells_.assign(std::max(kFirst, 2 * cells_.size()), {CandidateIndex::kNone, 0});
    for (const auto& one : before) cell_of(one.tag) = one;
  }

  std::vector<CandidateIndex::TagWeight> cells_;  ///< a power of two of them
  std::size_t used_ = 0;
};

/// Being shown or sent something is not dealing with it.
bool is_own_doing(std::string_view kind) { return kind != "show" && !kind.starts_with("touch."); }

struct NamedTag {
  std::string_view name;
  std::uint32_t number = CandidateIndex::kNone;
  double weight = 0;
};

/// In falling order; the strongest is 1.
std::vector<NamedTag> strongest(std::vector<NamedTag> tags) {
  std::erase_if(tags, [](const NamedTag& tag) { return !(tag.weight > 0); });
  const std::size_t count = std::min(tags.size(), kInterestsMax);
  std::ranges::partial_sort(tags, tags.begin() + static_cast<std::ptrdiff_t>(count),
                            [](const NamedTag& a, const NamedTag& b) {
                              return a.weight != b.weight ? a.weight > b.weight : a.name < b.name;
                            });
  tags.resize(count);
  const double top = count == 0 ? 1 : tags[0].weight;
  for (NamedTag& tag : tags) tag.weight /= top;
  return tags;
}

/// Both kinds of interest on the same scale, then added.
std::vector<NamedTag> merged(const TagSums& sums, const CandidateIndex& candidates,
                             const std::vector<std::pair<std::string, double>>& given) {
  std::vector<NamedTag> own;
  for (const auto& [tag, weight] : sums.all()) own.push_back({candidates.name(tag), tag, weight});
  own = strongest(std::move(own));
  // The strongest has weight 1, so that once more would change nothing.
  if (given.empty()) return own;
  std::unordered_map<std::string_view, NamedTag> others;
  for (const auto& [tag, weight] : given) {
    NamedTag& other = others[tag];
    other.name = tag;
    other.weight += weight;
  }
  std::vector<NamedTag> both;
  for (const auto& [name, tag] : others) both.push_back(tag);
  both = strongest(std::move(both));
  for (NamedTag& tag : both) {
    tag.number = candidates.name_number(tag.name);
    const auto same = std::ranges::find(own, tag.name, &NamedTag::name);
    if (same == own.end()) continue;
    tag.weight += same->weight;
    own.erase(same);
  }
  both.insert(both.end(), own.begin(), own.end());
  return strongest(std::move(both));
}

}  // namespace

Taste taste_of(const audience::PersonView& person, const RecommendModel& model,
               const CandidateIndex& candidates,
               const std::vector<std::pair<std::string, double>>& given, Instant now,
               std::optional<Duration> return_after) {
  Taste out;
  out.seen.assign(candidates.size(), false);
  TagSums interests;
  std::vector<bool> counted(model.items(), false);
  double recency = 1;
  double text_recency = 1;
  for (auto it = person.activity.rbegin(); it != person.activity.rend(); ++it) {
    const audience::Activity& a = *it;
    if (!a.item || a.at > now || !is_own_doing(a.kind)) continue;
    const std::uint32_t candidate = candidates.find(*a.item);
    const bool stays =
        !return_after || now - a.at <= *return_after || response_of(a.kind) == Response::kHide;
    if (candidate != CandidateIndex::kNone && stays) out.seen[candidate] = true;
    const double weight = model.kind_weight(a.kind, a.value);
    if (weight <= 0) continue;
    if (candidate != CandidateIndex::kNone) {
      const double age = static_cast<double>((now - a.at).count()) /
                         static_cast<double>(kInterestHalfLife.count());
      const double now_worth = weight * std::exp2(-age);
      for (const auto& [tag, share] : candidates.tags(candidate))
        interests.add(tag, now_worth * share);
    }
    if (candidate != CandidateIndex::kNone &&
        candidates.text_row(candidate) != TextVectors::kNone && out.texts.size() < kLikedTextsMax &&
        std::ranges::find(out.texts, candidate, &LikedText::candidate) == out.texts.end()) {
      out.texts.push_back({candidate, static_cast<float>(weight * text_recency), &a});
      text_recency *= model.recency();
    }
    if (out.liked.size() >= model.history_max()) continue;
    // A known candidate has been found already.
    const std::optional<std::uint32_t> known =
        candidate != CandidateIndex::kNone
            ? (candidates.is_known(candidate) ? std::optional(candidates.model_item(candidate))
                                              : std::nullopt)
            : model.find(*a.item);
    if (!known || counted[*known]) continue;
    counted[*known] = true;
    out.liked.push_back({*known, weight * recency, &a});
    recency *= model.recency();
  }
  for (const NamedTag& tag : merged(interests, candidates, given)) {
    out.interests.emplace_back(tag.name, tag.weight);
    out.tags.push_back({tag.number, tag.weight});
  }
  return out;
}

}  // namespace zhiyin::recommend
