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

double balanced_accuracy(const Confusion& c) {
  double sum = 0;
  double classes = 0;
  for (std::size_t i = 0; i < c.counts.size(); ++i) {
    const ClassScore s = class_score(c, i);
    if (s.support == 0) continue;
    sum += s.recall;
    ++classes;
  }
  return classes == 0 ? 0 : sum / classes;
}

double cohen_kappa(const Confusion& c) {
  const auto n = static_cast<double>(c.total());
  if (n == 0) return 0;
  double chance = 0;
  for (std::size_t i = 0; i < c.counts.size(); ++i) {
    double predicted = 0;
    for (const auto& row : c.counts) predicted += static_cast<double>(row[i]);
    chance += static_cast<double>(class_score(c, i).support) / n * predicted / n;
  }
  return chance >= 1 ? 0 : (c.accuracy() - chance) / (1 - chance);
}

namespace {

double f_beta(double precision, double recall, double beta) {
  const double square = beta * beta;
  const double denominator = square * precision + recall;
  return denominator > 0 ? (1 + square) * precision * recall / denominator : 0;
}

}  // namespace

AveragedScore averaged_score(const Confusion& c, Average average, double beta) {
  if (average == Average::kMicro) {
    const double a = c.accuracy();
    return {a, a, f_beta(a, a, beta)};
  }
  AveragedScore out;
  double weights = 0;
  for (std::size_t i = 0; i < c.counts.size(); ++i) {
    const ClassScore s = class_score(c, i);
    const double w = average == Average::kMacro ? 1 : static_cast<double>(s.support);
    out.precision += w * s.precision;
    out.recall += w * s.recall;
    out.f += w * f_beta(s.precision, s.recall, beta);
    weights += w;
  }
  if (weights == 0) return {};
  return {out.precision / weights, out.recall / weights, out.f / weights};
}

namespace {

std::vector<std::uint32_t> best_first(std::span<const double> scores) {
  std::vector<std::uint32_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, [&](std::uint32_t a, std::uint32_t b) { return scores[a] > scores[b]; });
  return order;
}

}  // namespace

double average_precision(std::span<const double> scores, std::span<const int> labels) {
  ZHIYIN_CHECK(scores.size() == labels.size());
  const std::vector<std::uint32_t> order = best_first(scores);
  const auto positives = static_cast<double>(std::ranges::count(labels, 1));
  if (positives == 0) return std::numeric_limits<double>::quiet_NaN();
  double hits = 0;
  double sum = 0;
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;
    double tied = 0;
    while (end < order.size() && scores[order[end]] == scores[order[begin]]) {
      tied += labels[order[end]];
      ++end;
    }
    hits += tied;
    sum += tied / positives * hits / static_cast<double>(end);
    begin = end;
  }
  return sum;
}

std::vector<LiftPoint> lift_curve(std::span<const double> scores, std::span<const int> labels,
                                  int parts) {
  ZHIYIN_CHECK(scores.size() == labels.size() && parts >= 1);
  const std::vector<std::uint32_t> order = best_first(scores);
  const auto n = static_cast<double>(order.size());
  const auto positives = static_cast<double>(std::ranges::count(labels, 1));
  std::vector<LiftPoint> out;
  std::size_t begin = 0;
  std::size_t end = 0;
  double before = 0;  // positives of the finished groups of equal score
  double tied = 0;    // of the group that is open
  for (int part = 1; part <= parts; ++part) {
    const double place = n * part / parts;
    while (static_cast<double>(end) < place && end < order.size()) {
      before += tied;
      tied = 0;
      begin = end;
      while (end < order.size() && scores[order[end]] == scores[order[begin]]) {
        tied += labels[order[end]];
        ++end;
      }
    }
    const double inside =
        end > begin ? tied * (place - static_cast<double>(begin)) / static_cast<double>(end - begin)
                    : 0;
    const double gain = (before + inside) / positives;
    const double share = static_cast<double>(part) / parts;
    out.push_back({share, positives > 0 ? gain : std::numeric_limits<double>::quiet_NaN(),
                   positives > 0 ? gain / share : std::numeric_limits<double>::quiet_NaN()});
  }
  return out;
}

RegressionScore regression_score(std::span<const double> actual,
                                 std::span<const double> predicted) {
  ZHIYIN_CHECK(actual.size() == predicted.size() && !actual.empty());
  const auto n = static_cast<double>(actual.size());
  RegressionScore out;
  double mean = 0;
  for (const double a : actual) mean += a / n;
  double squares = 0;
  double spread = 0;
  std::vector<double> distance;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const double d = predicted[i] - actual[i];
    out.bias += d / n;
    out.mean_absolute += std::fabs(d) / n;
    squares += d * d;
    spread += (actual[i] - mean) * (actual[i] - mean);
    out.mean_percentage +=
        actual[i] == 0 ? std::numeric_limits<double>::quiet_NaN() : std::fabs(d / actual[i]) / n;
    distance.push_back(std::fabs(d));
  }
  out.root_mean_square = std::sqrt(squares / n);
  out.r_squared = spread > 0 ? 1 - squares / spread : std::numeric_limits<double>::quiet_NaN();
  std::ranges::sort(distance);
  out.median_absolute = (distance[(distance.size() - 1) / 2] + distance[distance.size() / 2]) / 2;
  return out;
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
