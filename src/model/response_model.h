#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "model/calibration.h"
#include "model/feature_table.h"
#include "model/logistic.h"
#include "model/standardiser.h"

namespace zhiyin::model {

/// One line of why a person got this probability.
struct Contribution {
  std::string feature;
  double value = 0;     ///< as it came in; NaN: missing
  double log_odds = 0;  ///< how much it moved the log-odds away from the average person
};

/// Predicts a response (0 or 1) from features: standardise, logistic regression, calibrate.
/// A pure value; prediction is thread-safe.
class ResponseModel {
 public:
  static constexpr std::string_view kKind = "response";
  struct Parts {
    Standardiser standardiser;
    Logistic logistic;
    Calibration calibration;
    double threshold = 0.5;  ///< at or above: predicted to respond
  };
  /// Fails with kInvalidArgument when the parts do not fit each other.
  static Result<ResponseModel> create(Parts parts);

  [[nodiscard]] std::vector<std::string> feature_names() const;
  /// Calibrated. `features` in the order of feature_names(); NaN: missing.
  [[nodiscard]] double probability(std::span<const double> features) const;
  /// By name; absent names are missing, unknown names are ignored.
  [[nodiscard]] double probability(const std::map<std::string, double>& features) const;
  [[nodiscard]] bool predict(std::span<const double> features) const {
    return probability(features) >= parts_.threshold;
  }
  /// The largest contributions first, at most `count`.
  [[nodiscard]] std::vector<Contribution> explain(std::span<const double> features,
                                                  std::size_t count = 5) const;
  [[nodiscard]] const Parts& parts() const { return parts_; }

  /// The artefact (docs/formats/model.md). The same model gives the same bytes.
  [[nodiscard]] std::string encode() const;
  /// kDataLoss when the bytes are damaged, of another kind or from an unknown version.
  static Result<ResponseModel> decode(std::string_view bytes);

 private:
  explicit ResponseModel(Parts parts) : parts_(std::move(parts)) {}
  Parts parts_;
};

/// 「近 30 天阅读 12 篇，使意愿升高」 style sentence in words: `likes_30d = 12 raises it (+0.8)`.
std::string contribution_words(const Contribution& c, bool chinese);

/// Coefficients of the model per feature in its own unit, largest effect first:
/// [{"feature","log_odds_per_deviation","odds_ratio","words":{"zh","en"}}].
Json coefficient_table(const ResponseModel& model);

}  // namespace zhiyin::model
