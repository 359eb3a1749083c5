#include "statistics/command/answer_json.h"

#include <fmt/format.h>

namespace zhiyin::statistics {

std::string percent_text(double share) {
  const double percent = 100 * share;
  const double size = std::fabs(percent);
  if (size >= 99.95) return fmt::format("{:.0f} %", percent);
  return size >= 0.995 || size == 0 ? fmt::format("{:.1f} %", percent)
                                    : fmt::format("{:.2g} %", percent);
}

std::string number_text(double v) { return fmt::format("{:.4g}", v); }

Plain share_of_cases(double p) {
  for (const auto& [cases, text] : {std::pair{100, "100"}, {1000, "1,000"}, {10000, "10,000"}}) {
    const double count = p * cases;
    if (count >= 0.95) {
      return {fmt::format("{} 次中有 {:.0f} 次", text, count),
              fmt::format("{:.0f} of {}", count, text)};
    }
  }
  return {"10,000 次中不到 1 次", "fewer than 1 of 10,000"};
}

}  // namespace zhiyin::statistics
