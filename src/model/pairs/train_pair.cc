#include "model/pairs/train_pair.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/random.h"
#include "model/classify/linear_svm.h"
#include "model/classify/ngram_counts.h"
#include "model/classify/pieces.h"
#include "model/classify/train_text.h"
#include "model/pairs/measure_pair.h"

namespace zhiyin::model {
namespace {

/// Mean 0, deviation 1, then scaled; 0 throughout where nothing varies.
struct Affine {
  double mean = 0;
  double factor = 0;
};

/// Of each column of rows × columns.
std::vector<Affine> standardisers(std::span<const float> rows, std::size_t columns) {
  std::vector<Affine> out(columns);
  const std::size_t n = columns == 0 ? 0 : rows.size() / columns;
  for (std::size_t i = 0; i < rows.size(); ++i) out[i % columns].mean += rows[i];
  for (Affine& a : out) a.mean /= static_cast<double>(n);
  std::vector<double> squares(columns);
  for (std::size_t i = 0; i < rows.size(); ++i)
    squares[i % columns] += std::pow(rows[i] - out[i % columns].mean, 2);
  for (std::size_t c = 0; c < columns; ++c) {
    const double deviation = std::sqrt(squares[c] / static_cast<double>(n));
    if (deviation > 1e-9) out[c].factor = 1 / deviation;
  }
  return out;
}

/// The inputs of all pairs, and how the dense ones came about. Dense columns: characters, cosine,
/// products, differences; the first or the others may be absent.
struct Inputs {
  NgramCounts counts;      // of the distinct texts
  std::vector<float> idf;  // per n-gram
  std::vector<std::uint64_t> starts = {0};
  std::vector<std::uint32_t> columns;  // 2 n: n-gram n in one text only, 2 n + 1: in both
  std::vector<float> values;
  std::vector<Affine> vector;         // of the encoder's values
  std::vector<Affine> dense;          // of the dense columns
  std::vector<float> rows;            // pairs × dense columns
  std::vector<std::uint32_t> ngrams;  // per pair: distinct n-grams of both texts, known or not
  std::size_t character_columns = 0, width = 0;

