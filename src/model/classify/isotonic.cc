#include "model/classify/isotonic.h"

#include <algorithm>
#include <numeric>

namespace zhiyin::model {
namespace {

/// Rows taken together, by their means.
struct Block {
  double x = 0, y = 0, rows = 0;

  void take(const Block& other) {
    const double all = rows + other.rows;
    x = (x * rows + other.x * other.rows) / all;
    y = (y * rows + other.y * other.rows) / all;
    rows = all;
  }
};

/// Groups of about equal size by x; rows of the same x stay together.
std::vector<Block> groups_of(std::span<const double> x, std::span<const double> y,
                             std::size_t groups) {
  std::vector<std::size_t> order(x.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return x[i]; });
  const std::size_t wanted = (x.size() + groups - 1) / groups;
  std::vector<Block> out;
  double last = 0;
  for (const std::size_t i : order) {
    const bool full = out.empty() || out.back().rows >= static_cast<double>(wanted);
    if (full && (out.empty() || x[i] != last)) out.emplace_back();
    out.back().take({x[i], y[i], 1});
    last = x[i];
  }
  return out;
}

}  // namespace

double Isotonic::operator()(double at) const {
  const auto above = std::ranges::upper_bound(x, at);
  if (above == x.begin()) return y.front();
  if (above == x.end()) return y.back();
  const auto i = static_cast<std::size_t>(above - x.begin());
  const double share = (at - x[i - 1]) / (x[i] - x[i - 1]);
  return y[i - 1] + share * (y[i] - y[i - 1]);
}

Isotonic fit_isotonic(std::span<const double> x, std::span<const double> y, std::size_t bins_max) {
  // Invariant: the means of the blocks so far do not fall.
  std::vector<Block> blocks;
  for (const Block& group : groups_of(x, y, bins_max)) {
    blocks.push_back(group);
    while (blocks.size() > 1 && blocks[blocks.size() - 2].y >= blocks.back().y) {
      const Block last = blocks.back();
      blocks.pop_back();
      blocks.back().take(last);
    }
  }
  Isotonic out;
  for (const Block& block : blocks) {
    out.x.push_back(block.x);
    out.y.push_back(block.y);
  }
  return out;
}

void recalibrate(const Isotonic& curve, std::span<double> scores) {
  const auto best = std::ranges::max_element(scores);
  const double before = *best;
  const double chance = 1 / static_cast<double>(scores.size());
  const double after = std::clamp(curve(before), chance, 1.0);
  const double left = 1 - before;
  const double others = static_cast<double>(scores.size() - 1);
  for (double& score : scores)
    score = left > 0 ? score * ((1 - after) / left) : (1 - after) / others;
  *best = after;
}

}  // namespace zhiyin::model
