#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "recommend/evaluated_model.h"
#include "recommend/evaluation_data.h"

namespace zhiyin::recommend {

/// A figure of a ranked list: one of ndcg, recall, mrr, map, at a cut.
struct Metric {
  enum class Kind { kNdcg, kRecall, kMrr, kMap };
  Kind kind = Kind::kNdcg;
  std::size_t cut = 10;

  /// `ndcg@10`; kInvalidArgument, field `metric`, otherwise.
  static Result<Metric> parse(std::string_view text);
  [[nodiscard]] std::string name() const;
  /// Of one person. `ranks`: places of the wanted items among all candidates (1 = first),
  /// ascending. With n wanted items: recall divides by n, nDCG by the ideal of min(n, cut), MAP by
  /// min(n, cut); MRR is 1 / the first place within the cut.
  [[nodiscard]] double of(std::span<const std::size_t> ranks) const;
};

/// Places of each case's wanted items, in the order of the cases: ranked among all items that are
/// not in the user's training items; items never seen in training come last; equal scores by
/// number.
using Ranks = std::vector<std::vector<std::size_t>>;

/// One result for each scorer; people are shared out to threads, which changes nothing. kDeadline
/// when `progress` says false.
Result<std::vector<Ranks>> rank_cases(const EvaluationData& data,
                                      std::span<const EvaluationCase> cases,
                                      std::span<const EvaluatedModel> models, int threads,
                                      const std::function<bool(double)>& progress);

/// Per case, in order.
std::vector<double> values_of(const Metric& metric, const Ranks& ranks);

/// What a list of `cut` items is like beside being right, for reports:
/// {"at","coverage","gini","novelty","diversity","popularity_calibration"} with "intervals" where a
/// figure is a mean over people.
/// - coverage: share of the items of the training set that stand in any list; gini: of how often
///   they do (0 all alike, 1 a single one);
/// - novelty: mean of -log2 of the share of people who have an item; diversity: mean over pairs of
/// a
///   list of 1 - cosine of their people;
/// - popularity_calibration: Kullback-Leibler divergence of the list's shares of head, middle and
///   tail (20, 60, 20 % of interactions) from those of the history, smoothed by 0.01 (0 is
///   calibrated; Steck, RecSys 2018).
Result<Json> list_quality(const EvaluationData& data, std::span<const EvaluationCase> cases,
                          const EvaluatedModel& model, std::size_t cut, int threads);

}  // namespace zhiyin::recommend
