#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "model/classify/ngram.h"

namespace zhiyin::model {

/// What texts and answers looked like where a model was trained, for telling later whether they
/// still do. Answers are those on held-out folds.
struct DriftReference {
  std::size_t rows = 0;             ///< 0: nothing was kept
  std::vector<double> labels;       ///< share of answers per class
  std::vector<double> edges;        ///< of the confidence's bins, ascending: bins - 1
  std::vector<double> confidences;  ///< share of answers per bin
  std::vector<NgramKey> ngrams;     ///< ascending: those that most texts have
  std::vector<double> texts;        ///< share of the texts that have each

  bool operator==(const DriftReference&) const = default;
};
inline constexpr std::size_t kDriftBins = 10, kDriftNgrams = 256;

/// `labels` and `confidences` of the answers, and the texts. Requires rows.
DriftReference drift_reference(std::span<const std::uint32_t> labels,
                               std::span<const double> confidences, std::size_t classes,
                               std::span<const std::string> texts);
Json to_json(const DriftReference& reference);
/// kDataLoss where it does not hold together or is not of `classes` classes.
Result<DriftReference> drift_reference_of(const Json& json, std::size_t classes);

/// The population stability index Σ (q - p) ln(q / p) of two rows of shares or counts of the same
/// length; each gets half an observation more per place, so that none is empty. Requires both to
/// have one.
double stability_index(std::span<const double> before, double before_rows,
                       std::span<const double> now, double now_rows);

/// Counts the last texts and answers of a model beside its reference: at least kWindow / 2 and at
/// most kWindow of them once so many were seen. Not thread-safe.
class DriftWatch {
 public:
  static constexpr std::size_t kWindow = 4096;

  explicit DriftWatch(DriftReference reference);
  void add(std::string_view text, std::uint32_t label, double confidence);

  /// {"texts","reference_texts","psi":{"confidence","labels","ngrams"},"chance":{the same: what an
  /// index of so many texts has on average when nothing drifts},"drifted":[names whose index is
  /// above 0.1 and twice what chance has],"confidence":[{"from","to","before","now"}],
  /// "labels":[{"before","now"}],"ngrams":[{"ngram","before","now"}] (the 20 that moved most)};
  /// shares from 0 to 1. The usual reading of an index: below 0.1 nothing, above 0.25 much. That of
  /// n-grams is the mean over its n-grams of the index of having it or not.
  [[nodiscard]] Json report() const;

 private:
  struct Counts {
    std::size_t rows = 0;
    std::vector<double> labels, confidences, ngrams;
  };
  [[nodiscard]] Counts empty() const;

  DriftReference reference_;
  NgramTable table_;
  Counts older_, newer_;
  FoldedText folded_;
  std::vector<std::uint64_t> seen_in_;  ///< by n-gram: the last text that had it
  std::uint64_t texts_ = 0;
};

}  // namespace zhiyin::model
