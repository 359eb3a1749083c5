#include "statistics/classification.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/check.h"

namespace zhiyin::statistics {
namespace {

double quotient(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

std::int64_t Confusion::total() const {
  std::int64_t sum = 0;
  for (const auto& row : counts) sum = std::accumulate(row.begin(), row.end(), sum);
  return sum;
}

double Confusion::accuracy() const {
  std::int64_t right = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) right += counts[i][i];
  return quotient(right, total());
}

Confusion confusion(std::span<const int> actual, std::span<const int> predicted, int classes) {
  ZHIYIN_CHECK(actual.size() == predicted.size() && classes >= 1);
  const auto n = static_cast<std::size_t>(classes);
  Confusion out{std::vector(n, std::vector<std::int64_t>(n, 0))};
  for (std::size_t i = 0; i < actual.size(); ++i) {
    ++out.counts.at(static_cast<std::size_t>(actual[i])).at(static_cast<std::size_t>(predicted[i]));
  }
  return out;
}

ClassScore class_score(const Confusion& c, std::size_t which) {
  std::int64_t predicted = 0;
  std::int64_t support = 0;
  for (std::size_t i = 0; i < c.counts.size(); ++i) {
    predicted += c.counts[i][which];
    support += c.counts[which][i];
  }
  const std::int64_t hits = c.counts[which][which];
  return {quotient(hits, predicted), quotient(hits, support),
          quotient(2 * hits, predicted + support), support};
}

double macro_f1(const Confusion& c) {
  double sum = 0;
  for (std::size_t i = 0; i < c.counts.size(); ++i) sum += class_score(c, i).f1;
  return c.counts.empty() ? 0 : sum / static_cast<double>(c.counts.size());
}

double auc(std::span<const double> scores, std::span<const int> labels) {
  ZHIYIN_CHECK(scores.size() == labels.size());
  std::vector<std::uint32_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, {}, [&](std::uint32_t i) { return scores[i]; });
  double rank_sum = 0;
  double positives = 0;
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;
    double tied_positives = 0;
    while (end < order.size() && scores[order[end]] == scores[order[begin]]) {
      tied_positives += labels[order[end]];
      ++end;
    }
    // Equal scores share the mean of the ranks begin + 1 … end.
    rank_sum += tied_positives * (static_cast<double>(begin + 1 + end) / 2);
    positives += tied_positives;
    begin = end;
  }
  const double negatives = static_cast<double>(scores.size()) - positives;
  if (positives == 0 || negatives == 0) return std::numeric_limits<double>::quiet_NaN();
  return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives);
}

double log_loss(std::span<const double> probabilities, std::span<const int> labels) {
  ZHIYIN_CHECK(probabilities.size() == labels.size());
  constexpr double kEdge = 1e-15;
  double sum = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const double p = std::clamp(probabilities[i], kEdge, 1 - kEdge);
    sum -= labels[i] == 1 ? std::log(p) : std::log1p(-p);
  }
  return labels.empty() ? 0 : sum / static_cast<double>(labels.size());
}

double brier(std::span<const double> probabilities, std::span<const int> labels) {
  ZHIYIN_CHECK(probabilities.size() == labels.size());
  double sum = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const double d = probabilities[i] - labels[i];
    sum += d * d;
  }
  return labels.empty() ? 0 : sum / static_cast<double>(labels.size());
}

std::vector<CalibrationBin> calibration_bins(std::span<const double> probabilities,
                                             std::span<const int> labels, int bins) {
  ZHIYIN_CHECK(probabilities.size() == labels.size() && bins >= 1);
  std::vector<CalibrationBin> out(static_cast<std::size_t>(bins));
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const double place = std::clamp(probabilities[i], 0.0, 1.0) * bins;
    const auto b = std::min(static_cast<std::size_t>(place), out.size() - 1);
    out[b].predicted += probabilities[i];
    out[b].observed += labels[i];
    ++out[b].count;
  }
  std::erase_if(out, [](const CalibrationBin& b) { return b.count == 0; });
  for (CalibrationBin& b : out) {
    b.predicted /= static_cast<double>(b.count);
    b.observed /= static_cast<double>(b.count);
  }
  return out;
}

double calibration_error(std::span<const CalibrationBin> bins) {
  double sum = 0;
  std::int64_t total = 0;
  for (const CalibrationBin& b : bins) {
    sum += std::fabs(b.predicted - b.observed) * static_cast<double>(b.count);
    total += b.count;
  }
  return total == 0 ? 0 : sum / static_cast<double>(total);
}

}  // namespace zhiyin::statistics
