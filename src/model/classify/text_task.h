#pragma once

#include <filesystem>
#include <functional>
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
/// Makes them; `progress` as below. What an encoder is and where it lies is the caller's business.
using Vectorise = std::function<Result<TextVectors>(std::span<const std::string_view> texts,
                                                    const std::function<bool(double)>& progress)>;

struct TrainTextArgs {
  std::filesystem::path train;
  std::filesystem::path validation;  ///< empty: none
  std::string features;              ///< ngram, encoder, joined; empty: joined with an encoder
  std::uint64_t seed = 1;
  std::size_t threads = 2;
  Vectorise vectorise;  ///< empty: there is no encoder
  double reject_loss = 0.02;
  std::size_t features_max = 0;
  std::function<bool(double)> progress;  ///< share done; false cancels
};
struct TrainedText {
  TextClassifier model;
  Json report;  ///< settings, classes, features, metrics on held-out folds, validation
};
/// `zhiyin train text --task classify` without the storing.
Result<TrainedText> train_text_task(const TrainTextArgs& args);

/// A model from the file that `train text` wrote.
Result<TextClassifier> read_text_model(const std::filesystem::path& path);

/// `zhiyin evaluate classify`: {"model","rows","metrics":{…},"intervals":{…},"classes":[…],
/// "per_class":[…],"confusion":[[…]],"reliability":[…]}. Labels that the model does not know are
/// further classes behind its own, listed as "unknown_labels".
Result<Json> evaluate_text_task(const TextClassifier& model, std::string_view name,
                                const LabelledTexts& data, const Vectorise& vectorise,
                                std::size_t threads);

/// One text's answer: {"label","confidence","scores":{class: probability},"rejected"}.
Json prediction_json(const TextClassifier& model, const TextPrediction& prediction);
/// {"decision","intercept","encoder","terms":[{"term","weight","spans":[[begin,end]]}]}.
Json explanation_json(const TextExplanation& explanation);

}  // namespace zhiyin::model
