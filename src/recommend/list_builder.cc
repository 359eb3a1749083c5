#include "recommend/list_builder.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>

#include "recommend/rerank.h"

namespace zhiyin::recommend {
namespace {

constexpr std::size_t kPlacesPerColdItem = 5;
/// Candidates for each place where the list is chosen from them.
constexpr std::size_t kPoolPerPlace = 5;
/// Of this many places of behaviour one comes from the factors.
constexpr std::size_t kPlacesPerFolded = 3;
/// One of this many places is kept for what is popular in the person's segments.
constexpr std::size_t kPlacesPerSegmentItem = 10;
/// Texts are close from this cosine on (see text_vectors.h: 0 is what two usually have).
constexpr float kCloseText = 0.2F;
/// Candidates that a ranker orders.
constexpr std::size_t kRankedPool = 200;
constexpr std::string_view kFromFactors = "ials";

/// Moves about `wanted` of the largest scores to the front, and says where they end: none behind is
/// larger than one before, or equal to it. Where to cut is read off some of them, so there may be a
/// few more or fewer.
template <class Iterator>
Iterator largest_first(Iterator begin, Iterator end, std::size_t wanted) {
  constexpr std::size_t kSample = 256;
  const auto size = static_cast<std::size_t>(end - begin);
  if (size < 2 * kSample || size < 2 * wanted) return end;
  std::array<double, kSample> sample;
  for (std::size_t i = 0; i < kSample; ++i)
    sample[i] = begin[static_cast<std::ptrdiff_t>(i * size / kSample)].score;
  constexpr std::size_t kSpare = 6;
  const std::size_t rank = wanted * kSample / size * 5 / 4 + kSpare;
  if (rank >= kSample) return end;
  std::ranges::nth_element(sample, sample.begin() + static_cast<std::ptrdiff_t>(rank),
                           std::ranges::greater());
  const double bar = sample[rank];
  return std::partition(begin, end, [&](const auto& s) { return s.score >= bar; });
}

}  // namespace

/// Sums of terms per candidate, with the largest single one and where it came from. One for a list
/// in the making, used again and again: to clear what was touched costs less than a new one.
class ListBuilder::Sums {
 public:
  explicit Sums(std::size_t candidates)
      : cells_(candidates),
        touched_(std::make_unique_for_overwrite<std::uint32_t[]>(candidates + 1)) {}

  void add(std::uint32_t candidate, double term, std::uint32_t why) {
    if (!std::isfinite(term) || term == 0) return;
    count_ = add_at(cells_.data(), count_, candidate, term, why + 1);
  }

  /// weight × similarity of each of the neighbours that is a candidate. Rows of thousands for each
  /// list.
  void add_row(std::span<const Neighbour> row, const CandidateIndex& candidates, double weight,
               std::uint32_t why) {
    if (!std::isfinite(weight)) return;
    Cell* const cells = cells_.data();
    std::size_t count = count_;
    for (const Neighbour& n : row) {
      const std::uint32_t candidate = candidates.of_model(n.item);
      const double term = weight * n.similarity;
      if (candidate == CandidateIndex::kNone || !std::isfinite(term) || term == 0) continue;
      count = add_at(cells, count, candidate, term, why + 1);
    }
    count_ = count;
  }

  /// What was added since the last call.
  std::vector<Scored> taken() {
    std::vector<Scored> out(count_);
    for (std::size_t i = 0; i < count_; ++i) {
      Cell& cell = cells_[touched_[i]];
      out[i] = {touched_[i], cell.score, cell.why_next - 1};
      cell = {};
    }
    count_ = 0;
    return out;
  }

