#include "recommend/ab_comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "statistics/assignment.h"
#include "statistics/cuped.h"
#include "statistics/experiment.h"

namespace zhiyin::recommend {
namespace {

using statistics::CovariateArm;
using statistics::EffectKind;
using statistics::Evidence;

constexpr double kPercent = 100;

/// One figure of a person, and the same before the test.
struct Value {
  double now = 0;
  double before = 0;
};

void add(CovariateArm& arm, const Value& value) {
  ++arm.n;
  arm.post_sum += value.now;
  arm.post_sum_squares += value.now * value.now;
  arm.pre_sum += value.before;
  arm.pre_sum_squares += value.before * value.before;
  arm.sum_products += value.now * value.before;
}

statistics::Moments moments_of(const CovariateArm& arm) {
  return statistics::mean_moments(arm.n, arm.post_sum, arm.post_sum_squares);
}

double square(double x) { return x * x; }

statistics::Answer<AbFigures> figures_of(const CovariateArm& a, const CovariateArm& b) {
  const statistics::SequentialSettings always;
  const auto plain =
      statistics::evidence_between(moments_of(a), moments_of(b), EffectKind::kAbsolute);
  if (!plain) return std::unexpected(plain.error());
  // Where the past says nothing (or all of it), the plain figures stand.
  const Evidence evidence =
      statistics::cuped_evidence(a, b, EffectKind::kAbsolute).value_or(*plain);
  AbFigures out;
  out.planned = statistics::compare_fixed(evidence);
  out.always = statistics::compare_sequential(evidence, always);
  out.without_past = statistics::compare_fixed(*plain);
  out.noise_left = square(evidence.se / plain->se);
  if (const auto relative = statistics::cuped_evidence(a, b, EffectKind::kRelative))
    out.relative = statistics::compare_fixed(*relative);
  // Any effect: what is found now does not depend on it.
  constexpr double kAny = 1;
  constexpr double kPower = 0.8;
  const auto smallest = [&](std::optional<double> tuning) {
    const auto found = statistics::power_so_far(evidence, kAny, always.alpha, kPower, tuning);
    return found ? found->minimum_effect : 0;
  };
  out.smallest = smallest({});
  out.smallest_always = smallest(always.tuning);
  return out;
}

template <class ValueOf>
AbMetric compare(std::string name, std::span<const AbPerson> people, const ValueOf& value_of) {
  CovariateArm arms[2];
  for (const AbPerson& person : people) {
    if (person.group == AbGroup::kNone) continue;
    add(arms[person.group == AbGroup::kB ? 1 : 0], value_of(person));
  }
  AbMetric out;
  out.name = std::move(name);
  out.mean_a = arms[0].n > 0 ? arms[0].post_sum / arms[0].n : 0;
  out.mean_b = arms[1].n > 0 ? arms[1].post_sum / arms[1].n : 0;
  auto figures = figures_of(arms[0], arms[1]);
  if (figures) out.figures = std::move(*figures);
  if (!figures) out.refused = statistics::to_string(figures.error());
  return out;
}

/// Holm over the responses that have figures.
void adjust(std::span<AbMetric> responses) {
  std::vector<double> p;
  for (const AbMetric& one : responses) {
    if (one.figures) p.push_back(one.figures->planned.p);
  }
  const auto adjusted = statistics::holm(p);
  std::size_t next = 0;
  for (AbMetric& one : responses) {
    if (one.figures) one.p_adjusted = adjusted[next++];
  }
}

bool is_broken(const AbMetric& guardrail, std::span<const AbPerson> people, std::size_t response,
               int percent) {
  if (guardrail.figures) return guardrail.figures->always.interval.low > 0;
  // Without variance in A there are no figures. Were the groups alike, each who does it would be
  // in B by the planned share alone.
  if (guardrail.mean_a > 0) return false;
  const auto in_b = std::ranges::count_if(people, [&](const AbPerson& p) {
    return p.group == AbGroup::kB && p.responses[response] > 0;
  });
  return std::pow(percent / kPercent, static_cast<double>(in_b)) < statistics::kSrmAlarm;
}

bool excludes_zero(const statistics::Comparison& c) {
  return c.interval.low > 0 || c.interval.high < 0;
}

AbVerdict verdict_of(const AbResult& result) {
  if (result.people_a < kAbPeopleMin || result.people_b < kAbPeopleMin) return AbVerdict::kTooFew;
  const auto& value = result.metrics[0].figures;
  if (!value) return AbVerdict::kNothing;
  if (excludes_zero(value->always)) return AbVerdict::kDiffers;
  return excludes_zero(value->planned) ? AbVerdict::kPlannedOnly : AbVerdict::kOpen;
}

}  // namespace

AbGroup AbSplit::group_of(std::string_view person) const {
  if (version.empty() || person.empty()) return AbGroup::kNone;
  // B is the last part of the range.
  const double begin = (kPercent - percent) / kPercent;
  const double hash = statistics::assignment_hash("recommend.ab:" + version, person);
  return hash >= begin ? AbGroup::kB : AbGroup::kA;
}

AbResult compare_groups(std::span<const AbPerson> people, int percent) {
  AbResult out;
  for (const AbPerson& person : people) {
    out.people_a += person.group == AbGroup::kA ? 1 : 0;
    out.people_b += person.group == AbGroup::kB ? 1 : 0;
  }
  const double users[] = {out.people_a, out.people_b};
  const double weights[] = {kPercent - percent, static_cast<double>(percent)};
  out.ratio_p = statistics::srm_p(users, weights);
  out.ratio_can_alarm = statistics::srm_can_alarm(users, weights);
  if (out.ratio_p < statistics::kSrmAlarm) {
    out.verdict = AbVerdict::kWrongRatio;
    return out;
  }
  out.metrics.push_back(
      compare("value", people, [](const AbPerson& p) { return Value{p.value, p.value_before}; }));
  out.metrics.push_back(
      compare("lists", people, [](const AbPerson& p) { return Value{p.lists, p.value_before}; }));
  const std::size_t first = out.metrics.size();
  for (std::size_t r = 0; r < kResponses; ++r) {
    const auto response = static_cast<Response>(r);
    AbMetric metric = compare(std::string(response_name(response)), people, [r](const AbPerson& p) {
      return Value{p.responses[r], p.did_before[r]};
    });
    metric.is_guardrail = response == Response::kUnfollow || response == Response::kHide;
    if (metric.is_guardrail) metric.is_broken = is_broken(metric, people, r, percent);
    out.metrics.push_back(std::move(metric));
  }
  adjust(std::span(out.metrics).subspan(first));
  out.verdict = verdict_of(out);
  return out;
}

namespace {

std::string interval_text(const statistics::Interval& i, std::string_view to) {
  return fmt::format("{:+.4g} {} {:+.4g}", i.low, to, i.high);
}

AbWords words_of_ratio(const AbResult& r, const AbSplit& split) {
  const int a = 100 - split.percent;
  return {
      fmt::format(
          "不能下结论：A 组 {} 人、B 组 {} 人，与计划的 {}:{} 不符（p = {:.2g}）。先查清原因，"
          "例如某一组的列表常常是空的，或者只有一部分请求记录了展示。",
          r.people_a, r.people_b, a, split.percent, r.ratio_p),
      fmt::format("Nothing can be concluded: {} people in A and {} in B are not the planned {}:{} "
                  "(p = {:.2g}). Find out why first: lists of one group that are often empty, "
                  "or requests of which only some note what was shown.",
                  r.people_a, r.people_b, a, split.percent, r.ratio_p)};
}

/// What the figures of value say.
AbWords words_of_value(const AbResult& r, const AbSplit& split) {
  const AbMetric& value = r.metrics[0];
  const AbFigures& f = *value.figures;
  const bool b_leads = f.planned.estimate > 0;
  const std::string_view leads = b_leads ? "B" : "A";
  const std::string means_zh = fmt::format(
      "人均价值 A 组 {:.4g}、B 组（{}）{:.4g}，差 {:+.4g}（95% 区间 {}；随时看都成立的区间 {}）",
      value.mean_a, split.version, value.mean_b, f.planned.estimate,
      interval_text(f.planned.interval, "到"), interval_text(f.always.interval, "到"));
  const std::string means_en = fmt::format(
      "worth per person {:.4g} in A, {:.4g} in B ({}), difference {:+.4g} (95 % {}; "
      "whenever one looks {})",
      value.mean_a, value.mean_b, split.version, f.planned.estimate,
      interval_text(f.planned.interval, "to"), interval_text(f.always.interval, "to"));
  if (r.verdict == AbVerdict::kDiffers)
    return {fmt::format("{} 组更好：{}。", leads, means_zh),
            fmt::format("{} is better: {}.", leads, means_en)};
  if (r.verdict == AbVerdict::kPlannedOnly)
    return {fmt::format("如果这是事先定好的那一次查看，{} 组更好；如果常来看，还不能下结论：{}。",
                        leads, means_zh),
            fmt::format("{} is better if this look was planned before; for those who look often it "
                        "is not settled: {}.",
                        leads, means_en)};
  return {
      fmt::format("还看不出差别：{}。现在的人数，差别要到 {:.3g} 左右才看得出（常来看：{:.3g}）。",
                  means_zh, f.smallest, f.smallest_always),
      fmt::format("No difference is seen: {}. So many people show a difference of about {:.3g} "
                  "({:.3g} for those who look often).",
                  means_en, f.smallest, f.smallest_always)};
}

}  // namespace

AbWords words_of(const AbResult& r, const AbSplit& split) {
  if (r.verdict == AbVerdict::kWrongRatio) return words_of_ratio(r, split);
  AbWords out;
  if (r.verdict == AbVerdict::kTooFew) {
    out = {fmt::format("人还太少：A 组 {} 人、B 组 {} 人，每组至少要 {} 人。", r.people_a,
                       r.people_b, kAbPeopleMin),
           fmt::format("Too few people yet: {} in A, {} in B, at least {} in each are needed.",
                       r.people_a, r.people_b, kAbPeopleMin)};
  } else if (r.verdict == AbVerdict::kNothing) {
    out = {
        fmt::format("没有可比的：A 组 {} 人、B 组 {} 人的价值没有差异。", r.people_a, r.people_b),
        fmt::format("Nothing to compare: the worth of {} people in A and {} in B is the same for "
                    "all ({}).",
                    r.people_a, r.people_b, r.metrics[0].refused)};
  } else {
    out = words_of_value(r, split);
  }
  for (const AbMetric& metric : r.metrics) {
    if (!metric.is_broken) continue;
    const bool hides = metric.name == response_name(Response::kHide);
    out.zh += fmt::format("注意：B 组{}更多（人均 {:.4g}，A 组 {:.4g}）。",
                          hides ? "“不感兴趣”" : "取消关注", metric.mean_b, metric.mean_a);
    out.en += fmt::format(" Mind that group B {} more ({:.4g} per person, A {:.4g}).",
                          hides ? "hides items" : "unfollows", metric.mean_b, metric.mean_a);
  }
  return out;
}

}  // namespace zhiyin::recommend
