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

}  // namespace zhiyin::statistics
