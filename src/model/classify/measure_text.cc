#include "model/classify/measure_text.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/random.h"

namespace zhiyin::model {
namespace {

/// Mean F1 of the classes that occur among labels or predictions.
double macro_f1_present(const statistics::Confusion& c) {
  const std::size_t n = c.counts.size();
  std::vector<std::int64_t> predicted(n);
  std::vector<std::int64_t> actual(n);
  for (std::size_t a = 0; a < n; ++a) {
    for (std::size_t p = 0; p < n; ++p) {
      actual[a] += c.counts[a][p];
      predicted[p] += c.counts[a][p];
    }
  }
  double sum = 0;
  int present = 0;
  for (std::size_t k = 0; k < n; ++k) {
    const std::int64_t both = actual[k] + predicted[k];
    if (both == 0) continue;
    sum += 2 * static_cast<double>(c.counts[k][k]) / static_cast<double>(both);
    ++present;
  }
  return present == 0 ? 0 : sum / present;
}

statistics::Interval bootstrap_macro_f1(std::span<const int> actual, std::span<const int> predicted,
                                        std::size_t classes, const MeasureTextSettings& settings) {
  // A round costs one pass; large parts have narrow intervals anyway.
  constexpr double kRowsMax = 2e7;
  constexpr int kRoundsMin = 50;
  const std::size_t n = actual.size();
  const int affordable = static_cast<int>(std::min(1e6, kRowsMax / static_cast<double>(n)));
  const int rounds = std::min(settings.bootstrap_rounds, std::max(kRoundsMin, affordable));
  Random random(settings.seed);
  std::vector<double> drawn;
  for (int round = 0; round < rounds; ++round) {
    statistics::Confusion c{
        std::vector<std::vector<std::int64_t>>(classes, std::vector<std::int64_t>(classes))};
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t row = random.below(n);
      ++c.counts[static_cast<std::size_t>(actual[row])][static_cast<std::size_t>(predicted[row])];
    }
    drawn.push_back(macro_f1_present(c));
  }
  return statistics::percentile_interval(std::move(drawn));
}

}  // namespace

TextMetrics measure_text(std::span<const double> scores, std::span<const std::uint32_t> labels,
                         std::size_t classes, const MeasureTextSettings& settings) {
  ZHIYIN_CHECK(!labels.empty() && scores.size() % labels.size() == 0);
  const std::size_t known = scores.size() / labels.size();
  const auto n = static_cast<double>(labels.size());
  std::vector<int> actual;
  std::vector<int> predicted;
  std::vector<double> confidence;
  std::vector<int> right;
  double loss = 0;
  double accepted = 0;
  double accepted_right = 0;
  for (std::size_t r = 0; r < labels.size(); ++r) {
    const auto row = scores.subspan(r * known, known);
    const auto best = std::ranges::max_element(row);
    actual.push_back(static_cast<int>(labels[r]));
    predicted.push_back(static_cast<int>(best - row.begin()));
    confidence.push_back(*best);
    right.push_back(actual.back() == predicted.back() ? 1 : 0);
    loss -= std::log(std::max(labels[r] < known ? row[labels[r]] : 0.0, 1e-15));
    if (*best < settings.threshold) continue;
    ++accepted;
    accepted_right += right.back();
  }
  TextMetrics out;
  out.confusion = statistics::confusion(actual, predicted, static_cast<int>(classes));
  for (std::size_t c = 0; c < classes; ++c)
    out.per_class.push_back(statistics::class_score(out.confusion, c));
  out.reliability = statistics::calibration_bins(confidence, right);
  out.values["accuracy"] = out.confusion.accuracy();
  out.values["macro_f1"] = macro_f1_present(out.confusion);
  out.values["log_loss"] = loss / n;
  out.values["ece"] = statistics::calibration_error(out.reliability);
  out.values["coverage"] = accepted / n;
  if (accepted > 0) out.values["accepted_accuracy"] = accepted_right / accepted;
  out.intervals["accuracy"] = statistics::wilson_interval(out.confusion.accuracy() * n, n);
  out.intervals["macro_f1"] = bootstrap_macro_f1(actual, predicted, classes, settings);
  return out;
}

Json text_metrics_json(const TextMetrics& metrics, std::span<const std::string> classes) {
  Json values = Json::object();
  for (const auto& [name, value] : metrics.values) values.set(name, value);
  Json intervals = Json::object();
  for (const auto& [name, i] : metrics.intervals)
    intervals.set(name, Json(Json::Array{i.low, i.high}));
  Json out = Json::object();
  out.set("metrics", std::move(values)).set("intervals", std::move(intervals));
  if (classes.empty()) return out;
  Json per_class = Json::array();
  Json confusion = Json::array();
  for (std::size_t c = 0; c < classes.size(); ++c) {
    const statistics::ClassScore& s = metrics.per_class[c];
    per_class.push(Json::object()
                       .set("class", classes[c])
                       .set("precision", s.precision)
                       .set("recall", s.recall)
                       .set("f1", s.f1)
                       .set("support", s.support));
    const auto& row = metrics.confusion.counts[c];
    confusion.push(Json(Json::Array(row.begin(), row.end())));
  }
  Json reliability = Json::array();
  for (const statistics::CalibrationBin& bin : metrics.reliability) {
    reliability.push(Json::object()
                         .set("predicted", bin.predicted)
                         .set("observed", bin.observed)
                         .set("count", bin.count));
  }
  out.set("classes", Json(Json::Array(classes.begin(), classes.end())));
  out.set("per_class", std::move(per_class)).set("confusion", std::move(confusion));
  return out.set("reliability", std::move(reliability));
}

}  // namespace zhiyin::model