 private:
  /// Small: there is one for every candidate.
  struct Cell {
    double score;
    float largest;
    std::uint32_t why_next;  ///< 0: untouched, otherwise one more than where it came from
  };
  /// Which cells come again, and which term is the largest, nobody can guess: so there are no
  /// branches. Returns how many are touched now.
  std::size_t add_at(Cell* cells, std::size_t count, std::uint32_t candidate, double term,
                     std::uint32_t why_next) {
    Cell& cell = cells[candidate];
    const auto size = static_cast<float>(term);
    const float largest = cell.largest;
    const std::uint32_t before = cell.why_next;
    const std::uint32_t is_first = before == 0 ? 1 : 0;
    const std::uint32_t is_new = 0U - (is_first | (size > largest ? 1U : 0U));
    touched_[count] = candidate;
    cell.score += term;
    cell.largest = std::max(largest, size);
    cell.why_next = (why_next & is_new) | (before & ~is_new);
    return count + is_first;
  }

  std::vector<Cell> cells_;
  std::unique_ptr<std::uint32_t[]> touched_;  ///< one place more than are needed is scratch
  std::size_t count_ = 0;
};

ListBuilder::~ListBuilder() = default;

ListBuilder::Sums& ListBuilder::sums() {
  if (!sums_) sums_ = std::make_unique<Sums>(candidates_.size());
  return *sums_;
}

ListBuilder::ListBuilder(const RecommendModel& model, const CandidateIndex& candidates,
                         const audience::PersonView& person, const RecommendRequest& request,
                         const ListRanker* ranker)
    : model_(model),
      candidates_(candidates),
      request_(request),
      ranker_(ranker),
      taste_(taste_of(person, model, candidates, request.interests, request.now,
                      request.rules.return_after)),
      taken_(taste_.seen),
      taken_groups_(candidates.groups(), false) {
  for (std::uint32_t c = 0; candidates.groups() > 1 && c < candidates.size(); ++c) {
    if (taken_[c]) take(c);
  }
  for (const ItemRef& ref : request.rules.exclude) {
    const std::uint32_t candidate = candidates.find(ref);
    if (candidate != CandidateIndex::kNone) take(candidate);
  }
  if (request.rules.eligible) {
    eligible_.assign(candidates.size(), false);
    for (const ItemRef& ref : *request.rules.eligible) {
      const std::uint32_t candidate = candidates.find(ref);
      if (candidate != CandidateIndex::kNone) eligible_[candidate] = true;
    }
  }
  chooses_ = request.diversity > 0 || request.author_max > 0 || request.category_max > 0;
  pool_ = chooses_ ? request.n * kPoolPerPlace : request.n;
  if (ranker_ != nullptr) pool_ = std::max(pool_, kRankedPool);
  note_tired();
}

/// Those left out are taken; for those that move back there must be others to stand before them.
void ListBuilder::note_tired() {
  std::size_t found = 0;
  for (const ItemRef& ref : request_.tired) {
    const std::uint32_t candidate = candidates_.find(ref);
    if (candidate == CandidateIndex::kNone || !may_be_listed(candidate)) continue;
    if (request_.explain) out_.tired.push_back(ref);
    if (request_.leaves_out_tired) {
      taken_[candidate] = true;
      continue;
    }
    if (tired_.empty()) tired_.assign(candidates_.size(), false);
    tired_[candidate] = true;
    ++found;
  }
  pool_ += found;
}

void ListBuilder::move_tired_back() {
  if (tired_.empty()) return;
  std::ranges::stable_partition(gathered_,
                                [&](const Gathered& g) { return !tired_[g.scored.candidate]; });
}

/// By the worth of the responses to be expected. What was gathered first stays first among equals.
void ListBuilder::rank() {
  auto asked = ranker_->ask(request_.context, request_.now);
  for (Gathered& g : gathered_) {
    const double value =
        ranker_->value(ranker_->probabilities(asked, g.scored.candidate, facts_of(g)));
    // Weights beyond all bounds say nothing.
    g.value = std::isfinite(value) ? value : 0;
  }
  std::ranges::stable_sort(gathered_, std::greater(), &Gathered::value);
  if (ranker_->has_stage()) rank_once_more();
}

/// The best of them by trees: the others stay behind.
void ListBuilder::rank_once_more() {
  auto asked = ranker_->ask(request_.context, request_.now);
  const std::size_t looked_at =
      std::max(kSecondStagePool, chooses_ ? request_.n * kPoolPerPlace : request_.n);
  const auto best = std::span(gathered_).first(std::min(looked_at, gathered_.size()));
  for (Gathered& g : best) {
    const ShownFacts facts = facts_of(g);
    const std::uint32_t candidate = g.scored.candidate;
    const double more = ranker_->stage_value(request_.context, request_.now, candidate,
                                             ranker_->probabilities(asked, candidate, facts), facts,
                                             person_taste());
    g.value = *g.value + more;
  }
  std::ranges::stable_sort(best, std::greater(), &Gathered::value);
}

/// In the model's factors; empty where the trees do not look at it, or nothing is known.
std::span<const float> ListBuilder::person_taste() {
  const Ials* const ials = model_.ials();
  if (person_taste_.empty() && ials != nullptr && !taste_.liked.empty() &&
      ranker_->taste_width() == ials->width()) {
    std::vector<std::uint32_t> history;
    for (const Liked& liked : taste_.liked) history.push_back(liked.model_item);
    IalsScratch scratch;
    person_taste_.resize(ials->width());
    ials->fold_in(history, person_taste_, scratch);
  }
  return person_taste_;
}

void ListBuilder::explain_value(RecommendedItem& item, const ShownFacts& facts) {
  std::array<double, kStageInputs> parts{};
  double rest = ranker_->stage_value(request_.context, request_.now, candidates_.find(item.item),
                                     item.responses, facts, person_taste(), parts);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    rest -= parts[i];
    if (parts[i] != 0) item.value_terms.emplace_back(stage_input_name(i), parts[i]);
  }
  std::ranges::stable_sort(item.value_terms, [](const auto& a, const auto& b) {
    return std::abs(a.second) > std::abs(b.second);
  });
  item.value_terms.emplace_back("average", rest);
}

