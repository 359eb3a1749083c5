#pragma once

#include <span>
#include <string_view>

#include "base/error.h"
#include "statistics/arm.h"
#include "statistics/quantile.h"

/// What the commands check of the arms they are given. Pure, thread-safe.
namespace zhiyin::statistics {

/// kInvalidArgument, naming `arms`, when two have the same name: results could not be told apart.
Result<void> check_names(std::span<const std::string_view> names);

/// kInvalidArgument, naming `path`.sum or `path`.sum_squares, when an arm is a proportion and its
/// sum is no whole number of hits, or its sum of squares (of zeros and ones) is another number. An
/// empty path names the member alone.
Result<void> check_hits(const Arm& arm, std::string_view path);

/// kInvalidArgument, naming the member, when a quantile is not between its bounds or its clusters'
/// counts are not those of the arm's values.
Result<void> check_quantile(const QuantileArm& arm);

}  // namespace zhiyin::statistics
