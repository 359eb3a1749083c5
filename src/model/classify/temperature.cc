#include "model/classify/temperature.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace zhiyin::model {
namespace {

double highest_of(std::span<const double> decisions) {
  return decisions.size() == 1 ? std::abs(decisions[0]) : std::ranges::max(decisions);
}

/// Sum of exp((d - highest) / temperature) over the classes.
double weight_sum(std::span<const double> decisions, double temperature) {
  if (decisions.size() == 1) return 1 + std::exp(-2 * std::abs(decisions[0]) / temperature);
  const double highest = highest_of(decisions);
  double sum = 0;
  for (const double d : decisions) sum += std::exp((d - highest) / temperature);
  return sum;
}

double decision_of(std::span<const double> decisions, std::size_t label) {
  if (decisions.size() > 1) return decisions[label];
  return label == 1 ? decisions[0] : -decisions[0];
}

/// Mean decision of the classes.
double mean_of(std::span<const double> decisions) {
  if (decisions.size() == 1) return 0;
  double sum = 0;
  for (const double d : decisions) sum += d;
  return sum / static_cast<double>(decisions.size());
}

/// Cross entropy with targets of 1 - doubt for the label and doubt / classes for each class.
double mean_loss(std::span<const double> decisions, std::size_t columns,
                 std::span<const std::uint32_t> labels, double doubt, double temperature) {
  double loss = 0;
  for (std::size_t r = 0; r < labels.size(); ++r) {
    const auto row = decisions.subspan(r * columns, columns);
    const double target = (1 - doubt) * decision_of(row, labels[r]) + doubt * mean_of(row);
    loss += std::log(weight_sum(row, temperature)) - (target - highest_of(row)) / temperature;
  }
  return loss / static_cast<double>(labels.size());
}

}  // namespace

void probabilities_of(std::span<const double> decisions, double temperature,
                      std::span<double> scores) {
  const double highest = highest_of(decisions);
  const double sum = weight_sum(decisions, temperature);
  for (std::size_t c = 0; c < scores.size(); ++c)
    scores[c] = std::exp((decision_of(decisions, c) - highest) / temperature) / sum;
}

double fit_temperature(std::span<const double> decisions, std::size_t columns,
                       std::span<const std::uint32_t> labels) {
  if (labels.empty()) return 1;
  // The loss is convex in 1 / temperature, so it has one valley in the logarithm too: golden
  // section.
  constexpr double kShare = 1 / std::numbers::phi;
  constexpr int kSteps = 60;
  // As if two rows more had been seen that say nothing: where no held-out row is wrong the loss has
  // no other end than certainty.
  const double doubt = 2 / static_cast<double>(labels.size() + 2);
  double low = std::log(1e-3);
  double high = std::log(1e3);
  const auto loss = [&](double x) {
    return mean_loss(decisions, columns, labels, doubt, std::exp(x));
  };
  double a = high - kShare * (high - low);
  double b = low + kShare * (high - low);
  double loss_a = loss(a);
  double loss_b = loss(b);
  for (int step = 0; step < kSteps && high - low > 1e-4; ++step) {
    if (loss_a <= loss_b) {
      high = b;
      b = a;
      loss_b = loss_a;
      a = high - kShare * (high - low);
      loss_a = loss(a);
    } else {
      low = a;
      a = b;
      loss_a = loss_b;
      b = low + kShare * (high - low);
      loss_b = loss(b);
    }
  }
  return std::exp((low + high) / 2);
}

}  // namespace zhiyin::model
