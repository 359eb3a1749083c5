#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "model/artefact.h"
#include "model/calibration.h"
#include "model/classify/drift.h"
#include "model/pairs/likeness.h"

namespace zhiyin::model {

/// Inputs of the encoder's part besides the vectors' values: the cosine, and ln(1.0001 - cosine),
/// which tells the nearest apart.
inline constexpr std::size_t kCosineColumns = 2;
std::array<double, kCosineColumns> cosine_inputs(std::span<const float> u,
                                                 std::span<const float> v);
/// Inputs of the characters' part besides n-grams: likeness.h, then the cosine of TF-IDF.
inline constexpr std::size_t kCharacterColumns = kLikenessColumns + 1;

/// A model of pairs as it comes out of training. Weights of constants are in the intercept and in
/// `encoder_bias`.
struct PairModelParts {
  std::vector<NgramKey> keys;        ///< ascending; none: without the characters' part
  std::vector<float> idf;            ///< one per key, in [0, 32)
  std::vector<float> weights;        ///< per key: of standing in one text only, of standing in both
  std::vector<double> likeness;      ///< kCharacterColumns, or none
  std::vector<float> vector_mean;    ///< of the encoder's vector; none: without the encoder
  std::vector<float> vector_factor;  ///< value = (vector - mean) * factor
  std::vector<float> product;        ///< weight of u * v, per value
  std::vector<float> difference;     ///< weight of |u - v|, per value
  std::array<double, kCosineColumns> cosine{};
  double encoder_bias = 0;  ///< what the encoder's part adds in any case
  double intercept = 0;
  /// A decision of its own without the encoder's part: where there are both parts, else none.
  std::vector<float> floor_weights;    ///< as `weights`
  std::vector<double> floor_likeness;  ///< as `likeness`
  double floor_intercept = 0;
  /// Decision by the cosine alone, for texts of another kind than those learnt from: weight of
  /// ln(1.0001 - cosine), at most 0, and a constant.
  double general_weight = 0, general_bias = 0;
  /// A pair's familiarity (PairModel::Decision) at and below which only the cosine decides, and at
  /// and above which only the model does; both 0: the model always.
  double familiar_low = 0, familiar_high = 0;
  Calibration calibration;        ///< decision to the probability of meaning the same
  Calibration floor_calibration;  ///< of the floor's decisions
  double threshold = 0;           ///< answers less sure than this are rejected
  DriftReference reference;       ///< what held-out answers and pairs (pair_text) looked like
  Json settings;                  ///< how it was trained, for people
  Json metrics;                   ///< on held-out folds
};

struct PairPrediction {
  double same = 0;               ///< probability that the texts mean the same
  bool rejected = false;         ///< less sure than the threshold, or nothing known in the texts
  bool floor = false;            ///< by characters alone, though the model has an encoder's part
  double familiarity = 0;        ///< as in PairModel::Decision; 1 in a model without n-grams
  bool unfamiliar = false;       ///< the cosine decides more than the model does
  std::optional<double> cosine;  ///< of the vectors, where there are any
  [[nodiscard]] double confidence() const { return same >= 0.5 ? same : 1 - same; }
};

/// What one n-gram of a pair adds to its decision.
struct PairTerm {
  using Spans = std::vector<std::pair<std::uint32_t, std::uint32_t>>;
  std::string term;
  double weight = 0;
  Spans first, second;  ///< bytes of either text, begin and end; one may have none
};
/// decision = intercept + encoder + cosine + sum of likeness + sum of all terms' weights, up to
/// rounding: above 0 speaks for the same, before calibration.
struct PairExplanation {
  double decision = 0;
  double intercept = 0;
  double encoder = 0;            ///< what the vectors' values and their cosine add
  double cosine = 0;             ///< what the cosine alone adds, as far as the pair is unfamiliar
  std::vector<double> likeness;  ///< in the order of kLikenessNames, then TF-IDF; or none
  std::vector<PairTerm> terms;   ///< the heaviest first
};

/// Whether two texts mean the same: one linear decision on which n-grams stand in both texts and
/// which in one only, on how alike their characters are, and on the encoder's vectors of both
/// (their products, their differences, their cosine). What it has learnt of words holds for texts
/// of their kind; the less familiar a pair is, the more its cosine alone decides. Which of the
/// texts comes first changes nothing, to the bit. Immutable and thread-safe.
class PairModel {
 public:
  /// Working memory of one thread.
  struct Scratch {
    PairSide first, second;
    std::vector<std::uint32_t> first_hits, second_hits;
  };
  /// Sum = intercept + characters + encoder, without vectors those of the floor; of that and
  /// `general` each has its share.
  struct Decision {
    double intercept = 0;
    double characters = 0;
    double encoder = 0;
    double general = 0;      ///< by the cosine alone
    double own = 1;          ///< share of the sum, from 0 to 1; the rest is general's
    double familiarity = 1;  ///< share of both texts' n-grams that the model knows
    bool known = false;      ///< an n-gram of either text is known

