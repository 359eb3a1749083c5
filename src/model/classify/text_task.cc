#include "model/classify/text_task.h"

#include <algorithm>

#include "base/file.h"
#include "model/classify/measure_text.h"
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

Result<TrainedText> train_text_task(const TrainTextArgs& args) {
  const std::string features =
      !args.features.empty() ? args.features : (args.encoder_here ? "joined" : "ngram");
  if (features != "ngram" && features != "encoder" && features != "joined")
    return fail_field("--features", "'{}' is none of ngram, encoder, joined",
                      features.substr(0, 40));
  if (!args.calibration.empty() && args.calibration != "temperature" &&
      args.calibration != "isotonic")
    return fail_field("--calibration", "'{}' is neither temperature nor isotonic",
                      args.calibration.substr(0, 40));
  const bool encoded = features != "ngram";
  if (encoded && !args.open_encoder)
    return fail(ErrorCode::kUnavailable, "features {}: no encoder is installed here", features);
  ZHIYIN_TRY(const LabelledTexts data, read_labelled_texts(args.train));
  LabelledTexts validation;
  if (!args.validation.empty()) {
    ZHIYIN_TRY(validation, read_labelled_texts(args.validation));
  }
  constexpr double kEncodingShare = 0.7;
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
    ZHIYIN_TRY(vectors, vectorise.run(views_of(data.texts), [&](double share) {
      return !args.progress || args.progress(share * kEncodingShare);
    }));
    settings.dense = vectors.values;
    settings.dense_columns = vectors.width;
  }
  ZHIYIN_TRY(TextClassifier model, train_text(data, settings));
  Json report = Json::object();
  report.set("task", "classify").set("rows", data.rows()).set("header_skipped", data.header);
  report.set("classes", Json(Json::Array(data.classes.begin(), data.classes.end())));
  report.set("features", model.features()).set("encoder_values", model.dense_columns());
  report.set("settings", model.settings()).set("temperature", model.temperature());
  report.set("threshold", model.threshold()).set("held_out", model.metrics());
  if (validation.rows() > 0) {
    ZHIYIN_TRY(Json measured,
               evaluate_text_task(model, "", validation, args.open_encoder, args.threads));
    report.set("validation", std::move(measured));
  }
  return TrainedText{std::move(model), std::move(report)};
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

std::optional<int> intensity_of(const TextClassifier& model, const TextPrediction& prediction) {
  if (model.classes() != std::vector<std::string>{"negative", "positive"}) return std::nullopt;
  constexpr int kSteps = 5;
  return std::min(kSteps, 1 + static_cast<int>(prediction.scores[1] * kSteps));
}

Json prediction_json(const TextClassifier& model, const TextPrediction& prediction) {
  Json::Object scores;
  for (std::size_t c = 0; c < model.classes().size(); ++c)
    scores.emplace_back(model.classes()[c], Json(prediction.scores[c]));
  Json out = Json::object();
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
    for (const auto& [begin, end] : term.spans) spans.push(Json(Json::Array{begin, end}));
    terms.push(Json::object()
                   .set("term", term.term)
                   .set("weight", term.weight)
                   .set("spans", std::move(spans)));
  }
  return Json::object()
      .set("decision", explanation.decision)
      .set("intercept", explanation.intercept)
      .set("encoder", explanation.encoder)
      .set("terms", std::move(terms));
}

}  // namespace zhiyin::model
