#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace zhiyin::recommend {

struct TreeParams {
  std::size_t rounds = 60;    ///< trees at most, 1 … 1000
  std::size_t depth = 3;      ///< splits from the root to a leaf, 1 … 8
  std::size_t bins = 32;      ///< of an input, 2 … 255
  std::size_t leaf_min = 20;  ///< examples of a leaf, at least 1
  double rate = 0.1;          ///< share of each tree that counts, (0, 1]
  double l2 = 1;              ///< pulls the values of small leaves towards 0
  std::size_t patience = 8;   ///< ends after so many trees that did not help the examples held out
  double held_out_share = 0.2;  ///< of the examples, the last ones; [0, 0.5]
};

/// Inputs row by row, `width` numbers each; NaN: unknown, and less than any number.
struct TreeExamples {
  std::size_t width = 0;
  std::vector<float> inputs;
  std::vector<float> targets;  ///< one for each row

  [[nodiscard]] std::size_t size() const { return targets.size(); }
  [[nodiscard]] std::span<const float> row(std::size_t i) const {
    return std::span(inputs).subspan(i * width, width);
  }
  void add(std::span<const float> row, float target);
};

/// A sum of small regression trees, each fitted to what those before it left (gradient boosting
/// with squared error: Friedman, Annals of Statistics 2001), splits looked for in histograms. The
/// same examples in the same order give the same bytes. Immutable; thread-safe.
class BoostedTrees {
 public:
  BoostedTrees() = default;
  /// How many trees are kept is decided on the last examples, held out. kInvalidArgument names the
  /// parameter or says that sizes do not fit or a target is not finite; kDeadline when `progress`
  /// (share done) says false.
  static Result<BoostedTrees> train(const TreeExamples& examples, const TreeParams& params,
                                    const std::function<bool(double)>& progress = {});

  [[nodiscard]] std::size_t trees() const { return roots_.size(); }
  [[nodiscard]] std::size_t width() const { return width_; }
  /// Requires width() numbers. 0 without trees.
  [[nodiscard]] double predict(std::span<const float> row) const;
  /// What each input adds to predict(), which is their sum and the return value: on the way from
  /// the root to the leaf each split's change of the mean belongs to its input; the mean itself is
  /// the return value. Requires width() places.
  double contributions(std::span<const float> row, std::span<double> parts) const;

  /// Nodes one after the other, little-endian: see docs/formats/model.md.
  [[nodiscard]] std::string encode() const;
  /// kDataLoss when the bytes are none of these.
  static Result<BoostedTrees> decode(std::string_view bytes);

 private:
  struct Node {
    float value = 0;          ///< of the examples that came here
    float threshold = 0;      ///< an input at most this, or unknown, goes left
    std::uint32_t input = 0;  ///< looked at
    std::uint32_t left = 0;   ///< the right one follows it; 0: a leaf
  };
  class Grower;
  /// Index of the leaf that the row comes to.
  [[nodiscard]] std::uint32_t leaf(std::uint32_t root, std::span<const float> row) const;
  [[nodiscard]] std::uint32_t next(const Node& node, std::span<const float> row) const {
    return node.left + (row[node.input] > node.threshold ? 1 : 0);
  }

  std::size_t width_ = 0;
  std::vector<std::uint32_t> roots_;
  std::vector<Node> nodes_;
};

}  // namespace zhiyin::recommend
