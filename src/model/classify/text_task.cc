#include "model/classify/text_task.h"

#include <algorithm>
#include <ranges>

#include "base/file.h"
#include "model/classify/measure_labels.h"
#include "model/classify/measure_text.h"
#include "model/classify/occlusion.h"
#include "model/classify/train_labels.h"
#include "model/classify/train_text.h"
#include "statistics/classification.h"

namespace zhiyin::model {
namespace {

std::vector<std::string_view> views_of(const std::vector<std::string>& texts) {
  return {texts.begin(), texts.end()};
}

/// Class names of the model, then those only the data has; labels of the data as places among them.
struct Aligned {
  std::vector<std::string> classes;
  std::vector<std::uint32_t> labels;
  std::vector<std::string> unknown;
};
Aligned align(const TextClassifier& model, const LabelledTexts& data) {
  Aligned out{.classes = model.classes()};
  std::vector<std::uint32_t> place;
  for (const std::string& name : data.classes) {
    const auto found = std::ranges::find(out.classes, name);
    place.push_back(static_cast<std::uint32_t>(found - out.classes.begin()));
    if (found != out.classes.end()) continue;
    out.classes.push_back(name);
    out.unknown.push_back(name);
  }
  for (const std::uint32_t label : data.labels) out.labels.push_back(place[label]);
  return out;
}

/// The same of several labels.
struct AlignedSets {
  std::vector<std::string> classes;
  LabelSets labels;
  std::vector<std::string> unknown;
};
AlignedSets align(const TextClassifier& model, const MultiLabelledTexts& data) {
  Aligned names =
      align(model, LabelledTexts{.classes = data.classes, .labels = [&] {
                                   std::vector<std::uint32_t> all;
                                   for (std::uint32_t c = 0; c < data.classes.size(); ++c)
                                     all.push_back(c);
                                   return all;
                                 }()});
  AlignedSets out{std::move(names.classes), {}, std::move(names.unknown)};
  for (const auto& labels : data.labels) {
    std::vector<std::uint32_t> places;
    for (const std::uint32_t c : labels) places.push_back(names.labels[c]);
    std::ranges::sort(places);
    out.labels.push_back(std::move(places));
  }
  return out;
}

/// Each class's threshold and how well its probabilities order the texts, into its figures.
Json with_rules(const TextClassifier& model, const AlignedSets& aligned,
                std::span<const TextPrediction> predictions, const Json& per_class) {
  Json out = Json::array();
  for (std::size_t c = 0; c < aligned.classes.size(); ++c) {
    Json one = per_class.if_array()->at(c);
    if (c >= model.classes().size()) {
      out.push(one.set("threshold", Json()).set("auc", Json()));
      continue;
    }
    std::vector<double> scores;
    std::vector<int> has;
    for (std::size_t r = 0; r < predictions.size(); ++r) {
      scores.push_back(predictions[r].scores[c]);
      has.push_back(
          std::ranges::binary_search(aligned.labels[r], static_cast<std::uint32_t>(c)) ? 1 : 0);
    }
    const bool varies = std::ranges::adjacent_find(has, std::ranges::not_equal_to()) != has.end();
    one.set("threshold", model.rules()[c].threshold);
    out.push(one.set("auc", varies ? Json(statistics::auc(scores, has)) : Json()));
  }
  return out;
}

LabelSets sets_of(std::span<const TextPrediction> predictions) {
  LabelSets out;
  for (const TextPrediction& p : predictions) out.push_back(p.labels);
  return out;
}

/// How well texts of labels that the model does not know are told from the others, where there are
/// both; else null.
Json scope_json(const TextClassifier& model, const Aligned& aligned,
                const std::vector<TextPrediction>& predictions) {
  std::vector<double> inside, confidence;
  std::vector<int> known;
  double caught = 0, lost = 0;
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    if (!predictions[i].scope) return {};
    const bool is_known = aligned.labels[i] < model.classes().size();
    known.push_back(is_known ? 1 : 0);
    inside.push_back(*predictions[i].scope);
    confidence.push_back(predictions[i].confidence);
    (is_known ? lost : caught) += predictions[i].out_of_scope ? 1 : 0;
  }
  const auto in_scope = static_cast<double>(std::ranges::count(known, 1));
  const auto out_of_scope = static_cast<double>(known.size()) - in_scope;
  if (in_scope == 0 || out_of_scope == 0) return {};
  return Json()
      .set("rows", out_of_scope)
      .set("auc", statistics::auc(inside, known))
      .set("auc_of_confidence", statistics::auc(confidence, known))
      .set("caught", caught / out_of_scope)
      .set("lost", lost / in_scope);
}

}  // namespace

