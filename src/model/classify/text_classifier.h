#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "model/artefact.h"
#include "model/calibration.h"
#include "model/classify/drift.h"
#include "model/classify/isotonic.h"
#include "model/classify/ngram.h"

namespace zhiyin::model {

/// How a label of a model whose texts have several is told from its column's decision.
struct LabelRule {
  Calibration calibration;        ///< to the probability that the text has the label
  Calibration floor_calibration;  ///< of decisions without the encoder's part
  double threshold = 0.5;         ///< of the probability, from which on the text gets the label
};

/// A linear classifier as it comes out of training, in full precision. One column of weights per
/// class; with two classes of which a text has one a single column, whose positive side is the
/// second class.
struct TextModelParts {
  std::vector<std::string> classes;  ///< distinct, at least two
  std::vector<LabelRule> rules;      ///< one per class: texts have any number of them; or none
  std::size_t ngram_max = kNgramCharactersMax;
  std::vector<NgramKey> keys;  ///< ascending
  std::vector<float> idf;      ///< one per key, in [0, 32)
  std::vector<float> weights;  ///< keys × columns
  /// Per value of the encoder's vector: input = (value - mean) * factor. Empty without an encoder.
  std::vector<float> dense_mean;
  std::vector<float> dense_factor;
  std::vector<float> dense_weights;  ///< dense × columns
  std::vector<double> intercepts;    ///< one per column
  double temperature = 1;            ///< of the decision values (temperature.h)
  Isotonic isotonic;  ///< of the likeliest class's probability behind it (isotonic.h); empty: none
  /// The best decision value of held-out texts: its quantiles from 0 to 1 in even steps, at least
  /// two, or none. What a text reaches among them says how far it is of the kind learnt.
  std::vector<double> scope;
  double scope_min = 0;          ///< a text whose share of them is below is out of scope
  double floor_temperature = 0;  ///< of decisions without the encoder's part; 0: as `temperature`
  DriftReference reference;      ///< what held-out answers and texts looked like
  double threshold = 0;          ///< answers less sure than this are rejected
  Json settings;                 ///< how it was trained, for people
  Json metrics;                  ///< on held-out folds
};

struct TextPrediction {
  std::uint32_t label = 0;  ///< place among the classes
  double confidence = 0;    ///< probability of `label`
  bool rejected = false;    ///< less sure than the threshold, or nothing known in the text
  /// Share of held-out texts of the classes that are less like them than this one; 0 where nothing
  /// in it is known, absent where the model keeps no figures. Low: perhaps none of the classes.
  std::optional<double> scope;
  bool out_of_scope = false;   ///< `scope` is below what the model was trained to let pass
  bool floor = false;          ///< by n-grams alone, though the model has an encoder's part
  std::vector<double> scores;  ///< probability per class
  /// Of a model of several labels: all whose rule is met, ascending. Then `label` is the likeliest.
  std::vector<std::uint32_t> labels;
};

/// What one n-gram of a text adds to the decision for a class.
struct TermWeight {
  std::string term;
  double weight = 0;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> spans;  ///< bytes of the text: begin, end
};
/// decision = intercept + encoder + Σ weight over all terms, up to rounding in 32 bits.
struct TextExplanation {
  double decision = 0;
  double intercept = 0;
  double encoder = 0;             ///< what the encoder's vector adds
  std::vector<TermWeight> terms;  ///< the heaviest first
};

/// Classes of texts by character n-grams (TF-IDF, sublinear, unit length) and, where the model has
/// learnt with an encoder, by the encoder's vector too. Weights lie in 8 bits with a scale per
/// n-gram. Immutable and thread-safe.
class TextClassifier {
 public:
  /// Working memory of one thread.
  struct Scratch {
    FoldedText folded;
    std::vector<NgramKey> keys;
    std::vector<std::uint32_t> hits;
    std::vector<float> sums;
  };

  static constexpr std::string_view kKind = "text";
  /// kInvalidArgument when sizes do not agree or a number is out of range.
  static Result<TextClassifier> create(TextModelParts parts);
  /// kDataLoss when the artefact is of another kind or does not hold together.
  static Result<TextClassifier> from_artefact(const Artefact& artefact);
  [[nodiscard]] Artefact to_artefact() const;

