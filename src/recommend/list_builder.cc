#include "recommend/list_builder.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <numeric>

#include "recommend/list_caps.h"
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
constexpr std::string_view kFromEditors = "editor";
/// Of the items that nobody dealt with the newest so many of each interest are looked at.
constexpr std::size_t kNewestPerInterest = 2000;

}  // namespace

ScoreSums& ListBuilder::sums() {
  if (!sums_) sums_.emplace(candidates_.size());
  return *sums_;
}

ListBuilder::ListBuilder(const RecommendModel& model, const CandidateIndex& candidates,
                         const audience::PersonView& person, const RecommendRequest& request,
                         const ListRanker* ranker)
    : model_(model),
      candidates_(candidates),
      request_(request),
      rules_(request.rules, candidates, request.now),
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
  chooses_ = request.diversity > 0 || ListCaps::wanted(request);
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

ListRanker::Asked& ListBuilder::asked() {
  if (!asked_) asked_ = ranker_->ask(request_.context, request_.now);
  return *asked_;
}

/// By the worth of the responses to be expected. What was gathered first stays first among equals.
void ListBuilder::rank() {
  constexpr std::size_t kAhead = 8;
  struct Place {
    double value = 0;
    std::uint32_t from = 0;
  };
  std::vector<Place> order;
  order.reserve(gathered_.size());
  for (const Gathered& g : gathered_) {
    candidates_.prefetch_look(g.scored.candidate);
    ranker_->prefetch_item(g.scored.candidate);
  }
  note_closeness(gathered_);
  for (std::size_t i = 0; i < gathered_.size(); ++i) {
    if (i + kAhead < gathered_.size()) {
      ranker_->prefetch(gathered_[i + kAhead].scored.candidate);
      candidates_.prefetch_tags(gathered_[i + kAhead / 2].scored.candidate);
    }
    Gathered& g = gathered_[i];
    const double value =
        ranker_->value(ranker_->probabilities(asked(), g.scored.candidate, facts_of(g)));
    // Weights beyond all bounds say nothing.
    order.push_back({std::isfinite(value) ? value : 0, static_cast<std::uint32_t>(i)});
  }
  const auto is_before = [](const Place& a, const Place& b) {
    return a.value != b.value ? a.value > b.value : a.from < b.from;
  };
  // The others are for places of chance, for those that take the place of tired ones, and to look
  // at.
  if (const std::size_t wanted = ranked_pool();
      wanted < order.size() && request_.explore == 0 && tired_.empty() && inspection_ == nullptr) {
    std::ranges::nth_element(order, order.begin() + static_cast<std::ptrdiff_t>(wanted), is_before);
    order.resize(wanted);
  }
  std::ranges::sort(order, is_before);
  std::vector<Gathered> ranked;
  ranked.reserve(order.size());
  for (const Place& place : order) {
    ranked.push_back(gathered_[place.from]);
    ranked.back().value = place.value;
  }
  gathered_ = std::move(ranked);
  if (ranker_->has_stage()) rank_once_more();
}

/// The best of these are ranked once more, and become the list.
std::size_t ListBuilder::ranked_pool() const {
  return std::max(kSecondStagePool, chooses_ ? request_.n * kPoolPerPlace : request_.n);
}

/// The best of them by trees: the others stay behind.
void ListBuilder::rank_once_more() {
  const auto best = std::span(gathered_).first(std::min(ranked_pool(), gathered_.size()));
  for (Gathered& g : best) {
    const ShownFacts facts = facts_of(g);
    const std::uint32_t candidate = g.scored.candidate;
    const double more = ranker_->stage_value(request_.context, request_.now, candidate,
                                             ranker_->probabilities(asked(), candidate, facts),
                                             facts, person_taste());
    g.value = *g.value + more;
  }
  std::ranges::stable_sort(best, std::greater(), &Gathered::value);
}

