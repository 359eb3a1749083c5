#include "model/classify/train_text.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/random.h"
#include "model/classify/measure_text.h"
#include "model/classify/ngram_counts.h"
#include "model/classify/pieces.h"
#include "model/classify/temperature.h"

namespace zhiyin::model {
namespace {

/// More classes than these are not told apart in the model's own figures: the table of who was
/// taken for whom grows with their square.
constexpr std::size_t kDetailedClassesMax = 64;

/// The encoder's vectors with mean 0, deviation 1 per value, scaled together to a mean length.
struct DensePart {
  std::vector<float> mean;
  std::vector<float> factor;
  std::vector<float> rows;
};

DensePart standardise(std::span<const float> dense, std::size_t width, double norm) {
  DensePart out;
  if (width == 0) return out;
  const std::size_t n = dense.size() / width;
  std::vector<double> sum(width);
  std::vector<double> squares(width);
  for (std::size_t i = 0; i < dense.size(); ++i) sum[i % width] += dense[i];
  for (double& s : sum) s /= static_cast<double>(n);
  for (std::size_t i = 0; i < dense.size(); ++i)
    squares[i % width] += (dense[i] - sum[i % width]) * (dense[i] - sum[i % width]);
  std::vector<double> factor(width);
  for (std::size_t k = 0; k < width; ++k)
    factor[k] = squares[k] > 0 ? 1 / std::sqrt(squares[k] / static_cast<double>(n)) : 0;
  double lengths = 0;
  for (std::size_t r = 0; r < n; ++r) {
    double length = 0;
    for (std::size_t k = 0; k < width; ++k)
      length += std::pow((dense[r * width + k] - sum[k]) * factor[k], 2);
    lengths += std::sqrt(length);
  }
  const double scale = lengths > 0 ? norm * static_cast<double>(n) / lengths : 0;
  for (std::size_t k = 0; k < width; ++k) {
    out.mean.push_back(static_cast<float>(sum[k]));
    out.factor.push_back(static_cast<float>(factor[k] * scale));
  }
  out.rows.resize(dense.size());
  for (std::size_t i = 0; i < dense.size(); ++i)
    out.rows[i] = (dense[i] - out.mean[i % width]) * out.factor[i % width];
  return out;
}

/// One training of all columns on some of the rows.
struct Fit {
  std::vector<float> idf;
  std::vector<SvmFit> columns;
};

/// Everything that fits have in common.
class Trainer {
 public:
  Trainer(const LabelledTexts& data, const TrainTextSettings& settings, NgramCounts counts)
      : data_(data),
        settings_(settings),
        counts_(std::move(counts)),
        dense_(standardise(settings.dense, settings.dense_columns,
                           settings.ngrams ? settings.dense_norm : 1)),
        columns_(data.classes.size() == 2 ? 1 : data.classes.size()) {}

  [[nodiscard]] Fit fit(std::span<const std::uint32_t> which) const {
    Fit out;
    out.idf =
        inverse_frequencies(document_counts(counts_, which), which.size(), settings_.document_min);
    const std::vector<float> values = tf_idf(counts_, out.idf);
    const SvmRows rows = rows_of(values);
    SvmSettings svm{.c = settings_.c};
    for (std::size_t c = 0; c < columns_; ++c) {
      svm.seed = settings_.seed * 1'000'003 + c;
      std::vector<bool> positive(which.size());
      const std::size_t label = columns_ == 1 ? 1 : c;
      for (std::size_t i = 0; i < which.size(); ++i) positive[i] = data_.labels[which[i]] == label;
      out.columns.push_back(fit_svm(rows, which, positive, svm));
    }
    return out;
  }

  /// Decision values of rows that the fit has not seen, into their places of `decisions`; without
  /// the encoder's part, too.
  void judge(const Fit& fit, std::span<const std::uint32_t> which, std::vector<double>& decisions,
             std::vector<double>& by_ngrams) const {
    const std::vector<float> values = tf_idf(counts_, fit.idf);
    const SvmRows rows = rows_of(values);
    SvmRows sparse = rows;
    sparse.dense = {};
    sparse.dense_columns = 0;
    for (const std::uint32_t row : which) {
      for (std::size_t c = 0; c < columns_; ++c) {
        decisions[row * columns_ + c] = svm_decision(rows, row, fit.columns[c]);
        if (!by_ngrams.empty())
          by_ngrams[row * columns_ + c] = svm_decision(sparse, row, fit.columns[c]);
      }
    }
  }

