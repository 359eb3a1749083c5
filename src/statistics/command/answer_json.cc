#include "statistics/command/answer_json.h"

#include <fmt/format.h>

namespace zhiyin::statistics {

std::string_view refusal_zh(Refusal refusal) {
  switch (refusal) {
    case Refusal::kTooFewUsers:
      return "有一组不足两人";
    case Refusal::kNoVariance:
      return "有一组的数值全都相同，或其差别已在求和的舍入中丢失";
    case Refusal::kZeroBaseline:
      return "对照组的均值为 0，无法计算相对效果";
    case Refusal::kZeroDenominator:
      return "有一组的分母为 0";
    case Refusal::kIncompleteArm:
      return "缺少该指标所需的汇总数";
    case Refusal::kImpossibleSums:
      return "有一组的汇总数自相矛盾";
    case Refusal::kNotSolvable:
      return "人数太少，任何效果都发现不了";
    case Refusal::kNotFinite:
      return "有一个汇总数不是有限的数，或超过 1e150";
    case Refusal::kNegativeCount:
      return "有一组的人数为负";
    case Refusal::kTooFewForQuantile:
      return "数值太少，无法估计这么极端的分位数";
    case Refusal::kEmptyStratum:
      return "有一层在某一组中不足两人";
    case Refusal::kTooSmall:
      return "方差小于 1e-150，太小而无法计算，请换用更小的单位";
  }
  return "?";
}

std::string percent_text(double share) {
  const double percent = 100 * share;
  const double size = std::fabs(percent);
  if (size >= 99.95) return fmt::format("{:.0f} %", percent);
  return size >= 0.995 || size == 0 ? fmt::format("{:.1f} %", percent)
                                    : fmt::format("{:.2g} %", percent);
}

Plain chance_text(double p) {
  if (p > 0.9995) return {"超过 99.9 %", "more than 99.9 %"};
  if (p < 0.0005) return {"不到 0.1 %", "less than 0.1 %"};
  return {percent_text(p), percent_text(p)};
}

std::string number_text(double v) { return fmt::format("{:.4g}", v); }

Plain share_of_cases(double p) {
  if (p > 0.995) return {"100 次中有 99 次以上", "more than 99 of 100"};
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