float ListBuilder::similarity_of(std::uint32_t candidate) {
  if (interest_length_ < 0) {
    double squares = 0;
    for (const auto& [tag, weight] : taste_.interests) {
      const std::uint32_t number = candidates_.tag_number(tag);
      if (number != CandidateIndex::kNone) interest_.push_back({number, weight});
      squares += weight * weight;
    }
    std::ranges::sort(interest_, {}, &Interest::tag);
    interest_length_ = std::sqrt(squares);
  }
  double dot = 0;
  for (const CandidateIndex::TagWeight& own : candidates_.tags(candidate)) {
    const auto found = std::ranges::lower_bound(interest_, own.tag, {}, &Interest::tag);
    if (found != interest_.end() && found->tag == own.tag) dot += own.weight * found->weight;
  }
  if (!(dot > 0)) return 0;
  return static_cast<float>(dot /
                            (std::sqrt(candidates_.squares_of_tags(candidate)) * interest_length_));
}

/// Of what was gathered. Scores of different sources do not compare; places in the pool do, and so
/// does what a ranker expects.
std::vector<double> ListBuilder::qualities() const {
  std::vector<double> out;
  double least = 0;
  for (std::size_t i = 0; i < gathered_.size(); ++i) {
    out.push_back(gathered_[i].value.value_or(-static_cast<double>(i)));
    least = std::min(least, out.back());
  }
  for (std::size_t i = 0; i < gathered_.size() && !tired_.empty(); ++i) {
    if (tired_[gathered_[i].scored.candidate]) out[i] = least;
  }
  return out;
}

ShownFacts ListBuilder::facts_of(const Gathered& g) {
  const std::uint32_t c = g.scored.candidate;
  return {g.source, g.scored.score, similarity_of(c),
          static_cast<float>(std::log1p(std::max(0.0, candidates_.popularity(c))))};
}

