#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"

namespace zhiyin::model {

/// Any number of labels for each text, as places in a list of classes, ascending.
using LabelSets = std::vector<std::vector<std::uint32_t>>;

/// How far label sets agree: {"metrics":{"micro_f1","macro_f1","micro_precision","micro_recall",
/// "subset_accuracy" (the whole set is right),"hamming_loss" (share of wrong decisions)},
/// "intervals":{"micro_f1","macro_f1" (bootstrap over texts),"subset_accuracy" (Wilson)} (95 %),
/// "classes","per_class":[{"class","precision","recall","f1","support"}]}. The macro F1 averages
/// over the classes that occur among either. Requires at least one text, places below the number of
/// classes.
Json measure_labels(const LabelSets& predicted, const LabelSets& actual,
                    std::span<const std::string> classes, std::uint64_t seed);

}  // namespace zhiyin::model
