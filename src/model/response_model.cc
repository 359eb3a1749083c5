#include "model/response_model.h"

#include <algorithm>
#include <cmath>

#include "base/json_binding.h"
#include "model/artefact.h"

namespace zhiyin::model {

/// The header of a stored response model.
struct StoredResponse {
  std::vector<Standardiser::Column> columns;
  std::vector<double> weights;
  double intercept = 0;
  Calibration calibration;
  double threshold = 0.5;
};

}  // namespace zhiyin::model

template <>
struct zhiyin::Fields<zhiyin::model::Standardiser::Column> {
  using Column = model::Standardiser::Column;
  static constexpr std::string_view name = "Column";
  static constexpr auto list = field_list(
      field("name", &Column::name, ""), field("mean", &Column::mean, ""),
      field("deviation", &Column::deviation, ""), field("has_missing", &Column::has_missing, ""),
      field("logarithmic", &Column::logarithmic, ""));
};
template <>
struct zhiyin::Fields<zhiyin::model::Calibration> {
  using Calibration = model::Calibration;
  static constexpr std::string_view name = "Calibration";
  static constexpr auto list =
      field_list(field("slope", &Calibration::slope, ""), field("shift", &Calibration::shift, ""));
};
template <>
struct zhiyin::Fields<zhiyin::model::StoredResponse> {
  using Stored = model::StoredResponse;
  static constexpr std::string_view name = "StoredResponse";
  static constexpr auto list = field_list(
      field("columns", &Stored::columns, ""), field("weights", &Stored::weights, ""),
      field("intercept", &Stored::intercept, ""), field("calibration", &Stored::calibration, ""),
      field("threshold", &Stored::threshold, ""));
};

