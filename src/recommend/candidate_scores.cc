#include "recommend/candidate_scores.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

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

ScoreSums::Memory& ScoreSums::kept() {
  thread_local Memory memory;
  return memory;
}

ScoreSums::ScoreSums(std::size_t candidates) {
  Memory memory = std::exchange(kept(), {});
  if (memory.candidates < candidates || !memory.cells) {
    memory.candidates = candidates;
    memory.cells = zeros(candidates);
    memory.touched = std::make_unique_for_overwrite<std::uint32_t[]>(candidates + 1);
  }
  candidates_ = memory.candidates;
  cells_ = std::move(memory.cells);
  touched_ = std::move(memory.touched);
}

ScoreSums::~ScoreSums() {
  if (candidates_ > kKeptMax) return;
  for (std::size_t i = 0; i < count_; ++i) cells_[touched_[i]] = {};
  kept() = {candidates_, std::move(cells_), std::move(touched_)};
}

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

std::vector<std::uint32_t> places_from(std::span<const float> scores, double bar) {
  // Mostly none of many in a row is: these are looked at together, without branches.
  constexpr std::size_t kTogether = 32;
  std::vector<std::uint32_t> out;
  // No float lies between the bar and the next float from it on.
  auto least = static_cast<float>(bar);
  if (least < bar) least = std::nextafter(least, std::numeric_limits<float>::infinity());
  const auto add = [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      if (scores[i] >= least) out.push_back(static_cast<std::uint32_t>(i));
    }
  };
  std::size_t begin = 0;
  for (; begin + kTogether <= scores.size(); begin += kTogether) {
    const float* const at = scores.data() + begin;
    std::uint32_t found = 0;
    for (std::size_t i = 0; i < kTogether; ++i) found |= at[i] >= least ? 1U : 0U;
    if (found != 0) add(begin, begin + kTogether);
  }
  add(begin, scores.size());
  return out;
}

std::vector<std::uint32_t> places_below(std::span<const float> scores, double bar) {
  std::vector<std::uint32_t> out;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (!(scores[i] >= bar)) out.push_back(static_cast<std::uint32_t>(i));
  }
  return out;
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