  [[nodiscard]] SvmRows svm() const {
    return {starts, columns, values, 2 * counts.keys.size(), rows, dense.size()};
  }
  /// As a model without its encoder sees them; `kept` holds the dense ones.
  [[nodiscard]] SvmRows of_characters(std::vector<float>& kept) const {
    kept.clear();
    for (std::size_t at = 0; at < rows.size(); at += dense.size())
      kept.insert(kept.end(), rows.begin() + static_cast<std::ptrdiff_t>(at),
                  rows.begin() + static_cast<std::ptrdiff_t>(at + character_columns));
    return {starts, columns, values, 2 * counts.keys.size(), kept, character_columns};
  }
};

/// What the n-grams of one text weigh: idf, as all count once.
double squared_length(const Inputs& in, std::uint32_t text) {
  double out = 0;
  for (std::uint64_t i = in.counts.starts[text]; i < in.counts.starts[text + 1]; ++i)
    out += std::pow(in.idf[in.counts.columns[i]], 2);
  return out;
}

/// The sparse inputs of all pairs, and each pair's cosine of TF-IDF.
std::vector<double> fill_ngrams(const LabelledPairs& data, Inputs& in) {
  in.starts.assign(1, 0);
  in.columns.clear();
  in.values.clear();
  std::vector<double> cosines;
  const auto text = [&](std::uint32_t t) {
    const std::uint64_t begin = in.counts.starts[t];
    return std::span(in.counts.columns).subspan(begin, in.counts.starts[t + 1] - begin);
  };
  for (std::size_t r = 0; r < data.rows(); ++r) {
    const auto a = text(data.first[r]), b = text(data.second[r]);
    const double squares_a = squared_length(in, data.first[r]);
    const double squares_b = squared_length(in, data.second[r]);
    const double length = std::sqrt(squares_a + squares_b);
    double both = 0;
    for (std::size_t i = 0, j = 0; i < a.size() || j < b.size();) {
      const bool from_a = i < a.size() && (j == b.size() || a[i] <= b[j]);
      const bool from_b = j < b.size() && (i == a.size() || b[j] <= a[i]);
      const std::uint32_t n = from_a ? a[i] : b[j];
      i += from_a ? 1 : 0;
      j += from_b ? 1 : 0;
      if (from_a && from_b) both += std::pow(in.idf[n], 2);
      in.columns.push_back(2 * n + (from_a && from_b ? 1 : 0));
      in.values.push_back(static_cast<float>(in.idf[n] / length));
    }
    in.starts.push_back(in.columns.size());
    const double lengths = std::sqrt(squares_a * squares_b);
    cosines.push_back(lengths > 0 ? both / lengths : 0);
  }
  return cosines;
}

void weigh_ngrams(Inputs& in, std::size_t texts, std::size_t document_min) {
  std::vector<std::uint32_t> all(texts);
  std::iota(all.begin(), all.end(), 0U);
  in.idf = inverse_frequencies(document_counts(in.counts, all), texts, document_min);
}

/// Raw characters' inputs into their columns.
void fill_characters(const LabelledPairs& data, std::span<const double> cosines, Inputs& in) {
  const std::size_t columns = in.dense.size();
  PairSide a, b;
  for (std::size_t r = 0; r < data.rows(); ++r) {
    fold_side(data.texts[data.first[r]], a);
    fold_side(data.texts[data.second[r]], b);
    in.ngrams.push_back(static_cast<std::uint32_t>(a.keys.size() + b.keys.size()));
    const Likeness likeness = likeness_of(a, b);
    float* const row = in.rows.data() + r * columns;
    for (std::size_t c = 0; c < kLikenessColumns; ++c) row[c] = static_cast<float>(likeness[c]);
    row[kLikenessColumns] = static_cast<float>(cosines[r]);
  }
}

/// Raw inputs of the encoder's part into their columns.
void fill_encoder(const LabelledPairs& data, std::span<const float> vectors, Inputs& in) {
  const std::size_t width = in.width, columns = in.dense.size();
  in.vector = standardisers(vectors, width);
  for (std::size_t r = 0; r < data.rows(); ++r) {
    const auto u = vectors.subspan(data.first[r] * width, width);
    const auto v = vectors.subspan(data.second[r] * width, width);
    float* const row = in.rows.data() + r * columns + in.character_columns;
    const auto cosine = cosine_inputs(u, v);
    for (std::size_t c = 0; c < kCosineColumns; ++c) row[c] = static_cast<float>(cosine[c]);
    for (std::size_t i = 0; i < width; ++i) {
      const double a = (u[i] - in.vector[i].mean) * in.vector[i].factor;
      const double b = (v[i] - in.vector[i].mean) * in.vector[i].factor;
      row[kCosineColumns + i] = static_cast<float>(a * b);
      row[kCosineColumns + width + i] = static_cast<float>(std::abs(a - b));
    }
  }
}

/// Dense columns standardised; products and differences together of mean length `encoder_norm`,
/// the others of deviation `likeness_scale`.
void scale_dense(const TrainPairSettings& s, Inputs& in) {
  const std::size_t columns = in.dense.size();
  const std::size_t wide = in.width == 0 ? columns : in.character_columns + kCosineColumns;
  in.dense = standardisers(in.rows, columns);
  for (std::size_t i = 0; i < in.rows.size(); ++i) {
    const Affine& a = in.dense[i % columns];
    in.rows[i] = static_cast<float>((in.rows[i] - a.mean) * a.factor);
  }
  double lengths = 0;
  for (std::size_t at = 0; at < in.rows.size(); at += columns) {
    double squares = 0;
    for (std::size_t c = wide; c < columns; ++c)
      squares += static_cast<double>(in.rows[at + c]) * in.rows[at + c];
    lengths += std::sqrt(squares);
  }
  const double norm = s.characters ? s.encoder_norm : 1;
  const double rows = columns == 0 ? 0 : static_cast<double>(in.rows.size() / columns);
  const double scale = lengths > 0 ? norm * rows / lengths : 0;
  for (std::size_t c = 0; c < columns; ++c)
    in.dense[c].factor *= c < wide ? s.likeness_scale : scale;
  for (std::size_t i = 0; i < in.rows.size(); ++i)
    in.rows[i] *= static_cast<float>(i % columns < wide ? s.likeness_scale : scale);
}

/// The n-grams that weigh most by a fit on all, ascending.
std::vector<std::uint32_t> heaviest(const Inputs& in, const SvmFit& fit, std::size_t texts,
                                    std::size_t most) {
  std::vector<std::uint32_t> all(texts);
  std::iota(all.begin(), all.end(), 0U);
  const std::vector<std::uint32_t> documents = document_counts(in.counts, all);
  std::vector<double> weight(in.counts.keys.size());
  for (std::size_t n = 0; n < weight.size(); ++n)
    weight[n] = std::max(std::abs(fit.weights[2 * n]), std::abs(fit.weights[2 * n + 1])) *
                in.idf[n] * std::sqrt(static_cast<double>(documents[n]));
  std::vector<std::uint32_t> order(weight.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::stable_sort(order, std::ranges::greater(),
                           [&](std::uint32_t n) { return weight[n]; });
  order.resize(std::min(most, order.size()));
  std::ranges::sort(order);
  return order;
}

SvmFit fit_on(const SvmRows& rows, const LabelledPairs& data, std::span<const std::uint32_t> which,
              const TrainPairSettings& s) {
  std::vector<bool> positive(which.size());
  for (std::size_t i = 0; i < which.size(); ++i) positive[i] = data.same[which[i]] == 1;
  return fit_svm(rows, which, positive, {.c = s.c, .seed = s.seed * 1'000'003});
}

Result<Inputs> inputs_of(const LabelledPairs& data, const TrainPairSettings& s,
                         std::span<const std::uint32_t> all) {
  Inputs in;
  in.character_columns = s.characters ? kCharacterColumns : 0;
  in.width = s.dense_columns;
  in.counts.starts.assign(data.texts.size() + 1, 0);
  if (s.characters) {
    ZHIYIN_TRY(in.counts, count_ngrams(data.texts, kNgramCharactersMax, s.document_min));
  }
  weigh_ngrams(in, data.texts.size(), s.document_min);
  std::vector<double> cosines = fill_ngrams(data, in);
  if (s.features_max > 0 && in.counts.keys.size() > s.features_max) {
    // Which n-grams stay is decided by them alone: the dense inputs hold cosines of those that do.
    in.counts = keep_columns(
        in.counts, heaviest(in, fit_on(in.svm(), data, all, s), data.texts.size(), s.features_max));
    weigh_ngrams(in, data.texts.size(), s.document_min);
    cosines = fill_ngrams(data, in);
  }
  in.dense.resize(in.character_columns + (in.width == 0 ? 0 : kCosineColumns + 2 * in.width));
  in.rows.resize(data.rows() * in.dense.size());
  if (s.characters) fill_characters(data, cosines, in);
  if (in.width > 0) fill_encoder(data, s.vectors, in);
  scale_dense(s, in);
  return in;
}

/// Weights for raw inputs; what they are shifted by goes into the constants.
/// `floor` is null without one.
PairModelParts parts_of(Inputs in, const SvmFit& fit, const SvmFit* floor) {
  PairModelParts out;
  out.keys = std::move(in.counts.keys);
  out.idf = std::move(in.idf);
  const std::size_t sparse = 2 * out.keys.size();
  out.weights.assign(fit.weights.begin(),
                     fit.weights.begin() + static_cast<std::ptrdiff_t>(sparse));
  out.intercept = fit.intercept;
  const auto raw_of = [&](const SvmFit& of, std::size_t c, double& constant) {
    const double weight = of.weights[sparse + c] * in.dense[c].factor;
    constant -= weight * in.dense[c].mean;
    return weight;
  };
  const auto raw = [&](std::size_t c, double& constant) { return raw_of(fit, c, constant); };
  for (std::size_t c = 0; c < in.character_columns; ++c)
    out.likeness.push_back(raw(c, out.intercept));
  if (floor != nullptr) {
    out.floor_weights.assign(floor->weights.begin(),
                             floor->weights.begin() + static_cast<std::ptrdiff_t>(sparse));
    out.floor_intercept = floor->intercept;
    for (std::size_t c = 0; c < in.character_columns; ++c)
      out.floor_likeness.push_back(raw_of(*floor, c, out.floor_intercept));
  }
  if (in.width == 0) return out;
  std::size_t at = in.character_columns;
  for (double& weight : out.cosine) weight = raw(at++, out.encoder_bias);
  for (std::size_t i = 0; i < in.width; ++i) {
    out.vector_mean.push_back(static_cast<float>(in.vector[i].mean));
    out.vector_factor.push_back(static_cast<float>(in.vector[i].factor));
    out.product.push_back(static_cast<float>(raw(at + i, out.encoder_bias)));
    out.difference.push_back(static_cast<float>(raw(at + in.width + i, out.encoder_bias)));
  }
  return out;
}

/// How familiar each pair is to a model that has not seen its fold: as the others' texts know its
/// n-grams.
std::vector<double> unseen_familiarity(const Inputs& in, const LabelledPairs& data,
                                       std::span<const std::uint32_t> fold,
                                       const TrainPairSettings& s) {
  const std::size_t n = in.counts.keys.size();
  // A text that stands in pairs of several folds counts for the first.
  std::vector<std::uint32_t> fold_of(data.texts.size(), UINT32_MAX);
  for (std::size_t r = data.rows(); r-- > 0;)
    fold_of[data.first[r]] = fold_of[data.second[r]] = fold[r];
  std::vector<std::uint32_t> all(n), inside(n * s.folds);
  for (std::size_t t = 0; t < data.texts.size(); ++t) {
    if (fold_of[t] == UINT32_MAX) continue;
    for (std::uint64_t i = in.counts.starts[t]; i < in.counts.starts[t + 1]; ++i) {
      ++all[in.counts.columns[i]];
      ++inside[fold_of[t] * n + in.counts.columns[i]];
    }
  }
  std::vector<double> out;
  for (std::size_t r = 0; r < data.rows(); ++r) {
    std::size_t known = 0;
    for (const std::uint32_t t : {data.first[r], data.second[r]})
      for (std::uint64_t i = in.counts.starts[t]; i < in.counts.starts[t + 1]; ++i) {
        const std::uint32_t column = in.counts.columns[i];
        known += all[column] - inside[fold[r] * n + column] >= s.document_min ? 1 : 0;
      }
    out.push_back(in.ngrams[r] == 0 ? 0 : static_cast<double>(known) / in.ngrams[r]);
  }
  return out;
}

double quantile(std::vector<double> values, double share) {
  const auto place = static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::ranges::nth_element(values, values.begin() + place);
  return values[static_cast<std::size_t>(place)];
}

/// What decides of unfamiliar pairs: Platt's log-odds of the cosine, in the unit of decisions; and
/// where unfamiliar begins. Blends the held-out decisions as the model will.
void fit_general(const Inputs& in, const LabelledPairs& data, std::span<const std::uint32_t> fold,
                 const TrainPairSettings& s, std::vector<double>& decisions,
                 PairModelParts& parts) {
  std::vector<double> nearness;  // rises with the cosine
  for (std::size_t r = 0; r < data.rows(); ++r) {
    const auto vector = [&](std::uint32_t t) { return s.vectors.subspan(t * in.width, in.width); };
    nearness.push_back(-cosine_inputs(vector(data.first[r]), vector(data.second[r]))[1]);
  }
  const Calibration own = fit_calibration(decisions, data.same);
  const Calibration general = fit_calibration(nearness, data.same);
  parts.general_weight = -general.slope / own.slope;
  parts.general_bias = (general.shift - own.shift) / own.slope;
  const std::vector<double> familiarity = unseen_familiarity(in, data, fold, s);
  parts.familiar_low = quantile(familiarity, s.unfamiliar_share);
  parts.familiar_high = quantile(familiarity, s.familiar_share);
  for (std::size_t r = 0; r < data.rows(); ++r) {
    const double share = own_share(familiarity[r], parts.familiar_low, parts.familiar_high);
    decisions[r] = share * decisions[r] +
                   (1 - share) * (parts.general_bias - parts.general_weight * nearness[r]);
  }
}

Result<void> check_settings(const LabelledPairs& data, const TrainPairSettings& s) {
  if (s.folds < 2 || s.folds > 100) return fail_field("folds", "{} is not in [2, 100]", s.folds);
  if (!(s.c > 0) || !std::isfinite(s.c)) return fail_field("c", "{} is not above 0", s.c);
  if (!(s.reject_loss >= 0 && s.reject_loss < 1))
    return fail_field("reject-loss", "{} is not in [0, 1)", s.reject_loss);
  if (!s.characters && s.dense_columns == 0)
    return fail_field("features", "neither characters nor an encoder's vectors");
  if (s.vectors.size() != s.dense_columns * data.texts.size())
    return fail_field("vectors", "not one per text");
  const auto same = static_cast<std::size_t>(std::ranges::count(data.same, 1));
  const std::size_t fewer = std::min(same, data.rows() - same);
  if (fewer < 2 * s.folds)
    return fail_field("train",
                      "{} pairs mean the same and {} do not; at least {} of either are needed",
                      same, data.rows() - same, 2 * s.folds);
  return {};
}

/// What is below this is rejected: at most `loss` of the held-out confidences.
double threshold_of(std::vector<double> confidences, double loss) {
  const auto place = static_cast<std::size_t>(loss * static_cast<double>(confidences.size()));
  std::ranges::nth_element(confidences, confidences.begin() + static_cast<std::ptrdiff_t>(place));
  return loss == 0 ? 0 : confidences[place];
}

Json settings_json(const LabelledPairs& data, const TrainPairSettings& s, bool grouped) {
  Json out = Json::object();
  out.set("task", "pair");
  out.set("features", s.characters ? (s.dense_columns > 0 ? "joined" : "ngram") : "encoder");
  out.set("rows", data.rows()).set("texts", data.texts.size()).set("seed", s.seed).set("c", s.c);
  if (s.characters) out.set("document_min", s.document_min);
  if (s.features_max > 0) out.set("features_max", s.features_max);
  if (s.dense_columns > 0) out.set("encoder", s.encoder).set("prefix", PairModel::kPrefix);
  if (s.dense_columns > 0 && s.characters) out.set("encoder_norm", s.encoder_norm);
  return out.set("calibration", "platt")
      .set("folds", s.folds)
      .set("folds_share_no_text", grouped)
      .set("reject_loss", s.reject_loss);
}

std::vector<double> calibrated(const Calibration& how, std::span<const double> decisions) {
  std::vector<double> out;
  for (const double d : decisions) out.push_back(how.probability(d));
  return out;
}

/// The same pairs and seed always give the same order.
void shuffle(std::vector<std::uint32_t>& order, std::uint64_t seed) {
  Random random(seed);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
}

}  // namespace

std::vector<std::uint32_t> grouped_folds(const LabelledPairs& data, std::size_t folds,
                                         std::uint64_t seed) {
  std::vector<std::uint32_t> parent(data.texts.size());
  std::iota(parent.begin(), parent.end(), 0U);
  const auto root = [&](std::uint32_t t) {
    while (parent[t] != t) t = parent[t] = parent[parent[t]];
    return t;
  };
  for (std::size_t r = 0; r < data.rows(); ++r) {
    const std::uint32_t a = root(data.first[r]), b = root(data.second[r]);
    parent[std::max(a, b)] = std::min(a, b);
  }
  std::vector<std::vector<std::uint32_t>> groups(data.texts.size());
  for (std::uint32_t r = 0; r < data.rows(); ++r) groups[root(data.first[r])].push_back(r);
  std::vector<std::uint32_t> order;
  for (std::uint32_t g = 0; g < groups.size(); ++g)
    if (!groups[g].empty()) order.push_back(g);
  shuffle(order, seed);
  std::ranges::stable_sort(order, std::ranges::greater(),
                           [&](std::uint32_t g) { return groups[g].size(); });
  if (groups[order.front()].size() > 2 * (data.rows() / folds)) return {};
  std::vector<std::size_t> pairs(folds);
  std::vector<std::uint32_t> out(data.rows());
  for (const std::uint32_t g : order) {
    const auto least = std::ranges::min_element(pairs);
    for (const std::uint32_t r : groups[g])
      out[r] = static_cast<std::uint32_t>(least - pairs.begin());
    *least += groups[g].size();
  }
  return out;
}

Result<PairModel> train_pair(const LabelledPairs& data, const TrainPairSettings& settings) {
  ZHIYIN_TRY_VOID(check_settings(data, settings));
  std::vector<std::uint32_t> all(data.rows());
  std::iota(all.begin(), all.end(), 0U);
  ZHIYIN_TRY(Inputs in, inputs_of(data, settings, all));
  std::vector<std::uint32_t> fold = grouped_folds(data, settings.folds, settings.seed);
  const bool grouped = !fold.empty();
  if (!grouped) {
    const std::vector<std::uint32_t> labels(data.same.begin(), data.same.end());
    fold = stratified_folds(labels, 2, settings.folds, settings.seed);
  }
  const bool joined = settings.characters && in.width > 0;
  std::vector<double> decisions(data.rows()), by_characters(data.rows());
  std::vector<float> kept;
  const SvmRows narrow = joined ? in.of_characters(kept) : in.svm();
  SvmFit whole, floor_whole;
  const auto fit_piece = [&](std::size_t piece) {
    if (piece == 0) {
      whole = fit_on(in.svm(), data, all, settings);
      if (joined) floor_whole = fit_on(narrow, data, all, settings);
      return;
    }
    std::vector<std::uint32_t> inside;
    for (const std::uint32_t r : all)
      if (fold[r] != piece - 1) inside.push_back(r);
    SvmFit fit = fit_on(in.svm(), data, inside, settings);
    for (const std::uint32_t r : all)
      if (fold[r] == piece - 1) decisions[r] = svm_decision(in.svm(), r, fit);
    if (!joined) return;
    fit = fit_on(narrow, data, inside, settings);
    for (const std::uint32_t r : all)
      if (fold[r] == piece - 1) by_characters[r] = svm_decision(narrow, r, fit);
  };
  if (!run_pieces(settings.folds + 1, settings.threads, settings.progress, fit_piece))
    return fail(ErrorCode::kConflict, "training: cancelled");

  PairModelParts general;
  if (joined) fit_general(in, data, fold, settings, decisions, general);
  PairModelParts parts = parts_of(std::move(in), whole, joined ? &floor_whole : nullptr);
  parts.general_weight = general.general_weight;
  parts.general_bias = general.general_bias;
  parts.familiar_low = general.familiar_low;
  parts.familiar_high = general.familiar_high;
  parts.calibration = fit_calibration(decisions, data.same);
  const std::vector<double> same = calibrated(parts.calibration, decisions);
  std::vector<double> confidences;
  std::vector<std::uint32_t> answers;
  std::vector<std::string> texts;
  for (std::size_t r = 0; r < data.rows(); ++r) {
    confidences.push_back(std::max(same[r], 1 - same[r]));
    answers.push_back(same[r] >= 0.5 ? 1 : 0);
    texts.push_back(pair_text(data.texts[data.first[r]], data.texts[data.second[r]]));
  }
  parts.reference = drift_reference(answers, confidences, 2, texts);
  parts.threshold = threshold_of(std::move(confidences), settings.reject_loss);
  parts.settings = settings_json(data, settings, grouped);
  parts.metrics = measure_pairs(same, data.same, parts.threshold, settings.seed);
  if (joined) {
    parts.floor_calibration = fit_calibration(by_characters, data.same);
    const std::vector<double> floor = calibrated(parts.floor_calibration, by_characters);
    parts.metrics.set("floor",
                      measure_pairs(floor, data.same, parts.threshold, settings.seed)["metrics"]);
  }
  return PairModel::create(std::move(parts));
}

}  // namespace zhiyin::model
