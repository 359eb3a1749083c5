#include "model/classify/text_classifier.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstring>
#include <map>
#include <thread>

#include "base/check.h"
#include "model/classify/temperature.h"

namespace zhiyin::model {
namespace {

constexpr double kIdfUnit = 1.0 / 2048;  // 16 bits reach up to 32
constexpr std::size_t kLookAhead = 8;

std::uint16_t load16(const char* at) {
  std::uint16_t out;
  std::memcpy(&out, at, sizeof(out));
  return out;
}

/// 1 + ln(count), remembered where it is needed most.
float count_weight(std::size_t count) {
  static const auto kTable = [] {
    std::array<float, 64> out{};
    for (std::size_t i = 1; i < out.size(); ++i)
      out[i] = 1 + static_cast<float>(std::log(static_cast<double>(i)));
    return out;
  }();
  return count < kTable.size() ? kTable[count]
                               : 1 + static_cast<float>(std::log(static_cast<double>(count)));
}

/// Calls visit(feature, count) for each distinct one of the sorted hits.
template <class Visit>
void for_each_run(std::span<const std::uint32_t> hits, Visit visit) {
  for (std::size_t at = 0; at < hits.size();) {
    std::size_t end = at + 1;
    while (end < hits.size() && hits[end] == hits[at]) ++end;
    visit(hits[at], end - at);
    at = end;
  }
}

/// Empty, or nothing but white space and characters that are not seen.
bool is_blank(const FoldedText& text) {
  return std::ranges::all_of(text.points, [](char32_t c) { return c == U' '; });
}

bool all_finite(std::span<const float> values) {
  return std::ranges::all_of(values, [](float v) { return std::isfinite(v); });
}

Result<void> check_parts(const TextModelParts& p) {
  const auto wrong = [](std::string_view what) {
    return fail(ErrorCode::kInvalidArgument, "text model: {}", what);
  };
  if (p.classes.size() < 2) return wrong("fewer than two classes");
  const std::size_t columns = p.rules.empty() && p.classes.size() == 2 ? 1 : p.classes.size();
  if (!p.rules.empty() && p.rules.size() != p.classes.size())
    return wrong("not one rule per label");
  for (const LabelRule& rule : p.rules) {
    for (const Calibration& c : {rule.calibration, rule.floor_calibration}) {
      if (!(c.slope > 0) || !std::isfinite(c.slope) || !std::isfinite(c.shift))
        return wrong("a label's calibration is out of range");
    }
    if (!(rule.threshold >= 0 && rule.threshold <= 1))
      return wrong("a label's threshold is out of range");
  }
  if (p.intercepts.size() != columns) return wrong("not one intercept per column");
  if (p.ngram_max < 1 || p.ngram_max > kNgramCharactersMax) return wrong("n-grams of a wrong size");
  if (p.idf.size() != p.keys.size() || p.weights.size() != p.keys.size() * columns)
    return wrong("not one weight per n-gram and column");
  if (p.dense_factor.size() != p.dense_mean.size() ||
      p.dense_weights.size() != p.dense_mean.size() * columns)
    return wrong("not one weight per value of the encoder and column");
  if (!all_finite(p.weights) || !all_finite(p.dense_weights) || !all_finite(p.dense_mean) ||
      !all_finite(p.dense_factor) ||
      !std::ranges::all_of(p.intercepts, [](double v) { return std::isfinite(v); }))
    return wrong("a weight is not finite");
  if (!std::ranges::all_of(p.idf, [](float v) { return v >= 0 && v < 32; }))
    return wrong("an idf is not in [0, 32)");
  if (std::ranges::adjacent_find(p.keys, std::ranges::greater_equal()) != p.keys.end() ||
      (!p.keys.empty() && p.keys.front() == 0))
    return wrong("n-grams are not ascending");
  if (!(p.temperature > 0) || !std::isfinite(p.temperature) ||
      !(p.threshold >= 0 && p.threshold <= 1))
    return wrong("temperature or threshold is out of range");
  if (p.isotonic.x.size() != p.isotonic.y.size() || p.isotonic.x.size() > kIsotonicKnotsMax)
    return wrong("the curve of calibration has another number of places than of values");
  if (p.scope.size() == 1 || !std::ranges::is_sorted(p.scope) ||
      !(p.scope_min >= 0 && p.scope_min <= 1) || !(p.floor_temperature >= 0))
    return wrong("scope or the floor's temperature is out of range");
  return {};
}

/// Weight times idf of one n-gram, per column, as 8 bits and a scale in units.
void append_record(std::string& out, float idf, std::span<const float> weights, double unit) {
  double largest = 0;
  for (const float w : weights) largest = std::max(largest, std::abs(static_cast<double>(w) * idf));
  const double exact = unit == 0 ? 0 : largest / (127 * unit);
  const auto scale = static_cast<std::uint16_t>(std::ceil(std::min(exact, 65535.0)));
  const auto rounded_idf = static_cast<std::uint16_t>(std::lround(idf / kIdfUnit));
  out.append(reinterpret_cast<const char*>(&rounded_idf), 2);
  out.append(reinterpret_cast<const char*>(&scale), 2);
  for (const float w : weights) {
    const double steps = scale == 0 ? 0 : static_cast<double>(w) * idf / (scale * unit);
    out +=
        static_cast<char>(static_cast<std::int8_t>(std::lround(std::clamp(steps, -127.0, 127.0))));
  }
}

}  // namespace

Result<TextClassifier> TextClassifier::create(TextModelParts p) {
  ZHIYIN_TRY_VOID(check_parts(p));
  TextClassifier out;
  out.classes_ = std::move(p.classes);
  out.rules_ = std::move(p.rules);
  out.ngram_max_ = p.ngram_max;
  out.keys_ = std::move(p.keys);
  out.intercepts_ = std::move(p.intercepts);
  out.dense_mean_ = std::move(p.dense_mean);
  out.dense_factor_ = std::move(p.dense_factor);
  out.dense_weights_ = std::move(p.dense_weights);
  out.temperature_ = p.temperature;
  out.isotonic_ = std::move(p.isotonic);
  out.scope_ = std::move(p.scope);
  out.scope_min_ = p.scope_min;
  out.floor_temperature_ = p.floor_temperature;
  out.reference_ = std::move(p.reference);
  out.threshold_ = p.threshold;
  out.settings_ = std::move(p.settings);
  out.metrics_ = std::move(p.metrics);
  const std::size_t columns = out.columns();
  double largest = 0;
  for (std::size_t f = 0; f < out.keys_.size(); ++f) {
    for (std::size_t c = 0; c < columns; ++c)
      largest =
          std::max(largest, std::abs(static_cast<double>(p.weights[f * columns + c]) * p.idf[f]));
  }
  out.weight_unit_ = largest / (127.0 * 65535);
  for (std::size_t f = 0; f < out.keys_.size(); ++f)
    append_record(out.records_, p.idf[f], std::span(p.weights).subspan(f * columns, columns),
                  out.weight_unit_);
  out.index();
  return out;
}

void TextClassifier::index() {
  table_ = NgramTable(keys_.size());
  for (const NgramKey key : keys_) table_.add(key);
}

void TextClassifier::find_hits(Scratch& scratch) const {
  scratch.keys.clear();
  for_each_ngram(scratch.folded.points, ngram_max_,
                 [&](NgramKey key, std::size_t) { scratch.keys.push_back(key); });
  scratch.hits.clear();
  const std::vector<NgramKey>& keys = scratch.keys;
  for (std::size_t i = 0; i < std::min(kLookAhead, keys.size()); ++i) table_.prefetch(keys[i]);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (i + kLookAhead < keys.size()) table_.prefetch(keys[i + kLookAhead]);
    const std::uint32_t hit = table_.find(keys[i]);
    if (hit == NgramTable::kAbsent) continue;
    __builtin_prefetch(records_.data() + hit * record_bytes());
    scratch.hits.push_back(hit);
  }
  std::ranges::sort(scratch.hits);
}

