#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/classify/linear_svm.h"
#include "model/classify/ngram.h"

namespace zhiyin::model {

/// How often each n-gram stands in each text, for n-grams that at least `document_min` texts have.
/// A pure value.
struct NgramCounts {
  std::vector<NgramKey> keys;               ///< ascending; their places are the columns
  std::vector<std::uint64_t> starts = {0};  ///< texts + 1
  std::vector<std::uint32_t> columns;       ///< ascending within a text
  std::vector<float> weights;               ///< 1 + ln(count)
  [[nodiscard]] std::size_t rows() const { return starts.size() - 1; }
};

inline constexpr std::size_t kNgramsCountedMax = 200'000'000;

/// kLimitReached when the texts have more than kNgramsCountedMax distinct n-grams, counted per
/// text.
Result<NgramCounts> count_ngrams(std::span<const std::string> texts, std::size_t size_max,
                                 std::size_t document_min);

/// Only these columns (ascending places), renumbered.
NgramCounts keep_columns(const NgramCounts& counts, std::span<const std::uint32_t> columns);

/// In how many of the rows each column stands.
std::vector<std::uint32_t> document_counts(const NgramCounts& counts,
                                           std::span<const std::uint32_t> which);

/// ln((1 + rows) / (1 + documents)) + 1 per column, 0 where there are fewer than `document_min`:
/// scikit-learn's smoothed inverse document frequency.
std::vector<float> inverse_frequencies(std::span<const std::uint32_t> documents, std::size_t rows,
                                       std::size_t document_min);

/// Weight times idf, each row scaled to length 1: one value per entry of `counts`.
std::vector<float> tf_idf(const NgramCounts& counts, std::span<const float> idf);

}  // namespace zhiyin::model
