#include "server/model_catalogue.h"

#include <algorithm>
#include <vector>

#include "base/crypto.h"
#include "base/file.h"
#include "base/program_file.h"
#include "base/utf8.h"
#include "model/artefact.h"
#include "server/text_analysis.h"
#include "server/text_similarity.h"

namespace zhiyin::server {
namespace {

constexpr std::size_t kShownOfChecksum = 8;
constexpr std::size_t kCardBytesMax = 64 << 10;

/// The card's text; null where there is none that can be shown.
Json card_of(std::string_view name) {
  const auto file = program_file(fmt::format("models/{}.md", name));
  if (!file) return {};
  auto text = read_file(*file, kCardBytesMax);
  if (!text || !utf8::is_valid(*text)) return {};
  return std::move(*text);
}

Result<void> describe(std::string_view name, Json& out) {
  ZHIYIN_TRY(const ShippedModel shipped, shipped_model(name));
  out.set("checksum", shipped.checksum).set("bytes", shipped.bytes.size());
  out.set("id", shipped.id).set("version", shipped.checksum.substr(0, kShownOfChecksum));
  ZHIYIN_TRY(const auto artefact, model::decode_artefact(shipped.bytes));
  if (artefact.kind == model::PairModel::kKind) {
    ZHIYIN_TRY(const auto pairs, model::PairModel::from_artefact(artefact));
    out.set("classes",
            Json(Json::Array{Json(model::PairModel::kDifferent), Json(model::PairModel::kSame)}));
    out.set("features", pairs.features())
        .set("encoder_values", pairs.dense_columns())
        .set("threshold", pairs.threshold());
    out.set("settings", pairs.settings()).set("metrics", pairs.metrics());
    return {};
  }
  ZHIYIN_TRY(const auto classifier, model::TextClassifier::from_artefact(artefact));
  Json classes = Json::array();
  for (const std::string& one : classifier.classes()) classes.push(one);
  out.set("classes", std::move(classes))
      .set("features", classifier.features())
      .set("encoder_values", classifier.dense_columns())
      .set("threshold", classifier.threshold());
  out.set("settings", classifier.settings()).set("metrics", classifier.metrics());
  return {};
}

constexpr std::size_t kNameBytesMax = 64;

}  // namespace

bool is_model_name(std::string_view name) {
  return !name.empty() && name.size() <= kNameBytesMax && !name.starts_with('.') &&
         std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
                  c == '.';
         });
}

Result<void> check_classifier_name(std::string_view name, std::string_view field) {
  if (!is_model_name(name))
    return fail_field(field,
                      "'{}' is no name for a classifier: a-z, 0-9, '-', '_' and '.', not '.' "
                      "first, at most {}; a path has a '/'",
                      utf8::truncate(name, 80), kNameBytesMax);
  if (name == "response" || name == "recommend" || name == "ranker")
    return fail_field(field, "'{}' is another kind of model", name);
  if (is_analysis_rule(name))
    return fail_field(field, "'{}' is what an analysis finds by rules", name);
  return {};
}

std::vector<std::string_view> shipped_names() {
  std::vector<std::string_view> out(kShippedNames.begin(), kShippedNames.end());
  out.push_back(kShippedPairModel);
  std::erase_if(
      out, [](std::string_view name) { return !program_file(fmt::format("models/{}.zym", name)); });
  return out;
}

Result<ShippedModel> shipped_model(std::string_view id) {
  const std::size_t at = std::min(id.find('@'), id.size());
  const std::string_view name = id.substr(0, at);
  const std::string_view version = id.substr(std::min(at + 1, id.size()));
  const auto unknown = [&] {
    return fail(ErrorCode::kNotFound, "model '{}': does not come with the program",
                utf8::truncate(id, 80));
  };
  const auto names = shipped_names();
  if (std::ranges::find(names, name) == names.end()) return unknown();
  ZHIYIN_TRY(const auto file, program_file(fmt::format("models/{}.zym", name)));
  ZHIYIN_TRY(std::string bytes, read_file(file, model::kModelBytesMax));
  std::string sum = crypto::hex(crypto::sha256(bytes));
  std::string whole = fmt::format("{}@{}", name, std::string_view(sum).substr(0, kShownOfChecksum));
  if (at < id.size() && version != "shipped" && id != whole) return unknown();
  return ShippedModel{std::move(whole), std::string(name), std::move(sum), std::move(bytes)};
}

Json ModelCatalogue::shipped() {
  const MutexLock lock(mutex_);
  if (shipped_) return *shipped_;
  Json out = Json::array();
  for (const std::string_view name : shipped_names()) {
    Json one = Json().set("id", name).set("kind", name).set("source", "shipped");
    if (const auto read = describe(name, one); !read) one.set("problem", read.error().text());
    one.set("card", card_of(name));
    out.push(std::move(one));
  }
  shipped_ = out;
  return out;
}

Json ModelCatalogue::encoder() {
  const auto found = language_.encoder();
  if (!found) return Json().set("id", Json()).set("problem", found.error().text());
  const auto& encoder = (*found)->encoder();
  const auto& shape = encoder.shape();
  Json out;
  out.set("id", language_.encoder_name()).set("checksum", (*found)->checksum());
  out.set("width", shape.width)
      .set("layers", shape.layers)
      .set("vocabulary", shape.vocabulary)
      .set("tokens_max", (*found)->tokens_max());
  return out.set("kernels", encoder.kernels());
}

}  // namespace zhiyin::server
