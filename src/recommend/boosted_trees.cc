#include "recommend/boosted_trees.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace zhiyin::recommend {
namespace {

Result<void> check(const TreeExamples& examples, const TreeParams& p) {
  if (p.rounds < 1 || p.rounds > 1000)
    return fail_field("rounds", "is {}, expected 1 to 1000", p.rounds);
  if (p.depth < 1 || p.depth > 8) return fail_field("depth", "is {}, expected 1 to 8", p.depth);
  if (p.bins < 2 || p.bins > 255) return fail_field("bins", "is {}, expected 2 to 255", p.bins);
  if (p.leaf_min < 1) return fail_field("leaf_min", "is 0, expected at least 1");
  if (!(p.rate > 0 && p.rate <= 1)) return fail_field("rate", "is {}, expected (0, 1]", p.rate);
  if (!(p.l2 >= 0) || !std::isfinite(p.l2))
    return fail_field("l2", "is {}, expected 0 or more", p.l2);
  if (!(p.held_out_share >= 0 && p.held_out_share <= 0.5))
    return fail_field("held_out_share", "is {}, expected 0 to 0.5", p.held_out_share);
  if (examples.width < 1 || examples.inputs.size() != examples.size() * examples.width)
    return fail_field("inputs", "{} numbers are not {} rows of {}", examples.inputs.size(),
                      examples.size(), examples.width);
  for (const float target : examples.targets) {
    if (!std::isfinite(target)) return fail_field("targets", "one is not finite");
  }
  return {};
}

/// Borders between the bins of one input: quantiles of what is known of it.
std::vector<float> borders_of(const TreeExamples& examples, std::size_t input, std::size_t rows,
                              std::size_t bins) {
  std::vector<float> values;
  for (std::size_t i = 0; i < rows; ++i) {
    const float x = examples.row(i)[input];
    if (!std::isnan(x)) values.push_back(x);
  }
  std::ranges::sort(values);
  std::vector<float> out;
  for (std::size_t b = 1; b < bins && !values.empty(); ++b) {
    const float border = values[b * values.size() / bins];
    if (border < values.back() && (out.empty() || border > out.back())) out.push_back(border);
  }
  return out;
}

}  // namespace

void TreeExamples::add(std::span<const float> row, float target) {
  inputs.insert(inputs.end(), row.begin(), row.end());
  targets.push_back(target);
}

