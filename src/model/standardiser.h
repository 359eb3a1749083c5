#pragma once

#include <span>
#include <string>
#include <vector>

#include "model/feature_table.h"

namespace zhiyin::model {

/// Brings features to mean 0 and deviation 1, as learnt from the training part only. A missing
/// value becomes the mean; where training had missing values an indicator column is added. A column
/// without variance gets weight 0. A pure value.
class Standardiser {
 public:
  struct Column {
    std::string name;
    double mean = 0;
    double deviation = 1;  ///< 0: constant in training, the input is then ignored
    bool has_missing = false;
    bool logarithmic = false;  ///< never negative and skewed in training: log(1 + x) is used
  };
  static Standardiser fit(const FeatureTable& train);
  static Result<Standardiser> from_columns(std::vector<Column> columns);

  [[nodiscard]] const std::vector<Column>& columns() const { return columns_; }
  /// Inputs of the model: the columns, then an indicator per column with missing values (`NAME
  /// missing`).
  [[nodiscard]] std::vector<std::string> output_names() const;
  [[nodiscard]] std::size_t outputs() const { return columns_.size() + indicators_; }
  /// Requires raw.size() == columns().size() and out.size() == outputs().
  void apply(std::span<const double> raw, std::span<double> out) const;
  /// All rows, row-major.
  [[nodiscard]] std::vector<double> apply(const FeatureTable& table) const;

 private:
  std::vector<Column> columns_;
  std::size_t indicators_ = 0;
};

}  // namespace zhiyin::model
