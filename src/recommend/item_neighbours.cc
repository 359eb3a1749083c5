#include "recommend/item_neighbours.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <thread>

namespace zhiyin::recommend {

void keep_nearest(std::vector<Neighbour>& found, std::size_t k) {
  if (found.size() <= k) return;
  std::ranges::nth_element(found, found.begin() + static_cast<std::ptrdiff_t>(k), is_nearer);
  found.resize(k);
}

ItemNeighbours ItemNeighbours::from_columns(const std::vector<std::vector<Neighbour>>& columns) {
  ItemNeighbours out;
  const std::size_t n = columns.size();
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

Result<ItemNeighbours> ItemNeighbours::from_rows(std::vector<std::uint64_t> starts,
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
  ItemNeighbours out;
  out.starts_ = std::move(starts);
  out.neighbours_ = std::move(neighbours);
  return out;
}

void ItemNeighbours::add_scores(std::uint32_t liked, double weight,
                                std::span<double> scores) const {
  for (const Neighbour& candidate : row(liked)) {
    scores[candidate.item] += weight * candidate.similarity;
  }
}

Result<std::vector<std::vector<Neighbour>>> find_neighbours(
    std::size_t items, int threads, const std::function<NeighbourFinder()>& make_worker,
    const std::function<bool(double)>& progress) {
  std::vector<std::vector<Neighbour>> out(items);
  std::atomic<std::size_t> next{0};
  std::atomic<bool> cancelled{false};
  constexpr std::size_t kChunk = 64;
  const auto work = [&](bool reports) {
    const NeighbourFinder find = make_worker();
    while (!cancelled) {
      const std::size_t begin = next.fetch_add(kChunk);
      if (begin >= items) return;
      const std::size_t end = std::min(begin + kChunk, items);
      for (std::size_t j = begin; j < end; ++j) out[j] = find(static_cast<std::uint32_t>(j));
      const double done = static_cast<double>(end) / static_cast<double>(items);
      if (reports && progress && !progress(done)) cancelled = true;
    }
  };
  {
    std::vector<std::jthread> others;
    for (int t = 1; t < threads; ++t) others.emplace_back(work, false);
    work(true);
  }
  if (cancelled) return fail(ErrorCode::kDeadline, "item neighbours: training was cancelled");
  return out;
}

}  // namespace zhiyin::recommend