  /// The columns that weigh most in any class, ascending.
  [[nodiscard]] std::vector<std::uint32_t> heaviest(const Fit& fit, std::size_t most) const {
    std::vector<double> weight(counts_.keys.size());
    std::vector<std::uint32_t> all(data_.rows());
    std::iota(all.begin(), all.end(), 0U);
    const std::vector<std::uint32_t> documents = document_counts(counts_, all);
    for (std::size_t f = 0; f < weight.size(); ++f) {
      for (const SvmFit& column : fit.columns)
        weight[f] = std::max(weight[f], std::abs(static_cast<double>(column.weights[f])));
      weight[f] *= fit.idf[f] * std::sqrt(static_cast<double>(documents[f]));
    }
    std::vector<std::uint32_t> order(weight.size());
    std::iota(order.begin(), order.end(), 0U);
    std::ranges::stable_sort(order, std::ranges::greater(),
                             [&](std::uint32_t f) { return weight[f]; });
    order.resize(std::min(most, order.size()));
    std::ranges::sort(order);
    return order;
  }

  void keep(std::span<const std::uint32_t> columns) { counts_ = keep_columns(counts_, columns); }

  [[nodiscard]] TextModelParts parts(Fit fit) const {
    TextModelParts out;
    out.classes = data_.classes;
    out.ngram_max = settings_.ngram_max;
    out.keys = counts_.keys;
    out.idf = std::move(fit.idf);
    const std::size_t features = out.keys.size();
    out.weights.resize(features * columns_);
    out.dense_weights.resize(settings_.dense_columns * columns_);
    out.dense_mean = dense_.mean;
    out.dense_factor = dense_.factor;
    for (std::size_t c = 0; c < columns_; ++c) {
      const std::vector<float>& w = fit.columns[c].weights;
      for (std::size_t f = 0; f < features; ++f) out.weights[f * columns_ + c] = w[f];
      for (std::size_t k = 0; k < settings_.dense_columns; ++k)
        out.dense_weights[k * columns_ + c] = w[features + k];
      out.intercepts.push_back(fit.columns[c].intercept);
    }
    return out;
  }

  [[nodiscard]] std::size_t columns() const { return columns_; }
  [[nodiscard]] std::size_t features() const { return counts_.keys.size(); }

 private:
  [[nodiscard]] SvmRows rows_of(const std::vector<float>& values) const {
    return {counts_.starts, counts_.columns,        values,
            features(),     std::span(dense_.rows), settings_.dense_columns};
  }

