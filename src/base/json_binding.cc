#include "base/json_binding.h"

#include "base/nearest.h"

namespace zhiyin::detail {

std::unexpected<Error> wrong_type(std::string_view expected, const Json& got) {
  std::string shown = got.dump();
  constexpr std::size_t kShownMax = 40;
  if (shown.size() > kShownMax || got.if_object() || got.if_array()) shown = got.type_name();
  return fail(ErrorCode::kInvalidArgument, "expected {}, got {}", expected, shown);
}

std::unexpected<Error> unknown_member(std::string_view key,
                                      const std::vector<std::string_view>& known) {
  const std::string_view near = nearest_name(key, known);
  const std::string shown(key.substr(0, 64));
  if (near.empty()) return fail_field(shown, "is not a known member");
  return fail_field(shown, "is not a known member; did you mean '{}'?", near);
}

Result<void> check_range(double value, double minimum, double maximum) {
  if (value >= minimum && value <= maximum) return {};
  if (maximum == std::numeric_limits<double>::infinity()) {
    return fail(ErrorCode::kInvalidArgument, "{} is below the minimum {}", value, minimum);
  }
  if (minimum == -std::numeric_limits<double>::infinity()) {
    return fail(ErrorCode::kInvalidArgument, "{} is above the maximum {}", value, maximum);
  }
  return fail(ErrorCode::kInvalidArgument, "{} is not between {} and {}", value, minimum, maximum);
}

Result<void> check_length(std::size_t n, std::size_t lo, std::size_t hi, std::string_view unit) {
  if (n >= lo && n <= hi) return {};
  if (n == 0) return fail(ErrorCode::kInvalidArgument, "is empty");
  return fail(ErrorCode::kInvalidArgument, "has {} {}, expected {} to {}", n, unit, lo, hi);
}

}  // namespace zhiyin::detail
