#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <new>
#include <span>
#include <vector>

#include "recommend/candidate_index.h"

namespace zhiyin::recommend {

/// What a source says of a candidate.
struct Scored {
  double score = 0;
  std::uint32_t candidate = 0;
  /// Number of the liked item, of the interest, or of the candidate that says most.
  std::uint32_t why = 0;
};

/// Sums of terms per candidate, with the largest single one and where it came from. One for a
/// list in the making, used again and again: to clear what was touched costs less than a new one.
/// Each thread keeps the memory of its last one for the next, up to kKeptMax candidates. Not
/// thread-safe.
class ScoreSums {
 public:
  static constexpr std::size_t kKeptMax = 200'000;  ///< 4 MB

  explicit ScoreSums(std::size_t candidates);
  ~ScoreSums();
  ScoreSums(const ScoreSums&) = delete;
  ScoreSums& operator=(const ScoreSums&) = delete;

  void add(std::uint32_t candidate, double term, std::uint32_t why) {
    if (!std::isfinite(term) || term == 0) return;
    count_ = add_at(cells_.get(), count_, candidate, term, why + 1);
  }
  /// weight × similarity of each of the neighbours that is a candidate. Rows of thousands for each
  /// list.
  void add_row(std::span<const Neighbour> row, const CandidateIndex& candidates, double weight,
               std::uint32_t why);
  /// What was added since the last call and came to more than 0.
  std::vector<Scored> taken();

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

  struct Free {
    void operator()(Cell* cells) const { std::free(cells); }
  };
  using Cells = std::unique_ptr<Cell[], Free>;
  /// Of millions the system gives those pages only that are touched.
  static Cells zeros(std::size_t count) {
    Cells out(static_cast<Cell*>(std::calloc(std::max<std::size_t>(count, 1), sizeof(Cell))));
    if (!out) throw std::bad_alloc();
    return out;
  }

  /// All of the cells are zero. Empty: none.
  struct Memory {
    std::size_t candidates = 0;
    Cells cells;
    std::unique_ptr<std::uint32_t[]> touched;  ///< one place more than are needed is scratch
  };
  static Memory& kept();

  std::size_t candidates_ = 0;
  Cells cells_;
  std::unique_ptr<std::uint32_t[]> touched_;
  std::size_t count_ = 0;
};

/// The score that about `wanted` of these are not below, read off some of them; -infinity where
/// that would be all, or nearly.
double bar_of(std::span<const float> scores, std::size_t wanted);
/// Where scores are not below the bar, and where they are (or are no numbers); ascending.
std::vector<std::uint32_t> places_from(std::span<const float> scores, double bar);
std::vector<std::uint32_t> places_below(std::span<const float> scores, double bar);

/// Scores in falling order, equal ones by item, put in order only as far as they are asked for:
/// ordering all would cost more than the rest of a list. Heaps, for often a few of many are taken.
/// Not thread-safe.
class BestFirst {
 public:
  /// `wanted`: about how many will be asked for.
  BestFirst(const CandidateIndex& candidates, std::vector<Scored> scored, std::size_t wanted)
      : candidates_(candidates), scored_(std::move(scored)), chunk_(wanted) {}
  /// `rest`: those behind all of `scored`, asked for when these are used up.
  BestFirst(const CandidateIndex& candidates, std::vector<Scored> scored, std::size_t wanted,
            std::function<std::vector<Scored>()> rest)
      : BestFirst(candidates, std::move(scored), wanted) {
    rest_ = std::move(rest);
  }

  /// The best that has not been given yet, or null. Good until the next call.
  const Scored* next();
  /// About so many of the best in no order, and takes them out.
  std::span<const Scored> next_chunk(std::size_t wanted);

 private:
  /// Moves the best behind begin_, and says where they end.
  std::size_t partition(std::size_t wanted);

  const CandidateIndex& candidates_;
  std::vector<Scored> scored_;
  std::function<std::vector<Scored>()> rest_;
  std::size_t chunk_ = 0;
  // Given are those before begin_ and from heap_end_ to end_; between them lies a heap.
  std::size_t begin_ = 0;
  std::size_t heap_end_ = 0;
  std::size_t end_ = 0;
};

/// Lets one of each group of near-duplicates through. Not thread-safe.
class OneOfEach {
 public:
  explicit OneOfEach(const CandidateIndex& candidates) : candidates_(candidates) {}
  bool is_first(std::uint32_t candidate) {
    const std::uint32_t group = candidates_.group(candidate);
    if (group == 0) return true;
    if (std::ranges::find(groups_, group) != groups_.end()) return false;
    groups_.push_back(group);
    return true;
  }

 private:
  const CandidateIndex& candidates_;
  std::vector<std::uint32_t> groups_;
};

}  // namespace zhiyin::recommend
