// The stored form of a text classifier: docs/formats/model.md, kind `text`.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

#include "model/classify/text_classifier.h"

namespace zhiyin::model {
namespace {

constexpr std::string_view kNormaliser = "text-1";
constexpr std::size_t kFeaturesMax = 100'000'000;
constexpr std::size_t kDenseMax = 65'536;
constexpr std::size_t kClassesMax = 10'000;

std::unexpected<Error> damaged(std::string_view what) {
  return fail(ErrorCode::kDataLoss, "text model: {}", what);
}

template <class T>
void append(std::string& out, const std::vector<T>& values) {
  out.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

/// Takes arrays from the front of the payload.
class Arrays {
 public:
  explicit Arrays(std::string_view bytes) : left_(bytes) {}
  template <class T>
  bool take(std::size_t count, std::vector<T>& out) {
    if (count > left_.size() / sizeof(T)) return false;
    out.resize(count);
    if (count > 0) std::memcpy(out.data(), left_.data(), count * sizeof(T));
    left_.remove_prefix(count * sizeof(T));
    return true;
  }
  bool take(std::size_t bytes, std::string& out) {
    if (bytes > left_.size()) return false;
    out = std::string(left_.substr(0, bytes));
    left_.remove_prefix(bytes);
    return true;
  }
  [[nodiscard]] bool at_end() const { return left_.empty(); }

 private:
  std::string_view left_;
};

/// A whole number of the header between 0 and `most`.
Result<std::size_t> size_of(const Json& header, std::string_view name, std::size_t most) {
  const std::int64_t* value = header[name].if_int();
  if (value == nullptr || *value < 0 || static_cast<std::uint64_t>(*value) > most)
    return damaged(fmt::format("'{}' of the header is missing or out of range", name));
  return static_cast<std::size_t>(*value);
}

Result<std::vector<std::string>> classes_of(const Json& header) {
  std::vector<std::string> out;
  std::set<std::string_view> seen;
  const Json::Array* list = header["classes"].if_array();
  if (list == nullptr || list->size() < 2 || list->size() > kClassesMax)
    return damaged("'classes' of the header is missing or out of range");
  for (const Json& name : *list) {
    const std::string* text = name.if_string();
    if (text == nullptr || !seen.insert(*text).second)
      return damaged("'classes' of the header has something twice or not a text");
    out.push_back(*text);
  }
  return out;
}

Json numbers(std::span<const double> values) { return Json::Array(values.begin(), values.end()); }

constexpr std::size_t kScopeMax = 1001;

/// Finite numbers, at most so many; none where there is no list.
Result<std::vector<double>> numbers_of(const Json& list, std::string_view name, std::size_t most) {
  std::vector<double> out;
  if (list.is_null()) return out;
  const Json::Array* values = list.if_array();
  if (values == nullptr || values->size() > most)
    return damaged(fmt::format("'{}' of the header is no list of at most {}", name, most));
  for (const Json& value : *values) {
    out.push_back(value.number_or(NAN));
    if (!std::isfinite(out.back()))
      return damaged(fmt::format("'{}' of the header has something that is no number", name));
  }
  return out;
}

Result<Isotonic> isotonic_of(const Json& json) {
  Isotonic out;
  ZHIYIN_TRY(out.x, numbers_of(json["x"], "isotonic.x", kIsotonicKnotsMax));
  ZHIYIN_TRY(out.y, numbers_of(json["y"], "isotonic.y", kIsotonicKnotsMax));
  const bool ascends =
      std::ranges::adjacent_find(out.x, std::ranges::greater_equal()) == out.x.end();
  if (out.x.size() != out.y.size() || !ascends || !std::ranges::is_sorted(out.y))
    return damaged("'isotonic' of the header does not ascend");
  return out;
}

Json rules_json(std::span<const LabelRule> rules) {
  Json out = Json::array();
  for (const LabelRule& r : rules)
    out.push(Json(Json::Array{r.calibration.slope, r.calibration.shift, r.floor_calibration.slope,
                              r.floor_calibration.shift, r.threshold}));
  return out;
}

/// None where there is no list: then a text has one class.
Result<std::vector<LabelRule>> rules_of(const Json& list, std::size_t classes) {
  std::vector<LabelRule> out;
  if (list.is_null()) return out;
  const Json::Array* rows = list.if_array();
  if (rows == nullptr || rows->size() != classes)
    return damaged("'rules' of the header is no list of one per class");
  constexpr std::size_t kNumbers = 5;
  for (const Json& row : *rows) {
    ZHIYIN_TRY(const auto n, numbers_of(row, "rules", kNumbers));
    if (n.size() != kNumbers || !(n[0] > 0) || !(n[2] > 0) || !(n[4] >= 0 && n[4] <= 1))
      return damaged("'rules' of the header is out of range");
    out.push_back({{n[0], n[1]}, {n[2], n[3]}, n[4]});
  }
  return out;
}

bool finite(std::span<const float> values) {
  for (const float v : values) {
    if (!std::isfinite(v)) return false;
  }
  return true;
}

}  // namespace

Artefact TextClassifier::to_artefact() const {
  Json header = Json::object();
  header.set("classes", Json(Json::Array(classes_.begin(), classes_.end())));
  header.set("normaliser", kNormaliser).set("ngram_max", ngram_max_);
  header.set("features", keys_.size()).set("dense_columns", dense_columns());
  header.set("weight_unit", weight_unit_);
  header.set("intercepts", Json(Json::Array(intercepts_.begin(), intercepts_.end())));
  header.set("temperature", temperature_).set("threshold", threshold_);
  if (!isotonic_.empty())
    header.set("isotonic", Json().set("x", numbers(isotonic_.x)).set("y", numbers(isotonic_.y)));
  if (!scope_.empty())
    header.set("scope", Json().set("quantiles", numbers(scope_)).set("least", scope_min_));
  if (floor_temperature_ > 0) header.set("floor_temperature", floor_temperature_);
  if (several()) header.set("rules", rules_json(rules_));
  if (reference_.rows > 0) header.set("reference", to_json(reference_));
  header.set("settings", settings_).set("metrics", metrics_);
  Artefact out{std::string(kKind), std::move(header), {}};
  append(out.payload, keys_);
  append(out.payload, dense_mean_);
  append(out.payload, dense_factor_);
  append(out.payload, dense_weights_);
  out.payload += records_;
  return out;
}

Result<TextClassifier> TextClassifier::from_artefact(const Artefact& artefact) {
  if (artefact.kind != kKind)
    return damaged(fmt::format("this is a model of kind '{}'", artefact.kind.substr(0, 40)));
  const Json& header = artefact.header;
  if (header["normaliser"].string_or("") != kNormaliser)
    return fail(ErrorCode::kUnsupported, "text model: its normaliser is not known here");
  TextClassifier out;
  ZHIYIN_TRY(out.classes_, classes_of(header));
  ZHIYIN_TRY(out.ngram_max_, size_of(header, "ngram_max", kNgramCharactersMax));
  ZHIYIN_TRY(const std::size_t features, size_of(header, "features", kFeaturesMax));
  ZHIYIN_TRY(const std::size_t dense, size_of(header, "dense_columns", kDenseMax));
  ZHIYIN_TRY(out.rules_, rules_of(header["rules"], out.classes_.size()));
  const std::size_t columns = !out.several() && out.classes_.size() == 2 ? 1 : out.classes_.size();
  const Json::Array* intercepts = header["intercepts"].if_array();
  if (intercepts == nullptr || intercepts->size() != columns)
    return damaged("'intercepts' of the header is missing or of a wrong length");
  for (const Json& value : *intercepts) out.intercepts_.push_back(value.number_or(NAN));
  out.weight_unit_ = header["weight_unit"].number_or(NAN);
  out.temperature_ = header["temperature"].number_or(NAN);
  out.threshold_ = header["threshold"].number_or(NAN);
  ZHIYIN_TRY(out.isotonic_, isotonic_of(header["isotonic"]));
  ZHIYIN_TRY(out.scope_, numbers_of(header["scope"]["quantiles"], "scope.quantiles", kScopeMax));
  out.scope_min_ = header["scope"]["least"].number_or(0);
  out.floor_temperature_ = header["floor_temperature"].number_or(0);
  ZHIYIN_TRY(out.reference_, drift_reference_of(header["reference"], out.classes_.size()));
  if (out.scope_.size() == 1 || !std::ranges::is_sorted(out.scope_) ||
      !(out.scope_min_ >= 0 && out.scope_min_ <= 1) || !(out.floor_temperature_ >= 0) ||
      !std::isfinite(out.floor_temperature_))
    return damaged("'scope' or 'floor_temperature' of the header is out of range");
  out.settings_ = header["settings"];
  out.metrics_ = header["metrics"];
  bool good = std::isfinite(out.weight_unit_) && out.weight_unit_ >= 0 &&
              std::isfinite(out.temperature_) && out.temperature_ > 0 && out.threshold_ >= 0 &&
              out.threshold_ <= 1 && out.ngram_max_ > 0;
  for (const double value : out.intercepts_) good = good && std::isfinite(value);
  if (!good) return damaged("a number of the header is missing or out of range");
  Arrays arrays(artefact.payload);
  if (!arrays.take(features, out.keys_) || !arrays.take(dense, out.dense_mean_) ||
      !arrays.take(dense, out.dense_factor_) || !arrays.take(dense * columns, out.dense_weights_) ||
      !arrays.take(features * out.record_bytes(), out.records_) || !arrays.at_end())
    return damaged("the payload has another length than the header says");
  if (!finite(out.dense_mean_) || !finite(out.dense_factor_) || !finite(out.dense_weights_))
    return damaged("a weight is not finite");
  if (std::ranges::adjacent_find(out.keys_, std::ranges::greater_equal()) != out.keys_.end() ||
      (!out.keys_.empty() && out.keys_.front() == 0))
    return damaged("n-grams are not ascending");
  out.index();
  return out;
}

}  // namespace zhiyin::model
