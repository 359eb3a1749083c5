#pragma once

#include <cstdint>
#include <span>

#include "base/json.h"

namespace zhiyin::model {

/// Quality of probabilities that pairs mean the same (`labels`: 1, else 0): {"metrics":{"auc",
/// "accuracy","macro_f1","log_loss","brier","ece","coverage","accepted_accuracy"},"intervals":{"auc"
/// (DeLong),"accuracy" (Wilson),"macro_f1" (bootstrap)} (95 %),"classes","per_class","confusion"
/// (rows by truth),"reliability" (of the answer given)}. Pairs count as independent. `auc` and its
/// interval are null where a label has fewer than two pairs. Requires at least one row.
Json measure_pairs(std::span<const double> same, std::span<const int> labels, double threshold,
                   std::uint64_t seed);

/// {"auc","interval"} of any score, null where there is none.
Json auc_json(std::span<const double> scores, std::span<const int> labels);

}  // namespace zhiyin::model
