#include "recommend/taste.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <unordered_set>

namespace zhiyin::recommend {
namespace {

/// Interest in a tag halves in this time.
constexpr Duration kInterestHalfLife = 30 * kDay;

using Interests = std::unordered_map<std::string, double>;

/// Being shown or sent something is not dealing with it.
bool is_own_doing(std::string_view kind) { return kind != "show" && !kind.starts_with("touch."); }

void add_interests(Interests& interests, const CandidateItem& item, double weight) {
  for (const auto& [tag, share] : item.tags) interests[tag] += weight * share;
}

std::vector<std::pair<std::string, double>> strongest(const Interests& interests) {
  std::vector<std::pair<std::string, double>> out;
  for (const auto& [tag, weight] : interests) {
    if (weight > 0) out.emplace_back(tag, weight);
  }
  std::ranges::sort(out, [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  if (out.size() > kInterestsMax) out.resize(kInterestsMax);
  if (!out.empty()) {
    const double top = out[0].second;
    for (auto& [tag, weight] : out) weight /= top;
  }
  return out;
}

/// Both kinds of interest on the same scale, then added.
std::vector<std::pair<std::string, double>> merged(
    const Interests& own, const std::vector<std::pair<std::string, double>>& given) {
  // The strongest has weight 1, so that once more would change nothing.
  if (given.empty()) return strongest(own);
  Interests sum;
  for (const auto& [tag, weight] : strongest(own)) sum[tag] += weight;
  Interests other;
  for (const auto& [tag, weight] : given) other[tag] += weight;
  for (const auto& [tag, weight] : strongest(other)) sum[tag] += weight;
  return strongest(sum);
}

}  // namespace

Taste taste_of(const audience::PersonView& person, const RecommendModel& model,
               const CandidateIndex& candidates,
               const std::vector<std::pair<std::string, double>>& given, Instant now,
               std::optional<Duration> return_after) {
  Taste out;
  out.seen.assign(candidates.size(), false);
  Interests interests;
  std::unordered_set<std::uint32_t> counted;
  std::unordered_set<std::uint32_t> counted_texts;
  double recency = 1;
  double text_recency = 1;
  for (auto it = person.activity.rbegin(); it != person.activity.rend(); ++it) {
    const audience::Activity& a = *it;
    if (!a.item || a.at > now || !is_own_doing(a.kind)) continue;
    const std::uint32_t candidate = candidates.find(*a.item);
    const bool stays = !return_after || now - a.at <= *return_after;
    if (candidate != CandidateIndex::kNone && stays) out.seen[candidate] = true;
    const double weight = model.kind_weight(a.kind, a.value);
    if (weight <= 0) continue;
    if (candidate != CandidateIndex::kNone) {
      const double age = static_cast<double>((now - a.at).count()) /
                         static_cast<double>(kInterestHalfLife.count());
      add_interests(interests, candidates.item(candidate), weight * std::exp2(-age));
    }
    if (candidate != CandidateIndex::kNone &&
        candidates.text_row(candidate) != TextVectors::kNone && out.texts.size() < kLikedTextsMax &&
        counted_texts.insert(candidate).second) {
      out.texts.push_back({candidate, static_cast<float>(weight * text_recency), &a});
      text_recency *= model.recency();
    }
    if (out.liked.size() >= kLikedMax) continue;
    // A known candidate has been found already.
    const std::optional<std::uint32_t> known =
        candidate != CandidateIndex::kNone
            ? (candidates.is_known(candidate) ? std::optional(candidates.model_item(candidate))
                                              : std::nullopt)
            : model.find(*a.item);
    if (!known || !counted.insert(*known).second) continue;
    out.liked.push_back({*known, weight * recency, &a});
    recency *= model.recency();
  }
  out.interests = merged(interests, given);
  return out;
}

}  // namespace zhiyin::recommend
