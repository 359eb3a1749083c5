#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "model/calibration.h"
#include "recommend/objectives.h"
#include "recommend/online_ranker.h"
#include "recommend/second_stage.h"

namespace zhiyin::recommend {

/// What was learnt of one response.
struct RankerHead {
  OnlineRanker ranker;
  model::Calibration calibration;
  std::uint64_t positives = 0;  ///< of ranker.learnt() examples
};

/// A calibrated ranker for each response of which there were enough examples; all of the same
/// inputs. Not thread-safe while it learns; asking is.
class ResponseRanker {
 public:
  static constexpr std::string_view kKind = "ranker";  ///< in the registry

  /// kInvalidArgument names the parameter. Without heads.
  static Result<ResponseRanker> create(const RankerParams& params);

  [[nodiscard]] const RankerParams& params() const { return params_; }
  /// Whether ShownFacts::text is an input: not of versions from before there was one.
  [[nodiscard]] bool sees_texts() const { return sees_texts_; }
  [[nodiscard]] const std::optional<RankerHead>& head(Response response) const {
    return heads_[static_cast<std::size_t>(response)];
  }
  [[nodiscard]] std::size_t heads() const;
  /// The head becomes known, with the parameters of all.
  RankerHead& begin(Response response);
  void set_calibration(Response response, model::Calibration calibration);
  /// One example for every known head; bit r of `responses` says that response r followed.
  void learn(std::span<const RankerFeature> features, std::uint8_t responses, double weight = 1);

  /// Trees behind the heads; null: none. Those that are no better are not kept.
  [[nodiscard]] const SecondStage* stage() const { return stage_ ? &*stage_ : nullptr; }
  void set_stage(SecondStage stage) { stage_ = std::move(stage); }

  /// Calibrated; 0 for responses without a head.
  [[nodiscard]] std::array<double, kResponses> probabilities(
      std::span<const RankerFeature> features) const;

  /// Artefact of kind `ranker_heads` (docs/formats/model.md): the same ranker gives the same bytes.
  [[nodiscard]] std::string encode() const;
  /// kDataLoss when the bytes are damaged, cut short, of another kind or version.
  static Result<ResponseRanker> decode(std::string_view bytes);

 private:
  RankerParams params_;
  std::array<std::optional<RankerHead>, kResponses> heads_;
  std::optional<SecondStage> stage_;
  bool sees_texts_ = true;
};

/// Sum of weight × probability.
double value_of(const std::array<double, kResponses>& probabilities, const Objectives& objectives);

}  // namespace zhiyin::recommend