namespace zhiyin::model {
namespace {

/// A number as people read it: few digits, no exponent for the usual sizes.
std::string shown(double v) {
  if (v == std::floor(v) && std::fabs(v) < 1e9) return fmt::format("{:.0f}", v);
  return fmt::format("{:.3g}", v);
}

/// Minus zero would read back as an integer and change the bytes.
double without_negative_zero(double v) { return v + 0.0; }

}  // namespace

Result<ResponseModel> ResponseModel::create(Parts parts) {
  if (parts.logistic.weights.size() != parts.standardiser.outputs()) {
    return fail(ErrorCode::kInvalidArgument, "response model: {} weights for {} inputs",
                parts.logistic.weights.size(), parts.standardiser.outputs());
  }
  const bool finite =
      std::ranges::all_of(parts.logistic.weights, [](double w) { return std::isfinite(w); }) &&
      std::isfinite(parts.logistic.intercept) && std::isfinite(parts.calibration.slope) &&
      std::isfinite(parts.calibration.shift) && std::isfinite(parts.threshold);
  if (!finite) return fail(ErrorCode::kInvalidArgument, "response model: a weight is not finite");
  for (double& w : parts.logistic.weights) w = without_negative_zero(w);
  parts.logistic.intercept = without_negative_zero(parts.logistic.intercept);
  parts.calibration.shift = without_negative_zero(parts.calibration.shift);
  return ResponseModel(std::move(parts));
}

std::vector<std::string> ResponseModel::feature_names() const {
  std::vector<std::string> out;
  for (const auto& column : parts_.standardiser.columns()) out.push_back(column.name);
  return out;
}

double ResponseModel::probability(std::span<const double> features) const {
  std::vector<double> x(parts_.standardiser.outputs());
  parts_.standardiser.apply(features, x);
  return parts_.calibration.probability(parts_.logistic.log_odds(x));
}

double ResponseModel::probability(const std::map<std::string, double>& features) const {
  std::vector<double> raw;
  for (const auto& column : parts_.standardiser.columns()) {
    const auto found = features.find(column.name);
    raw.push_back(found == features.end() ? std::nan("") : found->second);
  }
  return probability(raw);
}

std::vector<Contribution> ResponseModel::explain(std::span<const double> features,
                                                 std::size_t count) const {
  const auto& columns = parts_.standardiser.columns();
  std::vector<double> x(parts_.standardiser.outputs());
  parts_.standardiser.apply(features, x);
  std::vector<Contribution> out;
  std::size_t indicator = columns.size();
  for (std::size_t c = 0; c < columns.size(); ++c) {
    double log_odds = parts_.logistic.weights[c] * x[c];
    if (columns[c].has_missing) {
      log_odds += parts_.logistic.weights[indicator] * x[indicator];
      ++indicator;
    }
    out.push_back({columns[c].name, features[c], parts_.calibration.slope * log_odds});
  }
  std::ranges::sort(out, {}, [](const Contribution& c) {
    return std::pair(-std::fabs(c.log_odds), std::string_view(c.feature));
  });
  std::erase_if(out, [](const Contribution& c) { return c.log_odds == 0; });
  if (out.size() > count) out.resize(count);
  return out;
}

std::string ResponseModel::encode() const {
  const StoredResponse stored{parts_.standardiser.columns(), parts_.logistic.weights,
                              parts_.logistic.intercept, parts_.calibration, parts_.threshold};
  return encode_artefact({std::string(kKind), to_json(stored), {}});
}

Result<ResponseModel> ResponseModel::decode(std::string_view bytes) {
  ZHIYIN_TRY(const Artefact artefact, decode_artefact(bytes));
  if (artefact.kind != kKind) {
    return fail(ErrorCode::kDataLoss, "model: kind is '{}', expected {}", artefact.kind, kKind);
  }
  const auto damaged = [](Error error) {
    error.code = ErrorCode::kDataLoss;
    return std::unexpected(std::move(error));
  };
  auto stored = from_json<StoredResponse>(artefact.header);
  if (!stored) return damaged(std::move(stored.error()));
  auto standardiser = Standardiser::from_columns(std::move(stored->columns));
  if (!standardiser) return damaged(std::move(standardiser.error()));
  auto model = create({std::move(*standardiser),
                       {std::move(stored->weights), stored->intercept},
                       stored->calibration,
                       stored->threshold});
  if (!model) return damaged(std::move(model.error()));
  return model;
}

std::string contribution_words(const Contribution& c, bool chinese) {
  const bool raises = c.log_odds > 0;
  if (chinese) {
    const std::string value = std::isnan(c.value) ? "未知" : shown(c.value);
    return fmt::format("{} 为 {}，{}响应意愿（{:+.2f}）", c.feature, value,
                       raises ? "提高" : "降低", c.log_odds);
  }
  const std::string value = std::isnan(c.value) ? "unknown" : shown(c.value);
  return fmt::format("{} is {}, which {} the probability ({:+.2f})", c.feature, value,
                     raises ? "raises" : "lowers", c.log_odds);
}

namespace {

Json coefficient_words(const std::string& feature, double log_odds, double deviation,
                       bool logarithmic) {
  const double factor = std::exp(log_odds);
  const std::string unit_zh =
      logarithmic ? "对数每增加一个标准差" : fmt::format("每增加 {}", shown(deviation));
  const std::string unit_en =
      logarithmic ? "one deviation more (log scale)" : fmt::format("{} more", shown(deviation));
  Json words = Json::object();
  words.set("zh", fmt::format("{}{}，响应的几率乘以 {:.2f}", feature, unit_zh, factor));
  words.set("en", fmt::format("{}: {} multiplies the odds by {:.2f}", feature, unit_en, factor));
  return words;
}

}  // namespace

Json coefficient_table(const ResponseModel& model) {
  const ResponseModel::Parts& parts = model.parts();
  const std::vector<std::string> names = parts.standardiser.output_names();
  const auto& columns = parts.standardiser.columns();
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (parts.logistic.weights[i] != 0) order.push_back(i);
  }
  std::ranges::sort(order, {}, [&](std::size_t i) {
    return std::pair(-std::fabs(parts.logistic.weights[i]), i);
  });
  Json out = Json::array();
  for (const std::size_t i : order) {
    const double log_odds = parts.calibration.slope * parts.logistic.weights[i];
    const bool is_column = i < columns.size();
    Json line = Json::object();
    line.set("feature", names[i]).set("log_odds_per_deviation", log_odds);
    line.set("odds_ratio", std::exp(log_odds));
    line.set("words", coefficient_words(names[i], log_odds, is_column ? columns[i].deviation : 1,
                                        is_column && columns[i].logarithmic));
    out.push(std::move(line));
  }
  return out;
}

}  // namespace zhiyin::model
