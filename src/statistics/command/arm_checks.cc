#include "statistics/command/arm_checks.h"

#include <cmath>
#include <set>

#include "base/utf8.h"

namespace zhiyin::statistics {

Result<void> check_names(std::span<const std::string_view> names) {
  std::set<std::string_view> seen;
  for (const std::string_view name : names) {
    if (!seen.insert(name).second) {
      return fail_field("arms", "two of them are named '{}'", utf8::truncate(name, 40));
    }
  }
  return {};
}

Result<void> check_hits(const Arm& arm, std::string_view path) {
  if (kind_of(arm) != MetricKind::kProportion) return {};
  const std::string prefix = path.empty() ? std::string() : fmt::format("{}.", path);
  if (arm.sum != std::floor(arm.sum)) {
    return fail_field(prefix + "sum",
                      "is {}, but a proportion counts hits, a whole number (a mean needs "
                      "sum_squares)",
                      arm.sum);
  }
  if (arm.sum_squares && *arm.sum_squares != arm.sum) {
    return fail_field(prefix + "sum_squares",
                      "is {}, but the squares of a proportion's zeros and ones add up to its sum, "
                      "{}",
                      *arm.sum_squares, arm.sum);
  }
  return {};
}

Result<void> check_quantile(const QuantileArm& arm) {
  for (std::size_t i = 0; i < arm.bounds.size(); ++i) {
    const QuantileBound& b = arm.bounds[i];
    if (b.lower <= arm.value && arm.value <= b.upper) continue;
    return fail_field(fmt::format("bounds[{}]", i),
                      "are {} and {}, and the quantile, {}, is not between them", b.lower, b.upper,
                      arm.value);
  }
  if (!arm.clusters) return {};
  const QuantileClusters& c = *arm.clusters;
  if (c.count_sum != static_cast<double>(arm.n)) {
    return fail_field("clusters.count_sum", "is {}, but the arm has {} values", c.count_sum, arm.n);
  }
  if (!(c.below_sum >= 0 && c.below_sum <= c.count_sum)) {
    return fail_field("clusters.below_sum", "is {}, not one of 0 to the {} values", c.below_sum,
                      c.count_sum);
  }
  if (c.people > arm.n) {
    return fail_field("clusters.people", "are {}, but the arm has {} values", c.people, arm.n);
  }
  return {};
}

}  // namespace zhiyin::statistics
