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
  Calibration calibration;        ///< decision to the probability of meaning the same
  Calibration floor_calibration;  ///< of the floor's decisions
  double threshold = 0;           ///< answers less sure than this are rejected
  Json settings;                  ///< how it was trained, for people
  Json metrics;                   ///< on held-out folds
};

struct PairPrediction {
  double same = 0;               ///< probability that the texts mean the same
  bool rejected = false;         ///< less sure than the threshold, or nothing known in the texts
  bool floor = false;            ///< by characters alone, though the model has an encoder's part
  std::optional<double> cosine;  ///< of the vectors, where there are any
  [[nodiscard]] double confidence() const { return same >= 0.5 ? same : 1 - same; }
};

/// Whether two texts mean the same: one linear decision on which n-grams stand in both texts and
/// which in one only, on how alike their characters are, and on the encoder's vectors of both
/// (their products, their differences, their cosine). Which of the texts comes first changes
/// nothing, to the bit. Immutable and thread-safe.
class PairModel {
 public:
  /// Working memory of one thread.
  struct Scratch {
    PairSide first, second;
    std::vector<std::uint32_t> first_hits, second_hits;
  };
  /// Decision = intercept + characters + encoder; without vectors those of the floor.
  struct Decision {
    double intercept = 0;
    double characters = 0;
    double encoder = 0;
    bool known = false;  ///< an n-gram of either text is known
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
  [[nodiscard]] const Json& settings() const { return settings_; }
  [[nodiscard]] const Json& metrics() const { return metrics_; }

  /// `u` and `v` are the encoder's vectors of the texts, dense_columns() values each; or both none
  /// with has_floor().
  [[nodiscard]] Decision decide(std::string_view first, std::string_view second,
                                std::span<const float> u, std::span<const float> v,
                                Scratch& scratch) const;
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
  Calibration calibration_, floor_calibration_;
  double threshold_ = 0;
  Json settings_;
  Json metrics_;
};

/// {"label","confidence","scores":{"different","same"},"rejected","cosine" (null without vectors)}
/// and, where it was given by characters alone, "floor".
Json prediction_json(const PairPrediction& prediction);

}  // namespace zhiyin::model