Result<Vectorise> encoder_for(const TextClassifier& model, const OpenEncoder& open_encoder) {
  if (model.dense_columns() == 0) return Vectorise();
  if (!open_encoder)
    return fail(ErrorCode::kUnavailable,
                "encoder: this model was trained with one, and none is here");
  return open_encoder();
}

Result<std::vector<float>> vectors_for(const TextClassifier& model, const Vectorise& vectorise,
                                       std::span<const std::string_view> texts) {
  if (model.dense_columns() == 0) return std::vector<float>();
  if (!vectorise && model.has_floor()) return std::vector<float>();
  if (!vectorise)
    return fail(ErrorCode::kUnavailable,
                "encoder: this model was trained with one, and none is here");
  const std::string_view trained = model.settings()["encoder"].string_or("");
  if (trained != vectorise.encoder)
    return fail(ErrorCode::kInvalidArgument, "encoder: this model was trained with {}, here is {}",
                trained.substr(0, 80), vectorise.encoder);
  ZHIYIN_TRY(TextVectors vectors, vectorise.run(texts, {}));
  if (vectors.width != model.dense_columns())
    return fail(ErrorCode::kInvalidArgument,
                "encoder: its vectors have {} values, the model was trained with {}", vectors.width,
                model.dense_columns());
  return std::move(vectors.values);
}

Result<UsableEncoder> encoder_or_floor(const TextClassifier& model,
                                       const OpenEncoder& open_encoder) {
  auto opened = encoder_for(model, open_encoder);
  const std::string_view trained = model.settings()["encoder"].string_or("");
  if (opened && model.dense_columns() > 0 && opened->encoder != trained)
    opened =
        fail(ErrorCode::kInvalidArgument, "encoder: this model was trained with {}, here is {}",
             trained.substr(0, 80), opened->encoder);
  if (opened) return UsableEncoder{std::move(*opened), {}};
  if (!model.has_floor()) return std::unexpected(opened.error());
  return UsableEncoder{{}, opened.error().message + "; answered by n-grams alone"};
}