void ListBuilder::take(std::uint32_t candidate) {
  taken_[candidate] = true;
  if (const std::uint32_t group = candidates_.group(candidate); group != 0)
    taken_groups_[group] = true;
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
  if (!among(rules.topics, item.topic) || !among(rules.sentiments, item.sentiment)) return false;
  const auto excluded = [](const std::vector<std::string>& names, const std::string& name) {
    return !names.empty() && std::ranges::find(names, name) != names.end();
  };
  if (excluded(rules.exclude_topics, item.topic) ||
      excluded(rules.exclude_sentiments, item.sentiment))
    return false;
  if (rules.accounts && !item.account.empty() && !excluded(*rules.accounts, item.account))
    return false;
  if (rules.price_min_fen && !(item.price_fen && *item.price_fen >= *rules.price_min_fen))
    return false;
  if (rules.price_max_fen && !(item.price_fen && *item.price_fen <= *rules.price_max_fen))
    return false;
  return candidates_.may_be_shown(candidate, request_.now);
}

std::vector<ListBuilder::Scored> ListBuilder::behaviour_scores() {
  Sums& sums = this->sums();
  const auto row = [&](std::uint32_t i) {
    return model_.weights().row(taste_.liked[i].model_item);
  };
  // Rows of few items lie in the cache: the next is fetched while one is added.
  const auto fetch = [&](std::uint32_t i) {
    constexpr std::size_t kPerLine = 64 / sizeof(Neighbour);
    if (i >= taste_.liked.size()) return;
    const std::span<const Neighbour> next = row(i);
    for (std::size_t k = 0; k < next.size(); k += kPerLine) __builtin_prefetch(&next[k]);
  };
  fetch(0);
  for (std::uint32_t i = 0; i < taste_.liked.size(); ++i) {
    fetch(i + 1);
    sums.add_row(row(i), candidates_, taste_.liked[i].weight, i);
  }
  return sums.taken();
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
  std::vector<Scored> out(scores.size());
  std::size_t found = 0;
  for (std::uint32_t m = 0; m < scores.size(); ++m) {
    const std::uint32_t candidate = candidates_.of_model(m);
    out[found] = {candidate, scores[m], 0};
    found += candidate != CandidateIndex::kNone && scores[m] > 0 ? 1 : 0;
  }
  out.resize(found);
  return out;
}

std::vector<ListBuilder::Scored> ListBuilder::tag_scores(
    const std::vector<std::pair<std::string, double>>& interests, Among among) {
  if (interests.empty()) return {};
  if (among == Among::kUnknown && candidates_.unknown_by_freshness().empty()) return {};
  Sums& sums = this->sums();
  for (std::uint32_t i = 0; i < interests.size(); ++i) {
    const auto& [tag, weight] = interests[i];
    const auto tagged_items =
        among == Among::kUnknown ? candidates_.unknown_with_tag(tag) : candidates_.with_tag(tag);
    for (const CandidateIndex::Tagged& tagged : tagged_items) {
      sums.add(tagged.candidate, weight * tagged.share, i);
    }
  }
  return sums.taken();
}

/// The best that may be listed, in order; equal scores by item. The rules are asked in the order of
/// the scores, until there are enough: looking into every item would cost more than all the rest.
std::vector<ListBuilder::Scored> ListBuilder::best(std::vector<Scored> scored,
                                                   std::size_t count) const {
  std::erase_if(scored, [&](const Scored& s) {
    return !(s.score > 0) || (!eligible_.empty() && !eligible_[s.candidate]);
  });
  const auto better = [&](const Scored& a, const Scored& b) {
    if (a.score != b.score) return a.score > b.score;
    return candidates_.place_by_ref(a.candidate) < candidates_.place_by_ref(b.candidate);
  };
  std::vector<Scored> out;
  std::vector<std::uint32_t> groups;  // of near-duplicates, one of each
  const auto is_copy = [&](std::uint32_t group) {
    if (group == 0) return false;
    if (std::ranges::find(groups, group) != groups.end()) return true;
    groups.push_back(group);
    return false;
  };
  constexpr std::size_t kMoreEachTime = 4;
  std::size_t ordered = 0;
  for (std::size_t next = 2 * count; out.size() < count && ordered < scored.size();
       next *= kMoreEachTime) {
    const auto begin = scored.begin() + static_cast<std::ptrdiff_t>(ordered);
    const auto end = largest_first(begin, scored.end(), next);
    std::ranges::sort(begin, end, better);
    const auto now = static_cast<std::size_t>(end - begin);
    for (std::size_t i = 0; i < now && out.size() < count; ++i) {
      const Scored& s = scored[ordered + i];
      if (may_be_listed(s.candidate) && !is_copy(candidates_.group(s.candidate))) out.push_back(s);
    }
    ordered += now;
  }
  return out;
}

