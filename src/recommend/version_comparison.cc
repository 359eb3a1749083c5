#include "recommend/version_comparison.h"

#include <algorithm>
#include <set>

#include "recommend/ranking_quality.h"

namespace zhiyin::recommend {
namespace {

using Versions = std::span<const Recommender* const>;

bool are_same(const std::vector<RecommendedItem>& a, const std::vector<RecommendedItem>& b) {
  return std::ranges::equal(a, b, {}, &RecommendedItem::item, &RecommendedItem::item);
}

double overlap_of(const std::vector<RecommendedItem>& a, const std::vector<RecommendedItem>& b) {
  const std::size_t longer = std::max(a.size(), b.size());
  if (longer == 0) return 1;
  std::set<ItemRef> first;
  for (const RecommendedItem& one : a) first.insert(one.item);
  const auto shared = std::ranges::count_if(
      b, [&](const RecommendedItem& one) { return first.contains(one.item); });
  return static_cast<double>(shared) / static_cast<double>(longer);
}

/// What the person liked after `until` and had not dealt with before, of the candidates of all.
std::set<ItemRef> wanted_by(const audience::PersonView& person, Versions versions, Instant until) {
  std::set<ItemRef> before;
  std::set<ItemRef> out;
  for (const audience::Activity& a : person.activity) {
    // Being shown or sent something is not dealing with it.
    if (!a.item || a.kind == "show" || a.kind.starts_with("touch.")) continue;
    if (a.at <= until) {
      before.insert(*a.item);
      continue;
    }
    const bool counts = std::ranges::all_of(versions, [&](const Recommender* v) {
      return v->model().kind_weight(a.kind, a.value) > 0 &&
             v->candidates().find(*a.item) != CandidateIndex::kNone;
    });
    if (counts && !before.contains(*a.item)) out.insert(*a.item);
  }
  return out;
}

/// As `metric.of` wants them; what is not listed stands behind the list.
std::vector<std::size_t> ranks_of(const std::set<ItemRef>& wanted,
                                  const std::vector<RecommendedItem>& list, std::size_t cut) {
  std::vector<std::size_t> out;
  for (std::size_t place = 0; place < list.size(); ++place) {
    if (wanted.contains(list[place].item)) out.push_back(place + 1);
  }
  out.resize(wanted.size(), cut + 1);
  return out;
}

/// A figure of each person, for each version.
class ByPerson {
 public:
  explicit ByPerson(std::size_t versions) : values_(versions) {}
  void add(std::size_t version, double value) { values_[version].push_back(value); }
  [[nodiscard]] std::vector<statistics::MeanInterval> means() const {
    std::vector<statistics::MeanInterval> out;
    for (const auto& values : values_) out.push_back(statistics::mean_interval(values));
    return out;
  }
  [[nodiscard]] std::optional<statistics::MeanInterval> difference() const {
    if (values_.size() < 2) return std::nullopt;
    std::vector<double> differences;
    for (std::size_t i = 0; i < values_[0].size(); ++i)
      differences.push_back(values_[1][i] - values_[0][i]);
    return statistics::mean_interval(differences);
  }

 private:
  std::vector<std::vector<double>> values_;
};

audience::PersonView until(const audience::PersonView& person, Instant end) {
  audience::PersonView out{person.id, person.identities, {}};
  for (const audience::Activity& a : person.activity) {
    if (a.at <= end) out.activity.push_back(a);
  }
  return out;
}

}  // namespace

Result<LaterQuality> later_quality(Versions versions, std::span<const audience::PersonView> people,
                                   const RecommendRequest& request, Instant learnt_until) {
  RecommendRequest then = request;
  then.now = learnt_until;
  const Metric ndcg{Metric::Kind::kNdcg, request.n};
  const Metric recall{Metric::Kind::kRecall, request.n};
  ByPerson ndcgs(versions.size());
  ByPerson recalls(versions.size());
  LaterQuality out;
  for (const audience::PersonView& person : people) {
    const std::set<ItemRef> wanted = wanted_by(person, versions, learnt_until);
    if (wanted.empty()) continue;
    ++out.people;
    out.wanted += wanted.size();
    const audience::PersonView before = until(person, learnt_until);
    for (std::size_t v = 0; v < versions.size(); ++v) {
      ZHIYIN_TRY(const auto list, versions[v]->recommend(before, then));
      const auto ranks = ranks_of(wanted, list.items, request.n);
      ndcgs.add(v, ndcg.of(ranks));
      recalls.add(v, recall.of(ranks));
    }
  }
  out.ndcg = ndcgs.means();
  out.recall = recalls.means();
  out.ndcg_difference = ndcgs.difference();
  out.recall_difference = recalls.difference();
  return out;
}

Result<VersionComparison> compare_versions(Versions versions,
                                           std::span<const audience::PersonView> people,
                                           const RecommendRequest& request, Instant learnt_until) {
  VersionComparison out;
  out.versions.resize(versions.size());
  std::vector<std::set<ItemRef>> listed(versions.size());
  std::vector<double> overlaps;
  for (const audience::PersonView& person : people) {
    std::vector<RecommendResponse> lists;
    for (std::size_t v = 0; v < versions.size(); ++v) {
      ZHIYIN_TRY(lists.emplace_back(), versions[v]->recommend(person, request));
      out.versions[v].fallbacks += lists[v].fallback ? 1 : 0;
      for (const RecommendedItem& one : lists[v].items) {
        ++out.versions[v].sources[one.source];
        listed[v].insert(one.item);
      }
    }
    if (versions.size() < 2) continue;
    const double overlap = overlap_of(lists[0].items, lists[1].items);
    overlaps.push_back(overlap);
    out.identical += are_same(lists[0].items, lists[1].items) ? 1 : 0;
    out.pairs.push_back({person.id, overlap, std::move(lists[0].items), std::move(lists[1].items)});
  }
  for (std::size_t v = 0; v < versions.size(); ++v) out.versions[v].items = listed[v].size();
  out.overlap = statistics::mean_interval(overlaps);
  ZHIYIN_TRY(out.later, later_quality(versions, people, request, learnt_until));
  return out;
}

}  // namespace zhiyin::recommend
