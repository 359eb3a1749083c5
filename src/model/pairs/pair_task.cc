#include "model/pairs/pair_task.h"

#include <algorithm>

#include "model/classify/pieces.h"
#include "model/pairs/measure_pair.h"
#include "model/pairs/train_pair.h"

namespace zhiyin::model {
namespace {

std::vector<TextPair> pairs_of(const LabelledPairs& data) {
  std::vector<TextPair> out;
  for (std::size_t r = 0; r < data.rows(); ++r)
    out.push_back({data.texts[data.first[r]], data.texts[data.second[r]]});
  return out;
}

std::string_view encoder_of(const PairModel& model) {
  return model.settings()["encoder"].string_or("");
}

std::unexpected<Error> other_encoder(const PairModel& model, std::string_view here) {
  return fail(ErrorCode::kInvalidArgument, "encoder: this model was trained with {}, here is {}",
              encoder_of(model).substr(0, 80), here);
}

std::unexpected<Error> no_encoder() {
  return fail(ErrorCode::kUnavailable,
              "encoder: this model was trained with one, and none is here");
}

/// Of distinct texts, in their order.
Result<std::vector<float>> vectors_of(const PairModel& model, const Vectorise& vectorise,
                                      std::span<const std::string_view> texts) {
  if (encoder_of(model) != vectorise.encoder) return other_encoder(model, vectorise.encoder);
  ZHIYIN_TRY(TextVectors vectors, vectorise.run(texts, {}));
  if (vectors.width != model.dense_columns())
    return fail(ErrorCode::kInvalidArgument,
                "encoder: its vectors have {} values, the model was trained with {}", vectors.width,
                model.dense_columns());
  return std::move(vectors.values);
}

std::vector<double> probabilities(std::span<const PairPrediction> predictions) {
  std::vector<double> out;
  for (const PairPrediction& p : predictions) out.push_back(p.same);
  return out;
}

Json baseline_json(const LabelledPairs& data, std::span<const PairPrediction> predictions) {
  std::vector<double> cosines, shares;
  PairSide a, b;
  for (std::size_t r = 0; r < data.rows(); ++r) {
    if (predictions[r].cosine) cosines.push_back(*predictions[r].cosine);
    fold_side(data.texts[data.first[r]], a);
    fold_side(data.texts[data.second[r]], b);
    shares.push_back(jaccard_12(a, b));
  }
  return Json()
      .set("cosine", cosines.empty() ? Json() : auc_json(cosines, data.same))
      .set("jaccard", auc_json(shares, data.same));
}

}  // namespace

Result<UsableEncoder> encoder_or_floor(const PairModel& model, const OpenEncoder& open_encoder) {
  if (model.dense_columns() == 0) return UsableEncoder{};
  Result<Vectorise> opened = no_encoder();
  if (open_encoder) opened = open_encoder();
  if (opened && opened->encoder != encoder_of(model))
    opened = other_encoder(model, opened->encoder);
  if (opened) return UsableEncoder{std::move(*opened), {}};
  if (!model.has_floor()) return std::unexpected(opened.error());
  return UsableEncoder{{}, opened.error().message + "; answered by characters alone"};
}

Result<std::vector<float>> vectors_for(const PairModel& model, const Vectorise& vectorise,
                                       std::span<const TextPair> pairs) {
  if (model.dense_columns() == 0) return std::vector<float>();
  if (!vectorise && model.has_floor()) return std::vector<float>();
  if (!vectorise) return no_encoder();
  std::vector<std::string_view> texts;
  for (const TextPair& pair : pairs) {
    texts.push_back(pair.first);
    texts.push_back(pair.second);
  }
  return vectors_of(model, vectorise, texts);
}

std::vector<PairPrediction> predict_pairs(const PairModel& model, std::span<const TextPair> pairs,
                                          std::span<const float> vectors, std::size_t threads) {
  constexpr std::size_t kChunk = 256;
  std::vector<PairPrediction> out(pairs.size());
  const std::size_t width = vectors.empty() ? 0 : model.dense_columns();
  const auto chunk = [&](std::size_t piece) {
    PairModel::Scratch scratch;
    for (std::size_t i = piece * kChunk; i < std::min((piece + 1) * kChunk, pairs.size()); ++i)
      out[i] = model.predict(pairs[i].first, pairs[i].second, vectors.subspan(2 * i * width, width),
                             vectors.subspan((2 * i + 1) * width, width), scratch);
  };
  run_pieces((pairs.size() + kChunk - 1) / kChunk, threads, {}, chunk);
  return out;
}

Result<TrainedPair> train_pair_task(const TrainPairArgs& args) {
  const std::string features =
      !args.features.empty() ? args.features : (args.open_encoder ? "joined" : "ngram");
  if (features != "ngram" && features != "encoder" && features != "joined")
    return fail_field("--features", "'{}' is none of ngram, encoder, joined",
                      features.substr(0, 40));
  const bool encoded = features != "ngram";
  if (encoded && !args.open_encoder)
    return fail(ErrorCode::kUnavailable, "features {}: no encoder is installed here", features);
  ZHIYIN_TRY(const LabelledPairs data, read_labelled_pairs(args.train));
  LabelledPairs validation;
  if (!args.validation.empty()) {
    ZHIYIN_TRY(validation, read_labelled_pairs(args.validation));
  }
  constexpr double kEncodingShare = 0.7;
  TrainPairSettings settings;
  settings.characters = features != "encoder";
  settings.seed = args.seed;
  settings.threads = args.threads;
  settings.reject_loss = args.reject_loss;
  settings.features_max = args.features_max;
  const double begin = encoded ? kEncodingShare : 0;
  if (args.progress)
    settings.progress = [&](double share) { return args.progress(begin + (1 - begin) * share); };
  TextVectors vectors;
  if (encoded) {
    ZHIYIN_TRY(const Vectorise vectorise, args.open_encoder());
    settings.encoder = vectorise.encoder;
    const std::vector<std::string_view> texts(data.texts.begin(), data.texts.end());
    ZHIYIN_TRY(vectors, vectorise.run(texts, [&](double share) {
      return !args.progress || args.progress(share * kEncodingShare);
    }));
    settings.vectors = vectors.values;
    settings.dense_columns = vectors.width;
  }
  ZHIYIN_TRY(PairModel model, train_pair(data, settings));
  Json report = Json::object();
  report.set("task", "pair").set("rows", data.rows()).set("header_skipped", data.header);
  report.set("texts", data.texts.size());
  report.set("features", model.features()).set("encoder_values", model.dense_columns());
  report.set("settings", model.settings()).set("threshold", model.threshold());
  report.set("held_out", model.metrics());
  if (validation.rows() > 0) {
    ZHIYIN_TRY(Json measured,
               evaluate_pair_task(model, "", validation, args.open_encoder, args.threads));
    report.set("validation", std::move(measured));
  }
  return TrainedPair{std::move(model), std::move(report)};
}

Result<Json> evaluate_pair_task(const PairModel& model, std::string_view name,
                                const LabelledPairs& data, const OpenEncoder& open_encoder,
                                std::size_t threads) {
  const std::vector<TextPair> pairs = pairs_of(data);
  std::vector<float> vectors;
  if (model.dense_columns() > 0) {
    if (!open_encoder) return no_encoder();
    ZHIYIN_TRY(const Vectorise vectorise, open_encoder());
    // Each text once, however many pairs it stands in.
    const std::vector<std::string_view> texts(data.texts.begin(), data.texts.end());
    ZHIYIN_TRY(const auto distinct, vectors_of(model, vectorise, texts));
    const std::size_t width = model.dense_columns();
    for (std::size_t r = 0; r < data.rows(); ++r) {
      for (const std::uint32_t text : {data.first[r], data.second[r]}) {
        const auto vector = std::span(distinct).subspan(text * width, width);
        vectors.insert(vectors.end(), vector.begin(), vector.end());
      }
    }
  }
  const auto predictions = predict_pairs(model, pairs, vectors, threads);
  const Json measured = measure_pairs(probabilities(predictions), data.same, model.threshold(), 1);
  Json out = Json::object();
  out.set("model", name).set("rows", data.rows());
  for (const auto& [key, value] : *measured.if_object()) out.set(key, value);
  Json floor;
  if (model.has_floor()) {
    const auto without = predict_pairs(model, pairs, {}, threads);
    floor = measure_pairs(probabilities(without), data.same, model.threshold(), 1)["metrics"];
  }
  out.set("floor", std::move(floor)).set("baseline", baseline_json(data, predictions));
  return out.set("header_skipped", data.header);
}

}  // namespace zhiyin::model
