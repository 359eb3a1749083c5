#include "model/classify/train_text.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/random.h"
#include "model/classify/measure_text.h"
#include "model/classify/temperature.h"
#include "model/classify/text_trainer.h"

namespace zhiyin::model {
namespace {

/// More classes than these are not told apart in the model's own figures: the table of who was
/// taken for whom grows with their square.
constexpr std::size_t kDetailedClassesMax = 64;

Result<void> check_data(const LabelledTexts& data, const TrainTextSettings& s) {
  ZHIYIN_TRY_VOID(check_train_settings(data.rows(), s));
  if (data.classes.size() < 2)
    return fail_field("train", "all texts have one label, '{}'; two or more are needed",
                      data.classes.empty() ? "" : data.classes[0]);
  if (data.rows() < 2 * s.folds)
    return fail_field("train", "{} texts; at least {} are needed", data.rows(), 2 * s.folds);
  return {};
}

/// What is below this is rejected: at most `loss` of the held-out confidences.
double threshold_of(std::vector<double> confidences, double loss) {
  const auto place = static_cast<std::size_t>(loss * static_cast<double>(confidences.size()));
  std::ranges::nth_element(confidences, confidences.begin() + static_cast<std::ptrdiff_t>(place));
  return loss == 0 ? 0 : confidences[place];
}

/// Held-out answers of all rows.
struct HeldOut {
  std::size_t classes, columns;
  std::vector<double> decisions;    ///< rows × columns
  std::vector<double> scores;       ///< rows × classes
  std::vector<double> confidences;  ///< of the likeliest
  std::vector<std::uint32_t> labels;

  [[nodiscard]] std::span<const double> decision(std::size_t row) const {
    return std::span(decisions).subspan(row * columns, columns);
  }
  [[nodiscard]] std::span<double> score(std::size_t row) {
    return std::span(scores).subspan(row * classes, classes);
  }
};

HeldOut held_out(std::size_t classes, std::size_t columns, std::vector<double> decisions,
                 double temperature) {
  HeldOut out{classes, columns, std::move(decisions), {}, {}, {}};
  const std::size_t rows = out.decisions.size() / columns;
  out.scores.resize(rows * classes);
  for (std::size_t r = 0; r < rows; ++r) {
    const auto row = out.score(r);
    probabilities_of(out.decision(r), temperature, row);
    const auto best = std::ranges::max_element(row);
    out.confidences.push_back(*best);
    out.labels.push_back(static_cast<std::uint32_t>(best - row.begin()));
  }
  return out;
}

Isotonic curve_of(const HeldOut& answers, std::span<const std::uint32_t> truth,
                  const std::function<bool(std::size_t)>& is_in) {
  std::vector<double> x, y;
  for (std::size_t r = 0; r < truth.size(); ++r) {
    if (!is_in(r)) continue;
    x.push_back(answers.confidences[r]);
    y.push_back(answers.labels[r] == truth[r] ? 1 : 0);
  }
  return fit_isotonic(x, y);
}

/// The curve from all rows; each row's scores are recalibrated by one that its fold had no part in.
Isotonic calibrate(HeldOut& answers, std::span<const std::uint32_t> truth,
                   std::span<const std::uint32_t> fold, std::size_t folds) {
  const Isotonic whole = curve_of(answers, truth, [](std::size_t) { return true; });
  std::vector<Isotonic> without;
  for (std::size_t f = 0; f < folds; ++f)
    without.push_back(curve_of(answers, truth, [&](std::size_t r) { return fold[r] != f; }));
  for (std::size_t r = 0; r < truth.size(); ++r) {
    const auto row = answers.score(r);
    if (!without[fold[r]].empty()) recalibrate(without[fold[r]], row);
    answers.confidences[r] = row[answers.labels[r]];
  }
  return whole;
}

/// The best decisions' quantiles, from the least to the largest in a hundred steps.
std::vector<double> scope_quantiles(const HeldOut& answers, std::size_t rows) {
  constexpr std::size_t kSteps = 100;
  std::vector<double> best;
  for (std::size_t r = 0; r < rows; ++r) best.push_back(best_decision(answers.decision(r)));
  std::ranges::sort(best);
  std::vector<double> out;
  for (std::size_t i = 0; i <= kSteps; ++i) out.push_back(best[i * (rows - 1) / kSteps]);
  return out;
}

}  // namespace

std::vector<std::uint32_t> stratified_folds(std::span<const std::uint32_t> labels,
                                            std::size_t classes, std::size_t folds,
                                            std::uint64_t seed) {
  std::vector<std::uint32_t> order(labels.size());
  std::iota(order.begin(), order.end(), 0U);
  Random random(seed);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  std::vector<std::size_t> dealt(classes);
  std::vector<std::uint32_t> out(labels.size());
  std::size_t first = 0;
  for (const std::uint32_t row : order) {
    // Each class begins at another fold, so that many small classes do not all fill the first.
    if (dealt[labels[row]] == 0) dealt[labels[row]] = 1 + first++;
    out[row] = static_cast<std::uint32_t>((dealt[labels[row]]++ - 1) % folds);
  }
  return out;
}

Result<TextClassifier> train_text(const LabelledTexts& data, const TrainTextSettings& settings) {
  ZHIYIN_TRY_VOID(check_data(data, settings));
  const std::size_t classes = data.classes.size();
  const std::size_t columns = classes == 2 ? 1 : classes;
  const auto positive = [&](std::uint32_t row, std::size_t column) {
    return data.labels[row] == (columns == 1 ? 1 : column);
  };
  ZHIYIN_TRY(const auto trainer, TextTrainer::create(data.texts, columns, positive, settings));
  const auto fold = stratified_folds(data.labels, classes, settings.folds, settings.seed);
  ZHIYIN_TRY(CrossFit fits, trainer.cross_fit(fold));
  TextModelParts parts = trainer.parts(std::move(fits.whole));
  parts.classes = data.classes;
  const bool joined = !fits.by_ngrams.empty();
  parts.temperature = fit_temperature(fits.decisions, columns, data.labels);
  HeldOut answers = held_out(classes, columns, std::move(fits.decisions), parts.temperature);
  parts.scope = scope_quantiles(answers, data.rows());
  parts.scope_min = settings.scope_loss;
  if (settings.isotonic) parts.isotonic = calibrate(answers, data.labels, fold, settings.folds);
  parts.reference = drift_reference(answers.labels, answers.confidences, classes, data.texts);
  parts.threshold = threshold_of(answers.confidences, settings.reject_loss);
  parts.settings = train_settings_json(data.rows(), settings);
  const bool in_detail = classes <= kDetailedClassesMax;
  const auto measure = [&](const HeldOut& held, double threshold) {
    return measure_text(held.scores, data.labels, classes, {threshold, settings.seed});
  };
  parts.metrics = text_metrics_json(
      measure(answers, parts.threshold),
      in_detail ? std::span<const std::string>(data.classes) : std::span<const std::string>());
  if (joined) {
    parts.floor_temperature = fit_temperature(fits.by_ngrams, columns, data.labels);
    const HeldOut floor =
        held_out(classes, columns, std::move(fits.by_ngrams), parts.floor_temperature);
    parts.metrics.set("floor", text_metrics_json(measure(floor, parts.threshold), {})["metrics"]);
  }
  return TextClassifier::create(std::move(parts));
}

}  // namespace zhiyin::model