/// Grows trees on what is left of the targets; bins are made once.
class BoostedTrees::Grower {
 public:
  Grower(const TreeExamples& examples, const TreeParams& params, std::size_t rows)
      : examples_(examples), params_(params), rows_(rows) {
    for (std::size_t input = 0; input < examples.width; ++input)
      borders_.push_back(borders_of(examples, input, rows, params.bins));
    bins_.resize(rows * examples.width);
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t input = 0; input < examples.width; ++input)
        bins_[i * examples.width + input] = bin_of(examples.row(i)[input], borders_[input]);
    }
  }

  /// One tree for `rest`, appended to `nodes`; its root.
  std::uint32_t grow(std::span<const double> rest, std::vector<Node>& nodes) {
    rest_ = rest;
    order_.resize(rows_);
    for (std::uint32_t i = 0; i < rows_; ++i) order_[i] = i;
    const auto root = static_cast<std::uint32_t>(nodes.size());
    nodes.push_back({});
    split(nodes, root, 0, rows_, 0);
    return root;
  }

 private:
  struct Cell {
    double sum = 0;
    std::uint32_t count = 0;
  };
  struct Best {
    double gain = 0;
    std::uint32_t input = 0;
    std::size_t border = 0;
  };

  /// Bin 0: unknown, or at most the first border.
  static std::uint8_t bin_of(float x, const std::vector<float>& borders) {
    if (std::isnan(x)) return 0;
    return static_cast<std::uint8_t>(std::ranges::lower_bound(borders, x) - borders.begin());
  }
  [[nodiscard]] double score(double sum, std::size_t count) const {
    return sum * sum / (static_cast<double>(count) + params_.l2);
  }

  Best best_split(std::size_t begin, std::size_t end, double sum) {
    Best best;
    const std::size_t count = end - begin;
    for (std::uint32_t input = 0; input < examples_.width; ++input) {
      const std::size_t borders = borders_[input].size();
      if (borders == 0) continue;
      cells_.assign(borders + 1, {});
      for (std::size_t i = begin; i < end; ++i) {
        Cell& cell = cells_[bins_[order_[i] * examples_.width + input]];
        cell.sum += rest_[order_[i]];
        ++cell.count;
      }
      Cell left;
      for (std::size_t b = 0; b < borders; ++b) {
        left.sum += cells_[b].sum;
        left.count += cells_[b].count;
        if (left.count < params_.leaf_min || count - left.count < params_.leaf_min) continue;
        const double gain = score(left.sum, left.count) +
                            score(sum - left.sum, count - left.count) - score(sum, count);
        // Rounding is no gain.
        constexpr double kLeastGain = 1e-9;
        if (gain > best.gain + kLeastGain) best = {gain, input, b};
      }
    }
    return best;
  }

  void split(std::vector<Node>& nodes, std::uint32_t at, std::size_t begin, std::size_t end,
             std::size_t depth) {
    double sum = 0;
    for (std::size_t i = begin; i < end; ++i) sum += rest_[order_[i]];
    nodes[at].value =
        static_cast<float>(params_.rate * sum / (static_cast<double>(end - begin) + params_.l2));
    if (depth >= params_.depth || end - begin < 2 * params_.leaf_min) return;
    const Best best = best_split(begin, end, sum);
    if (best.gain <= 0) return;
    const auto goes_left = [&](std::uint32_t i) {
      return bins_[i * examples_.width + best.input] <= best.border;
    };
    const auto middle = static_cast<std::size_t>(
        std::stable_partition(order_.begin() + static_cast<std::ptrdiff_t>(begin),
                              order_.begin() + static_cast<std::ptrdiff_t>(end), goes_left) -
        order_.begin());
    const auto left = static_cast<std::uint32_t>(nodes.size());
    nodes.resize(nodes.size() + 2);
    nodes[at].input = best.input;
    nodes[at].threshold = borders_[best.input][best.border];
    nodes[at].left = left;
    split(nodes, left, begin, middle, depth + 1);
    split(nodes, left + 1, middle, end, depth + 1);
  }

  const TreeExamples& examples_;
  const TreeParams& params_;
  const std::size_t rows_;
  std::vector<std::vector<float>> borders_;
  std::vector<std::uint8_t> bins_;  ///< rows × width
  std::span<const double> rest_;
  std::vector<std::uint32_t> order_;  ///< rows; those of a node follow each other
  std::vector<Cell> cells_;
};

Result<BoostedTrees> BoostedTrees::train(const TreeExamples& examples, const TreeParams& params,
                                         const std::function<bool(double)>& progress) {
  ZHIYIN_TRY_VOID(check(examples, params));
  BoostedTrees out;
  out.width_ = examples.width;
  const auto held =
      static_cast<std::size_t>(params.held_out_share * static_cast<double>(examples.size()));
  const std::size_t rows = examples.size() - held;
  if (rows == 0) return out;
  Grower grower(examples, params, rows);
  std::vector<double> rest(examples.targets.begin(), examples.targets.end());
  double least = std::numeric_limits<double>::infinity();
  const auto error_held = [&] {
    double sum = 0;
    for (std::size_t i = rows; i < rest.size(); ++i) sum += rest[i] * rest[i];
    return sum;
  };
  if (held > 0) least = error_held();
  std::size_t kept = 0;
  for (std::size_t round = 0; round < params.rounds; ++round) {
    if (progress && !progress(static_cast<double>(round) / static_cast<double>(params.rounds)))
      return fail(ErrorCode::kDeadline, "trees: stopped");
    const std::uint32_t root = grower.grow(std::span(rest).first(rows), out.nodes_);
    out.roots_.push_back(root);
    for (std::size_t i = 0; i < rest.size(); ++i)
      rest[i] -= out.nodes_[out.leaf(root, examples.row(i))].value;
    if (held == 0 || error_held() < least) {
      if (held > 0) least = error_held();
      kept = out.roots_.size();
    } else if (out.roots_.size() - kept >= params.patience) {
      break;
    }
  }
  if (kept < out.roots_.size()) out.nodes_.resize(out.roots_[kept]);
  out.roots_.resize(kept);
  return out;
}

