#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "model/calibration.h"
#include "model/feature_table.h"
#include "model/logistic.h"
#include "model/standardiser.h"
#include "statistics/classification.h"
#include "statistics/interval.h"

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

/// Quality on one part of the data.
struct ResponseMetrics {
  std::map<std::string, double>
      values;  ///< accuracy precision recall f1 macro_f1 auc log_loss brier ece
  std::map<std::string, statistics::Interval> intervals;
  statistics::Confusion confusion;
  std::vector<statistics::ClassScore> per_class;
  std::vector<statistics::CalibrationBin> reliability;
};

struct ResponseSettings {
  std::uint64_t seed = 1;
  SplitShares shares;
  std::vector<double> l2 = {1e-4, 1e-3, 1e-2, 1e-1, 1.0};  ///< tried; the best on validation wins
  int bootstrap_rounds = 500;
  /// Share done in 0 … 1; returning false cancels (kDeadline). May be empty.
  std::function<bool(double)> progress;
};
struct TrainedResponse {
  ResponseModel model;
  ResponseMetrics test;  ///< on the part that nothing was fitted or chosen on
  double l2 = 0;
  std::size_t train_rows = 0, validation_rows = 0, test_rows = 0;
  double positive_share = 0;
  std::vector<std::string> warnings;  ///< features that alone nearly give the label away

  /// For the registry and for people.
  [[nodiscard]] Json metrics_json() const;
  [[nodiscard]] Json settings_json() const;
};
inline constexpr std::size_t kClassRowsMin = 10;
/// Split, standardise, fit, choose l2 and threshold on validation, calibrate there, measure on
/// test. Deterministic: the same table and seed give the same bytes. Fails with kInvalidArgument
/// when the label is degenerate (fewer than kClassRowsMin rows of a class) or the table is
/// malformed.
Result<TrainedResponse> train_response(const FeatureTable& table, const ResponseSettings& settings);

/// Coefficients of the model per feature in its own unit, largest effect first:
/// [{"feature","log_odds_per_deviation","odds_ratio","words":{"zh","en"}}].
Json coefficient_table(const ResponseModel& model);

}  // namespace zhiyin::model
