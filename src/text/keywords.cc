#include "text/keywords.h"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "text/code_point.h"

namespace zhiyin::text {
namespace {

bool is_one_character(std::string_view word) { return code_point_at(word, 0).bytes == word.size(); }

/// The heaviest first. Among equals the order is std::partial_sort's, given them in byte order: the
/// same as cppjieba's.
void keep_heaviest(std::vector<Keyword>& words, std::size_t count) {
  count = std::min(count, words.size());
  std::partial_sort(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(count), words.end(),
                    [](const Keyword& a, const Keyword& b) { return a.weight > b.weight; });
  words.resize(count);
}

}  // namespace

Result<void> KeywordExtractor::find_candidates(std::string_view text) {
  ZHIYIN_TRY_VOID(segmenter_.cut(text, SegmentMode::kMix, found_));
  const Lexicon& lexicon = segmenter_.words().dictionary->lexicon();
  candidates_.clear();
  for (const ByteRange place : found_) {
    const std::string_view word = text.substr(place.begin, place.end - place.begin);
    if (is_one_character(word)) continue;
    const std::uint32_t cell = lexicon.find(word);
    if (cell != 0 && (lexicon.facts[cell] & Lexicon::kStopWord) != 0) continue;
    candidates_.push_back({word, place, cell});
  }
  return {};
}

Result<std::vector<Keyword>> KeywordExtractor::by_rarity(std::string_view text, std::size_t count) {
  ZHIYIN_TRY_VOID(find_candidates(text));
  std::stable_sort(candidates_.begin(), candidates_.end(),
                   [](const Candidate& a, const Candidate& b) { return a.word < b.word; });
  const Dictionary& dictionary = *segmenter_.words().dictionary;
  std::vector<Keyword> out;
  for (std::size_t i = 0; i < candidates_.size();) {
    const Candidate& first = candidates_[i];
    Keyword word{.word = std::string(first.word)};
    for (; i < candidates_.size() && candidates_[i].word == first.word; ++i) {
      word.places.push_back(candidates_[i].place);
    }
    const std::uint32_t place =
        first.cell != 0 ? dictionary.lexicon().facts[first.cell] >> Lexicon::kRarityShift : 0;
    word.weight = static_cast<double>(word.places.size()) *
                  (place != 0 ? dictionary.lexicon().rarities[place] : dictionary.rarity_average());
    out.push_back(std::move(word));
  }
  keep_heaviest(out, count);
  return out;
}

namespace {

/// Words as nodes, in byte order, with how often each two are near each other.
class WordGraphRank {
 public:
  explicit WordGraphRank(std::size_t words) : edges_(words) {}

  void join(std::size_t a, std::size_t b) {
    edges_[a][b] += 1;
    edges_[b][a] += 1;
  }

  /// PageRank with weighted edges, each node from its neighbours' latest values in node order
  /// (Mihalcea and Tarau, "TextRank", 2004), then scaled as cppjieba does. A word alone in its text
  /// has no neighbours: 0.
  std::vector<double> run() const {
    constexpr int kRounds = 10;
    constexpr double kDamping = 0.85;
    std::vector<double> out_sum(edges_.size(), 0.0);
    std::size_t joined = 0;
    for (std::size_t i = 0; i < edges_.size(); ++i) {
      for (const auto& [other, weight] : edges_[i]) out_sum[i] += weight;
      joined += edges_[i].empty() ? 0 : 1;
    }
    std::vector<double> rank(edges_.size(), 0.0);
    if (joined == 0) return rank;
    for (std::size_t i = 0; i < edges_.size(); ++i) {
      if (!edges_[i].empty()) rank[i] = 1.0 / static_cast<double>(joined);
    }
    for (int round = 0; round < kRounds; ++round) {
      for (std::size_t i = 0; i < edges_.size(); ++i) {
        if (edges_[i].empty()) continue;
        double sum = 0;
        for (const auto& [other, weight] : edges_[i]) sum += weight / out_sum[other] * rank[other];
        rank[i] = (1 - kDamping) + kDamping * sum;
      }
    }
    const auto [least, most] = std::minmax_element(rank.begin(), rank.end());
    const double low = *least / 10.0;
    const double span = *most - low;
    for (double& value : rank) value = (value - low) / span;
    return rank;
  }

 private:
  std::vector<std::map<std::size_t, double>> edges_;
};

}  // namespace

Result<std::vector<Keyword>> KeywordExtractor::by_rank(std::string_view text, std::size_t count) {
  if (text.size() > kRankedBytesMax) {
    return fail(ErrorCode::kLimitReached, "text: {} bytes, at most {} are ranked", text.size(),
                kRankedBytesMax);
  }
  constexpr std::size_t kSpan = 5;
  ZHIYIN_TRY_VOID(find_candidates(text));
  std::map<std::string_view, std::size_t> nodes;
  for (const Candidate& candidate : candidates_) nodes.emplace(candidate.word, 0);
  std::vector<Keyword> out;
  for (auto& [word, node] : nodes) {
    node = out.size();
    out.push_back({.word = std::string(word)});
  }
  std::vector<std::size_t> sequence;
  for (const Candidate& candidate : candidates_) {
    sequence.push_back(nodes.at(candidate.word));
    out[sequence.back()].places.push_back(candidate.place);
  }
  WordGraphRank graph(out.size());
  for (std::size_t i = 0; i < sequence.size(); ++i) {
    for (std::size_t j = i + 1; j < std::min(sequence.size(), i + kSpan); ++j) {
      graph.join(sequence[i], sequence[j]);
    }
  }
  const std::vector<double> rank = graph.run();
  for (std::size_t i = 0; i < out.size(); ++i) out[i].weight = rank[i];
  keep_heaviest(out, count);
  return out;
}

}  // namespace zhiyin::text