std::uint32_t BoostedTrees::leaf(std::uint32_t root, std::span<const float> row) const {
  std::uint32_t at = root;
  while (nodes_[at].left != 0) at = next(nodes_[at], row);
  return at;
}

double BoostedTrees::predict(std::span<const float> row) const {
  double out = 0;
  for (const std::uint32_t root : roots_) out += nodes_[leaf(root, row)].value;
  return out;
}

double BoostedTrees::contributions(std::span<const float> row, std::span<double> parts) const {
  std::ranges::fill(parts, 0);
  double mean = 0;
  for (const std::uint32_t root : roots_) {
    mean += nodes_[root].value;
    for (std::uint32_t at = root; nodes_[at].left != 0;) {
      const std::uint32_t below = next(nodes_[at], row);
      parts[nodes_[at].input] +=
          static_cast<double>(nodes_[below].value) - static_cast<double>(nodes_[at].value);
      at = below;
    }
  }
  return mean;
}

std::string BoostedTrees::encode() const {
  std::string out;
  const auto put = [&](const auto& value) {
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
  };
  put(static_cast<std::uint32_t>(width_));
  put(static_cast<std::uint32_t>(roots_.size()));
  put(static_cast<std::uint32_t>(nodes_.size()));
  for (const std::uint32_t root : roots_) put(root);
  for (const Node& node : nodes_) {
    put(node.value);
    put(node.threshold);
    put(node.input);
    put(node.left);
  }
  return out;
}

Result<BoostedTrees> BoostedTrees::decode(std::string_view bytes) {
  const auto damaged = [](std::string_view what) {
    return fail(ErrorCode::kDataLoss, "trees: {}", what);
  };
  const auto take = [&](auto& value) {
    if (bytes.size() < sizeof value) return false;
    std::memcpy(&value, bytes.data(), sizeof value);
    bytes.remove_prefix(sizeof value);
    return true;
  };
  std::uint32_t width = 0;
  std::uint32_t roots = 0;
  std::uint32_t nodes = 0;
  constexpr std::uint32_t kMost = 1 << 20;
  if (!take(width) || !take(roots) || !take(nodes) || width > kMost || roots > kMost ||
      nodes > kMost)
    return damaged("the sizes are wrong");
  BoostedTrees out;
  out.width_ = width;
  out.roots_.resize(roots);
  out.nodes_.resize(nodes);
  for (std::uint32_t& root : out.roots_) {
    if (!take(root) || root >= nodes) return damaged("a root is no node");
  }
  for (std::uint32_t i = 0; i < nodes; ++i) {
    Node& node = out.nodes_[i];
    if (!take(node.value) || !take(node.threshold) || !take(node.input) || !take(node.left))
      return damaged("the bytes are too few");
    if (!std::isfinite(node.value) || !std::isfinite(node.threshold))
      return damaged("a number is not finite");
    // Ways lead on only, so that each ends.
    if (node.left != 0 && (node.left <= i || node.left + 1 >= nodes || node.input >= width))
      return damaged("a split leads nowhere");
  }
  if (!bytes.empty()) return damaged("there are bytes behind the nodes");
  return out;
}

}  // namespace zhiyin::recommend
