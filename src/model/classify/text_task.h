#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "base/json.h"
#include "model/classify/labelled_text.h"
#include "model/classify/text_classifier.h"

namespace zhiyin::model {

/// The vectors of texts by the encoder: texts × width, in their order.
struct TextVectors {
  std::vector<float> values;
  std::size_t width = 0;
};
/// Makes them. What an encoder is and where it lies is the caller's business.
struct Vectorise {
  std::string encoder;  ///< names it: a model only works with the one it was trained with
  /// `progress` is told the share done; false cancels. Empty: there is no encoder.
  std::function<Result<TextVectors>(std::span<const std::string_view> texts,
                                    const std::function<bool(double)>& progress)>
      run;
  explicit operator bool() const { return static_cast<bool>(run); }
};
/// Asks for the encoder only where one is needed.
using OpenEncoder = std::function<Result<Vectorise>()>;

struct TrainTextArgs {
  std::filesystem::path train;
  std::filesystem::path validation;  ///< empty: none
  std::string features;              ///< ngram, encoder, joined; empty: joined with an encoder
  std::uint64_t seed = 1;
  std::size_t threads = 2;
  bool encoder_here = false;  ///< whether `open_encoder` will find one, for the default features
  OpenEncoder open_encoder;
  double reject_loss = 0.02;
  double scope_loss = 0.05;
  std::string calibration;  ///< temperature, isotonic; empty: temperature
  std::size_t features_max = 0;
  bool several = false;  ///< texts have any number of labels, with `|` between them in the files
  std::function<bool(double)> progress;  ///< share done; false cancels
};
struct TrainedText {
  TextClassifier model;
  Json report;  ///< settings, classes, features, metrics on held-out folds, validation
};
/// `zhiyin train text --task classify` without the storing.
Result<TrainedText> train_text_task(const TrainTextArgs& args);

/// What the file holds, of whatever kind; its errors name the file.
Result<Artefact> read_artefact(const std::filesystem::path& path);
/// A model from the file that `train text` wrote.
Result<TextClassifier> read_text_model(const std::filesystem::path& path);

/// `zhiyin evaluate classify`: {"model","rows","metrics":{…},"intervals":{…},"classes":[…],
/// "per_class":[…],"confusion":[[…]],"reliability":[…],"out_of_scope":{"rows","auc","caught",
/// "lost"} or null}. Labels that the model does not know are
/// further classes behind its own, listed as "unknown_labels"; how well their texts are told from
/// the others by their scope stands in "out_of_scope" (auc, beside that of the confidence; the
/// shares called out of scope of both).
Result<Json> evaluate_text_task(const TextClassifier& model, std::string_view name,
                                const LabelledTexts& data, const OpenEncoder& open_encoder,
                                std::size_t threads);

/// The same with a model of several labels: {"model","rows", what measure_labels.h says, with each
/// class's "threshold" and "auc" (null where all or none have it),"floor":{metrics} (of a joined
/// model without its encoder, else null),"unknown_labels","header_skipped"}. Labels that the model
/// does not know are missed.
Result<Json> evaluate_labels_task(const TextClassifier& model, std::string_view name,
                                  const MultiLabelledTexts& data, const OpenEncoder& open_encoder,
                                  std::size_t threads);

/// The vectors that a model needs for these texts: texts × dense_columns(), none when it needs
/// none, or where `vectorise` is empty and the model has a floor. kUnavailable when there is no
/// encoder, kInvalidArgument when it is another one.
Result<std::vector<float>> vectors_for(const TextClassifier& model, const Vectorise& vectorise,
                                       std::span<const std::string_view> texts);
/// Opened where the model needs one.
Result<Vectorise> encoder_for(const TextClassifier& model, const OpenEncoder& open_encoder);

struct UsableEncoder {
  Vectorise vectorise;  ///< empty where none is needed, or none can be used
  std::string instead;  ///< why a model that has a floor answers by n-grams alone; else empty
};
/// The same, but a model that can answer without its encoder does so where that is not here, is
/// another one or cannot be opened.
Result<UsableEncoder> encoder_or_floor(const TextClassifier& model,
                                       const OpenEncoder& open_encoder);

/// Of a model with the classes negative and positive: the probability of positive in five equal
/// steps, 1 (certainly negative) to 5; none for other models.
std::optional<int> intensity_of(const TextClassifier& model, const TextPrediction& prediction);
/// One text's answer: {"label","confidence","scores":{class: probability},"rejected","scope" (null
/// where the model keeps no figures),"out_of_scope"} and, where there is one, "intensity"; "floor"
/// where it was given by n-grams alone. Of a model of several labels: {"labels" (the likeliest
/// first),"scores","rejected" (nothing in the text is known)}, and "floor".
Json prediction_json(const TextClassifier& model, const TextPrediction& prediction);
/// {"decision","intercept","encoder","terms":[{"term","weight","spans":[[begin,end]]}]}.
Json explanation_json(const TextExplanation& explanation);

}  // namespace zhiyin::model
