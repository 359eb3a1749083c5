#include "app/model_commands.h"

#include <algorithm>
#include <optional>

#include "base/file.h"
#include "base/utf8.h"
#include "model/artefact.h"
#include "model/classify/agreement.h"
#include "model/classify/text_classifier.h"
#include "model/pairs/pair_model.h"
#include "model/text_file.h"
#include "server/model_catalogue.h"

namespace zhiyin::app {
namespace {

using model::ModelRecord;
using model::TextClassifier;
using server::Services;

Result<std::string> needed(const Json& args, std::string_view name) {
  std::string text(args[name].string_or(""));
  if (text.empty()) return fail_field(name, "is missing");
  return text;
}

/// Kinds of models that other parts train and read themselves.
bool is_of_others(std::string_view kind) {
  return kind == "response" || kind == "recommend" || kind == "ranker";
}

Json summary(const ModelRecord& r) {
  return Json()
      .set("id", r.id)
      .set("kind", r.kind)
      .set("active", r.active)
      .set("metrics", r.metrics)
      .set("checksum", r.checksum);
}

/// A version of the registry, or a model that comes with the program.
struct AnyModel {
  ModelRecord record;                ///< of the latter without version, times and window
  std::optional<std::string> bytes;  ///< of the latter
  [[nodiscard]] bool is_shipped() const { return bytes.has_value(); }
};

/// A version by its id, the active one of a name, or what comes with the program.
Result<AnyModel> model_of(Services& s, const std::string& id) {
  auto found = s.models.find(id);
  if (found) return AnyModel{std::move(*found), std::nullopt};
  if (found.error().code != ErrorCode::kNotFound) return std::unexpected(found.error());
  ZHIYIN_TRY(auto active, s.models.active(id));
  if (active) return AnyModel{std::move(*active), std::nullopt};
  auto shipped = server::shipped_model(id);
  if (!shipped && shipped.error().code == ErrorCode::kNotFound)
    return fail(ErrorCode::kNotFound,
                "model '{}': neither in the registry nor among those that come with the program",
                utf8::truncate(id, 80));
  if (!shipped) return std::unexpected(shipped.error());
  AnyModel out;
  out.record.id = shipped->id;
  out.record.kind = shipped->name;
  out.record.checksum = shipped->checksum;
  out.bytes = std::move(shipped->bytes);
  return out;
}

Result<std::string> bytes_of(Services& s, const AnyModel& model) {
  if (model.bytes) return *model.bytes;
  return s.models.load(model.record.id);
}

/// A model of texts as `train text` wrote it.
struct TextModel {
  Json form;  ///< its sizes
  Json settings;
  Json metrics;
  std::optional<TextClassifier> classifier;  ///< where it gives classes to single texts
};

Json classes_json(const TextClassifier& classifier) {
  Json out = Json::array();
  for (const std::string& name : classifier.classes()) out.push(name);
  return out;
}

Json form_of(const TextClassifier& c) {
  Json out = Json()
                 .set("classes", classes_json(c))
                 .set("features", c.features())
                 .set("encoder_values", c.dense_columns())
                 .set("temperature", c.temperature())
                 .set("threshold", c.threshold());
  if (c.several()) out.set("several_labels", true);
  return out;
}

Json form_of(const model::PairModel& m) {
  return Json()
      .set("task", "pair")
      .set("classes",
           Json(Json::Array{Json(model::PairModel::kDifferent), Json(model::PairModel::kSame)}))
      .set("features", m.features())
      .set("encoder_values", m.dense_columns())
      .set("threshold", m.threshold());
}

/// Fails with kDataLoss where the bytes do not hold together.
Result<TextModel> text_model_of(std::string_view bytes) {
  ZHIYIN_TRY(const auto artefact, model::decode_artefact(bytes));
  if (artefact.kind == model::PairModel::kKind) {
    ZHIYIN_TRY(const auto pairs, model::PairModel::from_artefact(artefact));
    return TextModel{form_of(pairs), pairs.settings(), pairs.metrics(), std::nullopt};
  }
  ZHIYIN_TRY(auto classifier, TextClassifier::from_artefact(artefact));
  TextModel out{form_of(classifier), classifier.settings(), classifier.metrics(), std::nullopt};
  out.classifier = std::move(classifier);
  return out;
}

Result<TextModel> text_model_of(Services& s, const AnyModel& model) {
  if (is_of_others(model.record.kind))
    return fail(ErrorCode::kUnsupported, "model '{}': is no classifier of texts", model.record.id);
  ZHIYIN_TRY(const std::string bytes, bytes_of(s, model));
  return text_model_of(bytes);
}

/// What a shipped model's bytes say stands in its record like what the registry kept.
Result<AnyModel> described_model_of(Services& s, const std::string& id) {
  ZHIYIN_TRY(auto model, model_of(s, id));
  if (!model.is_shipped()) return model;
  ZHIYIN_TRY(const auto read, text_model_of(*model.bytes));
  model.record.settings = read.settings;
  model.record.metrics = read.metrics;
  return model;
}

Result<Json> list(Services& s, const Json&, const ProgressSink&) {
  ZHIYIN_TRY(const auto records, s.models.list());
  Json items = Json::array();
  for (const auto& record : records) items.push(summary(record));
  Json shipped = Json::array();
  for (const std::string_view name : server::shipped_names()) {
    const auto model = described_model_of(s, fmt::format("{}@shipped", name));
    shipped.push(model ? summary(model->record)
                       : Json().set("id", name).set("problem", model.error().text()));
  }
  ZHIYIN_TRY(Json alerts, s.drift.alerts());
  return Json()
      .set("items", std::move(items))
      .set("shipped", std::move(shipped))
      .set("drift_alerts", std::move(alerts));
}

Result<Json> info(Services& s, const Json& args, const ProgressSink&) {
  ZHIYIN_TRY(const std::string id, needed(args, "id"));
  ZHIYIN_TRY(const auto model, described_model_of(s, id));
  ZHIYIN_TRY(const std::string bytes, bytes_of(s, model));
  const ModelRecord& record = model.record;
  Json out = Json().set("id", record.id).set("kind", record.kind);
  out.set("source", model.is_shipped() ? "shipped" : "registry").set("active", record.active);
  out.set("stored_at", model.is_shipped() ? Json() : Json(format_utc(record.created_at)))
      .set("licence", record.settings["licence"])
      .set("data_window", record.window)
      .set("checksum", record.checksum)
      .set("bytes", bytes.size())
      .set("settings", record.settings)
      .set("metrics", record.metrics);
  if (is_of_others(record.kind)) return out;
  ZHIYIN_TRY(const auto text_model, text_model_of(bytes));
  return out.set("classifier", text_model.form);
}

Result<Json> export_to(Services& s, const Json& args, const ProgressSink&) {
  ZHIYIN_TRY(const std::string id, needed(args, "id"));
  ZHIYIN_TRY(const std::string to, needed(args, "to"));
  ZHIYIN_TRY(const auto model, model_of(s, id));
  ZHIYIN_TRY(const std::string bytes, bytes_of(s, model));
  ZHIYIN_TRY_VOID(write_file(to, bytes));
  return Json()
      .set("id", model.record.id)
      .set("checksum", model.record.checksum)
      .set("bytes", bytes.size());
}

/// {"from","to"} of the texts that were learnt from, as RFC 3339 times; null when not said.
Result<Json> window_of(const Json& args) {
  Json out;
  std::optional<Instant> begin;
  for (const auto& [flag, member] : {std::pair("data-from", "from"), std::pair("data-to", "to")}) {
    const auto* text = args[flag].if_string();
    if (text == nullptr) continue;
    const auto time = parse_time(*text, TimeZone::shanghai());
    if (!time) return fail_field(fmt::format("--{}", flag), "{}", time.error().message);
    if (begin && time->us < begin->us)
      return fail_field("--data-to", "{} is before --data-from", format_utc(*time));
    begin = *time;
    out.set(member, format_utc(*time));
  }
  return out;
}

Result<Json> install(Services& s, const Json& args, const ProgressSink&) {
  constexpr std::size_t kLicenceBytesMax = 200;
  ZHIYIN_TRY(const std::string path, needed(args, "file"));
  ZHIYIN_TRY(const std::string name, needed(args, "name"));
  ZHIYIN_TRY_VOID(server::check_classifier_name(name, "--name"));
  ZHIYIN_TRY(const Json window, window_of(args));
  const std::string licence(args["licence"].string_or(""));
  if (licence.size() > kLicenceBytesMax)
    return fail_field("--licence", "has {} bytes, at most {}", licence.size(), kLicenceBytesMax);
  ZHIYIN_TRY(std::string bytes, read_file(path, model::kModelBytesMax));
  const auto text_model = text_model_of(bytes);
  if (!text_model) return fail(text_model.error().code, "{}: {}", path, text_model.error().message);
  Json settings = text_model->settings;
  if (!licence.empty()) settings.set("licence", licence);
  ZHIYIN_TRY(const auto record,
             s.models.save({name, window, settings, text_model->metrics, std::move(bytes)},
                           s.clock.now(), !args["inactive"].bool_or(false)));
  return Json().set("id", record.id).set("checksum", record.checksum).set("active", record.active);
}

Result<void> check_whole(Services& s, const AnyModel& model) {
  if (!is_of_others(model.record.kind)) {
    ZHIYIN_TRY_VOID(text_model_of(s, model));
    return {};
  }
  ZHIYIN_TRY(const std::string bytes, bytes_of(s, model));
  ZHIYIN_TRY_VOID(model::decode_artefact(bytes));
  return {};
}

Result<Json> verify(Services& s, const Json& args, const ProgressSink& progress) {
  std::vector<AnyModel> models;
  if (const auto* id = args["id"].if_string()) {
    ZHIYIN_TRY(auto model, model_of(s, *id));
    models.push_back(std::move(model));
  } else {
    ZHIYIN_TRY(auto records, s.models.list());
    for (ModelRecord& record : records) models.push_back({std::move(record), std::nullopt});
  }
  Json items = Json::array();
  std::string damaged;
  for (std::size_t i = 0; i < models.size(); ++i) {
    const ModelRecord& record = models[i].record;
    const auto whole = check_whole(s, models[i]);
    if (!whole)
      damaged +=
          fmt::format("{}{}: {}", damaged.empty() ? "" : "; ", record.id, whole.error().text());
    items.push(Json().set("id", record.id).set("checksum", record.checksum));
    const double done = static_cast<double>(i + 1) / static_cast<double>(models.size());
    if (!progress(done, record.id)) return fail(ErrorCode::kConflict, "verify: cancelled");
  }
  if (!damaged.empty()) return fail(ErrorCode::kDataLoss, "models: {}", damaged);
  return Json().set("sound", std::move(items));
}

Result<Json> promote(Services& s, const Json& args, const ProgressSink&) {
  ZHIYIN_TRY(const std::string id, needed(args, "id"));
  ZHIYIN_TRY(const auto record, s.models.activate(id, s.clock.now()));
  s.recommendations.forget_model();
  return Json().set("id", record.id).set("active", record.active);
}

Result<Json> rollback(Services& s, const Json& args, const ProgressSink&) {
  ZHIYIN_TRY(const std::string name, needed(args, "name"));
  ZHIYIN_TRY(const auto record, s.models.rollback(name, s.clock.now()));
  s.recommendations.forget_model();
  return Json().set("id", record.id).set("active", record.active);
}

/// The lines of a file that hold text and are UTF-8.
std::vector<std::string_view> texts_of(std::string_view bytes) {
  std::vector<std::string_view> out;
  while (!bytes.empty()) {
    const std::size_t end = std::min(bytes.find('\n'), bytes.size());
    std::string_view line = bytes.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty() && utf8::is_valid(line)) out.push_back(line);
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
  }
  return out;
}

/// The encoder's vectors, as classifiers were trained with; fails as the encoder does, and with
/// kConflict where a model was trained with another one.
Result<std::vector<float>> vectors_of(Services& s, std::span<const std::string_view> texts,
                                      std::span<const TextClassifier* const> models,
                                      const ProgressSink& progress) {
  constexpr std::size_t kChunk = 64;
  std::vector<float> out;
  bool needed = false;
  for (const TextClassifier* model : models) {
    if (model->dense_columns() == 0) continue;
    ZHIYIN_TRY_VOID(s.language.check_encoder(*model));
    needed = true;
  }
  for (std::size_t begin = 0; needed && begin < texts.size(); begin += kChunk) {
    const auto part = texts.subspan(begin, std::min(kChunk, texts.size() - begin));
    ZHIYIN_TRY(const auto vectors,
               s.language.encode(part, {.caller = "model diff",
                                        .tokens_max = server::Language::kClassifierTokensMax}));
    out.insert(out.end(), vectors.values.begin(), vectors.values.end());
    const double done =
        static_cast<double>(begin + part.size()) / static_cast<double>(texts.size());
    if (!progress(done, "encoding")) return fail(ErrorCode::kConflict, "diff: cancelled");
  }
  return out;
}

Result<Json> agreement(Services& s, const TextClassifier& before, const TextClassifier& after,
                       const std::string& path, const ProgressSink& progress) {
  ZHIYIN_TRY(const std::string bytes, model::read_text_file(path));
  const auto texts = texts_of(bytes);
  const TextClassifier* const models[] = {&before, &after};
  ZHIYIN_TRY(const auto vectors, vectors_of(s, texts, models, progress));
  const auto answers = [&](const TextClassifier& model) {
    const std::span<const float> dense = vectors;
    return model::classify_all(model, texts, model.dense_columns() > 0 ? dense : dense.first(0), 1);
  };
  const auto old_answers = answers(before);
  const auto new_answers = answers(after);
  model::Agreement out;
  for (std::size_t i = 0; i < texts.size(); ++i)
    out.add(before.classes()[old_answers[i].label], old_answers[i].confidence,
            after.classes()[new_answers[i].label], new_answers[i].confidence);
  return out.report();
}

Json described(const ModelRecord& record) {
  return Json()
      .set("settings", record.settings)
      .set("metrics", record.metrics)
      .set("data_window", record.window);
}

Result<Json> diff(Services& s, const Json& args, const ProgressSink& progress) {
  ZHIYIN_TRY(const std::string old_id, needed(args, "old"));
  ZHIYIN_TRY(const std::string new_id, needed(args, "new"));
  ZHIYIN_TRY(const auto before, described_model_of(s, old_id));
  ZHIYIN_TRY(const auto after, described_model_of(s, new_id));
  Json old_form = described(before.record);
  Json new_form = described(after.record);
  Json out = Json().set("old", before.record.id).set("new", after.record.id);
  out.set("same_bytes", before.record.checksum == after.record.checksum);
  if (!is_of_others(before.record.kind) && !is_of_others(after.record.kind)) {
    ZHIYIN_TRY(const auto old_model, text_model_of(s, before));
    ZHIYIN_TRY(const auto new_model, text_model_of(s, after));
    old_form.set("classifier", old_model.form);
    new_form.set("classifier", new_model.form);
    if (const auto* input = args["input"].if_string()) {
      if (!old_model.classifier || !new_model.classifier)
        return fail_field("--input", "is for classifiers of single texts");
      ZHIYIN_TRY(Json found,
                 agreement(s, *old_model.classifier, *new_model.classifier, *input, progress));
      out.set("agreement", std::move(found));
    }
  } else if (args["input"].if_string() != nullptr) {
    return fail_field("--input", "is for classifiers of texts");
  }
  return out.set("differences", model::differences(old_form, new_form));
}

}  // namespace

const std::map<std::string, InstallationCommand, std::less<>>& model_commands() {
  static const std::map<std::string, InstallationCommand, std::less<>> table = {
      {"model list", list},       {"model info", info},        {"model export", export_to},
      {"model install", install}, {"model import", install},   {"model verify", verify},
      {"model promote", promote}, {"model activate", promote}, {"model rollback", rollback},
      {"model diff", diff}};
  return table;
}

}  // namespace zhiyin::app