    [[nodiscard]] double total() const {
      return own * (intercept + characters + encoder) + (1 - own) * general;
    }
  };

  static constexpr std::string_view kKind = "pair";
  static constexpr std::string_view kSame = "same", kDifferent = "different";
  /// What the encoder was trained to see before texts that are compared with each other.
  static constexpr std::string_view kPrefix = "query: ";

  /// kInvalidArgument when sizes do not agree or a number is out of range.
  static Result<PairModel> create(PairModelParts parts);
  /// kDataLoss when the artefact is of another kind or does not hold together.
  static Result<PairModel> from_artefact(const Artefact& artefact);
  [[nodiscard]] Artefact to_artefact() const;

  [[nodiscard]] std::size_t features() const { return keys_.size(); }
  /// Length of the encoder's vectors; 0: it takes none.
  [[nodiscard]] std::size_t dense_columns() const { return vector_mean_.size(); }
  [[nodiscard]] double threshold() const { return threshold_; }
  [[nodiscard]] const Calibration& calibration() const { return calibration_; }
  /// It can answer without its encoder, by characters alone.
  [[nodiscard]] bool has_floor() const { return !floor_.likeness.empty(); }
  /// Of labels 0 (different) and 1 (same); no rows in models of before.
  [[nodiscard]] const DriftReference& reference() const { return reference_; }
  [[nodiscard]] const Json& settings() const { return settings_; }
  [[nodiscard]] const Json& metrics() const { return metrics_; }

  /// `u` and `v` are the encoder's vectors of the texts, dense_columns() values each; or both none
  /// with has_floor().
  [[nodiscard]] Decision decide(std::string_view first, std::string_view second,
                                std::span<const float> u, std::span<const float> v,
                                Scratch& scratch) const;
  /// Why: as `decide`, with at most `terms_max` n-grams.
  [[nodiscard]] PairExplanation explain(std::string_view first, std::string_view second,
                                        std::span<const float> u, std::span<const float> v,
                                        std::size_t terms_max) const;
  [[nodiscard]] PairPrediction predict(std::string_view first, std::string_view second,
                                       std::span<const float> u, std::span<const float> v,
                                       Scratch& scratch) const;

 private:
  /// Weights of n-grams and likeness.
  struct CharacterWeights {
    std::vector<std::int16_t> steps;  // two per key: weight times idf, in `unit`
    double unit = 0;
    std::vector<double> likeness;
    double intercept = 0;
    void set_steps(std::span<const float> weights, std::span<const float> idf);
  };
  PairModel() = default;
  void index();
  void find_hits(const PairSide& side, std::vector<std::uint32_t>& hits) const;
  double by_characters(const CharacterWeights& weights, Scratch& scratch) const;
  [[nodiscard]] double by_encoder(std::span<const float> u, std::span<const float> v) const;

  std::vector<NgramKey> keys_;
  NgramTable table_;
  std::vector<std::uint16_t> idf_;  // in 1/2048
  CharacterWeights characters_, floor_;
  std::vector<float> vector_mean_, vector_factor_, product_, difference_;
  std::array<double, kCosineColumns> cosine_{};
  double encoder_bias_ = 0;
  double general_weight_ = 0, general_bias_ = 0, familiar_low_ = 0, familiar_high_ = 0;
  Calibration calibration_, floor_calibration_;
  double threshold_ = 0;
  DriftReference reference_;
  Json settings_;
  Json metrics_;
};

/// Both texts as one, for drift: the same whichever comes first.
std::string pair_text(std::string_view first, std::string_view second);

/// {"decision","intercept","encoder","cosine","likeness":{name: weight},"terms":[{"term","in":
/// first, second or both,"weight","first":[[begin,end]],"second":[…]}]}.
Json explanation_json(const PairExplanation& explanation);

/// The share of the model, from 0 to 1, at that familiarity.
double own_share(double familiarity, double low, double high);

/// {"label","confidence","scores":{"different","same"},"rejected","cosine" (null without vectors),
/// "familiarity","unfamiliar"} and, where it was given by characters alone, "floor".
Json prediction_json(const PairPrediction& prediction);

}  // namespace zhiyin::model