bool TextClassifier::decide(std::string_view text, std::span<const float> dense, Scratch& scratch,
                            std::span<double> decisions) const {
  ZHIYIN_DCHECK(decisions.size() == columns() &&
                (dense.size() == dense_columns() || (dense.empty() && has_floor())));
  fold_text(text, scratch.folded);
  find_hits(scratch);
  const std::size_t columns = intercepts_.size();
  std::vector<float>& sums = scratch.sums;
  sums.assign(columns, 0);
  float squares = 0;
  for_each_run(scratch.hits, [&](std::uint32_t feature, std::size_t count) {
    const char* record = records_.data() + feature * record_bytes();
    const float weight = count_weight(count);
    const float value = weight * static_cast<float>(load16(record));
    squares += value * value;
    const float factor = weight * static_cast<float>(load16(record + 2));
    const auto* steps = reinterpret_cast<const std::int8_t*>(record + 4);
    for (std::size_t c = 0; c < columns; ++c) sums[c] += factor * static_cast<float>(steps[c]);
  });
  const double unit =
      squares > 0 ? weight_unit_ / (std::sqrt(static_cast<double>(squares)) * kIdfUnit) : 0;
  for (std::size_t c = 0; c < columns; ++c)
    decisions[c] = intercepts_[c] + static_cast<double>(sums[c]) * unit;
  if (!dense.empty()) add_dense(dense, decisions);
  return !scratch.hits.empty();
}

