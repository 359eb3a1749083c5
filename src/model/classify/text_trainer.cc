#include "model/classify/text_trainer.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "model/classify/pieces.h"

namespace zhiyin::model {
namespace {

std::vector<std::uint32_t> all_of(std::size_t texts) {
  std::vector<std::uint32_t> out(texts);
  std::iota(out.begin(), out.end(), 0U);
  return out;
}

}  // namespace

Result<void> check_train_settings(std::size_t texts, const TrainTextSettings& s) {
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
  if (s.dense.size() != s.dense_columns * texts)
    return fail_field("dense", "not one vector per text");
  return {};
}

Json train_settings_json(std::size_t texts, const TrainTextSettings& s) {
  Json out = Json::object();
  out.set("features", s.ngrams ? (s.dense_columns > 0 ? "joined" : "ngram") : "encoder");
  out.set("rows", texts).set("seed", s.seed).set("c", s.c);
  if (s.ngrams) out.set("ngram_max", s.ngram_max).set("document_min", s.document_min);
  if (s.features_max > 0) out.set("features_max", s.features_max);
  if (s.dense_columns > 0) out.set("encoder", s.encoder);
  if (s.dense_columns > 0 && s.ngrams) out.set("dense_norm", s.dense_norm);
  out.set("calibration", s.isotonic ? "isotonic" : "temperature");
  return out.set("folds", s.folds)
      .set("reject_loss", s.reject_loss)
      .set("scope_loss", s.scope_loss);
}

TextTrainer::DensePart TextTrainer::standardise(std::span<const float> dense, std::size_t width,
                                                double norm) {
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

TextTrainer::TextTrainer(std::size_t texts, std::size_t columns, Positive positive,
                         const TrainTextSettings& settings, NgramCounts counts)
    : texts_(texts),
      columns_(columns),
      positive_(std::move(positive)),
      settings_(settings),
      counts_(std::move(counts)),
      dense_(standardise(settings.dense, settings.dense_columns,
                         settings.ngrams ? settings.dense_norm : 1)) {}

Result<TextTrainer> TextTrainer::create(std::span<const std::string> texts, std::size_t columns,
                                        Positive positive, const TrainTextSettings& settings) {
  NgramCounts counts;
  counts.starts.assign(texts.size() + 1, 0);
  if (settings.ngrams) {
    ZHIYIN_TRY(counts, count_ngrams(texts, settings.ngram_max, settings.document_min));
  }
  TextTrainer out(texts.size(), columns, std::move(positive), settings, std::move(counts));
  if (settings.features_max > 0 && out.features() > settings.features_max)
    out.counts_ = keep_columns(out.counts_,
                               out.heaviest(out.fit(all_of(texts.size())), settings.features_max));
  return out;
}

TextFit TextTrainer::fit(std::span<const std::uint32_t> which) const {
  TextFit out;
  out.idf =
      inverse_frequencies(document_counts(counts_, which), which.size(), settings_.document_min);
  const std::vector<float> values = tf_idf(counts_, out.idf);
  const SvmRows rows = rows_of(values);
  SvmSettings svm{.c = settings_.c};
  for (std::size_t c = 0; c < columns_; ++c) {
    svm.seed = settings_.seed * 1'000'003 + c;
    std::vector<bool> positive(which.size());
    for (std::size_t i = 0; i < which.size(); ++i) positive[i] = positive_(which[i], c);
    out.columns.push_back(fit_svm(rows, which, positive, svm));
  }
  return out;
}

/// Decision values of texts that the fit has not seen, into their places.
void TextTrainer::judge(const TextFit& fit, std::span<const std::uint32_t> which,
                        CrossFit& out) const {
  const std::vector<float> values = tf_idf(counts_, fit.idf);
  const SvmRows rows = rows_of(values);
  SvmRows sparse = rows;
  sparse.dense = {};
  sparse.dense_columns = 0;
  for (const std::uint32_t row : which) {
    for (std::size_t c = 0; c < columns_; ++c) {
      out.decisions[row * columns_ + c] = svm_decision(rows, row, fit.columns[c]);
      if (!out.by_ngrams.empty())
        out.by_ngrams[row * columns_ + c] = svm_decision(sparse, row, fit.columns[c]);
    }
  }
}

Result<CrossFit> TextTrainer::cross_fit(std::span<const std::uint32_t> fold) const {
  CrossFit out;
  out.decisions.resize(texts_ * columns_);
  if (settings_.ngrams && settings_.dense_columns > 0) out.by_ngrams.resize(out.decisions.size());
  const std::vector<std::uint32_t> all = all_of(texts_);
  const auto fit_piece = [&](std::size_t piece) {
    if (piece == 0) {
      out.whole = fit(all);
      return;
    }
    std::vector<std::uint32_t> inside;
    std::vector<std::uint32_t> outside;
    for (const std::uint32_t row : all) (fold[row] == piece - 1 ? outside : inside).push_back(row);
    judge(fit(inside), outside, out);
  };
  if (!run_pieces(settings_.folds + 1, settings_.threads, settings_.progress, fit_piece))
    return fail(ErrorCode::kConflict, "training: cancelled");
  return out;
}

/// The n-grams that weigh most in any column, ascending.
std::vector<std::uint32_t> TextTrainer::heaviest(const TextFit& fit, std::size_t most) const {
  std::vector<double> weight(features());
  const std::vector<std::uint32_t> documents = document_counts(counts_, all_of(texts_));
  for (std::size_t f = 0; f < weight.size(); ++f) {
    for (const SvmFit& column : fit.columns)
      weight[f] = std::max(weight[f], std::abs(static_cast<double>(column.weights[f])));
    weight[f] *= fit.idf[f] * std::sqrt(static_cast<double>(documents[f]));
  }
  std::vector<std::uint32_t> order = all_of(weight.size());
  std::ranges::stable_sort(order, std::ranges::greater(),
                           [&](std::uint32_t f) { return weight[f]; });
  order.resize(std::min(most, order.size()));
  std::ranges::sort(order);
  return order;
}

TextModelParts TextTrainer::parts(TextFit fit) const {
  TextModelParts out;
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

SvmRows TextTrainer::rows_of(const std::vector<float>& values) const {
  return {counts_.starts, counts_.columns,        values,
          features(),     std::span(dense_.rows), settings_.dense_columns};
}

}  // namespace zhiyin::model
