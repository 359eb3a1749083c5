#include "recommend/list_builder.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "recommend/rerank.h"

namespace zhiyin::recommend {
namespace {

constexpr std::size_t kPlacesPerColdItem = 5;
/// Candidates for each place where the list is chosen from them.
constexpr std::size_t kPoolPerPlace = 5;
/// Of this many places of behaviour one comes from the factors.
constexpr std::size_t kPlacesPerFolded = 3;

}  // namespace

/// Sums of terms per candidate, with the largest single one and where it came from.
class ListBuilder::Sums {
 public:
  explicit Sums(std::size_t candidates) : cells_(candidates) {}

  void add(std::uint32_t candidate, double term, std::uint32_t why) {
    if (!std::isfinite(term) || term == 0) return;
    Cell& cell = cells_[candidate];
    if (!cell.touched) touched_.push_back(candidate);
    cell.touched = true;
    cell.score += term;
    if (term > cell.largest) {
      cell.largest = term;
      cell.why = why;
    }
  }

  [[nodiscard]] std::vector<Scored> scored() const {
    std::vector<Scored> out;
    out.reserve(touched_.size());
    for (const std::uint32_t c : touched_) out.push_back({c, cells_[c].score, cells_[c].why});
    return out;
  }

 private:
  struct Cell {
    double score = 0;
    double largest = 0;
    std::uint32_t why = 0;
    bool touched = false;
  };
  std::vector<Cell> cells_;
  std::vector<std::uint32_t> touched_;
};

ListBuilder::ListBuilder(const RecommendModel& model, const CandidateIndex& candidates,
                         const audience::PersonView& person, const RecommendRequest& request)
    : model_(model),
      candidates_(candidates),
      request_(request),
      taste_(taste_of(person, model, candidates, request.interests, request.now,
                      request.rules.return_after)),
      taken_(taste_.seen) {
  for (const ItemRef& ref : request.rules.exclude) {
    const std::uint32_t candidate = candidates.find(ref);
    if (candidate != CandidateIndex::kNone) taken_[candidate] = true;
  }
  if (request.rules.eligible) {
    eligible_.assign(candidates.size(), false);
    for (const ItemRef& ref : *request.rules.eligible) {
      const std::uint32_t candidate = candidates.find(ref);
      if (candidate != CandidateIndex::kNone) eligible_[candidate] = true;
    }
  }
  const bool chooses = request.diversity > 0 || request.author_max > 0 || request.category_max > 0;
  pool_ = chooses ? request.n * kPoolPerPlace : request.n;
}

bool ListBuilder::passes_rules(std::uint32_t candidate) const {
  const CandidateItem& item = candidates_.item(candidate);
  const ItemRules& rules = request_.rules;
  const auto among = [](const std::vector<std::string>& names, const std::string& name) {
    return names.empty() || std::ranges::find(names, name) != names.end();
  };
  if (!eligible_.empty() && !eligible_[candidate]) return false;
  if (rules.eligible && eligible_.empty()) return false;
  if (!among(rules.kinds, item.ref.kind) || !among(rules.categories, item.category)) return false;
  if (rules.price_min_fen && !(item.price_fen && *item.price_fen >= *rules.price_min_fen))
    return false;
  if (rules.price_max_fen && !(item.price_fen && *item.price_fen <= *rules.price_max_fen))
    return false;
  return candidates_.may_be_shown(candidate, request_.now);
}

std::vector<ListBuilder::Scored> ListBuilder::behaviour_scores() const {
  Sums sums(candidates_.size());
  for (std::uint32_t i = 0; i < taste_.liked.size(); ++i) {
    const Liked& liked = taste_.liked[i];
    for (const Neighbour& neighbour : model_.weights().row(liked.model_item)) {
      const std::uint32_t candidate = candidates_.of_model(neighbour.item);
      if (candidate == CandidateIndex::kNone) continue;
      sums.add(candidate, liked.weight * neighbour.similarity, i);
    }
  }
  return sums.scored();
}

std::vector<ListBuilder::Scored> ListBuilder::factor_scores() const {
  const Ials* const ials = model_.ials();
  if (ials == nullptr || taste_.liked.empty()) return {};
  std::vector<std::uint32_t> history;
  for (const Liked& liked : taste_.liked) history.push_back(liked.model_item);
  IalsScratch scratch;
  std::vector<float> person(ials->width());
  std::vector<float> scores(ials->items());
  ials->fold_in(history, person, scratch);
  ials->score(person, scores);
  std::vector<Scored> out;
  for (std::uint32_t m = 0; m < scores.size(); ++m) {
    const std::uint32_t candidate = candidates_.of_model(m);
    if (candidate != CandidateIndex::kNone) out.push_back({candidate, scores[m], 0});
  }
  return out;
}

std::vector<ListBuilder::Scored> ListBuilder::tag_scores(
    const std::vector<std::pair<std::string, double>>& interests) const {
  if (interests.empty()) return {};
  Sums sums(candidates_.size());
  for (std::uint32_t i = 0; i < interests.size(); ++i) {
    const auto& [tag, weight] = interests[i];
    for (const CandidateIndex::Tagged& tagged : candidates_.with_tag(tag)) {
      sums.add(tagged.candidate, weight * tagged.share, i);
    }
  }
  return sums.scored();
}

/// The best that may be listed, in order; equal scores by item.
std::vector<ListBuilder::Scored> ListBuilder::best(std::vector<Scored> scored,
                                                   std::size_t count) const {
  std::erase_if(scored,
                [&](const Scored& s) { return s.score <= 0 || !may_be_listed(s.candidate); });
  const auto better = [&](const Scored& a, const Scored& b) {
    if (a.score != b.score) return a.score > b.score;
    return candidates_.item(a.candidate).ref < candidates_.item(b.candidate).ref;
  };
  const std::size_t kept = std::min(count, scored.size());
  std::ranges::partial_sort(scored, scored.begin() + static_cast<std::ptrdiff_t>(kept), better);
  scored.resize(kept);
  return scored;
}

Reason ListBuilder::reason_of(std::uint32_t liked) const {
  const audience::Activity& activity = *taste_.liked[liked].activity;
  const std::uint32_t candidate = candidates_.find(*activity.item);
  const std::string_view title =
      candidate == CandidateIndex::kNone ? std::string_view() : candidates_.item(candidate).title;
  return reason_from_item(activity.kind, *activity.item, title);
}

/// By tags, and a half for the same author or category: what a reader sees as the same.
double ListBuilder::similarity(std::uint32_t a, std::uint32_t b) const {
  const CandidateItem& x = candidates_.item(a);
  const CandidateItem& y = candidates_.item(b);
  double dot = 0;
  double left = 0;
  double right = 0;
  for (const auto& [tag, weight] : x.tags) left += weight * weight;
  for (const auto& [tag, weight] : y.tags) right += weight * weight;
  for (const auto& [tag, weight] : x.tags) {
    for (const auto& [other, other_weight] : y.tags) {
      if (tag == other) dot += weight * other_weight;
    }
  }
  const double by_tags = dot > 0 ? dot / std::sqrt(left * right) : 0;
  constexpr double kSameMaker = 0.5;
  const bool same = (!x.author.empty() && x.author == y.author) ||
                    (!x.category.empty() && x.category == y.category);
  return std::max(by_tags, same ? kSameMaker : 0);
}

void ListBuilder::gather(const Scored& s, std::string_view source, Reason reason) {
  if (gathered_.size() >= pool_ || !may_be_listed(s.candidate)) return;
  // Never twice in one list.
  taken_[s.candidate] = true;
  gathered_.push_back({s, source, std::move(reason)});
}

void ListBuilder::gather_behaviour(std::size_t places) {
  const std::vector<Scored> folded = best(factor_scores(), places);
  const std::vector<Scored> weighted = best(behaviour_scores(), places);
  std::size_t w = 0;
  std::size_t f = 0;
  const std::size_t end = gathered_.size() + places;
  while (gathered_.size() < end && (w < weighted.size() || f < folded.size())) {
    const bool from_factors =
        f < folded.size() &&
        (w >= weighted.size() || gathered_.size() % kPlacesPerFolded == kPlacesPerFolded - 1);
    if (!from_factors) {
      gather(weighted[w], model_.algorithm(), reason_of(weighted[w].why));
      ++w;
      continue;
    }
    // The event that adds most to the score is found for those listed only.
    Scored s = folded[f++];
    if (!may_be_listed(s.candidate)) continue;
    std::vector<std::uint32_t> history;
    for (const Liked& liked : taste_.liked) history.push_back(liked.model_item);
    std::vector<float> terms(history.size());
    IalsScratch scratch;
    model_.ials()->contributions(history, candidates_.model_item(s.candidate), terms, scratch);
    s.why = static_cast<std::uint32_t>(std::ranges::max_element(terms) - terms.begin());
    gather(s, "ials", reason_of(s.why));
  }
}

void ListBuilder::gather_popular() {
  for (const std::uint32_t c : candidates_.by_popularity()) {
    if (gathered_.size() >= pool_) return;
    gather({c, candidates_.popularity(c), 0}, "popular", reason_popular());
  }
}

void ListBuilder::gather_fresh() {
  for (const std::uint32_t c : candidates_.unknown_by_freshness()) {
    if (gathered_.size() >= pool_) return;
    gather({c, 0, 0}, "fresh", reason_fresh());
  }
}

RecommendResponse ListBuilder::personal() {
  pin();
  const std::vector<Scored> by_tags = tag_scores(taste_.interests);
  std::vector<Scored> cold = by_tags;
  std::erase_if(cold, [&](const Scored& s) { return candidates_.is_known(s.candidate); });
  const std::vector<Scored> cold_best = best(std::move(cold), pool_ / kPlacesPerColdItem);
  gather_behaviour(pool_ - std::min(pool_, cold_best.size()));
  out_.fallback = gathered_.empty();
  const auto because = [&](const Scored& s) {
    return reason_from_tag(taste_.interests[s.why].first);
  };
  for (const Scored& s : cold_best) gather(s, "tags", because(s));
  for (const Scored& s : best(by_tags, pool_)) gather(s, "tags", because(s));
  gather_popular();
  gather_fresh();
  choose();
  return std::move(out_);
}

RecommendResponse ListBuilder::similar_to(std::uint32_t candidate) {
  taken_[candidate] = true;
  const CandidateItem& item = candidates_.item(candidate);
  const Reason reason = reason_similar(item.ref, item.title);
  if (const auto known = model_.find(item.ref)) {
    Sums sums(candidates_.size());
    for (const Neighbour& n : model_.weights().row(*known)) {
      const std::uint32_t other = candidates_.of_model(n.item);
      if (other != CandidateIndex::kNone) sums.add(other, n.similarity, 0);
    }
    for (const Scored& s : best(sums.scored(), pool_)) gather(s, model_.algorithm(), reason);
  }
  for (const Scored& s : best(tag_scores(item.tags), pool_)) gather(s, "similar", reason);
  choose();
  return std::move(out_);
}

RecommendResponse ListBuilder::popular() {
  gather_popular();
  choose();
  return std::move(out_);
}

RecommendResponse ListBuilder::latest() {
  for (const std::uint32_t c : candidates_.by_time()) {
    if (gathered_.size() >= pool_) break;
    gather({c, 0, 0}, "fresh", reason_fresh());
  }
  choose();
  return std::move(out_);
}

void ListBuilder::pin() {
  for (const ItemRef& ref : request_.pinned) {
    const std::uint32_t c = candidates_.find(ref);
    if (c == CandidateIndex::kNone || out_.items.size() >= request_.n || !may_be_listed(c))
      continue;
    taken_[c] = true;
    list({{c, 0, 0}, "pinned", reason_pinned()}, 1);
  }
}

/// Takes request.n minus what stands there, minus the places of exploration, then explores.
void ListBuilder::choose() {
  const std::size_t left = request_.n - std::min(request_.n, out_.items.size());
  const std::size_t chance = std::min(request_.explore, left);
  const std::size_t places = left - chance;
  if (pool_ == request_.n) {
    for (std::size_t i = 0; i < std::min(places, gathered_.size()); ++i) list(gathered_[i], 1);
  } else {
    // Scores of different sources do not compare; places in the pool do.
    std::vector<double> quality;
    std::vector<std::string_view> authors;
    std::vector<std::string_view> categories;
    for (std::size_t i = 0; i < gathered_.size(); ++i) {
      quality.push_back(-static_cast<double>(i));
      const CandidateItem& item = candidates_.item(gathered_[i].scored.candidate);
      authors.push_back(item.author);
      categories.push_back(item.category);
    }
    constexpr std::size_t kAny = std::numeric_limits<std::size_t>::max();
    const ListCap caps[] = {{request_.author_max > 0 ? request_.author_max : kAny, authors},
                            {request_.category_max > 0 ? request_.category_max : kAny, categories}};
    const RerankSettings settings{places, request_.diversity, caps};
    const PairSimilarity alike = [&](std::size_t a, std::size_t b) {
      return similarity(gathered_[a].scored.candidate, gathered_[b].scored.candidate);
    };
    const auto order = request_.rerank == Rerank::kMmr ? rerank_mmr(quality, alike, settings)
                                                       : rerank_dpp(quality, alike, settings);
    for (const std::size_t i : order) list(gathered_[i], 1);
  }
  if (chance == 0) return;
  explore();
  // Fewer fresh items than places: the best of the rest.
  for (const Gathered& g : gathered_) {
    if (out_.items.size() >= request_.n) break;
    const ItemRef& ref = candidates_.item(g.scored.candidate).ref;
    if (std::ranges::none_of(out_.items, [&](const RecommendedItem& i) { return i.item == ref; }))
      list(g, 1);
  }
}

void ListBuilder::explore() {
  constexpr std::size_t kArmsMax = 50;
  constexpr std::size_t kDraws = 200;
  std::vector<std::uint32_t> fresh;
  std::vector<Arm> arms;
  for (const std::uint32_t c : candidates_.unknown_by_freshness()) {
    if (fresh.size() >= kArmsMax) break;
    const ItemRef& ref = candidates_.item(c).ref;
    const bool listed =
        std::ranges::any_of(out_.items, [&](const RecommendedItem& i) { return i.item == ref; });
    if (listed || taste_.seen[c] || !passes_rules(c) ||
        std::ranges::find(request_.rules.exclude, ref) != request_.rules.exclude.end())
      continue;
    fresh.push_back(c);
    arms.push_back(request_.arm_of ? request_.arm_of(ref) : Arm());
  }
  const std::size_t places = request_.n - out_.items.size();
  for (const Explored& one :
       recommend::explore(arms, std::min(places, request_.explore), {}, kDraws, request_.seed))
    list({{fresh[one.arm], 0, 0}, "explore", reason_fresh()}, one.propensity);
}

void ListBuilder::list(const Gathered& g, double propensity) {
  const CandidateItem& item = candidates_.item(g.scored.candidate);
  out_.items.push_back({item.ref,
                        item.title,
                        g.scored.score,
                        std::string(g.source),
                        g.reason.zh,
                        g.reason.en,
                        propensity,
                        {}});
  if (request_.explain) explain(out_.items.back(), g.scored.candidate);
}

void ListBuilder::explain(RecommendedItem& item, std::uint32_t candidate) const {
  const auto add = [&](std::size_t liked, double share) {
    if (share == 0) return;
    const ItemRef& ref = *taste_.liked[liked].activity->item;
    const std::uint32_t own = candidates_.find(ref);
    item.terms.push_back(
        {ref, own == CandidateIndex::kNone ? std::string() : candidates_.item(own).title, share});
  };
  if (item.source == "ials") {
    std::vector<std::uint32_t> history;
    for (const Liked& liked : taste_.liked) history.push_back(liked.model_item);
    std::vector<float> terms(history.size());
    IalsScratch scratch;
    model_.ials()->contributions(history, candidates_.model_item(candidate), terms, scratch);
    for (std::size_t i = 0; i < terms.size(); ++i) add(i, terms[i]);
  } else if (item.source == model_.algorithm()) {
    const std::uint32_t wanted = candidates_.model_item(candidate);
    for (std::size_t i = 0; i < taste_.liked.size(); ++i) {
      for (const Neighbour& n : model_.weights().row(taste_.liked[i].model_item)) {
        if (n.item == wanted) add(i, taste_.liked[i].weight * n.similarity);
      }
    }
  }
  std::ranges::sort(item.terms, [](const ScoreTerm& a, const ScoreTerm& b) {
    return a.share != b.share ? a.share > b.share : a.item < b.item;
  });
}

}  // namespace zhiyin::recommend