void TextClassifier::add_dense(std::span<const float> dense, std::span<double> decisions) const {
  const std::size_t columns = decisions.size();
  for (std::size_t i = 0; i < dense_mean_.size(); ++i) {
    const double value = static_cast<double>(dense[i] - dense_mean_[i]) * dense_factor_[i];
    for (std::size_t c = 0; c < columns; ++c)
      decisions[c] += value * dense_weights_[i * columns + c];
  }
}

TextPrediction TextClassifier::predict(std::string_view text, std::span<const float> dense,
                                       Scratch& scratch) const {
  TextPrediction out;
  std::vector<double> decisions(columns());
  out.floor = dense.empty() && dense_columns() > 0;
  const bool decided = decide(text, dense, scratch, decisions) || !dense.empty();
  // The encoder has a vector for nothing, too.
  const bool known = decided && !is_blank(scratch.folded);
  out.scores.resize(classes_.size());
  if (several()) {
    apply_rules(decisions, known, out);
    return out;
  }
  const bool cooler = out.floor && floor_temperature_ > 0;
  probabilities_of(decisions, cooler ? floor_temperature_ : temperature_, out.scores);
  const auto best = std::ranges::max_element(out.scores);
  out.label = static_cast<std::uint32_t>(best - out.scores.begin());
  if (!isotonic_.empty() && !out.floor) recalibrate(isotonic_, out.scores);
  out.confidence = *best;
  out.rejected = out.confidence < threshold_ || !known;
  // The quantiles are of decisions with the encoder's part.
  if (!scope_.empty() && !out.floor) {
    out.scope = known ? scope_of(scope_, best_decision(decisions)) : 0;
    out.out_of_scope = *out.scope < scope_min_;
  }
  return out;
}

void TextClassifier::apply_rules(std::span<const double> decisions, bool known,
                                 TextPrediction& out) const {
  for (std::size_t c = 0; c < rules_.size(); ++c) {
    const LabelRule& rule = rules_[c];
    // Weights of a file may be so large that their sum is no number.
    const double decision = std::isfinite(decisions[c]) ? decisions[c] : 0;
    out.scores[c] = (out.floor ? rule.floor_calibration : rule.calibration).probability(decision);
    if (out.scores[c] >= rule.threshold) out.labels.push_back(static_cast<std::uint32_t>(c));
  }
  const auto best = std::ranges::max_element(out.scores);
  out.label = static_cast<std::uint32_t>(best - out.scores.begin());
  out.confidence = *best;
  out.rejected = !known;
}

