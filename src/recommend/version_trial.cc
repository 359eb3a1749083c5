#include "recommend/version_trial.h"

#include <algorithm>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "base/crypto.h"
#include "recommend/recommender.h"
#include "recommend/version_comparison.h"

namespace zhiyin::recommend {
namespace {

/// The first time that somebody liked an item.
struct FirstLiking {
  Instant at;
  std::uint32_t person = 0;
  std::uint32_t item = 0;
};

struct FirstLikings {
  NameIndex people;
  std::vector<FirstLiking> in_time;  ///< oldest first
};

Result<FirstLikings> first_likings(const RowSource& rows, const TrainParams& params) {
  FirstLikings out;
  const RecommendModel weigher = RecommendModel::of_weights(params);
  NameIndex items;
  std::string key;
  auto& all = out.in_time;
  ZHIYIN_TRY_VOID(rows([&](const InteractionRow& row) {
    if (row.at > params.as_of || weigher.kind_weight(row.kind, row.value) <= 0 ||
        !is_recommendable(row.item))
      return;
    key.assign(row.item.kind).append(1, '\0').append(row.item.id);
    all.push_back({row.at, out.people.add(row.person), items.add(key)});
  }));
  std::ranges::sort(all, {},
                    [](const FirstLiking& l) { return std::tuple(l.person, l.item, l.at); });
  const auto same = [](const FirstLiking& a, const FirstLiking& b) {
    return a.person == b.person && a.item == b.item;
  };
  all.erase(std::unique(all.begin(), all.end(), same), all.end());
  std::ranges::sort(all, {}, [](const FirstLiking& l) { return std::pair(l.at, l.person); });
  return out;
}

/// People with a liking after `from`.
std::vector<std::uint32_t> people_after(const FirstLikings& likings, Instant from) {
  std::unordered_set<std::uint32_t> seen;
  std::vector<std::uint32_t> out;
  for (auto it = likings.in_time.rbegin(); it != likings.in_time.rend() && it->at > from; ++it) {
    if (seen.insert(it->person).second) out.push_back(it->person);
  }
  return out;
}

std::size_t likings_after(const FirstLikings& likings, Instant from) {
  const auto later = std::ranges::upper_bound(likings.in_time, from, {}, &FirstLiking::at);
  return static_cast<std::size_t>(likings.in_time.end() - later);
}

/// The moment before likings[begin] and all others of its moment; `none` where nothing is before.
Instant moment_before(const FirstLikings& likings, std::size_t begin, Instant none) {
  const auto& all = likings.in_time;
  while (begin > 0 && all[begin - 1].at == all[begin].at) --begin;
  return begin == 0 ? none : all[begin - 1].at;
}

/// Where the newest tenth begins, or so many that there are people enough, about half at most.
Instant newest_part(const FirstLikings& likings, const TrialParams& trial) {
  const auto& all = likings.in_time;
  const auto n = all.size();
  if (n == 0) return Instant{0};
  const double share = trial.held_out_share * static_cast<double>(n);
  std::size_t begin = n - std::max<std::size_t>(1, static_cast<std::size_t>(share));
  std::unordered_set<std::uint32_t> people;
  for (std::size_t i = begin; i < n; ++i) people.insert(all[i].person);
  for (; begin > (n + 1) / 2 && people.size() < trial.people_min; --begin)
    people.insert(all[begin - 1].person);
  return moment_before(likings, begin, all.back().at);
}

/// The middle of what was liked after `since`.
Instant middle_after(const FirstLikings& likings, Instant since) {
  const std::size_t later = likings_after(likings, since);
  if (later == 0) return since;
  return std::max(since, moment_before(likings, likings.in_time.size() - later + later / 2, since));
}

/// Of the people those with the smallest hashes: the same ones whatever the order of rows.
std::unordered_set<std::string> sample_of(const FirstLikings& likings,
                                          const std::vector<std::uint32_t>& people,
                                          std::size_t people_max) {
  std::vector<std::pair<std::uint64_t, std::string>> by_hash;
  for (const std::uint32_t person : people) {
    const std::string& name = likings.people.name(person);
    by_hash.emplace_back(crypto::xxh64(name), name);
  }
  std::ranges::sort(by_hash);
  if (by_hash.size() > people_max) by_hash.resize(people_max);
  std::unordered_set<std::string> out;
  for (auto& [hash, name] : by_hash) out.insert(std::move(name));
  return out;
}

/// What the people did, in the order of their names.
Result<std::vector<audience::PersonView>> views_of(const RowSource& rows,
                                                   const std::unordered_set<std::string>& people,
                                                   Instant as_of) {
  std::unordered_map<std::string, audience::PersonView> views;
  ZHIYIN_TRY_VOID(rows([&](const InteractionRow& row) {
    std::string person(row.person);
    if (row.at > as_of || !people.contains(person)) return;
    audience::Activity activity;
    activity.at = row.at;
    activity.kind = row.kind;
    activity.item = row.item;
    activity.value = row.value;
    views[std::move(person)].activity.push_back(std::move(activity));
  }));
  std::vector<std::string> names(people.begin(), people.end());
  std::ranges::sort(names);
  std::vector<audience::PersonView> out;
  for (const std::string& name : names) {
    audience::PersonView& view = views[name];
    view.id = PersonId(name);
    std::ranges::sort(view.activity, [](const audience::Activity& a, const audience::Activity& b) {
      return std::tie(a.at, a.kind, a.item, a.value) < std::tie(b.at, b.kind, b.item, b.value);
    });
    for (std::size_t i = 0; i < view.activity.size(); ++i)
      view.activity[i].offset = static_cast<std::int64_t>(i);
    out.push_back(std::move(view));
  }
  return out;
}

Result<std::shared_ptr<const RecommendModel>> learn_until(const RowSource& rows, TrainParams params,
                                                          Instant until) {
  params.as_of = until;
  ZHIYIN_TRY(RecommendModel model, train_recommend(rows, params));
  return std::make_shared<const RecommendModel>(std::move(model));
}

/// Where the held-out part begins, and the version in use as it is measured there.
struct Split {
  Instant from;
  bool retrains = false;  ///< the version in use has seen the held-out part
};

Split split_of(const FirstLikings& likings, const std::optional<VersionInUse>& in_use,
               const TrialParams& trial) {
  const Instant newest = newest_part(likings, trial);
  if (!in_use || in_use->learnt_until <= newest) return {newest, false};
  const Instant since = middle_after(likings, in_use->learnt_until);
  if (people_after(likings, since).size() >= trial.people_min) return {since, false};
  return {newest, true};
}

}  // namespace

Result<LikedHistory> liked_history(const RowSource& rows, const TrainParams& params) {
  ZHIYIN_TRY(const FirstLikings likings, first_likings(rows, params));
  LikedHistory out;
  out.likings = likings.in_time.size();
  out.people = likings.people.size();
  if (!likings.in_time.empty()) out.newest = likings.in_time.back().at;
  return out;
}

Result<VersionTrial> try_version(const RowSource& rows, const TrainParams& params,
                                 const std::optional<VersionInUse>& in_use,
                                 const TrialCatalogue& catalogue, const TrialParams& trial) {
  ZHIYIN_TRY(const FirstLikings likings, first_likings(rows, params));
  const bool compares = in_use && in_use->model->items() > 0;
  const Split split = split_of(likings, compares ? in_use : std::nullopt, trial);
  VersionTrial out;
  out.from = split.from;
  out.likings = likings_after(likings, split.from);
  out.not_worse = !compares;
  if (compares) out.in_use = in_use->id;
  const auto later = people_after(likings, split.from);
  if (later.empty() || out.likings == likings.in_time.size()) return out;
  ZHIYIN_TRY(const auto fresh, learn_until(rows, params, split.from));
  std::vector<std::shared_ptr<const Recommender>> recommenders;
  if (compares) {
    std::shared_ptr<const RecommendModel> other = in_use->model;
    if (split.retrains) {
      ZHIYIN_TRY(other, learn_until(rows, in_use->settings, split.from));
    }
    out.in_use_retrained = split.retrains;
    recommenders.push_back(
        Recommender::create(std::move(other), in_use->id, catalogue.items, catalogue.texts));
  }
  recommenders.push_back(Recommender::create(fresh, "new", catalogue.items, catalogue.texts));
  ZHIYIN_TRY(const auto people,
             views_of(rows, sample_of(likings, later, trial.people_max), params.as_of));
  RecommendRequest request;
  request.n = trial.n;
  std::vector<const Recommender*> versions;
  for (const auto& one : recommenders) versions.push_back(one.get());
  ZHIYIN_TRY(const LaterQuality measured, later_quality(versions, people, request, split.from));
  out.people = measured.people;
  out.ndcg = measured.ndcg.back();
  out.recall = measured.recall.back();
  if (!compares) return out;
  out.in_use_ndcg = measured.ndcg[0];
  out.in_use_recall = measured.recall[0];
  out.gain = *measured.ndcg_difference;
  out.not_worse = out.people >= trial.people_min && out.gain.interval.low > -trial.margin;
  return out;
}

}  // namespace zhiyin::recommend
