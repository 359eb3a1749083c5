#include "model/response_metrics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.h"
#include "base/random.h"

namespace zhiyin::model {
namespace {

/// The part in the form that a bootstrap round can pass over once: ascending by probability.
struct Sorted {
  std::vector<double> probability;
  std::vector<int> label;
  std::vector<double> log_loss;
  std::vector<double> squared;
};

Sorted sort_by_probability(std::span<const double> probabilities, std::span<const int> labels) {
  std::vector<std::uint32_t> order(labels.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, {}, [&](std::uint32_t i) { return std::pair(probabilities[i], i); });
  Sorted out;
  for (const std::uint32_t i : order) {
    const double one[] = {probabilities[i]};
    const int label[] = {labels[i]};
    out.probability.push_back(probabilities[i]);
    out.label.push_back(labels[i]);
    out.log_loss.push_back(statistics::log_loss(one, label));
    out.squared.push_back(statistics::brier(one, label));
  }
  return out;
}

/// AUC where row i counts counts[i] times; NaN with one class only.
double weighted_auc(const Sorted& s, std::span<const int> counts) {
  double negatives_below = 0;
  double positives = 0;
  double won = 0;
  for (std::size_t begin = 0; begin < counts.size();) {
    double tied_positives = 0;
    double tied_negatives = 0;
    std::size_t end = begin;
    for (; end < counts.size() && s.probability[end] == s.probability[begin]; ++end) {
      (s.label[end] == 1 ? tied_positives : tied_negatives) += counts[end];
    }
    won += tied_positives * (negatives_below + tied_negatives / 2);
    positives += tied_positives;
    negatives_below += tied_negatives;
    begin = end;
  }
  return won / (positives * negatives_below);
}

statistics::Confusion weighted_confusion(const Sorted& s, std::span<const int> counts,
                                         double threshold) {
  statistics::Confusion c{{{0, 0}, {0, 0}}};
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const std::size_t predicted = s.probability[i] >= threshold ? 1 : 0;
    c.counts[static_cast<std::size_t>(s.label[i])][predicted] += counts[i];
  }
  return c;
}

std::map<std::string, double> weighted_values(const Sorted& s, std::span<const int> counts,
                                              double threshold) {
  const statistics::Confusion c = weighted_confusion(s, counts, threshold);
  const statistics::ClassScore positive = statistics::class_score(c, 1);
  double log_loss = 0;
  double squared = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    log_loss += counts[i] * s.log_loss[i];
    squared += counts[i] * s.squared[i];
  }
  const auto n = static_cast<double>(counts.size());
  return {{"accuracy", c.accuracy()},
          {"precision", positive.precision},
          {"recall", positive.recall},
          {"f1", positive.f1},
          {"macro_f1", statistics::macro_f1(c)},
          {"auc", weighted_auc(s, counts)},
          {"log_loss", log_loss / n},
          {"brier", squared / n}};
}

std::map<std::string, statistics::Interval> bootstrap(const Sorted& s,
                                                      const MeasureSettings& settings) {
  // A round costs one pass; large parts have narrow intervals anyway.
  constexpr double kRowsMax = 5e7;
  constexpr int kRoundsMin = 100;
  const std::size_t n = s.label.size();
  const int affordable = static_cast<int>(std::min(1e6, kRowsMax / static_cast<double>(n)));
  const int rounds = std::min(settings.bootstrap_rounds, std::max(kRoundsMin, affordable));
  Random random(settings.seed);
  std::map<std::string, std::vector<double>> drawn;
  std::vector<int> counts(n);
  for (int round = 0; round < rounds; ++round) {
    std::ranges::fill(counts, 0);
    for (std::size_t i = 0; i < n; ++i) ++counts[random.below(n)];
    for (const auto& [name, value] : weighted_values(s, counts, settings.threshold)) {
      drawn[name].push_back(value);
    }
  }
  std::map<std::string, statistics::Interval> out;
  for (auto& [name, values] : drawn) {
    const statistics::Interval interval = statistics::percentile_interval(std::move(values));
    if (std::isfinite(interval.low)) out[name] = interval;
  }
  return out;
}

}  // namespace

ResponseMetrics measure_response(std::span<const double> probabilities, std::span<const int> labels,
                                 const MeasureSettings& settings) {
  ZHIYIN_CHECK(!labels.empty() && probabilities.size() == labels.size());
  const Sorted sorted = sort_by_probability(probabilities, labels);
  const std::vector<int> once(labels.size(), 1);
  ResponseMetrics out;
  out.values = weighted_values(sorted, once, settings.threshold);
  std::erase_if(out.values, [](const auto& entry) { return !std::isfinite(entry.second); });
  out.intervals = bootstrap(sorted, settings);
  for (const auto& [name, value] : weighted_values(sorted, once, 0.5)) {
    const bool by_threshold = name != "auc" && name != "log_loss" && name != "brier";
    if (by_threshold && std::isfinite(value)) out.at_half[name] = value;
  }
  out.confusion = weighted_confusion(sorted, once, settings.threshold);
  for (const std::size_t which : {0U, 1U}) {
    out.per_class.push_back(statistics::class_score(out.confusion, which));
  }
  out.reliability = statistics::calibration_bins(probabilities, labels);
  out.values["ece"] = statistics::calibration_error(out.reliability);
  return out;
}

Json response_metrics_json(const ResponseMetrics& metrics,
                           const std::vector<std::string>& classes) {
  Json values = Json::object();
  for (const auto& [name, value] : metrics.values) values.set(name, value);
  Json intervals = Json::object();
  for (const auto& [name, i] : metrics.intervals) {
    intervals.set(name, Json(Json::Array{i.low, i.high}));
  }
  Json at_half = Json::object();
  for (const auto& [name, value] : metrics.at_half) at_half.set(name, value);
  Json per_class = Json::array();
  for (std::size_t c = 0; c < metrics.per_class.size(); ++c) {
    const statistics::ClassScore& s = metrics.per_class[c];
    Json line = Json::object();
    line.set("class", c < classes.size() ? classes[c] : std::to_string(c));
    line.set("precision", s.precision).set("recall", s.recall).set("f1", s.f1);
    line.set("support", s.support);
    per_class.push(std::move(line));
  }
  Json confusion = Json::array();
  for (const auto& row : metrics.confusion.counts) {
    confusion.push(Json(Json::Array(row.begin(), row.end())));
  }
  Json reliability = Json::array();
  for (const statistics::CalibrationBin& bin : metrics.reliability) {
    Json line = Json::object();
    line.set("predicted", bin.predicted).set("observed", bin.observed).set("count", bin.count);
    reliability.push(std::move(line));
  }
  Json out = Json::object();
  out.set("metrics", std::move(values)).set("intervals", std::move(intervals));
  out.set("at_half", std::move(at_half));
  out.set("per_class", std::move(per_class)).set("confusion", std::move(confusion));
  out.set("reliability", std::move(reliability));
  return out;
}

}  // namespace zhiyin::model
