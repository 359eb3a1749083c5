#include "server/text_similarity.h"

#include <algorithm>

#include "base/crypto.h"
#include "base/file.h"
#include "base/program_file.h"
#include "model/artefact.h"
#include "model/pairs/pair_task.h"

namespace zhiyin::server {
namespace {

constexpr std::size_t kModelsMax = 16;  // kept in memory
constexpr auto kLookEvery = std::chrono::seconds(1);
constexpr std::size_t kShownOfChecksum = 8;

bool is_name(std::string_view name) {
  return !name.empty() && !name.starts_with('.') && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
  });
}

Result<std::shared_ptr<const ServedPairModel>> served(std::string version, std::string_view bytes) {
  ZHIYIN_TRY(const auto artefact, model::decode_artefact(bytes));
  if (artefact.kind == model::TextClassifier::kKind)
    return fail(ErrorCode::kUnsupported, "model '{}': gives classes to single texts, not to pairs",
                version);
  ZHIYIN_TRY(auto pairs, model::PairModel::from_artefact(artefact));
  return std::make_shared<const ServedPairModel>(
      ServedPairModel{std::move(version), std::move(pairs)});
}

Result<void> check_text(std::string_view text, std::string field) {
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos)
    return fail_field(field, "is empty");
  if (text.size() > kSimilarityBytesMax)
    return fail_field(field, "has {} bytes, at most {}", text.size(), kSimilarityBytesMax);
  return {};
}

Json error_json(const Error& error) {
  return Json().set("error", Json()
                                 .set("code", to_string(error.code))
                                 .set("message", error.message)
                                 .set("field", error.field));
}

/// Why the model's encoder cannot be used; empty where it can, or needs none.
std::string missing_encoder(Language& language, const model::PairModel& model) {
  const auto usable = language.check_encoder(model);
  return usable ? std::string() : usable.error().text();
}

}  // namespace

/// Null where `known` is the version to use.
Result<std::shared_ptr<const ServedPairModel>> PairModels::load(
    const std::string& name, const ServedPairModel* known) const {
  ZHIYIN_TRY(const auto record, registry_.active(name));
  if (record) {
    if (known != nullptr && known->version == record->id)
      return std::shared_ptr<const ServedPairModel>();
    ZHIYIN_TRY(const std::string bytes, registry_.load(record->id));
    return served(record->id, bytes);
  }
  if (known != nullptr && known->version.starts_with(name + "@"))
    return std::shared_ptr<const ServedPairModel>();
  const auto file = program_file(fmt::format("models/{}.zym", name));
  if (!file)
    return fail(ErrorCode::kNotFound,
                "model '{}': neither in the registry nor among those that come with the program",
                name);
  ZHIYIN_TRY(const std::string bytes, read_file(*file, model::kModelBytesMax));
  const std::string sum = crypto::hex(crypto::sha256(bytes)).substr(0, kShownOfChecksum);
  return served(fmt::format("{}@{}", name, sum), bytes);
}

Result<std::shared_ptr<const ServedPairModel>> PairModels::find(const std::string& name) {
  if (!is_name(name)) return fail_field("model", "'{}' is no name of a model", name.substr(0, 80));
  const auto now = std::chrono::steady_clock::now();
  std::shared_ptr<const ServedPairModel> known;
  {
    const MutexLock lock(mutex_);
    const auto found = cached_.find(name);
    if (found != cached_.end()) known = found->second.model;
    if (known && now - found->second.looked_at < kLookEvery) return known;
  }
  ZHIYIN_TRY(auto fresh, load(name, known.get()));
  if (!fresh) fresh = known;
  const MutexLock lock(mutex_);
  if (cached_.size() >= kModelsMax && !cached_.contains(name)) cached_.erase(cached_.begin());
  cached_[name] = {fresh, now};
  return fresh;
}

Result<Json> similarities(Language& language, PairModels& models, const SimilarityRequest& request,
                          std::string_view caller) {
  auto found = models.find(request.model);
  if (!found && found.error().field.empty()) found.error().field = "model";
  if (!found) return std::unexpected(found.error());
  const model::PairModel& model = (*found)->model;
  const std::string missing = missing_encoder(language, model);
  if (!missing.empty() && !model.has_floor()) return fail(ErrorCode::kUnavailable, "{}", missing);

  std::vector<Json> items(request.pairs.size());
  std::vector<model::TextPair> sound;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const PairOfTexts& pair = request.pairs[i];
    auto checked = check_text(pair.first, fmt::format("pairs[{}].first", i));
    if (checked) checked = check_text(pair.second, fmt::format("pairs[{}].second", i));
    if (!checked) {
      items[i] = error_json(checked.error());
      continue;
    }
    sound.push_back({pair.first, pair.second});
    places.push_back(i);
  }
  Language::Vectors vectors;
  if (missing.empty() && model.dense_columns() > 0 && !sound.empty()) {
    std::vector<std::string_view> texts;
    for (const model::TextPair& pair : sound) {
      texts.push_back(pair.first);
      texts.push_back(pair.second);
    }
    ZHIYIN_TRY(vectors, language.encode(texts, {.caller = caller,
                                                .prefix = model::PairModel::kPrefix,
                                                .tokens_max = Language::kClassifierTokensMax}));
  }
  const auto answers = model::predict_pairs(model, sound, vectors.values, 1);
  language.watch_pairs(request.model, (*found)->version, model, sound, answers);
  language.shadow_pairs(request.model, **found, sound, vectors.values, answers);
  const std::size_t width = vectors.values.empty() ? 0 : model.dense_columns();
  const std::span<const float> all = vectors.values;
  for (std::size_t i = 0; i < sound.size(); ++i) {
    Json& item = items[places[i]] = prediction_json(answers[i]);
    if (request.explain == 0) continue;
    item.set("why", model::explanation_json(model.explain(
                        sound[i].first, sound[i].second, all.subspan(2 * i * width, width),
                        all.subspan((2 * i + 1) * width, width),
                        static_cast<std::size_t>(request.explain))));
  }
  Json list = Json::array();
  for (Json& item : items) list.push(std::move(item));
  Json out = Json().set("items", std::move(list)).set("version", (*found)->version);
  if (!missing.empty()) out.set("note", missing + "; answered by characters alone");
  return out;
}

}  // namespace zhiyin::server
