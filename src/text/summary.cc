#include "text/summary.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/utf8.h"
#include "text/sentence.h"

namespace zhiyin::text {
namespace {

struct Term {
  std::size_t word;
  double weight;
};

struct Sentence {
  ByteRange place;
  std::size_t characters = 0;
  std::vector<Term> terms;  // ascending by word
  double weight = 0;
  double length = 0;  // of the vector of terms
  bool taken = false;
};

double cosine(const Sentence& a, const Sentence& b) {
  if (a.length == 0 || b.length == 0) return 0;
  double sum = 0;
  for (std::size_t i = 0, j = 0; i < a.terms.size() && j < b.terms.size();) {
    if (a.terms[i].word == b.terms[j].word) {
      sum += a.terms[i++].weight * b.terms[j++].weight;
    } else {
      ++(a.terms[i].word < b.terms[j].word ? i : j);
    }
  }
  return sum / (a.length * b.length);
}

std::vector<Sentence> read_sentences(std::string_view text, const std::vector<ByteRange>& places,
                                     const std::vector<Keyword>& words) {
  std::vector<Sentence> out;
  for (const ByteRange place : places) {
    out.push_back({.place = place,
                   .characters = utf8::length(text.substr(place.begin, place.end - place.begin))});
  }
  for (std::size_t w = 0; w < words.size(); ++w) {
    for (const ByteRange place : words[w].places) {
      const auto after =
          std::upper_bound(out.begin(), out.end(), place.begin,
                           [](std::uint32_t at, const Sentence& s) { return at < s.place.begin; });
      if (after == out.begin()) continue;
      Sentence& sentence = *(after - 1);
      if (place.end > sentence.place.end) continue;
      // Words come one after the other, so a word's own places lie together.
      if (sentence.terms.empty() || sentence.terms.back().word != w) {
        sentence.terms.push_back({w, words[w].weight});
      }
    }
  }
  return out;
}

void weigh(std::vector<Sentence>& sentences) {
  constexpr double kFewTerms = 3;      // so that a sentence of one heavy word does not win
  constexpr double kLeadBonus = 0.25;  // for the first, falling with the place
  double most = 0;
  for (std::size_t i = 0; i < sentences.size(); ++i) {
    Sentence& s = sentences[i];
    double sum = 0;
    double squares = 0;
    for (const Term& term : s.terms) {
      sum += term.weight;
      squares += term.weight * term.weight;
    }
    s.length = std::sqrt(squares);
    const double lead = 1 + kLeadBonus / (1.0 + static_cast<double>(i));
    s.weight = lead * sum / (static_cast<double>(s.terms.size()) + kFewTerms);
    most = std::max(most, s.weight);
  }
  for (Sentence& s : sentences) s.weight = most > 0 ? s.weight / most : 0;
}

void choose(std::vector<Sentence>& sentences, const SummaryOptions& options) {
  std::vector<double> repeated(sentences.size(), 0.0);  // the most alike of those taken
  std::size_t characters = 0;
  for (std::size_t n = 0; n < options.sentences_max; ++n) {
    double best = -std::numeric_limits<double>::infinity();
    std::size_t chosen = sentences.size();
    for (std::size_t i = 0; i < sentences.size(); ++i) {
      const Sentence& s = sentences[i];
      if (s.taken || (n > 0 && characters + s.characters > options.characters_max)) continue;
      const double value = (1 - options.novelty) * s.weight - options.novelty * repeated[i];
      if (value > best) {
        best = value;
        chosen = i;
      }
    }
    if (chosen == sentences.size()) return;
    sentences[chosen].taken = true;
    characters += sentences[chosen].characters;
    for (std::size_t i = 0; i < sentences.size(); ++i) {
      repeated[i] = std::max(repeated[i], cosine(sentences[i], sentences[chosen]));
    }
  }
}

}  // namespace

Result<std::vector<SummarySentence>> Summariser::run(std::string_view text,
                                                     const SummaryOptions& options) {
  if (!(options.novelty >= 0 && options.novelty <= 1)) {
    return fail_field("novelty", "summary: novelty is {}, not from 0 to 1", options.novelty);
  }
  if (options.sentences_max == 0) return fail_field("sentences_max", "summary: of no sentences");
  ZHIYIN_TRY(std::vector<ByteRange> places, split_sentences(text));
  if (places.size() > kSentencesMax) places.resize(kSentencesMax);
  ZHIYIN_TRY(const std::vector<Keyword> words,
             keywords_.by_rarity(text, std::numeric_limits<std::size_t>::max()));
  std::vector<Sentence> sentences = read_sentences(text, places, words);
  weigh(sentences);
  choose(sentences, options);
  std::vector<SummarySentence> out;
  for (const Sentence& s : sentences) {
    if (s.taken) out.push_back({s.place, s.weight});
  }
  return out;
}

}  // namespace zhiyin::text
