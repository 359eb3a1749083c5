#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "model/classify/linear_svm.h"
#include "model/classify/ngram_counts.h"
#include "model/classify/text_classifier.h"
#include "model/classify/train_text.h"

namespace zhiyin::model {

/// kInvalidArgument, naming the setting, where one is out of range or vectors are not one per text.
Result<void> check_train_settings(std::size_t texts, const TrainTextSettings& settings);
/// For people: how a model was trained.
Json train_settings_json(std::size_t texts, const TrainTextSettings& settings);

/// One training of all columns on some of the texts.
struct TextFit {
  std::vector<float> idf;
  std::vector<SvmFit> columns;
};

/// A fit on all texts, and what fits without each fold say of its texts.
struct CrossFit {
  TextFit whole;
  std::vector<double> decisions;  ///< texts × columns
  std::vector<double> by_ngrams;  ///< without the encoder's part; empty unless there are both
};

/// What the fits of one training have in common. Immutable, thread-safe.
class TextTrainer {
 public:
  /// Whether a text is of a column.
  using Positive = std::function<bool(std::uint32_t text, std::size_t column)>;

  /// Counts n-grams and, where there are more than `features_max`, keeps the heaviest of a fit on
  /// all. `settings` must outlive this. Fails as count_ngrams does.
  static Result<TextTrainer> create(std::span<const std::string> texts, std::size_t columns,
                                    Positive positive, const TrainTextSettings& settings);

  /// `fold` of each text, below `settings.folds`. kConflict when cancelled.
  [[nodiscard]] Result<CrossFit> cross_fit(std::span<const std::uint32_t> fold) const;
  /// All that a model needs of a fit; classes and what folds teach are the caller's.
  [[nodiscard]] TextModelParts parts(TextFit fit) const;
  [[nodiscard]] std::size_t columns() const { return columns_; }

 private:
  /// The encoder's vectors with mean 0, deviation 1 per value, scaled together to a mean length.
  struct DensePart {
    std::vector<float> mean;
    std::vector<float> factor;
    std::vector<float> rows;
  };
  static DensePart standardise(std::span<const float> dense, std::size_t width, double norm);

  TextTrainer(std::size_t texts, std::size_t columns, Positive positive,
              const TrainTextSettings& settings, NgramCounts counts);
  [[nodiscard]] TextFit fit(std::span<const std::uint32_t> which) const;
  void judge(const TextFit& fit, std::span<const std::uint32_t> which, CrossFit& out) const;
  [[nodiscard]] std::vector<std::uint32_t> heaviest(const TextFit& fit, std::size_t most) const;
  [[nodiscard]] std::size_t features() const { return counts_.keys.size(); }
  [[nodiscard]] SvmRows rows_of(const std::vector<float>& values) const;

  std::size_t texts_;
  std::size_t columns_;
  Positive positive_;
  const TrainTextSettings& settings_;
  NgramCounts counts_;
  DensePart dense_;
};

}  // namespace zhiyin::model
