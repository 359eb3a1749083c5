#include "model/classify/drift.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_map>

#include "base/check.h"

namespace zhiyin::model {
namespace {

constexpr double kDriftMin = 0.1;  // the usual border of "no change"
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

DriftWatch::DriftWatch(DriftReference reference)
    : reference_(std::move(reference)), table_(reference_.ngrams.size()) {
  for (const NgramKey key : reference_.ngrams) table_.add(key);
  older_ = newer_ = empty();
  seen_in_.resize(reference_.ngrams.size());
}

DriftWatch::Counts DriftWatch::empty() const {
  Counts out;
  out.labels.resize(reference_.labels.size());
  out.confidences.resize(reference_.confidences.size());
  out.ngrams.resize(reference_.ngrams.size());
  return out;
}

void DriftWatch::add(std::string_view text, std::uint32_t label, double confidence) {
  if (reference_.rows == 0 || label >= reference_.labels.size()) return;
  if (newer_.rows == kWindow / 2) {
    older_ = std::move(newer_);
    newer_ = empty();
  }
  ++newer_.rows;
  ++texts_;
  ++newer_.labels[label];
  ++newer_.confidences[bin_of(reference_.edges, confidence)];
  fold_text(text, folded_);
  for_each_ngram(folded_.points, 2, [&](NgramKey key, std::size_t) {
    const std::uint32_t number = table_.find(key);
    if (number == NgramTable::kAbsent || seen_in_[number] == texts_) return;
    seen_in_[number] = texts_;
    ++newer_.ngrams[number];
  });
}

Json DriftWatch::report() const {
  const auto both = [](const std::vector<double>& a, const std::vector<double>& b) {
    std::vector<double> sum(a);
    for (std::size_t i = 0; i < b.size(); ++i) sum[i] += b[i];
    return sum;
  };
  const auto rows = static_cast<double>(older_.rows + newer_.rows);
  const auto given = static_cast<double>(reference_.rows);
  Json out = Json().set("texts", older_.rows + newer_.rows);
  out.set("reference_texts", reference_.rows);
  if (reference_.rows == 0 || rows == 0) return out;

  const auto labels = both(older_.labels, newer_.labels);
  const auto confidences = both(older_.confidences, newer_.confidences);
  const auto ngrams = both(older_.ngrams, newer_.ngrams);
  const auto index = [&](const std::vector<double>& before, const std::vector<double>& now) {
    std::vector<double> counts(before);
    for (double& share : counts) share *= given;
    return stability_index(counts, given, now, rows);
  };
  // Without drift an index is about (places - 1) (1 / n + 1 / m), as a chi-square is.
  const auto chance = [&](std::size_t places) {
    return (static_cast<double>(places) - 1) * (1 / given + 1 / rows);
  };
  double mean = 0;
  std::vector<std::pair<double, std::size_t>> moved;
  for (std::size_t i = 0; i < ngrams.size(); ++i) {
    moved.emplace_back(having_index(reference_.texts[i], given, ngrams[i], rows), i);
    mean += moved.back().first / static_cast<double>(ngrams.size());
  }
  std::ranges::sort(moved, std::ranges::greater());
  moved.resize(std::min(moved.size(), kShownNgrams));

  Json psi, by_chance, drifted = Json::array();
  const auto put = [&](std::string_view name, double found, double expected) {
    psi.set(name, found);
    by_chance.set(name, expected);
    if (found > kDriftMin && found > kChanceFactor * expected) drifted.push(name);
  };
  put("confidence", index(reference_.confidences, confidences), chance(confidences.size()));
  put("labels", index(reference_.labels, labels), chance(labels.size()));
  put("ngrams", mean, chance(2));
  out.set("psi", std::move(psi)).set("chance", std::move(by_chance));
  out.set("drifted", std::move(drifted));

  Json bins = Json::array();
  for (std::size_t i = 0; i < confidences.size(); ++i)
    bins.push(Json()
                  .set("from", i == 0 ? 0 : reference_.edges[i - 1])
                  .set("to", i < reference_.edges.size() ? reference_.edges[i] : 1)
                  .set("before", reference_.confidences[i])
                  .set("now", confidences[i] / rows));
  Json classes = Json::array();
  for (std::size_t i = 0; i < labels.size(); ++i)
    classes.push(Json().set("before", reference_.labels[i]).set("now", labels[i] / rows));
  Json most = Json::array();
  for (const auto& [by, i] : moved)
    most.push(Json()
                  .set("ngram", ngram_text(reference_.ngrams[i]))
                  .set("before", reference_.texts[i])
                  .set("now", ngrams[i] / rows));
  out.set("confidence", std::move(bins)).set("labels", std::move(classes));
  return out.set("ngrams", std::move(most));
}

}  // namespace zhiyin::model
