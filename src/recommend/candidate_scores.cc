#include "recommend/candidate_scores.h"

#include <algorithm>
#include <array>
#include <limits>

namespace zhiyin::recommend {
namespace {

constexpr std::size_t kSample = 256;

template <class ScoreOf>
double sampled_bar(std::size_t size, std::size_t wanted, const ScoreOf& score_of) {
  constexpr double kAll = -std::numeric_limits<double>::infinity();
  if (size < 2 * kSample || size < 2 * wanted) return kAll;
  std::array<double, kSample> sample;
  for (std::size_t i = 0; i < kSample; ++i) sample[i] = score_of(i * size / kSample);
  constexpr std::size_t kSpare = 3;
  const std::size_t rank = wanted * kSample / size * 5 / 4 + kSpare;
  if (rank >= kSample) return kAll;
  std::ranges::nth_element(sample, sample.begin() + static_cast<std::ptrdiff_t>(rank),
                           std::ranges::greater());
  return sample[rank];
}

}  // namespace

void ScoreSums::add_row(std::span<const Neighbour> row, const CandidateIndex& candidates,
                        double weight, std::uint32_t why) {
  if (!std::isfinite(weight)) return;
  Cell* const cells = cells_.get();
  std::size_t count = count_;
  for (const Neighbour& n : row) {
    const std::uint32_t candidate = candidates.of_model(n.item);
    const double term = weight * n.similarity;
    if (candidate == CandidateIndex::kNone || term == 0) continue;
    count = add_at(cells, count, candidate, term, why + 1);
  }
  count_ = count;
}

std::vector<Scored> ScoreSums::taken() {
  std::vector<Scored> out(count_);
  std::size_t found = 0;
  for (std::size_t i = 0; i < count_; ++i) {
    Cell& cell = cells_[touched_[i]];
    out[found] = {cell.score, touched_[i], cell.why_next - 1};
    found += cell.score > 0 ? 1 : 0;
    cell = {};
  }
  out.resize(found);
  count_ = 0;
  return out;
}

double bar_of(std::span<const float> scores, std::size_t wanted) {
  return sampled_bar(scores.size(), wanted, [&](std::size_t i) { return scores[i]; });
}

std::size_t BestFirst::partition(std::size_t wanted) {
  if (begin_ == scored_.size() && rest_) {
    scored_ = rest_();
    rest_ = {};
    begin_ = 0;
  }
  const auto begin = scored_.begin() + static_cast<std::ptrdiff_t>(begin_);
  const double bar = sampled_bar(scored_.size() - begin_, wanted,
                                 [&](std::size_t i) { return scored_[begin_ + i].score; });
  if (bar == -std::numeric_limits<double>::infinity()) return scored_.size();
  return static_cast<std::size_t>(
      std::partition(begin, scored_.end(), [&](const Scored& s) { return s.score >= bar; }) -
      scored_.begin());
}

const Scored* BestFirst::next() {
  const auto is_worse = [&](const Scored& a, const Scored& b) {
    if (a.score != b.score) return a.score < b.score;
    return candidates_.place_by_ref(a.candidate) > candidates_.place_by_ref(b.candidate);
  };
  const auto place = [&](std::size_t i) {
    return scored_.begin() + static_cast<std::ptrdiff_t>(i);
  };
  if (begin_ == heap_end_) {
    begin_ = end_;
    end_ = partition(chunk_);
    heap_end_ = end_;
    if (begin_ == heap_end_) return nullptr;
    std::make_heap(place(begin_), place(heap_end_), is_worse);
    constexpr std::size_t kMoreEachTime = 4;
    chunk_ *= kMoreEachTime;
  }
  std::pop_heap(place(begin_), place(heap_end_), is_worse);
  return &scored_[--heap_end_];
}

std::span<const Scored> BestFirst::next_chunk(std::size_t wanted) {
  begin_ = end_;
  end_ = partition(wanted);
  heap_end_ = begin_;
  return std::span(scored_).subspan(begin_, end_ - begin_);
}

}  // namespace zhiyin::recommend