/// In the model's factors; empty where the trees do not look at it, or nothing is known.
std::span<const float> ListBuilder::person_taste() {
  const Ials* const ials = model_.ials();
  if (person_taste_.empty() && ials != nullptr && !taste_.liked.empty() &&
      ranker_->taste_width() == ials->width()) {
    person_taste_ = factors_of_person();
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

namespace {

/// Twice as many and more cells as there are interests, a power of two.
constexpr std::size_t kInterestCells = 128;
static_assert(2 * kInterestsMax <= kInterestCells);

std::size_t interest_cell(std::uint32_t tag) {
  constexpr std::uint32_t kSpread = 0x9e3779b1U;
  return (tag * kSpread >> 8) % kInterestCells;
}

}  // namespace

void ListBuilder::index_interests() {
  double squares = 0;
  for (const auto& [tag, weight] : taste_.interests) squares += weight * weight;
  interest_length_ = std::sqrt(squares);
  interest_.assign(kInterestCells, {CandidateIndex::kNone, 0});
  for (const CandidateIndex::TagWeight& own : taste_.tags) {
    if (own.tag == CandidateIndex::kNone) continue;
    std::size_t at = interest_cell(own.tag);
    while (interest_[at].tag != CandidateIndex::kNone) at = (at + 1) % kInterestCells;
    interest_[at] = own;
  }
}

float ListBuilder::similarity_of(std::uint32_t candidate) {
  if (interest_.empty()) index_interests();
  double dot = 0;
  for (const CandidateIndex::TagWeight& own : candidates_.tags(candidate)) {
    std::size_t at = interest_cell(own.tag);
    while (interest_[at].tag != own.tag && interest_[at].tag != CandidateIndex::kNone)
      at = (at + 1) % kInterestCells;
    // An empty cell has no weight.
    dot += own.weight * interest_[at].weight;
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

const TextVectors::Profile& ListBuilder::text_profile() {
  if (!text_profile_) {
    std::vector<TextVectors::Part> parts;
    for (const LikedText& text : taste_.texts)
      parts.push_back({candidates_.text_row(text.candidate), text.weight});
    text_profile_ = parts.empty() ? TextVectors::Profile() : candidates_.texts()->profile_of(parts);
  }
  return *text_profile_;
}

void ListBuilder::note_closeness(std::span<Gathered> gathered) {
  std::vector<std::uint32_t> rows;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < gathered.size(); ++i) {
    gathered[i].text = 0;
    const std::uint32_t row = candidates_.text_row(gathered[i].scored.candidate);
    if (row == TextVectors::kNone || text_profile().empty()) continue;
    rows.push_back(row);
    places.push_back(i);
  }
  if (rows.empty()) return;
  std::vector<float> close(rows.size());
  candidates_.texts()->closeness(text_profile(), rows, close);
  for (std::size_t i = 0; i < places.size(); ++i) gathered[places[i]].text = close[i];
}

ShownFacts ListBuilder::facts_of(Gathered& g) {
  const std::uint32_t c = g.scored.candidate;
  if (!g.text) note_closeness({&g, 1});
  return {g.source, g.scored.score, similarity_of(c), candidates_.log_popularity(c), *g.text};
}

void ListBuilder::take(std::uint32_t candidate) {
  taken_[candidate] = true;
  if (const std::uint32_t group = candidates_.group(candidate); group != 0)
    taken_groups_[group] = true;
}

std::vector<Scored> ListBuilder::behaviour_scores() {
  ScoreSums& sums = this->sums();
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
  // Of long histories the oldest weigh less than the rounding of the others.
  constexpr double kNothing = 1e-8;
  double largest = 0;
  for (const Liked& liked : taste_.liked) largest = std::max(largest, liked.weight);
  fetch(0);
  for (std::uint32_t i = 0; i < taste_.liked.size(); ++i) {
    if (taste_.liked[i].weight < kNothing * largest) continue;
    fetch(i + 1);
    sums.add_row(row(i), candidates_, taste_.liked[i].weight, i);
  }
  return sums.taken();
}

std::vector<float> ListBuilder::factors_of_person() const {
  const Ials* const ials = model_.ials();
  if (ials == nullptr || taste_.liked.empty()) return {};
  std::vector<std::uint32_t> history;
  for (const Liked& liked : taste_.liked) history.push_back(liked.model_item);
  IalsScratch scratch;
  std::vector<float> person(ials->width());
  ials->fold_in(history, person, scratch);
  return person;
}

std::vector<Scored> ListBuilder::factor_scores() const {
  const std::vector<float> person = factors_of_person();
  std::vector<Scored> out;
  if (person.empty()) return out;
  std::vector<float> scores(model_.ials()->items());
  model_.ials()->score(person, scores);
  for (std::uint32_t m = 0; m < scores.size(); ++m) {
    const std::uint32_t candidate = candidates_.of_model(m);
    if (candidate != CandidateIndex::kNone && scores[m] > 0)
      out.push_back({scores[m], candidate, 0});
  }
  return out;
}

/// Rough scores tell which may be the best; of these the scores are exact.
BestFirst ListBuilder::folded_first(std::size_t wanted) const {
  std::vector<float> person = factors_of_person();
  if (person.empty()) return first_of({}, 0);
  const Ials& ials = *model_.ials();
  std::vector<float> rough(ials.items());
  ials.score_roughly(person, rough);
  const double bar = bar_of(rough, wanted);
  auto exact = [&candidates = candidates_, &rules = rules_, &ials, person = std::move(person),
                rough = std::move(rough), bar](bool above) {
    std::vector<Scored> out;
    for (const std::uint32_t m : above ? places_from(rough, bar) : places_below(rough, bar)) {
      const std::uint32_t candidate = candidates.of_model(m);
      if (candidate == CandidateIndex::kNone || !rules.is_eligible(candidate)) continue;
      const float score = ials.score_of(person, m);
      if (score > 0) out.push_back({score, candidate, 0});
    }
    return out;
  };
  std::vector<Scored> first = exact(true);
  return {candidates_, std::move(first), wanted,
          [exact = std::move(exact)] { return exact(false); }};
}

std::vector<Scored> ListBuilder::tag_scores(std::span<const CandidateIndex::TagWeight> tags,
                                            Among among) {
  if (tags.empty()) return {};
  if (among == Among::kUnknown && candidates_.unknown_by_freshness().empty()) return {};
  ScoreSums& sums = this->sums();
  for (std::uint32_t i = 0; i < tags.size(); ++i) {
    const auto& [tag, weight] = tags[i];
    auto tagged_items =
        among == Among::kUnknown ? candidates_.unknown_with_tag(tag) : candidates_.with_tag(tag);
    if (among == Among::kUnknown)
      tagged_items = tagged_items.first(std::min(tagged_items.size(), kNewestPerInterest));
    for (const CandidateIndex::Tagged& tagged : tagged_items)
      sums.add(tagged.candidate, weight * tagged.share, i);
  }
  return sums.taken();
}

BestFirst ListBuilder::first_of(std::vector<Scored> scored, std::size_t wanted) const {
  if (rules_.has_eligible())
    std::erase_if(scored, [&](const Scored& s) { return !rules_.is_eligible(s.candidate); });
  // Some are left out by rules, and the best of all are often what the person knows already.
  constexpr std::size_t kSpare = 24;
  return {candidates_, std::move(scored), wanted + wanted / 8 + kSpare};
}

const Scored* ListBuilder::next_listable(BestFirst& scored) const {
  const Scored* one = scored.next();
  while (one != nullptr && !may_be_listed(one->candidate)) one = scored.next();
  return one;
}

/// The best that may be listed, in order; equal scores by item. The rules are asked in the order of
/// the scores, until there are enough: looking into every item would cost more than all the rest.
std::vector<Scored> ListBuilder::best(std::vector<Scored> scored, std::size_t count) const {
  std::vector<Scored> out;
  OneOfEach each(candidates_);
  BestFirst order = first_of(std::move(scored), count);
  while (out.size() < count) {
    const Scored* const one = next_listable(order);
    if (one == nullptr) break;
    if (each.is_first(one->candidate)) out.push_back(*one);
  }
  return out;
}

/// What is near to some texts, best first, as far as it is asked for. Sums of directions find those
/// that may be best; the sums of terms, which are the scores, order them. The item that the reason
/// will name is close by itself.
class ListBuilder::TextOrder {
 public:
  /// `count`: as many as will be asked for, at most. `known`: what profile_of() says of the liked
  /// ones, where that is known already.
  TextOrder(const ListBuilder& list, std::span<const LikedText> liked, Among among,
            std::size_t count, const TextVectors::Profile* known = nullptr)
      : list_(list), candidates_(list.candidates_), each_(candidates_) {
    const TextVectors* const texts = candidates_.texts();
    const std::size_t all =
        among == Among::kUnknown ? candidates_.unknown_with_text() : candidates_.with_text().size();
    if (texts == nullptr || liked.empty() || all == 0 || count == 0) return;
    for (const LikedText& text : liked) {
      parts_.push_back({candidates_.text_row(text.candidate), text.weight});
      rows_.push_back(parts_.back().row);
    }
    cosines_.resize(rows_.size());
    const TextVectors::Profile profile = known != nullptr ? *known : texts->profile_of(parts_);
    // Some are not close, and sums in bytes are not quite in the order of the sums of terms.
    constexpr std::size_t kLookedAtPerPlace = 2;
    constexpr std::size_t kSpare = 8;
    const std::size_t wanted = kLookedAtPerPlace * count + kSpare;
    std::vector<Scored> scored;
    if (texts->has_index()) scored = listable(near_by_index(among, wanted), wanted);
    // The rules left too little of it.
    if (scored.size() < std::min(count, all)) scored = listable(near_all(profile, all), wanted);
    std::vector<std::uint32_t> rows;
    for (const Scored& s : scored) rows.push_back(candidates_.text_row(s.candidate));
    std::vector<float> sums(rows.size());
    texts->exact_scores(profile, rows, sums);
    for (std::size_t i = 0; i < scored.size(); ++i) scored[i].score = sums[i];
    std::erase_if(scored, [](const Scored& s) { return !(s.score > 0); });
    order_.emplace(candidates_, std::move(scored), count);
  }

  const Scored* next() {
    while (order_) {
      const Scored* const one = order_->next();
      if (one == nullptr) return nullptr;
      if (!list_.may_be_listed(one->candidate) || !look_at(*one) || !each_.is_first(one->candidate))
        continue;
      return &found_;
    }
    return nullptr;
  }

 private:
  /// Some of the best, in no order.
  [[nodiscard]] std::vector<Scored> listable(std::vector<Scored> scored, std::size_t wanted) const {
    std::vector<Scored> out;
    BestFirst order = list_.first_of(std::move(scored), wanted);
    for (std::size_t next = wanted; out.size() < wanted; next *= 2) {
      const auto chunk = order.next_chunk(next);
      if (chunk.empty()) break;
      for (const Scored& s : chunk) {
        if (list_.may_be_listed(s.candidate)) out.push_back(s);
      }
    }
    return out;
  }

  [[nodiscard]] std::vector<Scored> near_all(const TextVectors::Profile& profile,
                                             std::size_t all) const {
    std::vector<float> near(all);
    candidates_.texts()->scores(profile, candidates_.text_rows().first(all), near);
    std::vector<Scored> out(all);
    std::size_t found = 0;
    for (std::size_t i = 0; i < all; ++i) {
      out[found] = {near[i], candidates_.with_text()[i], 0};
      found += near[i] > 0 ? 1 : 0;
    }
    out.resize(found);
    return out;
  }

  /// Candidates near to what is liked, with their nearness: more than wanted, for rules take some
  /// away.
  [[nodiscard]] std::vector<Scored> near_by_index(Among among, std::size_t wanted) const {
    constexpr std::size_t kLeast = 1000;
    constexpr std::size_t kTimes = 8;
    const TextVectors& texts = *candidates_.texts();
    std::vector<std::uint32_t> rows = texts.nearest(parts_, std::max(kLeast, kTimes * wanted));
    std::erase_if(rows, [&](std::uint32_t row) {
      const std::uint32_t candidate = candidates_.of_text_row(row);
      return candidate == CandidateIndex::kNone ||
             (among == Among::kUnknown && candidates_.is_known(candidate));
    });
    std::vector<float> near(rows.size());
    texts.scores(parts_, rows, near);
    std::vector<Scored> out;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (near[i] > 0) out.push_back({near[i], candidates_.of_text_row(rows[i]), 0});
    }
    return out;
  }

  /// Its terms one by one: the sum, and the largest. False where that is not close.
  bool look_at(const Scored& one) {
    candidates_.texts()->cosines(candidates_.text_row(one.candidate), rows_, cosines_);
    found_ = {0, one.candidate, 0};
    float largest = 0;
    float closeness = 0;
    for (std::uint32_t i = 0; i < rows_.size(); ++i) {
      const float term = parts_[i].weight * cosines_[i];
      found_.score += term;
      if (term <= largest) continue;
      largest = term;
      closeness = cosines_[i];
      found_.why = i;
    }
    return closeness >= kCloseText && found_.score > 0;
  }

  const ListBuilder& list_;
  const CandidateIndex& candidates_;
  OneOfEach each_;
  std::vector<TextVectors::Part> parts_;
  std::vector<std::uint32_t> rows_;  ///< of parts_
  std::vector<float> cosines_;
  std::optional<BestFirst> order_;
  Scored found_;
};

std::vector<Scored> ListBuilder::best_by_text(std::span<const LikedText> liked, Among among,
                                              std::size_t count) const {
  std::vector<Scored> out;
  TextOrder order(*this, liked, among, count);
  while (out.size() < count) {
    const Scored* const one = order.next();
    if (one == nullptr) break;
    out.push_back(*one);
  }
  return out;
}

/// Items of which behaviour says nothing: by their texts and by their tags in turn.
std::vector<ListBuilder::Gathered> ListBuilder::best_new(std::size_t places) {
  std::vector<Gathered> out;
  if (places == 0) return out;
  TextOrder by_text(*this, taste_.texts, Among::kUnknown, places, &text_profile());
  BestFirst by_tags = first_of(tag_scores(taste_.tags, Among::kUnknown), places);
  OneOfEach each(candidates_);
  const auto add = [&](const Scored* one, std::string_view source, Because because) {
    if (one == nullptr || out.size() >= places) return;
    const auto is_same = [&](const Gathered& g) { return g.scored.candidate == one->candidate; };
    if (std::ranges::none_of(out, is_same)) out.push_back({*one, source, because});
  };
  for (bool more = true; more && out.size() < places;) {
    const Scored* const text = by_text.next();
    add(text, "text", Because::kText);
    if (out.size() >= places) break;
    const Scored* tagged = next_listable(by_tags);
    while (tagged != nullptr && !each.is_first(tagged->candidate)) tagged = next_listable(by_tags);
    add(tagged, "tags", Because::kInterest);
    more = text != nullptr || tagged != nullptr;
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
      const std::uint32_t candidate = candidates_.of_model(taste_.liked[why].model_item);
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
      return reason_popular_in(*request_.segments[g.scored.why]);
    case Because::kPopular:
      return reason_popular();
    case Because::kFresh:
      return reason_fresh();
    case Because::kPinned:
      return reason_pinned();
    case Because::kEditor:
      return reason_edited(request_.editors[g.scored.why].name);
  }
  return {};
}

/// Where the reason names nothing that the person did, and the ranker thinks more of the item for
/// the closeness of its text: with the text that says most of it.
Reason ListBuilder::with_text(Reason reason, const Gathered& g, const ShownFacts& facts) {
  const bool names_nothing = g.because == Because::kPopular || g.because == Because::kFresh ||
                             g.because == Because::kSegment || g.because == Because::kInterest ||
                             g.because == Because::kEditor;
  if (!g.value || !names_nothing || !(facts.text > 0) || !ranker_->sees_texts()) return reason;
  ShownFacts without = facts;
  without.text = 0;
  const std::uint32_t candidate = g.scored.candidate;
  const auto value = [&](const ShownFacts& shown) {
    return ranker_->value(ranker_->probabilities(asked(), candidate, shown));
  };
  if (!(value(facts) > value(without))) return reason;
  const LikedText* closest = nullptr;
  float largest = 0;
  for (const LikedText& text : taste_.texts) {
    const float cosine = candidates_.texts()->cosine(candidates_.text_row(text.candidate),
                                                     candidates_.text_row(candidate));
    if (cosine < kCloseText || text.weight * cosine <= largest) continue;
    largest = text.weight * cosine;
    closest = &text;
  }
  if (closest == nullptr) return reason;
  return and_close_to(std::move(reason), closest->activity->kind, *closest->activity->item,
                      candidates_.item(closest->candidate).title);
}

void ListBuilder::gather(const Scored& s, std::string_view source, Because because) {
  if (gathered_.size() >= pool_ || !may_be_listed(s.candidate)) return;
  // Never twice in one list.
  take(s.candidate);
  gathered_.push_back({s, source, because});
}

void ListBuilder::gather_behaviour(std::size_t places) {
  if (places == 0) return;
  const bool folds = model_.ials() != nullptr && !taste_.liked.empty();
  const std::size_t of_folded = folds ? places / kPlacesPerFolded : 0;
  BestFirst folded = folds ? folded_first(of_folded + of_folded / 2) : first_of({}, 0);
  BestFirst weighted = first_of(behaviour_scores(), places - of_folded);
  const std::size_t end = gathered_.size() + places;
  while (gathered_.size() < end) {
    const Scored* from_factors = nullptr;
    const Scored* from_weights = nullptr;
    if (gathered_.size() % kPlacesPerFolded == kPlacesPerFolded - 1)
      from_factors = next_listable(folded);
    if (from_factors == nullptr) from_weights = next_listable(weighted);
    if (from_factors == nullptr && from_weights == nullptr) from_factors = next_listable(folded);
    if (from_factors != nullptr) {
      gather(*from_factors, kFromFactors, Because::kLiked);
    } else if (from_weights != nullptr) {
      gather(*from_weights, model_.algorithm(), Because::kLiked);
    } else {
      return;
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
        gather({liked.share, c, s}, "segment", Because::kSegment);
        found = true;
        break;
      }
    }
  }
}

std::vector<ListBuilder::Gathered> ListBuilder::edited_items(std::vector<std::size_t> of_each,
                                                             std::size_t most) const {
  std::vector<Gathered> out;
  std::vector<std::size_t> next(request_.editors.size(), 0);
  OneOfEach each(candidates_);
  for (bool found = true; found && out.size() < most;) {
    found = false;
    for (std::uint32_t e = 0; e < next.size() && out.size() < most; ++e) {
      const auto items = request_.editors[e].items;
      while (of_each[e] > 0 && next[e] < items.size()) {
        const std::size_t place = next[e]++;
        const std::uint32_t c = candidates_.find(items[place]);
        const auto is_same = [&](const Gathered& g) { return g.scored.candidate == c; };
        if (c == CandidateIndex::kNone || !may_be_listed(c) || std::ranges::any_of(out, is_same) ||
            !each.is_first(c))
          continue;
        out.push_back({{score_by_place(place), c, e}, kFromEditors, Because::kEditor});
        --of_each[e];
        found = true;
        break;
      }
    }
  }
  return out;
}

void ListBuilder::gather_edited(std::size_t most) {
  if (request_.editors.empty()) return;
  const std::vector<std::size_t> of_each(request_.editors.size(), most);
  for (const Gathered& g : edited_items(of_each, most)) gather(g.scored, g.source, g.because);
}

void ListBuilder::gather_popular() {
  for (const std::uint32_t c : candidates_.by_popularity()) {
    if (gathered_.size() >= pool_) return;
    gather({candidates_.popularity(c), c, 0}, "popular", Because::kPopular);
  }
}

void ListBuilder::gather_fresh() {
  for (const std::uint32_t c : candidates_.unknown_by_freshness()) {
    if (gathered_.size() >= pool_) return;
    gather({0, c, 0}, "fresh", Because::kFresh);
  }
}

RecommendResponse ListBuilder::personal() {
  pin();
  const std::vector<Gathered> fresh = best_new(pool_ / kPlacesPerColdItem);
  const std::size_t of_segments = request_.segments.empty() ? 0 : pool_ / kPlacesPerSegmentItem;
  std::vector<std::size_t> of_editors;
  if (!request_.editors.empty()) {
    // What is pinned, and places of chance, are none of theirs.
    kept_ = places_kept(request_.editors,
                        request_.n - std::min(request_.n, out_.items.size() + request_.explore));
    of_editors = places_kept(request_.editors, pool_);
    for (std::size_t e = 0; e < kept_.size(); ++e)
      of_editors[e] = std::max(of_editors[e], kept_[e]);
  }
  const std::size_t edited = edited_items(of_editors, pool_).size();
  gather_behaviour(pool_ - std::min(pool_, fresh.size() + of_segments + edited));
  out_.fallback = gathered_.empty();
  for (const Gathered& g : fresh) gather(g.scored, g.source, g.because);
  // Once more: behaviour may have listed some.
  for (const Gathered& g : edited_items(of_editors, pool_)) gather(g.scored, g.source, g.because);
  gather_segments(of_segments);
  if (gathered_.size() < pool_) {
    for (const Scored& s : best_by_text(taste_.texts, Among::kAll, pool_))
      gather(s, "text", Because::kText);
  }
  if (gathered_.size() < pool_) {
    for (const Scored& s : best(tag_scores(taste_.tags, Among::kAll), pool_))
      gather(s, "tags", Because::kInterest);
  }
  gather_edited((pool_ - std::min(pool_, gathered_.size())) / 2);
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
    ScoreSums& sums = this->sums();
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
  for (Scored s : best(tag_scores(candidates_.tags(candidate), Among::kAll), pool_)) {
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
    gather({0, c, 0}, "fresh", Because::kFresh);
  }
  choose();
  return std::move(out_);
}

RecommendResponse ListBuilder::edited() {
  gather_edited(pool_);
  choose();
  return std::move(out_);
}

void ListBuilder::pin() {
  for (const ItemRef& ref : request_.pinned) {
    const std::uint32_t c = candidates_.find(ref);
    if (c == CandidateIndex::kNone || out_.items.size() >= request_.n || !may_be_listed(c))
      continue;
    take(c);
    list({{0, c, 0}, "pinned", Because::kPinned}, 1);
  }
}

void ListBuilder::keep_edited(std::vector<std::size_t>& order, std::size_t places) const {
  if (kept_.empty()) return;
  const auto is_edited = [&](std::size_t at) { return gathered_[at].because == Because::kEditor; };
  const auto list_of = [&](std::size_t at) { return gathered_[at].scored.why; };
  std::vector<std::size_t> listed(kept_.size(), 0);
  for (const std::size_t at : order) {
    if (is_edited(at)) ++listed[list_of(at)];
  }
  // No editors' list has a right to it.
  const auto is_spare = [&](std::size_t at) {
    return !is_edited(at) || listed[list_of(at)] > kept_[list_of(at)];
  };
  const auto fits = [&](std::uint32_t candidate, std::optional<std::size_t> without) {
    ListCaps caps(candidates_, request_);
    caps.add(out_.items);
    for (const std::size_t other : order) {
      if (other != without) caps.add(gathered_[other].scored.candidate);
    }
    return caps.allow(candidate);
  };
  /// Whether it takes a free place, or that of the last spare one that the caps let it take.
  const auto put = [&](std::size_t at) {
    const std::uint32_t candidate = gathered_[at].scored.candidate;
    if (order.size() < places && fits(candidate, std::nullopt)) {
      order.push_back(at);
      return true;
    }
    for (std::size_t i = order.size(); i-- > 0;) {
      const std::size_t spare = order[i];
      if (!is_spare(spare) || !fits(candidate, spare)) continue;
      if (is_edited(spare)) --listed[list_of(spare)];
      order.erase(order.begin() + static_cast<std::ptrdiff_t>(i));
      order.push_back(at);
      return true;
    }
    return false;
  };
  for (std::uint32_t e = 0; e < kept_.size(); ++e) {
    for (std::size_t at = 0; at < gathered_.size() && listed[e] < kept_[e]; ++at) {
      const bool is_its_own = is_edited(at) && list_of(at) == e;
      const bool is_tired = !tired_.empty() && tired_[gathered_[at].scored.candidate];
      if (!is_its_own || is_tired || std::ranges::find(order, at) != order.end()) continue;
      if (put(at)) ++listed[e];
    }
  }
}

/// Takes request.n minus what stands there, minus the places of exploration, then explores.
void ListBuilder::choose() {
  const std::size_t left = request_.n - std::min(request_.n, out_.items.size());
  const std::size_t chance = std::min(request_.explore, left);
  const std::size_t places = left - chance;
  // The rest of what a ranker ordered is for the places of chance, and of editors, only.
  if (chooses_ && gathered_.size() > request_.n * kPoolPerPlace) {
    const auto rest = std::remove_if(
        gathered_.begin() + static_cast<std::ptrdiff_t>(request_.n * kPoolPerPlace),
        gathered_.end(),
        [&](const Gathered& g) { return kept_.empty() || g.because != Because::kEditor; });
    gathered_.erase(rest, gathered_.end());
  }
  if (!chooses_) {
    std::vector<std::size_t> order(std::min(places, gathered_.size()));
    std::iota(order.begin(), order.end(), std::size_t{0});
    keep_edited(order, places);
    for (const std::size_t i : order) list(gathered_[i], 1);
  } else {
    const std::vector<double> quality = qualities();
    const std::vector<ListCaps::Cap> wanted = ListCaps::of(request_);
    std::vector<std::vector<std::string_view>> labels(wanted.size());
    std::vector<std::vector<std::string_view>> standing(wanted.size());
    std::vector<ListCap> caps;
    for (std::size_t c = 0; c < wanted.size(); ++c) {
      const auto label = [&](std::uint32_t candidate) -> std::string_view {
        return candidates_.item(candidate).*wanted[c].label;
      };
      for (const Gathered& g : gathered_) labels[c].push_back(label(g.scored.candidate));
      for (const RecommendedItem& pinned : out_.items)
        standing[c].push_back(label(candidates_.find(pinned.item)));
      caps.push_back({wanted[c].most, labels[c], standing[c]});
    }
    const RerankSettings settings{places, request_.diversity, caps};
    const PairSimilarity alike = [&](std::size_t a, std::size_t b) {
      return candidates_.similarity(gathered_[a].scored.candidate, gathered_[b].scored.candidate);
    };
    auto order = request_.rerank == Rerank::kMmr ? rerank_mmr(quality, alike, settings)
                                                 : rerank_dpp(quality, alike, settings);
    keep_edited(order, places);
    for (const std::size_t i : order) list(gathered_[i], 1);
    note_list("reranked");
  }
  if (chance == 0) return;
  explore();
  // Fewer fresh items than places: the best of the rest.
  ListCaps caps(candidates_, request_);
  caps.add(out_.items);
  for (const Gathered& g : gathered_) {
    if (out_.items.size() >= request_.n) break;
    const std::uint32_t candidate = g.scored.candidate;
    const ItemRef& ref = candidates_.item(candidate).ref;
    if (!caps.allow(candidate) ||
        std::ranges::any_of(out_.items, [&](const RecommendedItem& i) { return i.item == ref; }))
      continue;
    caps.add(candidate);
    list(g, 1);
  }
}

void ListBuilder::explore() {
  constexpr std::size_t kDraws = 200;
  std::vector<std::uint32_t> fresh;
  std::vector<Arm> arms;
  // Whichever chance takes the caps hold, so that each is as likely as it says: of those with a
  // label that not all places may have, only as many take part as may be listed.
  const std::size_t places =
      std::min(request_.n - std::min(request_.n, out_.items.size()), request_.explore);
  ListCaps listed_caps(candidates_, request_);
  listed_caps.add(out_.items);
  ListCaps caps = listed_caps;
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
    const auto is_among = [&](const std::vector<ItemRef>& refs) {
      return std::ranges::find(refs, ref) != refs.end();
    };
    if (listed || taste_.seen[c] || !passes_rules(c) || is_among(request_.rules.exclude) ||
        (request_.leaves_out_tired && is_among(request_.tired)))
      continue;
    if (listed_caps.room(c) < places) {
      if (!caps.allow(c)) continue;
      caps.add(c);
    }
    fresh.push_back(c);
    arms.push_back(request_.arm_of ? request_.arm_of(ref) : Arm());
  }
  for (const std::uint32_t c : fresh) out_.arms.push_back(candidates_.item(c).ref);
  for (const Explored& one : recommend::explore(arms, places, {}, kDraws, request_.seed))
    list({{0, fresh[one.arm], 0}, "explore", Because::kFresh}, one.propensity);
}

void ListBuilder::list(Gathered g, double propensity) {
  const CandidateItem& item = candidates_.item(g.scored.candidate);
  const ShownFacts facts = facts_of(g);
  Reason reason = with_text(reason_of(g), g, facts);
  out_.items.push_back({item.ref,
                        item.title,
                        g.scored.score,
                        std::string(g.source),
                        std::move(reason.zh),
                        std::move(reason.en),
                        propensity,
                        {},
                        facts,
                        g.value,
                        {},
                        {},
                        0});
  RecommendedItem& listed = out_.items.back();
  // The source's name lives no longer than this.
  listed.facts.source = {};
  if (request_.explain) explain(listed, g);
}

void ListBuilder::explain(RecommendedItem& item, Gathered& g) {
  const std::uint32_t candidate = g.scored.candidate;
  if (ranker_ != nullptr) {
    const ShownFacts facts = facts_of(g);
    item.responses = ranker_->probabilities(asked(), candidate, facts);
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