namespace {

Result<void> check_args(const TrainTextArgs& args, std::string_view features) {
  if (features != "ngram" && features != "encoder" && features != "joined")
    return fail_field("--features", "'{}' is none of ngram, encoder, joined",
                      features.substr(0, 40));
  if (!args.calibration.empty() && args.calibration != "temperature" &&
      args.calibration != "isotonic")
    return fail_field("--calibration", "'{}' is neither temperature nor isotonic",
                      args.calibration.substr(0, 40));
  if (features != "ngram" && !args.open_encoder)
    return fail(ErrorCode::kUnavailable, "features {}: no encoder is installed here", features);
  return {};
}

/// Trains on texts that lie in memory: `train` gets the settings, with vectors where they are
/// asked for.
Result<TextClassifier> train_with(
    const TrainTextArgs& args, std::string_view features, const std::vector<std::string>& texts,
    const std::function<Result<TextClassifier>(const TrainTextSettings&)>& train) {
  constexpr double kEncodingShare = 0.7;
  const bool encoded = features != "ngram";
  TrainTextSettings settings;
  settings.seed = args.seed;
  settings.threads = args.threads;
  settings.reject_loss = args.reject_loss;
  settings.scope_loss = args.scope_loss;
  settings.isotonic = args.calibration == "isotonic";
  settings.features_max = args.features_max;
  settings.ngrams = features != "encoder";
  const double begin = encoded ? kEncodingShare : 0;
  if (args.progress)
    settings.progress = [&](double share) { return args.progress(begin + (1 - begin) * share); };
  TextVectors vectors;
  if (encoded) {
    ZHIYIN_TRY(const Vectorise vectorise, args.open_encoder());
    settings.encoder = vectorise.encoder;
    ZHIYIN_TRY(vectors, vectorise.run(views_of(texts), [&](double share) {
      return !args.progress || args.progress(share * kEncodingShare);
    }));
    settings.dense = vectors.values;
    settings.dense_columns = vectors.width;
  }
  return train(settings);
}

template <class Data>
Json report_of(const TextClassifier& model, const Data& data) {
  Json report = Json::object();
  report.set("task", "classify").set("rows", data.rows()).set("header_skipped", data.header);
  report.set("classes", Json(Json::Array(data.classes.begin(), data.classes.end())));
  report.set("features", model.features()).set("encoder_values", model.dense_columns());
  report.set("settings", model.settings());
  if (!model.several())
    report.set("temperature", model.temperature()).set("threshold", model.threshold());
  return report.set("held_out", model.metrics());
}

Result<TrainedText> train_one_label(const TrainTextArgs& args, std::string_view features) {
  ZHIYIN_TRY(const LabelledTexts data, read_labelled_texts(args.train));
  LabelledTexts validation;
  if (!args.validation.empty()) {
    ZHIYIN_TRY(validation, read_labelled_texts(args.validation));
  }
  ZHIYIN_TRY(TextClassifier model, train_with(args, features, data.texts,
                                              [&](const auto& s) { return train_text(data, s); }));
  Json report = report_of(model, data);
  if (validation.rows() > 0) {
    ZHIYIN_TRY(Json measured,
               evaluate_text_task(model, "", validation, args.open_encoder, args.threads));
    report.set("validation", std::move(measured));
  }
  return TrainedText{std::move(model), std::move(report)};
}

Result<TrainedText> train_several_labels(const TrainTextArgs& args, std::string_view features) {
  if (!args.calibration.empty())
    return fail_field("--calibration", "is not for several labels: each has its own");
  ZHIYIN_TRY(const MultiLabelledTexts data, read_multi_labelled_texts(args.train));
  MultiLabelledTexts validation;
  if (!args.validation.empty()) {
    ZHIYIN_TRY(validation, read_multi_labelled_texts(args.validation));
  }
  ZHIYIN_TRY(TextClassifier model, train_with(args, features, data.texts, [&](const auto& s) {
               return train_labels(data, s);
             }));
  Json report = report_of(model, data);
  if (validation.rows() > 0) {
    ZHIYIN_TRY(Json measured,
               evaluate_labels_task(model, "", validation, args.open_encoder, args.threads));
    report.set("validation", std::move(measured));
  }
  return TrainedText{std::move(model), std::move(report)};
}

}  // namespace

Result<TrainedText> train_text_task(const TrainTextArgs& args) {
  const std::string features =
      !args.features.empty() ? args.features : (args.encoder_here ? "joined" : "ngram");
  ZHIYIN_TRY_VOID(check_args(args, features));
  return args.several ? train_several_labels(args, features) : train_one_label(args, features);
}

Result<Artefact> read_artefact(const std::filesystem::path& path) {
  constexpr std::size_t kModelFileBytesMax = std::size_t{2} << 30;
  ZHIYIN_TRY(const std::string bytes, read_file(path, kModelFileBytesMax));
  auto artefact = decode_artefact(bytes);
  if (!artefact)
    return fail(artefact.error().code, "{}: {}", path.string(), artefact.error().message);
  return artefact;
}

Result<TextClassifier> read_text_model(const std::filesystem::path& path) {
  ZHIYIN_TRY(const Artefact artefact, read_artefact(path));
  auto model = TextClassifier::from_artefact(artefact);
  if (!model) return fail(model.error().code, "{}: {}", path.string(), model.error().message);
  return model;
}

Result<Json> evaluate_text_task(const TextClassifier& model, std::string_view name,
                                const LabelledTexts& data, const OpenEncoder& open_encoder,
                                std::size_t threads) {
  const std::vector<std::string_view> texts = views_of(data.texts);
  ZHIYIN_TRY(const Vectorise vectorise, encoder_for(model, open_encoder));
  ZHIYIN_TRY(const std::vector<float> dense, vectors_for(model, vectorise, texts));
  const auto predictions = classify_all(model, texts, dense, threads);
  std::vector<double> scores;
  for (const TextPrediction& p : predictions)
    scores.insert(scores.end(), p.scores.begin(), p.scores.end());
  const Aligned aligned = align(model, data);
  const TextMetrics metrics = measure_text(scores, aligned.labels, aligned.classes.size(),
                                           {.threshold = model.threshold()});
  Json out = Json::object();
  out.set("model", name).set("rows", data.rows());
  const Json measured = text_metrics_json(metrics, aligned.classes);
  for (const auto& [key, value] : *measured.if_object()) out.set(key, value);
  out.set("unknown_labels", Json(Json::Array(aligned.unknown.begin(), aligned.unknown.end())));
  out.set("out_of_scope", scope_json(model, aligned, predictions));
  return out.set("header_skipped", data.header);
}

