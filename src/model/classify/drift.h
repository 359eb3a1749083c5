#pragma once

#include <array>
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

/// How often each thing of a reference was seen. Counts of several stretches of time or processes
/// add up.
struct DriftCounts {
  std::int64_t rows = 0;
  std::vector<std::int64_t> labels, confidences, ngrams;  ///< places as in the reference

  bool operator==(const DriftCounts&) const = default;
};
/// None of anything.
DriftCounts no_counts(const DriftReference& reference);
bool same_places(const DriftCounts& a, const DriftCounts& b);
/// Requires same_places.
void add_counts(DriftCounts& to, const DriftCounts& more);
Json to_json(const DriftCounts& counts);
/// kDataLoss where it does not hold together or has other places than `like`.
Result<DriftCounts> drift_counts_of(const Json& json, const DriftCounts& like);

/// The usual reading of an index: up to kShiftingAbove nothing, above kShiftedAbove much.
inline constexpr double kShiftingAbove = 0.1, kShiftedAbove = 0.25;
/// What an index says. `few`: above kShiftingAbove, but not above twice what so few texts have by
/// chance. From the mildest to the worst.
enum class DriftVerdict : std::uint8_t { kStable, kFew, kShifting, kShifted };
std::string_view to_string(DriftVerdict verdict);  ///< stable, few, shifting, shifted

struct DriftIndex {
  std::string_view name;  ///< confidence, labels or ngrams
  double psi = 0;
  double chance = 0;  ///< an index of so many texts on average when nothing drifts
  DriftVerdict verdict = DriftVerdict::kStable;
};
/// Confidence, labels and n-grams, in this order. That of n-grams is the mean over them of the
/// index of having one or not. Requires rows on both sides, and counts of this reference.
std::array<DriftIndex, 3> drift_indexes(const DriftReference& reference, const DriftCounts& counts);
/// {"psi":{name: index},"chance":{…},"verdicts":{…},"verdict": the worst}.
Json to_json(std::span<const DriftIndex> indexes);

/// {"texts","reference_texts", and where both have some, what to_json says of the indexes,
/// "thresholds":{"shifting","shifted"},"drifted":[names that are shifting or shifted],
/// "confidence":[{"from","to","before","now"}],"labels":[{"before","now"}],
/// "ngrams":[{"ngram","before","now"}] (the 20 that moved most)}; shares from 0 to 1. Requires
/// counts of this reference.
Json drift_report(const DriftReference& reference, const DriftCounts& counts);

/// Counts texts and answers of a model beside its reference: the last (at least kWindow / 2 and at
/// most kWindow of them once so many were seen), and all since they were taken away. Not
/// thread-safe.
class DriftWatch {
 public:
  static constexpr std::size_t kWindow = 4096;

  explicit DriftWatch(DriftReference reference);
  void add(std::string_view text, std::uint32_t label, double confidence);

  /// Of the last texts.
  [[nodiscard]] DriftCounts last() const;
  /// drift_report of them.
  [[nodiscard]] Json report() const { return drift_report(reference_, last()); }
  /// What was added since `take`.
  [[nodiscard]] const DriftCounts& untaken() const { return untaken_; }
  DriftCounts take();

 private:
  DriftReference reference_;
  NgramTable table_;
  DriftCounts older_, newer_, untaken_;
  FoldedText folded_;
  std::vector<std::uint64_t> seen_in_;  ///< by n-gram: the last text that had it
  std::uint64_t texts_ = 0;
};

}  // namespace zhiyin::model