/// Candidates near to what is liked, with their nearness: more than wanted, for rules take some
/// away.
std::vector<ListBuilder::Scored> ListBuilder::near_by_index(
    std::span<const TextVectors::Part> parts, Among among, std::size_t wanted) const {
  constexpr std::size_t kLeast = 1000;
  constexpr std::size_t kTimes = 8;
  const TextVectors& texts = *candidates_.texts();
  std::vector<std::uint32_t> rows = texts.nearest(parts, std::max(kLeast, kTimes * wanted));
  std::erase_if(rows, [&](std::uint32_t row) {
    const std::uint32_t candidate = candidates_.of_text_row(row);
    return candidate == CandidateIndex::kNone ||
           (among == Among::kUnknown && candidates_.is_known(candidate));
  });
  std::vector<float> near(rows.size());
  texts.scores(parts, rows, near);
  std::vector<Scored> out;
  for (std::size_t i = 0; i < rows.size(); ++i)
    out.push_back({candidates_.of_text_row(rows[i]), near[i], 0});
  return out;
}

/// Sums of directions find those that may be best; the sums of terms, which are the scores, order
/// them. The item that the reason will name is close by itself.
std::vector<ListBuilder::Scored> ListBuilder::best_by_text(std::span<const LikedText> liked,
                                                           Among among, std::size_t count) const {
  const TextVectors* const texts = candidates_.texts();
  const std::size_t all =
      among == Among::kUnknown ? candidates_.unknown_with_text() : candidates_.with_text().size();
  if (texts == nullptr || liked.empty() || all == 0 || count == 0) return {};
  std::vector<TextVectors::Part> parts;
  for (const LikedText& text : liked)
    parts.push_back({candidates_.text_row(text.candidate), text.weight});
  constexpr std::size_t kLookedAtPerPlace = 4;
  const std::size_t wanted = kLookedAtPerPlace * count;
  std::vector<Scored> scored;
  if (texts->has_index()) scored = best(near_by_index(parts, among, wanted), wanted);
  // The rules left too little of it.
  if (scored.size() < std::min(count, all)) {
    std::vector<float> near(all);
    texts->scores(parts, candidates_.text_rows().first(all), near);
    scored.clear();
    scored.reserve(all);
    for (std::size_t i = 0; i < all; ++i)
      scored.push_back({candidates_.with_text()[i], near[i], 0});
    scored = best(std::move(scored), wanted);
  }
  std::vector<std::uint32_t> rows;
  for (Scored& s : scored) {
    s.score = 0;
    rows.push_back(candidates_.text_row(s.candidate));
  }
  std::vector<float> cosines(rows.size());
  std::vector<float> largest(rows.size(), 0);
  std::vector<float> closeness(rows.size(), 0);
  for (std::uint32_t i = 0; i < parts.size(); ++i) {
    texts->cosines(parts[i].row, rows, cosines);
    for (std::size_t c = 0; c < scored.size(); ++c) {
      const float term = parts[i].weight * cosines[c];
      scored[c].score += term;
      if (term <= largest[c]) continue;
      largest[c] = term;
      closeness[c] = cosines[c];
      scored[c].why = i;
    }
  }
  for (std::size_t c = 0; c < scored.size(); ++c) {
    if (closeness[c] < kCloseText) scored[c].score = 0;
  }
  return best(std::move(scored), count);
}