  const LabelledTexts& data_;
  const TrainTextSettings& settings_;
  NgramCounts counts_;
  DensePart dense_;
  std::size_t columns_;
};

Result<void> check_settings(const LabelledTexts& data, const TrainTextSettings& s) {
  if (s.folds < 2 || s.folds > 100) return fail_field("folds", "{} is not in [2, 100]", s.folds);
  if (!(s.c > 0) || !std::isfinite(s.c)) return fail_field("c", "{} is not above 0", s.c);
  if (!(s.reject_loss >= 0 && s.reject_loss < 1))
    return fail_field("reject-loss", "{} is not in [0, 1)", s.reject_loss);
  if (!(s.scope_loss >= 0 && s.scope_loss < 1))
    return fail_field("scope-loss", "{} is not in [0, 1)", s.scope_loss);
  if (s.ngram_max < 1 || s.ngram_max > kNgramCharactersMax)
    return fail_field("ngram-max", "{} is not in [1, {}]", s.ngram_max, kNgramCharactersMax);
  if (!s.ngrams && s.dense_columns == 0)
    return fail_field("features", "neither n-grams nor an encoder's vectors");
  if (s.dense.size() != s.dense_columns * data.rows())
    return fail_field("dense", "not one vector per text");
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

Json settings_json(const LabelledTexts& data, const TrainTextSettings& s) {
  Json out = Json::object();
  out.set("features", s.ngrams ? (s.dense_columns > 0 ? "joined" : "ngram") : "encoder");
  out.set("rows", data.rows()).set("seed", s.seed).set("c", s.c);
  if (s.ngrams) out.set("ngram_max", s.ngram_max).set("document_min", s.document_min);
  if (s.features_max > 0) out.set("features_max", s.features_max);
  if (s.dense_columns > 0) out.set("encoder", s.encoder);
  if (s.dense_columns > 0 && s.ngrams) out.set("dense_norm", s.dense_norm);
  out.set("calibration", s.isotonic ? "isotonic" : "temperature");
  return out.set("folds", s.folds)
      .set("reject_loss", s.reject_loss)
      .set("scope_loss", s.scope_loss);
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
  ZHIYIN_TRY_VOID(check_settings(data, settings));
  NgramCounts counts;
  counts.starts.assign(data.rows() + 1, 0);
  if (settings.ngrams) {
    ZHIYIN_TRY(counts, count_ngrams(data.texts, settings.ngram_max, settings.document_min));
  }
  Trainer trainer(data, settings, std::move(counts));
  std::vector<std::uint32_t> all(data.rows());
  std::iota(all.begin(), all.end(), 0U);
  if (settings.features_max > 0 && trainer.features() > settings.features_max)
    trainer.keep(trainer.heaviest(trainer.fit(all), settings.features_max));

  const auto fold =
      stratified_folds(data.labels, data.classes.size(), settings.folds, settings.seed);
  std::vector<double> decisions(data.rows() * trainer.columns());
  const bool joined = settings.ngrams && settings.dense_columns > 0;
  std::vector<double> by_ngrams(joined ? decisions.size() : 0);
  Fit whole;
  const auto fit_piece = [&](std::size_t piece) {
    if (piece == 0) {
      whole = trainer.fit(all);
      return;
    }
    std::vector<std::uint32_t> inside;
    std::vector<std::uint32_t> outside;
    for (const std::uint32_t row : all) (fold[row] == piece - 1 ? outside : inside).push_back(row);
    trainer.judge(trainer.fit(inside), outside, decisions, by_ngrams);
  };
  if (!run_pieces(settings.folds + 1, settings.threads, settings.progress, fit_piece))
    return fail(ErrorCode::kConflict, "training: cancelled");

  TextModelParts parts = trainer.parts(std::move(whole));
  const std::size_t classes = data.classes.size();
  parts.temperature = fit_temperature(decisions, trainer.columns(), data.labels);
  HeldOut answers = held_out(classes, trainer.columns(), std::move(decisions), parts.temperature);
  parts.scope = scope_quantiles(answers, data.rows());
  parts.scope_min = settings.scope_loss;
  if (settings.isotonic) parts.isotonic = calibrate(answers, data.labels, fold, settings.folds);
  parts.reference = drift_reference(answers.labels, answers.confidences, classes, data.texts);
  parts.threshold = threshold_of(answers.confidences, settings.reject_loss);
  parts.settings = settings_json(data, settings);
  const bool in_detail = classes <= kDetailedClassesMax;
  const auto measure = [&](const HeldOut& held, double threshold) {
    return measure_text(held.scores, data.labels, classes, {threshold, settings.seed});
  };
  parts.metrics = text_metrics_json(
      measure(answers, parts.threshold),
      in_detail ? std::span<const std::string>(data.classes) : std::span<const std::string>());
  if (joined) {
    parts.floor_temperature = fit_temperature(by_ngrams, trainer.columns(), data.labels);
    const HeldOut floor =
        held_out(classes, trainer.columns(), std::move(by_ngrams), parts.floor_temperature);
    parts.metrics.set("floor", text_metrics_json(measure(floor, parts.threshold), {})["metrics"]);
  }
  return TextClassifier::create(std::move(parts));
}

}  // namespace zhiyin::model
