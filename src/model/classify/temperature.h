#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace zhiyin::model {

/// Decision values as probabilities: softmax(decision / temperature). One decision value alone
/// stands for two classes, (-d, d). Writes one probability per class; the class with the highest
/// decision stays the most likely one. Requires temperature > 0 and scores.size() == classes.
void probabilities_of(std::span<const double> decisions, double temperature,
                      std::span<double> scores);

/// The temperature that makes held-out rows most likely (Guo et al., ICML 2017), with each label
/// smoothed by 2 / (rows + 2) over the classes (Platt's way with targets, 1999): so rows of which
/// none is wrong do not make certainty of every decision. `decisions` is rows × columns, columns =
/// 1 for two classes. Between 1e-3 and 1e3; 1 without rows.
double fit_temperature(std::span<const double> decisions, std::size_t columns,
                       std::span<const std::uint32_t> labels);

}  // namespace zhiyin::model
