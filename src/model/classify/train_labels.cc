#include "model/classify/train_labels.h"

#include <algorithm>
#include <numeric>

#include "model/classify/measure_labels.h"
#include "model/classify/text_trainer.h"

namespace zhiyin::model {
namespace {

Result<void> check_data(const MultiLabelledTexts& data, const TrainTextSettings& s) {
  ZHIYIN_TRY_VOID(check_train_settings(data.rows(), s));
  if (data.classes.size() < 2)
    return fail_field("train", "{} labels in all texts; two or more are needed",
                      data.classes.size());
  if (data.rows() < 2 * s.folds)
    return fail_field("train", "{} texts; at least {} are needed", data.rows(), 2 * s.folds);
  return {};
}

/// By the rarest label of each text, so that rare ones come into all folds.
std::vector<std::uint32_t> folds_of(const MultiLabelledTexts& data, const TrainTextSettings& s) {
  std::vector<std::size_t> count(data.classes.size());
  for (const auto& labels : data.labels)
    for (const std::uint32_t c : labels) ++count[c];
  std::vector<std::uint32_t> rarest;
  for (const auto& labels : data.labels) {
    const auto least =
        std::ranges::min_element(labels, {}, [&](std::uint32_t c) { return count[c]; });
    rarest.push_back(least == labels.end() ? static_cast<std::uint32_t>(count.size()) : *least);
  }
  return stratified_folds(rarest, data.classes.size() + 1, s.folds, s.seed);
}

/// A column's decisions as probabilities.
std::vector<double> probabilities(std::span<const double> decisions, const Calibration& how) {
  std::vector<double> out;
  for (const double d : decisions) out.push_back(how.probability(d));
  return out;
}

std::vector<double> column_of(std::span<const double> rows, std::size_t columns, std::size_t c) {
  std::vector<double> out;
  for (std::size_t at = c; at < rows.size(); at += columns) out.push_back(rows[at]);
  return out;
}

void add_label(std::span<const double> scores, double threshold, std::uint32_t label,
               LabelSets& out) {
  for (std::size_t r = 0; r < scores.size(); ++r)
    if (scores[r] >= threshold) out[r].push_back(label);
}

}  // namespace

double best_threshold(std::span<const double> probabilities, const std::vector<bool>& has_label) {
  std::vector<std::uint32_t> order(probabilities.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::stable_sort(order, std::ranges::greater(),
                           [&](std::uint32_t r) { return probabilities[r]; });
  const auto all = static_cast<double>(std::ranges::count(has_label, true));
  double best = 0, threshold = 0.5, right = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    right += has_label[order[i]] ? 1 : 0;
    const double here = probabilities[order[i]];
    if (i + 1 < order.size() && probabilities[order[i + 1]] == here) continue;
    const double f1 = 2 * right / (static_cast<double>(i + 1) + all);
    if (f1 <= best) continue;
    best = f1;
    // Half way to the next below, so that rounding does not decide.
    const double below = i + 1 < order.size() ? probabilities[order[i + 1]] : here;
    threshold = (here + below) / 2;
  }
  return threshold;
}

Result<TextClassifier> train_labels(const MultiLabelledTexts& data,
                                    const TrainTextSettings& settings) {
  ZHIYIN_TRY_VOID(check_data(data, settings));
  const std::size_t columns = data.classes.size();
  const auto positive = [&](std::uint32_t row, std::size_t column) {
    return std::ranges::binary_search(data.labels[row], static_cast<std::uint32_t>(column));
  };
  ZHIYIN_TRY(const auto trainer, TextTrainer::create(data.texts, columns, positive, settings));
  ZHIYIN_TRY(CrossFit fits, trainer.cross_fit(folds_of(data, settings)));
  TextModelParts parts = trainer.parts(std::move(fits.whole));
  parts.classes = data.classes;
  const bool joined = !fits.by_ngrams.empty();
  LabelSets answers(data.rows()), floor(data.rows());
  for (std::size_t c = 0; c < columns; ++c) {
    const auto label = static_cast<std::uint32_t>(c);
    std::vector<int> truth;
    std::vector<bool> has_label;
    for (std::uint32_t r = 0; r < data.rows(); ++r) {
      has_label.push_back(positive(r, c));
      truth.push_back(has_label.back() ? 1 : 0);
    }
    LabelRule rule;
    const auto decisions = column_of(fits.decisions, columns, c);
    rule.calibration = fit_calibration(decisions, truth);
    const auto scores = probabilities(decisions, rule.calibration);
    rule.threshold = best_threshold(scores, has_label);
    add_label(scores, rule.threshold, label, answers);
    if (joined) {
      const auto by_ngrams = column_of(fits.by_ngrams, columns, c);
      rule.floor_calibration = fit_calibration(by_ngrams, truth);
      add_label(probabilities(by_ngrams, rule.floor_calibration), rule.threshold, label, floor);
    }
    parts.rules.push_back(rule);
  }
  Json how = train_settings_json(data.rows(), settings);
  how.set("labels", "several").set("calibration", "platt");
  parts.settings = std::move(how);
  parts.metrics = measure_labels(answers, data.labels, data.classes, settings.seed);
  if (joined)
    parts.metrics.set("floor",
                      measure_labels(floor, data.labels, data.classes, settings.seed)["metrics"]);
  return TextClassifier::create(std::move(parts));
}

}  // namespace zhiyin::model