double scope_of(std::span<const double> quantiles, double decision) {
  const auto above = std::ranges::upper_bound(quantiles, decision);
  if (above == quantiles.begin()) return 0;
  if (above == quantiles.end()) return 1;
  const auto i = static_cast<std::size_t>(above - quantiles.begin());
  const double within = (decision - quantiles[i - 1]) / (quantiles[i] - quantiles[i - 1]);
  return (static_cast<double>(i - 1) + within) / static_cast<double>(quantiles.size() - 1);
}

double best_decision(std::span<const double> decisions) {
  return decisions.size() == 1 ? std::abs(decisions[0]) : std::ranges::max(decisions);
}

double TextClassifier::encoder_part(std::span<const float> dense, std::uint32_t label) const {
  if (dense.empty()) return 0;
  std::vector<double> parts(columns());
  add_dense(dense, parts);
  return columns() == 1 ? (label == 0 ? -parts[0] : parts[0]) : parts[label];
}

TextExplanation TextClassifier::explain(std::string_view text, std::span<const float> dense,
                                        std::uint32_t label, std::size_t terms_max) const {
  ZHIYIN_CHECK(label < classes_.size());
  Scratch scratch;
  fold_text(text, scratch.folded, true);
  const std::size_t column = columns() == 1 ? 0 : label;
  const double sign = columns() == 1 && label == 0 ? -1 : 1;
  std::map<std::uint32_t, TermWeight> terms;
  for_each_ngram(scratch.folded.points, ngram_max_, [&](NgramKey key, std::size_t at) {
    const std::uint32_t hit = table_.find(key);
    if (hit == NgramTable::kAbsent) return;
    TermWeight& term = terms[hit];
    if (term.term.empty()) term.term = ngram_text(key);
    const std::size_t last = at + ngram_size(key) - 1;
    term.spans.emplace_back(scratch.folded.begins[at], scratch.folded.ends[last]);
  });
  double squares = 0;
  for (auto& [feature, term] : terms) {
    const char* record = records_.data() + feature * record_bytes();
    const double weight = count_weight(term.spans.size());
    squares += std::pow(weight * load16(record) * kIdfUnit, 2);
    term.weight = sign * weight * load16(record + 2) * weight_unit_ *
                  static_cast<std::int8_t>(record[4 + column]);
  }
  TextExplanation out;
  out.intercept = sign * intercepts_[column];
  out.encoder = encoder_part(dense, label);
  out.decision = out.intercept + out.encoder;
  for (auto& [feature, term] : terms) {
    term.weight /= std::sqrt(squares);
    out.decision += term.weight;
    if (term.weight != 0) out.terms.push_back(std::move(term));
  }
  std::ranges::stable_sort(out.terms, std::ranges::greater(),
                           [](const TermWeight& t) { return std::abs(t.weight); });
  if (out.terms.size() > terms_max) out.terms.resize(terms_max);
  return out;
}

std::vector<TextPrediction> classify_all(const TextClassifier& model,
                                         std::span<const std::string_view> texts,
                                         std::span<const float> dense, std::size_t threads) {
  constexpr std::size_t kChunk = 256;
  std::vector<TextPrediction> out(texts.size());
  std::atomic<std::size_t> next = 0;
  const std::size_t width = model.dense_columns();
  const auto work = [&] {
    TextClassifier::Scratch scratch;
    while (true) {
      const std::size_t begin = next.fetch_add(kChunk);
      if (begin >= texts.size()) return;
      for (std::size_t i = begin; i < std::min(begin + kChunk, texts.size()); ++i)
        out[i] = model.predict(texts[i], dense.empty() ? dense : dense.subspan(i * width, width),
                               scratch);
    }
  };
  std::vector<std::jthread> others;
  const std::size_t useful = std::min(threads, (texts.size() + kChunk - 1) / kChunk);
  for (std::size_t t = 1; t < useful; ++t) others.emplace_back(work);
  work();
  others.clear();
  return out;
}

}  // namespace zhiyin::model