/// Items of which behaviour says nothing: by their texts and by their tags in turn.
std::vector<ListBuilder::Gathered> ListBuilder::best_new(std::size_t places) {
  const auto by_text = best_by_text(taste_.texts, Among::kUnknown, places);
  const auto by_tags = best(tag_scores(taste_.interests, Among::kUnknown), places);
  std::vector<Gathered> out;
  const auto add = [&](const std::vector<Scored>& from, std::size_t i, std::string_view source,
                       Because because) {
    if (i >= from.size() || out.size() >= places) return;
    const auto is_same = [&](const Gathered& g) { return g.scored.candidate == from[i].candidate; };
    if (std::ranges::none_of(out, is_same)) out.push_back({from[i], source, because});
  };
  for (std::size_t i = 0; i < places; ++i) {
    add(by_text, i, "text", Because::kText);
    add(by_tags, i, "tags", Because::kInterest);
  }
  return out;
}

std::span<const float> ListBuilder::factor_terms(std::uint32_t candidate) {
  if (!shares_) {
    for (const Liked& liked : taste_.liked) history_.push_back(liked.model_item);
    terms_.resize(history_.size());
    shares_ = model_.ials()->terms(history_);
  }
  shares_->of(candidates_.model_item(candidate), terms_);
  return terms_;
}

Reason ListBuilder::reason_of(const Gathered& g) {
  switch (g.because) {
    case Because::kLiked: {
      // The event that adds most to a score of factors is found for those listed only.
      std::size_t why = g.scored.why;
      if (g.source == kFromFactors) {
        const auto terms = factor_terms(g.scored.candidate);
        why = static_cast<std::size_t>(std::ranges::max_element(terms) - terms.begin());
      }
      const audience::Activity& activity = *taste_.liked[why].activity;
      const std::uint32_t candidate = candidates_.find(*activity.item);
      const std::string_view title = candidate == CandidateIndex::kNone
                                         ? std::string_view()
                                         : candidates_.item(candidate).title;
      return reason_from_item(activity.kind, *activity.item, title);
    }
    case Because::kText: {
      const LikedText& text = taste_.texts[g.scored.why];
      return reason_from_text(text.activity->kind, *text.activity->item,
                              candidates_.item(text.candidate).title);
    }
    case Because::kInterest:
      return reason_from_tag(taste_.interests[g.scored.why].first);
    case Because::kSimilar: {
      const CandidateItem& item = candidates_.item(g.scored.why);
      return reason_similar(item.ref, item.title);
    }
    case Because::kSegment:
      return reason_popular_in(request_.segments[g.scored.why]->name);
    case Because::kPopular:
      return reason_popular();
    case Because::kFresh:
      return reason_fresh();
    case Because::kPinned:
      return reason_pinned();
  }
  return {};
}

void ListBuilder::gather(const Scored& s, std::string_view source, Because because) {
  if (gathered_.size() >= pool_ || !may_be_listed(s.candidate)) return;
  // Never twice in one list.
  take(s.candidate);
  gathered_.push_back({s, source, because});
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
    if (from_factors) {
      gather(folded[f++], kFromFactors, Because::kLiked);
    } else {
      gather(weighted[w++], model_.algorithm(), Because::kLiked);
    }
  }
}

void ListBuilder::gather_segments(std::size_t places) {
  const std::size_t end = std::min(pool_, gathered_.size() + places);
  std::vector<std::size_t> next(request_.segments.size(), 0);
  for (bool found = true; found && gathered_.size() < end;) {
    found = false;
    for (std::uint32_t s = 0; s < next.size() && gathered_.size() < end; ++s) {
      const auto& items = request_.segments[s]->items;
      while (next[s] < items.size()) {
        const SegmentItems::Liked& liked = items[next[s]++];
        const std::uint32_t c = candidates_.find(liked.item);
        if (c == CandidateIndex::kNone || !may_be_listed(c)) continue;
        gather({c, liked.share, s}, "segment", Because::kSegment);
        found = true;
        break;
      }
    }
  }
}

void ListBuilder::gather_popular() {
  for (const std::uint32_t c : candidates_.by_popularity()) {
    if (gathered_.size() >= pool_) return;
    gather({c, candidates_.popularity(c), 0}, "popular", Because::kPopular);
  }
}

void ListBuilder::gather_fresh() {
  for (const std::uint32_t c : candidates_.unknown_by_freshness()) {
    if (gathered_.size() >= pool_) return;
    gather({c, 0, 0}, "fresh", Because::kFresh);
  }
}

