#include "model/classify/drift.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_map>
#include <utility>

#include "base/check.h"

namespace zhiyin::model {
namespace {

constexpr double kChanceFactor = 2;
constexpr std::size_t kShownNgrams = 20;
/// Texts looked at for the reference's n-grams: more would not change which are frequent.
constexpr std::size_t kReferenceTextsMax = 50'000;

std::size_t bin_of(std::span<const double> edges, double confidence) {
  return static_cast<std::size_t>(std::ranges::upper_bound(edges, confidence) - edges.begin());
}

std::vector<double> shares(std::vector<double> counts, double rows) {
  for (double& count : counts) count /= std::max(rows, 1.0);
  return counts;
}

/// Edges of bins with about as many rows each; fewer where many are the same.
std::vector<double> edges_of(std::vector<double> values) {
  std::ranges::sort(values);
  std::vector<double> out;
  for (std::size_t i = 1; i < kDriftBins; ++i) {
    const double edge = values[i * values.size() / kDriftBins];
    if (edge > values.front() && (out.empty() || edge > out.back())) out.push_back(edge);
  }
  return out;
}

Json numbers(std::span<const double> values) { return Json::Array(values.begin(), values.end()); }

std::unexpected<Error> damaged(std::string_view what) {
  return fail(ErrorCode::kDataLoss, "reference of drift: {}", what);
}

Result<std::vector<double>> shares_of(const Json& list, std::size_t most) {
  const Json::Array* values = list.if_array();
  if (values == nullptr || values->size() > most) return damaged("a list is missing or too long");
  std::vector<double> out;
  for (const Json& value : *values) {
    out.push_back(value.number_or(-1));
    if (!(out.back() >= 0 && out.back() <= 1)) return damaged("a share is not in [0, 1]");
  }
  return out;
}

/// The index of having an n-gram or not, from the counts of both sides.
double having_index(double before, double before_rows, double now, double now_rows) {
  const double given[] = {before * before_rows, (1 - before) * before_rows};
  const double found[] = {now, now_rows - now};
  return stability_index(given, before_rows, found, now_rows);
}

}  // namespace

double stability_index(std::span<const double> before, double before_rows,
                       std::span<const double> now, double now_rows) {
  ZHIYIN_CHECK(before.size() == now.size() && !now.empty());
  const double places = static_cast<double>(now.size());
  double index = 0;
  for (std::size_t i = 0; i < now.size(); ++i) {
    const double p = (before[i] + 0.5) / (before_rows + places / 2);
    const double q = (now[i] + 0.5) / (now_rows + places / 2);
    index += (q - p) * std::log(q / p);
  }
  return index;
}

DriftReference drift_reference(std::span<const std::uint32_t> labels,
                               std::span<const double> confidences, std::size_t classes,
                               std::span<const std::string> texts) {
  DriftReference out;
  out.rows = labels.size();
  const auto rows = static_cast<double>(labels.size());
  std::vector<double> by_class(classes);
  for (const std::uint32_t label : labels) ++by_class[label];
  out.labels = shares(std::move(by_class), rows);
  out.edges = edges_of({confidences.begin(), confidences.end()});
  std::vector<double> by_bin(out.edges.size() + 1);
  for (const double confidence : confidences) ++by_bin[bin_of(out.edges, confidence)];
  out.confidences = shares(std::move(by_bin), rows);

  std::unordered_map<NgramKey, std::pair<std::uint32_t, std::size_t>>
      documents;  // count, last text
  FoldedText folded;
  const std::size_t step = (texts.size() + kReferenceTextsMax - 1) / kReferenceTextsMax;
  std::size_t looked_at = 0;
  for (std::size_t i = 0; i < texts.size(); i += std::max<std::size_t>(step, 1)) {
    ++looked_at;
    fold_text(texts[i], folded);
    // Single characters and pairs: what is frequent among longer ones is in these.
    for_each_ngram(folded.points, 2, [&](NgramKey key, std::size_t) {
      auto& [count, last] = documents[key];
      if (last == looked_at) return;
      last = looked_at;
      ++count;
    });
  }
  std::vector<std::pair<std::uint32_t, NgramKey>> order;
  for (const auto& [key, found] : documents) order.emplace_back(found.first, key);
  std::ranges::sort(order, [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  order.resize(std::min(order.size(), kDriftNgrams));
  std::ranges::sort(order, {}, [](const auto& one) { return one.second; });
  for (const auto& [count, key] : order) {
    out.ngrams.push_back(key);
    out.texts.push_back(count / static_cast<double>(looked_at));
  }
  return out;
}

Json to_json(const DriftReference& reference) {
  Json ngrams = Json::array();
  for (const NgramKey key : reference.ngrams) ngrams.push(static_cast<std::int64_t>(key));
  Json out = Json().set("rows", reference.rows).set("labels", numbers(reference.labels));
  out.set("edges", numbers(reference.edges)).set("confidences", numbers(reference.confidences));
  return out.set("ngrams", std::move(ngrams)).set("texts", numbers(reference.texts));
}

Result<DriftReference> drift_reference_of(const Json& json, std::size_t classes) {
  DriftReference out;
  if (json.is_null()) return out;
  const std::int64_t* rows = json["rows"].if_int();
  const Json::Array* ngrams = json["ngrams"].if_array();
  if (rows == nullptr || *rows < 1 || ngrams == nullptr || ngrams->size() > kDriftNgrams)
    return damaged("a member is missing or out of range");
  out.rows = static_cast<std::size_t>(*rows);
  ZHIYIN_TRY(out.labels, shares_of(json["labels"], classes));
  ZHIYIN_TRY(out.edges, shares_of(json["edges"], kDriftBins - 1));
  ZHIYIN_TRY(out.confidences, shares_of(json["confidences"], kDriftBins));
  ZHIYIN_TRY(out.texts, shares_of(json["texts"], kDriftNgrams));
  for (const Json& key : *ngrams) {
    if (key.if_int() == nullptr || *key.if_int() < 1) return damaged("an n-gram is none");
    out.ngrams.push_back(static_cast<NgramKey>(*key.if_int()));
  }
  const auto ascends = [](const auto& values) {
    return std::ranges::adjacent_find(values, std::ranges::greater_equal()) == values.end();
  };
  if (out.labels.size() != classes || out.confidences.size() != out.edges.size() + 1 ||
      out.texts.size() != out.ngrams.size() || !ascends(out.edges) || !ascends(out.ngrams))
    return damaged("its lists do not fit together");
  return out;
}

DriftCounts no_counts(const DriftReference& reference) {
  DriftCounts out;
  out.labels.resize(reference.labels.size());
  out.confidences.resize(reference.confidences.size());
  out.ngrams.resize(reference.ngrams.size());
  return out;
}

namespace {

void add_each(std::vector<std::int64_t>& to, const std::vector<std::int64_t>& more) {
  ZHIYIN_CHECK(to.size() == more.size());
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += more[i];
}

Json counts_json(const std::vector<std::int64_t>& counts) {
  return Json::Array(counts.begin(), counts.end());
}

Result<std::vector<std::int64_t>> counts_of(const Json& list, std::size_t places,
                                            std::int64_t most) {
  const Json::Array* values = list.if_array();
  if (values == nullptr || values->size() != places) return damaged("counts have other places");
  std::vector<std::int64_t> out;
  for (const Json& value : *values) {
    out.push_back(value.int_or(-1));
    if (out.back() < 0 || out.back() > most) return damaged("a count is out of range");
  }
  return out;
}

std::vector<double> as_real(const std::vector<std::int64_t>& counts) {
  return {counts.begin(), counts.end()};
}

DriftVerdict verdict_of(double psi, double chance) {
  if (psi <= kShiftingAbove) return DriftVerdict::kStable;
  if (psi <= kChanceFactor * chance) return DriftVerdict::kFew;
  return psi <= kShiftedAbove ? DriftVerdict::kShifting : DriftVerdict::kShifted;
}

/// Index and place of each n-gram.
std::vector<std::pair<double, std::size_t>> ngram_indexes(const DriftReference& reference,
                                                          const DriftCounts& counts) {
  std::vector<std::pair<double, std::size_t>> out;
  for (std::size_t i = 0; i < counts.ngrams.size(); ++i)
    out.emplace_back(
        having_index(reference.texts[i], static_cast<double>(reference.rows),
                     static_cast<double>(counts.ngrams[i]), static_cast<double>(counts.rows)),
        i);
  return out;
}

}  // namespace

bool same_places(const DriftCounts& a, const DriftCounts& b) {
  return a.labels.size() == b.labels.size() && a.confidences.size() == b.confidences.size() &&
         a.ngrams.size() == b.ngrams.size();
}

void add_counts(DriftCounts& to, const DriftCounts& more) {
  to.rows += more.rows;
  add_each(to.labels, more.labels);
  add_each(to.confidences, more.confidences);
  add_each(to.ngrams, more.ngrams);
}

Json to_json(const DriftCounts& counts) {
  return Json()
      .set("rows", counts.rows)
      .set("labels", counts_json(counts.labels))
      .set("confidences", counts_json(counts.confidences))
      .set("ngrams", counts_json(counts.ngrams));
}

Result<DriftCounts> drift_counts_of(const Json& json, const DriftCounts& like) {
  constexpr std::int64_t kRowsMax = std::int64_t{1} << 48;  // sums stay far within 64 bits
  DriftCounts out;
  out.rows = json["rows"].int_or(-1);
  if (out.rows < 0 || out.rows > kRowsMax) return damaged("the number of rows is out of range");
  ZHIYIN_TRY(out.labels, counts_of(json["labels"], like.labels.size(), out.rows));
  ZHIYIN_TRY(out.confidences, counts_of(json["confidences"], like.confidences.size(), out.rows));
  ZHIYIN_TRY(out.ngrams, counts_of(json["ngrams"], like.ngrams.size(), out.rows));
  return out;
}

std::string_view to_string(DriftVerdict verdict) {
  constexpr std::array<std::string_view, 4> kNames = {"stable", "few", "shifting", "shifted"};
  return kNames[static_cast<std::size_t>(verdict)];
}

std::array<DriftIndex, 3> drift_indexes(const DriftReference& reference,
                                        const DriftCounts& counts) {
  const auto given = static_cast<double>(reference.rows);
  const auto rows = static_cast<double>(counts.rows);
  const auto index = [&](const std::vector<double>& before, const std::vector<std::int64_t>& now) {
    std::vector<double> expected(before);
    for (double& share : expected) share *= given;
    return stability_index(expected, given, as_real(now), rows);
  };
  // Without drift an index is about (places - 1) (1 / n + 1 / m), as a chi-square is.
  const auto chance = [&](std::size_t places) {
    return (static_cast<double>(places) - 1) * (1 / given + 1 / rows);
  };
  double mean = 0;
  const auto each = ngram_indexes(reference, counts);
  for (const auto& [psi, place] : each) mean += psi / static_cast<double>(each.size());
  std::array<DriftIndex, 3> out = {
      DriftIndex{"confidence", index(reference.confidences, counts.confidences),
                 chance(counts.confidences.size())},
      DriftIndex{"labels", index(reference.labels, counts.labels), chance(counts.labels.size())},
      DriftIndex{"ngrams", mean, chance(2)}};
  for (DriftIndex& one : out) one.verdict = verdict_of(one.psi, one.chance);
  return out;
}

Json to_json(std::span<const DriftIndex> indexes) {
  Json psi, chance, verdicts;
  DriftVerdict worst = DriftVerdict::kStable;
  for (const DriftIndex& one : indexes) {
    psi.set(one.name, one.psi);
    chance.set(one.name, one.chance);
    verdicts.set(one.name, to_string(one.verdict));
    worst = std::max(worst, one.verdict);
  }
  return Json()
      .set("psi", std::move(psi))
      .set("chance", std::move(chance))
      .set("verdicts", std::move(verdicts))
      .set("verdict", to_string(worst));
}

Json drift_report(const DriftReference& reference, const DriftCounts& counts) {
  Json out = Json().set("texts", counts.rows).set("reference_texts", reference.rows);
  if (reference.rows == 0 || counts.rows == 0) return out;
  const auto rows = static_cast<double>(counts.rows);
  const auto indexes = drift_indexes(reference, counts);
  const Json said = to_json(indexes);
  for (const auto& [name, value] : *said.if_object()) out.set(name, value);
  out.set("thresholds", Json().set("shifting", kShiftingAbove).set("shifted", kShiftedAbove));
  Json drifted = Json::array();
  for (const DriftIndex& one : indexes)
    if (one.verdict >= DriftVerdict::kShifting) drifted.push(one.name);
  out.set("drifted", std::move(drifted));

  Json bins = Json::array();
  for (std::size_t i = 0; i < counts.confidences.size(); ++i)
    bins.push(Json()
                  .set("from", i == 0 ? 0 : reference.edges[i - 1])
                  .set("to", i < reference.edges.size() ? reference.edges[i] : 1)
                  .set("before", reference.confidences[i])
                  .set("now", static_cast<double>(counts.confidences[i]) / rows));
  Json classes = Json::array();
  for (std::size_t i = 0; i < counts.labels.size(); ++i)
    classes.push(Json()
                     .set("before", reference.labels[i])
                     .set("now", static_cast<double>(counts.labels[i]) / rows));
  auto moved = ngram_indexes(reference, counts);
  std::ranges::sort(moved, std::ranges::greater());
  moved.resize(std::min(moved.size(), kShownNgrams));
  Json most = Json::array();
  for (const auto& [by, i] : moved)
    most.push(Json()
                  .set("ngram", ngram_text(reference.ngrams[i]))
                  .set("before", reference.texts[i])
                  .set("now", static_cast<double>(counts.ngrams[i]) / rows));
  out.set("confidence", std::move(bins)).set("labels", std::move(classes));
  return out.set("ngrams", std::move(most));
}

DriftWatch::DriftWatch(DriftReference reference)
    : reference_(std::move(reference)), table_(reference_.ngrams.size()) {
  for (const NgramKey key : reference_.ngrams) table_.add(key);
  older_ = newer_ = untaken_ = no_counts(reference_);
  seen_in_.resize(reference_.ngrams.size());
}

void DriftWatch::add(std::string_view text, std::uint32_t label, double confidence) {
  if (reference_.rows == 0 || label >= reference_.labels.size()) return;
  if (newer_.rows == kWindow / 2) {
    older_ = std::move(newer_);
    newer_ = no_counts(reference_);
  }
  ++texts_;
  const std::size_t bin = bin_of(reference_.edges, confidence);
  for (DriftCounts* counts : {&newer_, &untaken_}) {
    ++counts->rows;
    ++counts->labels[label];
    ++counts->confidences[bin];
  }
  fold_text(text, folded_);
  for_each_ngram(folded_.points, 2, [&](NgramKey key, std::size_t) {
    const std::uint32_t number = table_.find(key);
    if (number == NgramTable::kAbsent || seen_in_[number] == texts_) return;
    seen_in_[number] = texts_;
    ++newer_.ngrams[number];
    ++untaken_.ngrams[number];
  });
}

DriftCounts DriftWatch::last() const {
  DriftCounts out = older_;
  add_counts(out, newer_);
  return out;
}

DriftCounts DriftWatch::take() { return std::exchange(untaken_, no_counts(reference_)); }

}  // namespace zhiyin::model
