// The stored form of a model of pairs: docs/formats/model.md, kind `pair`.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "model/pairs/pair_model.h"

namespace zhiyin::model {
namespace {

constexpr std::string_view kNormaliser = "text-1";
constexpr std::size_t kFeaturesMax = 100'000'000;
constexpr std::size_t kDenseMax = 65'536;

std::unexpected<Error> damaged(std::string_view what) {
  return fail(ErrorCode::kDataLoss, "pair model: {}", what);
}

template <class T>
void append(std::string& out, const std::vector<T>& values) {
  out.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

/// Takes `count` values from the front; false where there are not so many.
template <class T>
bool take(std::string_view& left, std::size_t count, std::vector<T>& out) {
  if (count > left.size() / sizeof(T)) return false;
  out.resize(count);
  if (count > 0) std::memcpy(out.data(), left.data(), count * sizeof(T));
  left.remove_prefix(count * sizeof(T));
  return true;
}

bool finite(std::span<const float> values) {
  return std::ranges::all_of(values, [](float v) { return std::isfinite(v); });
}

/// A whole number of the header between 0 and `most`.
Result<std::size_t> size_of(const Json& header, std::string_view name, std::size_t most) {
  const std::int64_t* value = header[name].if_int();
  if (value == nullptr || *value < 0 || static_cast<std::uint64_t>(*value) > most)
    return damaged(fmt::format("'{}' of the header is missing or out of range", name));
  return static_cast<std::size_t>(*value);
}

Result<double> number_of(const Json& json, std::string_view name) {
  const double value = json.number_or(NAN);
  if (!std::isfinite(value))
    return damaged(fmt::format("'{}' of the header is missing or no number", name));
  return value;
}

Result<Calibration> calibration_of(const Json& json, std::string_view name) {
  Calibration out;
  ZHIYIN_TRY(out.slope, number_of(json["slope"], name));
  ZHIYIN_TRY(out.shift, number_of(json["shift"], name));
  if (!(out.slope > 0)) return damaged(fmt::format("'{}' of the header does not rise", name));
  return out;
}

Result<std::vector<double>> numbers_of(const Json& header, std::string_view name) {
  std::vector<double> out;
  const Json::Array* values = header[name].if_array();
  if (values == nullptr || values->size() > kCharacterColumns)
    return damaged(fmt::format("'{}' of the header is missing or too long", name));
  for (const Json& value : *values) {
    ZHIYIN_TRY(const double number, number_of(value, name));
    out.push_back(number);
  }
  return out;
}

Json numbers(std::span<const double> values) { return Json::Array(values.begin(), values.end()); }

Json json_of(const Calibration& c) { return Json().set("slope", c.slope).set("shift", c.shift); }

}  // namespace

Artefact PairModel::to_artefact() const {
  Json header = Json::object();
  header.set("normaliser", kNormaliser).set("features", features());
  header.set("dense_columns", dense_columns()).set("weight_unit", characters_.unit);
  header.set("likeness", numbers(characters_.likeness)).set("cosine", numbers(cosine_));
  header.set("encoder_bias", encoder_bias_).set("intercept", characters_.intercept);
  header.set("floor_unit", floor_.unit).set("floor_likeness", numbers(floor_.likeness));
  header.set("floor_intercept", floor_.intercept);
  header.set("general", numbers(std::array{general_weight_, general_bias_}));
  header.set("familiar", numbers(std::array{familiar_low_, familiar_high_}));
  header.set("calibration", json_of(calibration_));
  header.set("floor_calibration", json_of(floor_calibration_));
  if (reference_.rows > 0) header.set("reference", to_json(reference_));
  header.set("threshold", threshold_).set("settings", settings_).set("metrics", metrics_);
  Artefact out{std::string(kKind), std::move(header), {}};
  append(out.payload, keys_);
  append(out.payload, vector_mean_);
  append(out.payload, vector_factor_);
  append(out.payload, product_);
  append(out.payload, difference_);
  append(out.payload, idf_);
  append(out.payload, characters_.steps);
  append(out.payload, floor_.steps);
  return out;
}

Result<PairModel> PairModel::from_artefact(const Artefact& artefact) {
  if (artefact.kind != kKind)
    return damaged(fmt::format("this is a model of kind '{}'", artefact.kind.substr(0, 40)));
  const Json& header = artefact.header;
  if (header["normaliser"].string_or("") != kNormaliser)
    return fail(ErrorCode::kUnsupported, "pair model: its normaliser is not known here");
  PairModel out;
  ZHIYIN_TRY(const std::size_t features, size_of(header, "features", kFeaturesMax));
  ZHIYIN_TRY(const std::size_t width, size_of(header, "dense_columns", kDenseMax));
  ZHIYIN_TRY(out.characters_.unit, number_of(header["weight_unit"], "weight_unit"));
  ZHIYIN_TRY(out.characters_.likeness, numbers_of(header, "likeness"));
  ZHIYIN_TRY(out.floor_.unit, number_of(header["floor_unit"], "floor_unit"));
  ZHIYIN_TRY(out.floor_.likeness, numbers_of(header, "floor_likeness"));
  ZHIYIN_TRY(out.floor_.intercept, number_of(header["floor_intercept"], "floor_intercept"));
  ZHIYIN_TRY(const auto cosine, numbers_of(header, "cosine"));
  ZHIYIN_TRY(out.encoder_bias_, number_of(header["encoder_bias"], "encoder_bias"));
  ZHIYIN_TRY(out.characters_.intercept, number_of(header["intercept"], "intercept"));
  // Models of before have neither: they decide alone.
  if (!header["general"].is_null() || !header["familiar"].is_null()) {
    ZHIYIN_TRY(const auto general, numbers_of(header, "general"));
    ZHIYIN_TRY(const auto familiar, numbers_of(header, "familiar"));
    if (general.size() != 2 || familiar.size() != 2 || general[0] > 0 || familiar[0] < 0 ||
        familiar[0] > familiar[1] || familiar[1] > 1)
      return damaged("'general' or 'familiar' of the header is out of range");
    out.general_weight_ = general[0];
    out.general_bias_ = general[1];
    out.familiar_low_ = familiar[0];
    out.familiar_high_ = familiar[1];
  }
  ZHIYIN_TRY(out.calibration_, calibration_of(header["calibration"], "calibration"));
  ZHIYIN_TRY(out.floor_calibration_,
             calibration_of(header["floor_calibration"], "floor_calibration"));
  ZHIYIN_TRY(out.threshold_, number_of(header["threshold"], "threshold"));
  ZHIYIN_TRY(out.reference_, drift_reference_of(header["reference"], 2));
  out.settings_ = header["settings"];
  out.metrics_ = header["metrics"];
  const bool characters = !out.characters_.likeness.empty();
  const bool joined = characters && width > 0;
  if (!characters && (features > 0 || width == 0))
    return damaged("it has n-grams without 'likeness', or no part at all");
  if ((characters && out.characters_.likeness.size() != kCharacterColumns) ||
      out.floor_.likeness.size() != (joined ? kCharacterColumns : 0) ||
      cosine.size() != kCosineColumns)
    return damaged("'likeness', 'floor_likeness' or 'cosine' of the header has a wrong length");
  std::ranges::copy(cosine, out.cosine_.begin());
  if (out.characters_.unit < 0 || out.floor_.unit < 0 || out.threshold_ < 0 || out.threshold_ > 1)
    return damaged("a number of the header is out of range");
  std::string_view left = artefact.payload;
  if (!take(left, features, out.keys_) || !take(left, width, out.vector_mean_) ||
      !take(left, width, out.vector_factor_) || !take(left, width, out.product_) ||
      !take(left, width, out.difference_) || !take(left, features, out.idf_) ||
      !take(left, 2 * features, out.characters_.steps) ||
      !take(left, joined ? 2 * features : 0, out.floor_.steps) || !left.empty())
    return damaged("the payload has another length than the header says");
  if (!finite(out.vector_mean_) || !finite(out.vector_factor_) || !finite(out.product_) ||
      !finite(out.difference_))
    return damaged("a weight is not finite");
  if (std::ranges::adjacent_find(out.keys_, std::ranges::greater_equal()) != out.keys_.end() ||
      (!out.keys_.empty() && out.keys_.front() == 0))
    return damaged("n-grams are not ascending");
  out.index();
  return out;
}

}  // namespace zhiyin::model