RecommendResponse ListBuilder::personal() {
  pin();
  const std::vector<Gathered> fresh = best_new(pool_ / kPlacesPerColdItem);
  const std::size_t of_segments = request_.segments.empty() ? 0 : pool_ / kPlacesPerSegmentItem;
  gather_behaviour(pool_ - std::min(pool_, fresh.size() + of_segments));
  out_.fallback = gathered_.empty();
  for (const Gathered& g : fresh) gather(g.scored, g.source, g.because);
  gather_segments(of_segments);
  if (gathered_.size() < pool_) {
    for (const Scored& s : best_by_text(taste_.texts, Among::kAll, pool_))
      gather(s, "text", Because::kText);
  }
  if (gathered_.size() < pool_) {
    for (const Scored& s : best(tag_scores(taste_.interests, Among::kAll), pool_))
      gather(s, "tags", Because::kInterest);
  }
  gather_segments((pool_ - std::min(pool_, gathered_.size())) * 2 / 3);
  gather_popular();
  gather_fresh();
  note_stage("merged");
  if (ranker_ != nullptr) {
    rank();
    note_stage("ranked");
  }
  move_tired_back();
  choose();
  return std::move(out_);
}

RecommendResponse ListBuilder::similar_to(std::uint32_t candidate) {
  take(candidate);
  const CandidateItem& item = candidates_.item(candidate);
  if (const auto known = model_.find(item.ref)) {
    Sums& sums = this->sums();
    for (const Neighbour& n : model_.weights().row(*known)) {
      const std::uint32_t other = candidates_.of_model(n.item);
      if (other != CandidateIndex::kNone) sums.add(other, n.similarity, candidate);
    }
    for (const Scored& s : best(sums.taken(), pool_))
      gather(s, model_.algorithm(), Because::kSimilar);
  }
  const LikedText own[] = {{candidate, 1, nullptr}};
  const bool has_text = candidates_.text_row(candidate) != TextVectors::kNone;
  for (Scored s : best_by_text(std::span(own).first(has_text ? 1 : 0), Among::kAll, pool_)) {
    s.why = candidate;
    gather(s, "text", Because::kSimilar);
  }
  for (Scored s : best(tag_scores(item.tags, Among::kAll), pool_)) {
    s.why = candidate;
    gather(s, "similar", Because::kSimilar);
  }
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
    gather({c, 0, 0}, "fresh", Because::kFresh);
  }
  choose();
  return std::move(out_);
}

void ListBuilder::pin() {
  for (const ItemRef& ref : request_.pinned) {
    const std::uint32_t c = candidates_.find(ref);
    if (c == CandidateIndex::kNone || out_.items.size() >= request_.n || !may_be_listed(c))
      continue;
    take(c);
    list({{c, 0, 0}, "pinned", Because::kPinned}, 1);
  }
}

