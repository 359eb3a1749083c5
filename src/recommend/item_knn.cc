#include "recommend/item_knn.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <thread>

namespace zhiyin::recommend {
namespace {

/// Larger similarity first; equal ones by number, so that the result does not depend on the
/// machine.
bool better(const Neighbour& a, const Neighbour& b) {
  if (a.similarity != b.similarity) return a.similarity > b.similarity;
  return a.item < b.item;
}

std::vector<double> lengths(const Interactions& by_item) {
  std::vector<double> out(by_item.users());
  for (std::size_t i = 0; i < out.size(); ++i) {
    double squares = 0;
    for (const float w : by_item.weights(i)) squares += static_cast<double>(w) * w;
    out[i] = std::sqrt(squares);
  }
  return out;
}

/// What all threads read.
struct Training {
  const Interactions& by_user;
  const Interactions& by_item;
  const std::vector<double>& length;
  const ItemKnnParams& params;
};

/// Finds the neighbours of one candidate after the other; `dots_` is zero between calls.
class ColumnWorker {
 public:
  explicit ColumnWorker(const Training& t) : t_(t), dots_(t.length.size(), 0) {}

  std::vector<Neighbour> neighbours_of(std::uint32_t item) {
    add_dots(item);
    std::vector<Neighbour> found;
    found.reserve(touched_.size());
    for (const std::uint32_t other : touched_) {
      if (other != item) {
        const double scale = t_.length[item] * t_.length[other] + t_.params.shrink + 1e-6;
        found.push_back({other, static_cast<float>(dots_[other] / scale)});
      }
      dots_[other] = 0;
    }
    touched_.clear();
    if (found.size() > t_.params.k) {
      std::ranges::nth_element(found, found.begin() + static_cast<std::ptrdiff_t>(t_.params.k),
                               better);
      found.resize(t_.params.k);
    }
    return found;
  }

 private:
  void add_dots(std::uint32_t item) {
    const auto people = t_.by_item.columns(item);
    const auto weights = t_.by_item.weights(item);
    for (std::size_t p = 0; p < people.size(); ++p) {
      const auto others = t_.by_user.columns(people[p]);
      const auto other_weights = t_.by_user.weights(people[p]);
      for (std::size_t o = 0; o < others.size(); ++o) {
        if (dots_[others[o]] == 0) touched_.push_back(others[o]);
        dots_[others[o]] += static_cast<double>(weights[p]) * other_weights[o];
      }
    }
  }

  const Training& t_;
  std::vector<double> dots_;
  std::vector<std::uint32_t> touched_;
};

}  // namespace

Result<ItemKnn> ItemKnn::train(const Interactions& matrix, ItemKnnParams params,
                               const std::function<bool(double)>& progress) {
  if (params.k < 1) return fail_field("k", "is {}, at least 1 is needed", params.k);
  if (!(params.shrink >= 0) || !std::isfinite(params.shrink)) {
    return fail_field("shrink", "is {}, expected 0 or more", params.shrink);
  }
  const Interactions by_item = matrix.transposed();
  const std::vector<double> length = lengths(by_item);
  const Training training{matrix, by_item, length, params};
  const std::size_t n = matrix.items();

  std::vector<std::vector<Neighbour>> columns(n);
  std::atomic<std::size_t> next{0};
  std::atomic<bool> cancelled{false};
  constexpr std::size_t kChunk = 64;
  const auto work = [&](bool reports) {
    ColumnWorker worker(training);
    while (!cancelled) {
      const std::size_t begin = next.fetch_add(kChunk);
      if (begin >= n) return;
      for (std::size_t j = begin; j < std::min(begin + kChunk, n); ++j) {
        columns[j] = worker.neighbours_of(static_cast<std::uint32_t>(j));
      }
      const double done = static_cast<double>(std::min(begin + kChunk, n)) / static_cast<double>(n);
      if (reports && progress && !progress(done)) cancelled = true;
    }
  };
  {
    std::vector<std::jthread> others;
    for (int t = 1; t < params.threads; ++t) others.emplace_back(work, false);
    work(true);
  }
  if (cancelled) return fail(ErrorCode::kDeadline, "item neighbours: training was cancelled");

  // Candidates in ascending order within each row, whatever the threads did.
  ItemKnn out;
  out.starts_.assign(n + 1, 0);
  for (const auto& column : columns) {
    for (const Neighbour& liked : column) ++out.starts_[liked.item + 1];
  }
  for (std::size_t i = 0; i < n; ++i) out.starts_[i + 1] += out.starts_[i];
  out.neighbours_.resize(out.starts_[n]);
  std::vector<std::uint64_t> place(out.starts_.begin(), out.starts_.end() - 1);
  for (std::size_t j = 0; j < n; ++j) {
    for (const Neighbour& liked : columns[j]) {
      out.neighbours_[place[liked.item]++] = {static_cast<std::uint32_t>(j), liked.similarity};
    }
  }
  return out;
}

Result<ItemKnn> ItemKnn::from_rows(std::vector<std::uint64_t> starts,
                                   std::vector<Neighbour> neighbours) {
  const bool shaped = !starts.empty() && starts.front() == 0 &&
                      starts.back() == neighbours.size() && std::ranges::is_sorted(starts);
  if (!shaped) return fail(ErrorCode::kInvalidArgument, "item neighbours: rows do not add up");
  const std::size_t n = starts.size() - 1;
  for (const Neighbour& neighbour : neighbours) {
    if (neighbour.item >= n || !std::isfinite(neighbour.similarity)) {
      return fail(ErrorCode::kInvalidArgument, "item neighbours: entry {} of {} items is invalid",
                  neighbour.item, n);
    }
  }
  ItemKnn out;
  out.starts_ = std::move(starts);
  out.neighbours_ = std::move(neighbours);
  return out;
}

void ItemKnn::add_scores(std::uint32_t liked, double weight, std::span<double> scores) const {
  for (const Neighbour& candidate : row(liked)) {
    scores[candidate.item] += weight * candidate.similarity;
  }
}

}  // namespace zhiyin::recommend
