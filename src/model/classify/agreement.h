#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/json.h"

namespace zhiyin::model {

/// How alike two versions of a classifier answer the same texts. Not thread-safe.
class Agreement {
 public:
  /// Confidences from 0 to 1.
  void add(std::string_view old_label, double old_confidence, std::string_view new_label,
           double new_confidence);
  /// How far apart the scores of what was added lie, where each has one of two classes: 0 to 1.
  void add_difference(double difference) { differences_ += difference, ++scored_; }
  [[nodiscard]] std::int64_t texts() const { return texts_; }

  /// {"texts","same","share","interval":[low,high] (Wilson, 95 %),"kappa" (Cohen's; null where all
  /// answers are one label),"confidence":{"old","new"} (means),"score_difference" (the mean of
  /// those added; absent where none were),"changes":[{"old","new","texts"}] (the commonest
  /// kChangesMax first)}.
  [[nodiscard]] Json report() const;
  static constexpr std::size_t kChangesMax = 50;
  static constexpr std::size_t kPairsMax = 10'000;  ///< further pairs of labels count without name

 private:
  std::map<std::pair<std::string, std::string>, std::int64_t> pairs_;
  std::int64_t texts_ = 0;
  std::int64_t same_ = 0;
  std::int64_t scored_ = 0;
  double differences_ = 0;
  double old_confidence_ = 0;
  double new_confidence_ = 0;
};

/// The leaves in which two values differ: [{"path","old","new"}], by path; absent ones are null. At
/// most kDifferencesMax.
Json differences(const Json& before, const Json& after);
inline constexpr std::size_t kDifferencesMax = 1000;

}  // namespace zhiyin::model