  [[nodiscard]] const std::vector<std::string>& classes() const { return classes_; }
  [[nodiscard]] std::size_t features() const { return keys_.size(); }
  /// Length of the encoder's vector that `decide` takes; 0: none.
  [[nodiscard]] std::size_t dense_columns() const { return dense_mean_.size(); }
  [[nodiscard]] double threshold() const { return threshold_; }
  /// Empty unless texts have any number of labels.
  [[nodiscard]] const std::vector<LabelRule>& rules() const { return rules_; }
  [[nodiscard]] bool several() const { return !rules_.empty(); }
  [[nodiscard]] double temperature() const { return temperature_; }
  [[nodiscard]] const Isotonic& isotonic() const { return isotonic_; }
  [[nodiscard]] const std::vector<double>& scope() const { return scope_; }
  [[nodiscard]] double scope_min() const { return scope_min_; }
  [[nodiscard]] const DriftReference& reference() const { return reference_; }
  /// It can answer without its encoder, by its n-grams alone.
  [[nodiscard]] bool has_floor() const { return dense_columns() > 0 && features() > 0; }
  [[nodiscard]] const Json& settings() const { return settings_; }
  [[nodiscard]] const Json& metrics() const { return metrics_; }
  /// One decision value for two classes of which a text has one, else one per class.
  [[nodiscard]] std::size_t columns() const { return intercepts_.size(); }

  /// `dense` has dense_columns() values, or none with has_floor(): the vector then counts as the
  /// mean of those learnt from, which adds nothing. Requires decisions.size() == columns(). False
  /// when the text has none of the n-grams that the model knows.
  bool decide(std::string_view text, std::span<const float> dense, Scratch& scratch,
              std::span<double> decisions) const;
  [[nodiscard]] TextPrediction predict(std::string_view text, std::span<const float> dense,
                                       Scratch& scratch) const;
  /// What the encoder's vector adds to the decision for class `label`.
  [[nodiscard]] double encoder_part(std::span<const float> dense, std::uint32_t label) const;
  /// Why class `label`: its n-grams with at least one place each, at most `terms_max`.
  [[nodiscard]] TextExplanation explain(std::string_view text, std::span<const float> dense,
                                        std::uint32_t label, std::size_t terms_max) const;

 private:
  TextClassifier() = default;
  [[nodiscard]] std::size_t record_bytes() const { return 4 + columns(); }
  void find_hits(Scratch& scratch) const;
  void add_dense(std::span<const float> dense, std::span<double> decisions) const;
  void index();
  void apply_rules(std::span<const double> decisions, bool known, TextPrediction& out) const;

  std::vector<std::string> classes_;
  std::vector<LabelRule> rules_;
  std::size_t ngram_max_ = kNgramCharactersMax;
  std::vector<NgramKey> keys_;
  NgramTable table_;
  std::string records_;  // per key: idf (16 bits), scale (16 bits), weights times idf (8 bits each)
  double weight_unit_ = 0;
  std::vector<float> dense_mean_;
  std::vector<float> dense_factor_;
  std::vector<float> dense_weights_;
  std::vector<double> intercepts_;
  double temperature_ = 1;
  Isotonic isotonic_;
  std::vector<double> scope_;
  double scope_min_ = 0;
  double floor_temperature_ = 0;
  DriftReference reference_;
  double threshold_ = 0;
  Json settings_;
  Json metrics_;
};

/// Share of held-out texts below `decision`, by even quantiles; at least two.
double scope_of(std::span<const double> quantiles, double decision);
/// The best of a row of decision values: what `scope` is made of.
double best_decision(std::span<const double> decisions);

/// Predicts all texts on `threads` threads; `dense` is texts × dense_columns(), or empty where the
/// model has a floor.
std::vector<TextPrediction> classify_all(const TextClassifier& model,
                                         std::span<const std::string_view> texts,
                                         std::span<const float> dense, std::size_t threads);

}  // namespace zhiyin::model
