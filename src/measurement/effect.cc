#include "measurement/effect.h"

#include <cmath>

#include "statistics/compare.h"
#include "statistics/experiment.h"

namespace zhiyin::measurement {

namespace {

ArmSummary summary_of(const ArmCount& arm) {
  const double mean =
      arm.n == 0 ? 0 : static_cast<double>(arm.converted) / static_cast<double>(arm.n);
  return {arm.n, arm.converted, mean};
}

statistics::Moments moments_of(const ArmCount& arm) {
  return statistics::proportion_moments(static_cast<double>(arm.n),
                                        static_cast<double>(arm.converted));
}

std::string percent(double share) { return fmt::format("{:.1f}%", 100 * share); }
std::string points(double share) { return fmt::format("{:.1f}", 100 * share); }

std::string local_day_text(Instant t) {
  const CivilTime civil = to_civil(t, TimeZone::shanghai());
  return fmt::format("{:04}-{:02}-{:02}", civil.year, civil.month, civil.day);
}

/// Said first while the window is open: the figures still move.
Words caveat(const Effect& e) {
  if (e.window_closed) return {};
  const std::string day = local_day_text(e.window_ends);
  return {fmt::format("（观察期到 {} 才结束，数字还会变化）", day),
          fmt::format("(preliminary: the window ends on {}) ", day)};
}

Words not_enough(const Effect& e) {
  return {
      fmt::format("还没有足够的数据：处理组 {} 人中 {} 人、对照组 {} 人中 {} 人达成目标。",
                  e.treated.n, e.treated.converted, e.control.n, e.control.converted),
      fmt::format("Not enough data yet: {} of {} treated and {} of {} held out reached the goal.",
                  e.treated.converted, e.treated.n, e.control.converted, e.control.n)};
}

Words no_evidence(const Effect& e) {
  return {fmt::format("目前看不出效果：相差 {} 个百分点，95% 区间 {} 到 {}，包含 0。",
                      points(*e.estimate), points((*e.interval)[0]), points((*e.interval)[1])),
          fmt::format("No evidence of an effect: {} percentage points, 95 % interval {} to {}, "
                      "which includes 0.",
                      points(*e.estimate), points((*e.interval)[0]), points((*e.interval)[1]))};
}

Words an_effect(const Effect& e) {
  const bool is_up = *e.estimate > 0;
  return {fmt::format(
              "发送使达成目标的比例{} {} 个百分点（95% 区间 {} 到 {}）：处理组 {}，对照组 {}。",
              is_up ? "提高了" : "降低了", points(std::abs(*e.estimate)), points((*e.interval)[0]),
              points((*e.interval)[1]), percent(e.treated.mean), percent(e.control.mean)),
          fmt::format(
              "Sending {} the share reaching the goal by {} percentage points (95 % interval {} "
              "to {}): {} of the treated, {} of the holdout.",
              is_up ? "raised" : "lowered", points(std::abs(*e.estimate)), points((*e.interval)[0]),
              points((*e.interval)[1]), percent(e.treated.mean), percent(e.control.mean))};
}

}  // namespace

Effect measure_effect(const ArmCount& treated, const ArmCount& control) {
  Effect out;
  out.treated = summary_of(treated);
  out.control = summary_of(control);
  if (treated.n < kArmMin || control.n < kArmMin) {
    out.refused = fmt::format("fewer than {} people in an arm", kArmMin);
    return out;
  }
  if (treated.converted + control.converted < kConversionsMin) {
    out.refused = fmt::format("fewer than {} conversions", kConversionsMin);
    return out;
  }
  const auto compared = statistics::compare_fixed(moments_of(control), moments_of(treated),
                                                  statistics::EffectKind::kAbsolute);
  if (!compared) {
    out.refused = std::string(statistics::to_string(compared.error()));
    return out;
  }
  out.estimate = compared->estimate;
  out.se = compared->se;
  out.interval = {compared->interval.low, compared->interval.high};
  out.p = compared->p;
  out.dof = compared->dof;
  return out;
}

SplitCheck check_split(std::int64_t treated, std::int64_t held_out, double holdout_share) {
  SplitCheck out;
  const double users[] = {static_cast<double>(treated), static_cast<double>(held_out)};
  const double weights[] = {1 - holdout_share, holdout_share};
  const double total = users[0] + users[1];
  out.expected_holdout = holdout_share;
  out.observed_holdout = total > 0 ? users[1] / total : 0;
  out.p = statistics::srm_p(users, weights);
  out.alarm = out.p < statistics::kSrmAlarm;
  return out;
}

Words explain(const Effect& e) {
  const Words first = caveat(e);
  constexpr double kSignificant = 0.05;
  const Words verdict = e.refused || !e.p     ? not_enough(e)
                        : *e.p < kSignificant ? an_effect(e)
                                              : no_evidence(e);
  return {first.zh + verdict.zh, first.en + verdict.en};
}

}  // namespace zhiyin::measurement