/// Takes request.n minus what stands there, minus the places of exploration, then explores.
void ListBuilder::choose() {
  const std::size_t left = request_.n - std::min(request_.n, out_.items.size());
  const std::size_t chance = std::min(request_.explore, left);
  const std::size_t places = left - chance;
  // The rest of what a ranker ordered is for the places of chance only.
  if (chooses_ && gathered_.size() > request_.n * kPoolPerPlace)
    gathered_.resize(request_.n * kPoolPerPlace);
  if (!chooses_) {
    for (std::size_t i = 0; i < std::min(places, gathered_.size()); ++i) list(gathered_[i], 1);
  } else {
    const std::vector<double> quality = qualities();
    std::vector<std::string_view> authors;
    std::vector<std::string_view> categories;
    for (std::size_t i = 0; i < gathered_.size(); ++i) {
      const CandidateItem& item = candidates_.item(gathered_[i].scored.candidate);
      authors.push_back(item.author);
      categories.push_back(item.category);
    }
    constexpr std::size_t kAny = std::numeric_limits<std::size_t>::max();
    const ListCap caps[] = {{request_.author_max > 0 ? request_.author_max : kAny, authors},
                            {request_.category_max > 0 ? request_.category_max : kAny, categories}};
    const RerankSettings settings{places, request_.diversity, caps};
    const PairSimilarity alike = [&](std::size_t a, std::size_t b) {
      return candidates_.similarity(gathered_[a].scored.candidate, gathered_[b].scored.candidate);
    };
    const auto order = request_.rerank == Rerank::kMmr ? rerank_mmr(quality, alike, settings)
                                                       : rerank_dpp(quality, alike, settings);
    for (const std::size_t i : order) list(gathered_[i], 1);
    note_list("reranked");
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
  constexpr std::size_t kDraws = 200;
  std::vector<std::uint32_t> fresh;
  std::vector<Arm> arms;
  for (const std::uint32_t c : candidates_.unknown_by_freshness()) {
    if (fresh.size() >= kArmsMax) break;
    const ItemRef& ref = candidates_.item(c).ref;
    const bool listed =
        std::ranges::any_of(out_.items, [&](const RecommendedItem& i) { return i.item == ref; });
    // Gathered ones may still be drawn, copies of what is listed, seen or drawn already not.
    const auto is_copy = [&](std::uint32_t other) {
      return candidates_.group(c) != 0 && candidates_.group(other) == candidates_.group(c);
    };
    if (std::ranges::any_of(fresh, is_copy)) continue;
    if (candidates_.group(c) != 0 && taken_groups_[candidates_.group(c)] && !taken_[c]) continue;
    if (listed || taste_.seen[c] || !passes_rules(c) ||
        std::ranges::find(request_.rules.exclude, ref) != request_.rules.exclude.end())
      continue;
    fresh.push_back(c);
    arms.push_back(request_.arm_of ? request_.arm_of(ref) : Arm());
  }
  for (const std::uint32_t c : fresh) out_.arms.push_back(candidates_.item(c).ref);
  const std::size_t places = request_.n - out_.items.size();
  for (const Explored& one :
       recommend::explore(arms, std::min(places, request_.explore), {}, kDraws, request_.seed))
    list({{fresh[one.arm], 0, 0}, "explore", Because::kFresh}, one.propensity);
}

void ListBuilder::list(const Gathered& g, double propensity) {
  const CandidateItem& item = candidates_.item(g.scored.candidate);
  Reason reason = reason_of(g);
  out_.items.push_back({item.ref,
                        item.title,
                        g.scored.score,
                        std::string(g.source),
                        std::move(reason.zh),
                        std::move(reason.en),
                        propensity,
                        {},
                        facts_of(g),
                        g.value,
                        {},
                        {},
                        0});
  RecommendedItem& listed = out_.items.back();
  // The source's name lives no longer than this.
  listed.facts.source = {};
  if (request_.explain) explain(listed, g);
}

void ListBuilder::explain(RecommendedItem& item, const Gathered& g) {
  const std::uint32_t candidate = g.scored.candidate;
  if (ranker_ != nullptr) {
    const ShownFacts facts = facts_of(g);
    auto asked = ranker_->ask(request_.context, request_.now);
    item.responses = ranker_->probabilities(asked, candidate, facts);
    if (ranker_->has_stage() && item.value) explain_value(item, facts);
  }
  const auto add_term = [&](const audience::Activity& activity, double share) {
    if (share == 0) return;
    const ItemRef& ref = *activity.item;
    const std::uint32_t own = candidates_.find(ref);
    item.terms.push_back(
        {ref, own == CandidateIndex::kNone ? std::string() : candidates_.item(own).title, share});
  };
  const auto add = [&](std::size_t liked, double share) {
    add_term(*taste_.liked[liked].activity, share);
  };
  if (item.source == kFromFactors) {
    const auto terms = factor_terms(candidate);
    for (std::size_t i = 0; i < terms.size(); ++i) add(i, terms[i]);
  } else if (item.source == "text") {
    for (const LikedText& text : taste_.texts) {
      add_term(*text.activity,
               text.weight * candidates_.texts()->cosine(candidates_.text_row(text.candidate),
                                                         candidates_.text_row(candidate)));
    }
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