Result<Json> evaluate_labels_task(const TextClassifier& model, std::string_view name,
                                  const MultiLabelledTexts& data, const OpenEncoder& open_encoder,
                                  std::size_t threads) {
  const std::vector<std::string_view> texts = views_of(data.texts);
  ZHIYIN_TRY(const Vectorise vectorise, encoder_for(model, open_encoder));
  ZHIYIN_TRY(const std::vector<float> dense, vectors_for(model, vectorise, texts));
  const auto predictions = classify_all(model, texts, dense, threads);
  const AlignedSets aligned = align(model, data);
  Json measured = measure_labels(sets_of(predictions), aligned.labels, aligned.classes, 1);
  measured.set("per_class", with_rules(model, aligned, predictions, measured["per_class"]));
  Json out = Json::object();
  out.set("model", name).set("rows", data.rows());
  for (const auto& [key, value] : *measured.if_object()) out.set(key, value);
  Json floor;
  if (model.has_floor()) {
    const auto without = classify_all(model, texts, {}, threads);
    floor = measure_labels(sets_of(without), aligned.labels, aligned.classes, 1)["metrics"];
  }
  out.set("floor", std::move(floor));
  out.set("unknown_labels", Json(Json::Array(aligned.unknown.begin(), aligned.unknown.end())));
  return out.set("header_skipped", data.header);
}

std::optional<int> intensity_of(const TextClassifier& model, const TextPrediction& prediction) {
  if (model.several() || model.classes() != std::vector<std::string>{"negative", "positive"})
    return std::nullopt;
  constexpr int kSteps = 5;
  return std::min(kSteps, 1 + static_cast<int>(prediction.scores[1] * kSteps));
}

Json prediction_json(const TextClassifier& model, const TextPrediction& prediction) {
  Json::Object scores;
  for (std::size_t c = 0; c < model.classes().size(); ++c)
    scores.emplace_back(model.classes()[c], Json(prediction.scores[c]));
  Json out = Json::object();
  if (model.several()) {
    std::vector<std::uint32_t> labels = prediction.labels;
    std::ranges::stable_sort(labels, std::ranges::greater(),
                             [&](std::uint32_t c) { return prediction.scores[c]; });
    Json names = Json::array();
    for (const std::uint32_t c : labels) names.push(model.classes()[c]);
    out.set("labels", std::move(names)).set("scores", Json(std::move(scores)));
    out.set("rejected", prediction.rejected);
    if (prediction.floor) out.set("floor", true);
    return out;
  }
  out.set("label", model.classes()[prediction.label]).set("confidence", prediction.confidence);
  out.set("scores", Json(std::move(scores))).set("rejected", prediction.rejected);
  out.set("scope", prediction.scope ? Json(*prediction.scope) : Json());
  out.set("out_of_scope", prediction.out_of_scope);
  if (prediction.floor) out.set("floor", true);
  if (const auto step = intensity_of(model, prediction)) out.set("intensity", *step);
  return out;
}

Json explanation_json(const TextExplanation& explanation) {
  Json terms = Json::array();
  for (const TermWeight& term : explanation.terms) {
    Json spans = Json::array();
    for (const auto& [begin, end] : term.spans | std::views::take(kTermSpansShown))
      spans.push(Json(Json::Array{begin, end}));
    terms.push(Json::object()
                   .set("term", term.term)
                   .set("weight", term.weight)
                   .set("count", term.spans.size())
                   .set("spans", std::move(spans)));
  }
  return Json::object()
      .set("decision", explanation.decision)
      .set("intercept", explanation.intercept)
      .set("encoder", explanation.encoder)
      .set("terms", std::move(terms));
}

}  // namespace zhiyin::model
