#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"

namespace zhiyin::model {

/// Rows to learn from. Values are row-major; NaN means missing.
struct FeatureTable {
  std::vector<std::string> names;    ///< of the features, in column order
  std::vector<double> values;        ///< rows × names.size()
  std::vector<int> labels;           ///< 0 or 1, one per row; empty when unknown
  std::vector<std::string> row_ids;  ///< one per row: decides the split, so it must be stable

  [[nodiscard]] std::size_t rows() const { return row_ids.size(); }
  [[nodiscard]] std::size_t columns() const { return names.size(); }
  [[nodiscard]] std::span<const double> row(std::size_t r) const {
    return std::span(values).subspan(r * columns(), columns());
  }
  /// Appends one row. Requires as many values as names.
  void add(std::string id, std::span<const double> features, int label);
  /// kInvalidArgument unless sizes agree, labels are 0 or 1, and no value is infinite.
  [[nodiscard]] Result<void> check() const;
  /// The rows with these numbers, in that order.
  [[nodiscard]] FeatureTable subset(std::span<const std::uint32_t> which) const;
};

/// Row numbers of the three parts, each ascending.
struct Split {
  std::vector<std::uint32_t> train;
  std::vector<std::uint32_t> validation;
  std::vector<std::uint32_t> test;
};
struct SplitShares {
  double train = 0.6;
  double validation = 0.2;  ///< the rest is the test part
};
/// Within each label the rows are ordered by a hash of (seed, row id) and cut by the shares: so
/// every part has the same mix of labels, and the order of rows in the table does not matter.
Split split_rows(const FeatureTable& table, std::uint64_t seed, SplitShares shares = {});

}  // namespace zhiyin::model
