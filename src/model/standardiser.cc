#include "model/standardiser.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace zhiyin::model {
namespace {

/// Counts of actions are skewed: a few people do most. Above this skewness the logarithm is used.
constexpr double kSkewed = 2;
/// A deviation this small beside the mean is rounding, not variance.
constexpr double kRelativeNoise = 1e-12;

struct Sums {
  double n = 0;
  double mean = 0;
  double variance = 0;
  double skewness = 0;
};

Sums describe(std::span<const double> values) {
  Sums s;
  s.n = static_cast<double>(values.size());
  if (values.empty()) return s;
  for (const double v : values) s.mean += v;
  s.mean /= s.n;
  double cubes = 0;
  for (const double v : values) {
    const double d = v - s.mean;
    s.variance += d * d;
    cubes += d * d * d;
  }
  s.variance /= s.n;
  if (s.variance > 0) s.skewness = cubes / s.n / std::pow(s.variance, 1.5);
  return s;
}

Standardiser::Column fit_column(const FeatureTable& train, std::size_t column) {
  Standardiser::Column out;
  out.name = train.names[column];
  std::vector<double> present;
  for (std::size_t r = 0; r < train.rows(); ++r) {
    const double v = train.row(r)[column];
    if (!std::isnan(v)) present.push_back(v);
  }
  out.has_missing = !present.empty() && present.size() < train.rows();
  Sums sums = describe(present);
  const bool never_negative = std::ranges::all_of(present, [](double v) { return v >= 0; });
  if (never_negative && sums.skewness > kSkewed) {
    out.logarithmic = true;
    for (double& v : present) v = std::log1p(v);
    sums = describe(present);
  }
  out.mean = sums.mean;
  const double deviation = std::sqrt(sums.variance);
  out.deviation = deviation > kRelativeNoise * std::fabs(sums.mean) ? deviation : 0;
  return out;
}

double standardised(const Standardiser::Column& column, double raw) {
  if (std::isnan(raw) || column.deviation == 0) return 0;
  // What was never negative in training is taken as 0 when it is negative later.
  const double v = column.logarithmic ? std::log1p(std::max(raw, 0.0)) : raw;
  return (v - column.mean) / column.deviation;
}

}  // namespace

Standardiser Standardiser::fit(const FeatureTable& train) {
  Standardiser out;
  for (std::size_t c = 0; c < train.columns(); ++c) out.columns_.push_back(fit_column(train, c));
  out.indicators_ =
      static_cast<std::size_t>(std::ranges::count_if(out.columns_, &Column::has_missing));
  return out;
}

Result<Standardiser> Standardiser::from_columns(std::vector<Column> columns) {
  Standardiser out;
  for (const Column& c : columns) {
    if (!std::isfinite(c.mean) || !std::isfinite(c.deviation) || c.deviation < 0) {
      return fail(ErrorCode::kInvalidArgument, "standardiser: column '{}' is invalid", c.name);
    }
    out.indicators_ += c.has_missing;
  }
  out.columns_ = std::move(columns);
  return out;
}

std::vector<std::string> Standardiser::output_names() const {
  std::vector<std::string> out;
  for (const Column& c : columns_) out.push_back(c.name);
  for (const Column& c : columns_) {
    if (c.has_missing) out.push_back(c.name + " missing");
  }
  return out;
}

void Standardiser::apply(std::span<const double> raw, std::span<double> out) const {
  ZHIYIN_DCHECK(raw.size() == columns_.size() && out.size() == outputs());
  std::size_t indicator = columns_.size();
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    out[c] = standardised(columns_[c], raw[c]);
    if (columns_[c].has_missing) out[indicator++] = std::isnan(raw[c]) ? 1 : 0;
  }
}

std::vector<double> Standardiser::apply(const FeatureTable& table) const {
  std::vector<double> out(table.rows() * outputs());
  for (std::size_t r = 0; r < table.rows(); ++r) {
    apply(table.row(r), std::span(out).subspan(r * outputs(), outputs()));
  }
  return out;
}

}  // namespace zhiyin::model
