// Why a pair is said to mean the same, or not.
#include <algorithm>
#include <cmath>
#include <map>
#include <ranges>

#include "model/classify/occlusion.h"
#include "model/pairs/pair_model.h"

namespace zhiyin::model {
namespace {

constexpr double kIdfUnit = 1.0 / 2048;

/// Places of the n-grams of a text that the table has, by their numbers.
void find_places(const FoldedText& folded, const NgramTable& table,
                 PairTerm::Spans PairTerm::* side, std::map<std::uint32_t, PairTerm>& terms) {
  for_each_ngram(folded.points, kNgramCharactersMax, [&](NgramKey key, std::size_t at) {
    const std::uint32_t hit = table.find(key);
    if (hit == NgramTable::kAbsent) return;
    PairTerm& term = terms[hit];
    if (term.term.empty()) term.term = ngram_text(key);
    (term.*side).emplace_back(folded.begins[at], folded.ends[at + ngram_size(key) - 1]);
  });
}

Json spans_json(const PairTerm::Spans& spans) {
  Json out = Json::array();
  for (const auto& [begin, end] : spans | std::views::take(kTermSpansShown))
    out.push(Json(Json::Array{Json(begin), Json(end)}));
  return out;
}

}  // namespace

PairExplanation PairModel::explain(std::string_view first, std::string_view second,
                                   std::span<const float> u, std::span<const float> v,
                                   std::size_t terms_max) const {
  Scratch scratch;
  const Decision decision = decide(first, second, u, v, scratch);
  const CharacterWeights& weights = u.empty() && has_floor() ? floor_ : characters_;
  PairExplanation out{.decision = decision.total(),
                      .intercept = decision.own * decision.intercept,
                      .encoder = decision.own * decision.encoder,
                      .cosine = (1 - decision.own) * decision.general};
  if (weights.likeness.empty()) return out;
  PairSide a, b;
  fold_text(first, a.folded, true);
  fold_text(second, b.folded, true);
  std::map<std::uint32_t, PairTerm> terms;
  find_places(a.folded, table_, &PairTerm::first, terms);
  find_places(b.folded, table_, &PairTerm::second, terms);
  double squares_a = 0, squares_b = 0, both = 0;
  for (const auto& [hit, term] : terms) {
    const double square = std::pow(idf_[hit] * kIdfUnit, 2);
    if (!term.first.empty()) squares_a += square;
    if (!term.second.empty()) squares_b += square;
    if (!term.first.empty() && !term.second.empty()) both += square;
  }
  const double length = std::sqrt(squares_a + squares_b);
  for (auto& [hit, term] : terms) {
    const std::size_t in_both = !term.first.empty() && !term.second.empty() ? 1 : 0;
    if (length > 0)
      term.weight =
          decision.own * weights.steps[2 * std::size_t{hit} + in_both] * weights.unit / length;
    if (term.weight != 0) out.terms.push_back(std::move(term));
  }
  const Likeness likeness = likeness_of(scratch.first, scratch.second);
  for (std::size_t i = 0; i < kLikenessColumns; ++i)
    out.likeness.push_back(decision.own * weights.likeness[i] * likeness[i]);
  const double lengths = std::sqrt(squares_a * squares_b);
  out.likeness.push_back(decision.own * weights.likeness[kLikenessColumns] *
                         (lengths > 0 ? both / lengths : 0));
  std::ranges::stable_sort(out.terms, std::ranges::greater(),
                           [](const PairTerm& t) { return std::abs(t.weight); });
  if (out.terms.size() > terms_max) out.terms.resize(terms_max);
  return out;
}

Json explanation_json(const PairExplanation& e) {
  Json likeness = Json::object();
  for (std::size_t i = 0; i < e.likeness.size(); ++i)
    likeness.set(i < kLikenessColumns ? kLikenessNames[i] : std::string_view("tf_idf"),
                 e.likeness[i]);
  Json terms = Json::array();
  for (const PairTerm& t : e.terms)
    terms.push(Json()
                   .set("term", t.term)
                   .set("in", t.second.empty()  ? "first"
                              : t.first.empty() ? "second"
                                                : "both")
                   .set("weight", t.weight)
                   .set("count", t.first.size() + t.second.size())
                   .set("first", spans_json(t.first))
                   .set("second", spans_json(t.second)));
  return Json()
      .set("decision", e.decision)
      .set("intercept", e.intercept)
      .set("encoder", e.encoder)
      .set("cosine", e.cosine)
      .set("likeness", std::move(likeness))
      .set("terms", std::move(terms));
}

}  // namespace zhiyin::model
