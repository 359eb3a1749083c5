#include "statistics/stats_compare.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <variant>

#include "base/utf8.h"
#include "statistics/command/answer_json.h"
#include "statistics/command/arm_checks.h"
#include "statistics/compare.h"
#include "statistics/cuped.h"
#include "statistics/experiment.h"
#include "statistics/limits.h"
#include "statistics/quantile.h"
#include "statistics/strata.h"

namespace zhiyin::statistics {

enum class Method { kFixed, kSequential, kBayesian };
enum class OneSided { kGreater, kLesser };

struct CompareInput {
  std::string metric;
  EffectKind effect = EffectKind::kAbsolute;
  std::vector<Json> arms;
  double alpha = 0.05;
  Method method = Method::kFixed;
  double tuning = 5000;
  std::optional<Prior> prior;
  std::optional<MetricKind> kind;
  std::optional<double> quantile;
  bool cuped = false;
  std::optional<OneSided> one_sided;
};

struct StratumSums {
  std::string name;
  std::int64_t n = 0;
  double sum = 0;
  std::optional<double> sum_squares;
};
struct StrataArm {
  std::string name;
  std::vector<StratumSums> strata;
  std::optional<double> weight;
};
struct GroupsArm {
  std::string name;
  std::vector<Cluster> groups;
  std::optional<double> weight;
};
struct QuantileInput {
  std::string name;
  std::optional<MetricKind> kind;
  std::optional<std::int64_t> n;
  std::optional<double> value;
  std::vector<QuantileBound> bounds;
  std::optional<QuantileClusters> clusters;
  std::optional<std::vector<double>> values;
  std::optional<double> weight;
};

}  // namespace zhiyin::statistics

template <>
struct zhiyin::EnumNames<zhiyin::statistics::Method> {
  static constexpr std::pair<statistics::Method, std::string_view> list[] = {
      {statistics::Method::kFixed, "fixed"},
      {statistics::Method::kSequential, "sequential"},
      {statistics::Method::kBayesian, "bayesian"}};
};
template <>
struct zhiyin::EnumNames<zhiyin::statistics::OneSided> {
  static constexpr std::pair<statistics::OneSided, std::string_view> list[] = {
      {statistics::OneSided::kGreater, "greater"}, {statistics::OneSided::kLesser, "lesser"}};
};
template <>
struct zhiyin::Fields<zhiyin::statistics::Prior> {
  using Prior = statistics::Prior;
  static constexpr std::string_view name = "Prior";
  static constexpr auto list =
      field_list(field("mean", &Prior::mean, "of the relative effect").range(-1e9, 1e9).optional(),
                 field("sd", &Prior::sd, "of the relative effect").range(1e-9, 1e9));
};
template <>
struct zhiyin::Fields<zhiyin::statistics::CompareInput> {
  using Input = statistics::CompareInput;
  static constexpr std::string_view name = "CompareInput";
  static constexpr auto list = field_list(
      field("metric", &Input::metric, "what was measured").optional(),
      field("effect", &Input::effect, "absolute or relative").optional(),
      field("arms", &Input::arms, "control first").length(2, 1000),
      field("alpha", &Input::alpha, "error level").range(1e-6, 0.5).optional(),
      field("method", &Input::method, "fixed, sequential or bayesian").optional(),
      field("tuning", &Input::tuning, "sequential: users at which it is tightest")
          .range(1, 1e12)
          .optional(),
      field("prior", &Input::prior, "bayesian: absent is flat"),
      field("kind", &Input::kind, "of arms that do not say theirs"),
      field("quantile", &Input::quantile, "quantile metrics: which one").range(1e-6, 1 - 1e-6),
      field("cuped", &Input::cuped, "use the arms' covariate").optional(),
      field("one_sided", &Input::one_sided, "greater or lesser; absent: two-sided"));
};
template <>
struct zhiyin::Fields<zhiyin::statistics::StratumSums> {
  using S = statistics::StratumSums;
  static constexpr std::string_view name = "StratumSums";
  static constexpr auto list =
      field_list(field("name", &S::name, "of the stratum").length(1, 200),
                 field("n", &S::n, "users").range(0, 1e15), field("sum", &S::sum, "over users"),
                 field("sum_squares", &S::sum_squares, "absent: hits of a proportion"));
};
template <>
struct zhiyin::Fields<zhiyin::statistics::StrataArm> {
  using A = statistics::StrataArm;
  static constexpr std::string_view name = "StrataArm";
  static constexpr auto list =
      field_list(field("name", &A::name, "name of the arm").length(1, 200),
                 field("strata", &A::strata, "the arm's users by stratum").length(1, 10000),
                 field("weight", &A::weight, "planned share of users").range(0, 1e9));
};
template <>
struct zhiyin::Fields<zhiyin::statistics::Cluster> {
  using C = statistics::Cluster;
  static constexpr std::string_view name = "Cluster";
  static constexpr auto list =
      field_list(field("members", &C::members, "of the cluster").range(0, 1e15),
                 field("sum", &C::sum, "of the metric over members"));
};
template <>
struct zhiyin::Fields<zhiyin::statistics::GroupsArm> {
  using A = statistics::GroupsArm;
  static constexpr std::string_view name = "GroupsArm";
  static constexpr auto list =
      field_list(field("name", &A::name, "name of the arm").length(1, 200),
                 field("groups", &A::groups, "randomised clusters").length(1, 1000000),
                 field("weight", &A::weight, "planned share of clusters").range(0, 1e9));
};
template <>
struct zhiyin::Fields<zhiyin::statistics::QuantileInput> {
  using Q = statistics::QuantileInput;
  static constexpr std::string_view name = "QuantileInput";
  static constexpr auto list = field_list(
      field("name", &Q::name, "name of the arm").length(1, 200),
      field("kind", &Q::kind, "quantile"), field("n", &Q::n, "values").range(0, 1e15),
      field("value", &Q::value, "the sample quantile"),
      field("bounds", &Q::bounds, "sample quantiles about it").length(0, 20).optional(),
      field("clusters", &Q::clusters, "sums over people, where they have several values"),
      field("values", &Q::values, "the values, instead of all that").length(1, 10000000),
      field("weight", &Q::weight, "planned share of users").range(0, 1e9));
};

namespace zhiyin::statistics {
namespace {

/// An arm of whatever sort.
struct AnyArm {
  std::string name;
  double users = 0;
  std::optional<double> weight;
  std::variant<Arm, QuantileArm, StrataArm, GroupsArm> sums;
  bool share = false;  ///< hits are counted: effects are percentage points

  [[nodiscard]] std::string_view sort() const {
    if (const Arm* arm = std::get_if<Arm>(&sums)) return enum_name(kind_of(*arm));
    constexpr std::string_view kNames[] = {"", "quantile", "strata", "groups"};
    return kNames[sums.index()];
  }
};

Result<AnyArm> read_quantile(const Json& json, const CompareInput& in) {
  ZHIYIN_TRY(const QuantileInput q, from_json<QuantileInput>(json));
  if (!in.quantile) return fail_field("quantile", "is missing: which quantile, 0 to 1");
  QuantileArm arm;
  if (q.values) {
    for (std::size_t i = 0; i < q.values->size(); ++i) {
      const double v = (*q.values)[i];
      if (!is_usable(v)) return fail_field(fmt::format("values[{}]", i), "is {}, beyond 1e75", v);
    }
    arm = quantile_arm(*q.values, *in.quantile, in.alpha);
  } else {
    if (!q.n) return fail_field("n", "is missing");
    if (!q.value) return fail_field("value", "is missing");
    if (q.bounds.empty()) return fail_field("bounds", "are missing: or give the values");
    arm = {*q.n, *q.value, q.bounds, q.clusters};
    ZHIYIN_TRY_VOID(check_quantile(arm));
  }
  return AnyArm{q.name, static_cast<double>(arm.n), q.weight, std::move(arm)};
}

/// Of strata and groups, which are means, or hits of a proportion.
Result<void> check_kind_of_parts(const CompareInput& in, std::string_view sort) {
  if (!in.kind || *in.kind == MetricKind::kMean || *in.kind == MetricKind::kProportion) return {};
  return fail_field("kind", "is {}, but arms of {} are means or proportions", enum_name(*in.kind),
                    sort);
}

Arm arm_of(const StratumSums& s, std::optional<MetricKind> kind) {
  return {.name = {}, .kind = kind, .n = s.n, .sum = s.sum, .sum_squares = s.sum_squares};
}

Result<AnyArm> read_strata(const Json& json, const CompareInput& in) {
  ZHIYIN_TRY_VOID(check_kind_of_parts(in, "strata"));
  ZHIYIN_TRY(StrataArm arm, from_json<StrataArm>(json));
  double users = 0;
  bool share = true;
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < arm.strata.size(); ++i) {
    const StratumSums& s = arm.strata[i];
    if (!names.insert(s.name).second) {
      return fail_field("strata", "two of them are named '{}'", utf8::truncate(s.name, 40));
    }
    const Arm sums = arm_of(s, in.kind);
    ZHIYIN_TRY_VOID(check_hits(sums, fmt::format("strata[{}]", i)));
    users += static_cast<double>(s.n);
    share = share && kind_of(sums) == MetricKind::kProportion;
  }
  return AnyArm{arm.name, users, arm.weight, std::move(arm), share};
}

Result<AnyArm> read_groups(const Json& json, const CompareInput& in) {
  ZHIYIN_TRY_VOID(check_kind_of_parts(in, "groups"));
  ZHIYIN_TRY(GroupsArm arm, from_json<GroupsArm>(json));
  const bool share = in.kind == MetricKind::kProportion;
  for (std::size_t i = 0; i < arm.groups.size(); ++i) {
    const Cluster& c = arm.groups[i];
    const bool hits = c.sum >= 0 && c.sum <= c.members && c.sum == std::floor(c.sum);
    if (share && !hits) {
      return fail_field(fmt::format("groups[{}].sum", i),
                        "is {}, but a proportion counts hits, a whole number from 0 to the {} "
                        "members",
                        c.sum, c.members);
    }
    if (c.members == 0 && c.sum != 0) {
      return fail_field(fmt::format("groups[{}].sum", i), "is {}, of a group without members",
                        c.sum);
    }
  }
  const auto count = static_cast<double>(arm.groups.size());
  return AnyArm{arm.name, count, arm.weight, std::move(arm), share};
}

Result<AnyArm> read_arm(const Json& json, const CompareInput& in) {
  if (json.find("strata") != nullptr) return read_strata(json, in);
  if (json.find("groups") != nullptr) return read_groups(json, in);
  const bool says_quantile = json["kind"].string_or("") == "quantile";
  const bool by_default = json["kind"].is_null() && in.kind == MetricKind::kQuantile;
  if (says_quantile || by_default || json.find("values") != nullptr) return read_quantile(json, in);
  ZHIYIN_TRY(Arm arm, from_json<Arm>(json));
  if (!arm.kind) arm.kind = in.kind;
  ZHIYIN_TRY_VOID(check_hits(arm, ""));
  const bool share = kind_of(arm) == MetricKind::kProportion;
  return AnyArm{arm.name, static_cast<double>(arm.n), arm.weight, std::move(arm), share};
}

Result<std::vector<AnyArm>> read_arms(const CompareInput& in) {
  std::vector<AnyArm> out;
  std::size_t weighted = 0;
  for (std::size_t i = 0; i < in.arms.size(); ++i) {
    auto arm = read_arm(in.arms[i], in);
    const std::string path = fmt::format("arms[{}]", i);
    // Settings of all arms.
    if (!arm && (arm.error().field == "quantile" || arm.error().field == "kind")) {
      return std::unexpected(arm.error());
    }
    if (!arm) return std::unexpected(within(path, std::move(arm.error())));
    out.push_back(std::move(*arm));
    weighted += out.back().weight.has_value();
    if (out[i].sort() != out[0].sort()) {
      return fail_field(path + ".kind", "is {}, but the control is {}", out[i].sort(),
                        out[0].sort());
    }
  }
  if (weighted != 0 && weighted != out.size()) {
    return fail_field("arms", "either every arm has a weight or none has");
  }
  std::vector<std::string_view> names;
  std::vector<double> weights;
  for (const AnyArm& arm : out) {
    names.push_back(arm.name);
    if (arm.weight) weights.push_back(*arm.weight);
  }
  ZHIYIN_TRY_VOID(check_names(names));
  if (weighted != 0) {
    const auto shares = planned_shares(weights);
    if (!shares) return fail_field("arms", "{}", shares.error().text());
  }
  return out;
}

Answer<Moments> stratum_moments(const StratumSums& s, std::optional<MetricKind> kind) {
  const Answer<Moments> m = moments_of(arm_of(s, kind));
  if (!m && m.error() == Refusal::kTooFewUsers) return std::unexpected(Refusal::kEmptyStratum);
  return m;
}

Answer<Evidence> strata_evidence(const StrataArm& a, const StrataArm& b, const CompareInput& in) {
  std::vector<Stratum> strata;
  for (const StratumSums& s : a.strata) {
    const auto other = std::ranges::find(b.strata, s.name, &StratumSums::name);
    if (other == b.strata.end()) return std::unexpected(Refusal::kEmptyStratum);
    const Answer<Moments> control = stratum_moments(s, in.kind);
    if (!control) return std::unexpected(control.error());
    const Answer<Moments> treatment = stratum_moments(*other, in.kind);
    if (!treatment) return std::unexpected(treatment.error());
    strata.push_back({s.name, *control, *treatment});
  }
  if (strata.size() != b.strata.size()) return std::unexpected(Refusal::kEmptyStratum);
  return post_stratified(strata, in.effect);
}

Answer<Moments> moments_of(const AnyArm& arm, const CompareInput& in) {
  if (const Arm* sums = std::get_if<Arm>(&arm.sums)) return moments_of(*sums);
  if (const QuantileArm* q = std::get_if<QuantileArm>(&arm.sums)) {
    return quantile_moments(*q, *in.quantile, in.alpha);
  }
  return cluster_moments(std::get<GroupsArm>(arm.sums).groups);
}

Answer<Evidence> evidence_of(const AnyArm& a, const AnyArm& b, const CompareInput& in) {
  if (const StrataArm* strata = std::get_if<StrataArm>(&a.sums)) {
    return strata_evidence(*strata, std::get<StrataArm>(b.sums), in);
  }
  if (in.cuped) return cuped_evidence(std::get<Arm>(a.sums), std::get<Arm>(b.sums), in.effect);
  const Answer<Moments> control = moments_of(a, in);
  if (!control) return std::unexpected(control.error());
  const Answer<Moments> treatment = moments_of(b, in);
  if (!treatment) return std::unexpected(treatment.error());
  return evidence_between(*control, *treatment, in.effect);
}

Sides sides_of(const CompareInput& in) {
  if (!in.one_sided) return Sides::kTwo;
  return *in.one_sided == OneSided::kGreater ? Sides::kGreater : Sides::kLess;
}

/// An effect as people say it.
class EffectText {
 public:
  EffectText(const CompareInput& in, bool share)
      : relative_(in.effect == EffectKind::kRelative), share_(share) {}
  [[nodiscard]] Plain of(double v) const {
    if (relative_) return {percent_text(v), percent_text(v)};
    if (!share_) return {number_text(v), number_text(v)};
    return {fmt::format("{:.3g} 个百分点", 100 * v),
            fmt::format("{:.3g} percentage points", 100 * v)};
  }
  [[nodiscard]] Plain range(Interval i) const {
    if (!std::isfinite(i.low)) return {"至多 " + of(i.high).zh, "at most " + of(i.high).en};
    if (!std::isfinite(i.high)) return {"至少 " + of(i.low).zh, "at least " + of(i.low).en};
    return {fmt::format("在 {} 和 {} 之间", of(i.low).zh, of(i.high).zh),
            fmt::format("between {} and {}", of(i.low).en, of(i.high).en)};
  }

 private:
  bool relative_;
  bool share_;
};

Plain compared_words(const CompareInput& in, const EffectText& text, const Comparison& c) {
  const Plain size = text.of(std::fabs(c.estimate));
  const Plain range = text.range(c.interval);
  // The one-sided sequential p is not searched for beyond that.
  const bool half = in.method == Method::kSequential && in.one_sided && c.p >= kOneSidedPMax;
  const Plain chance = half ? Plain{"至少一半的情况下", "at least half of"} : share_of_cases(c.p);
  const std::string metric = in.metric.empty() ? std::string() : in.metric + ": ";
  const bool up = c.estimate > 0;
  const std::string_view no = metric.empty() ? "No" : "no";
  if (c.p >= in.alpha && in.one_sided) {
    // The question was one of a direction, and so is the answer.
    const bool asked_up = *in.one_sided == OneSided::kGreater;
    return {fmt::format("{}看不出比对照组{}：测得 {}，{}；即使毫无差别，{}也会测出这么{}的结果。",
                        metric, asked_up ? "高" : "低", text.of(c.estimate).zh, range.zh, chance.zh,
                        asked_up ? "高" : "低"),
            fmt::format("{}{} evidence of {} than the control: measured {}, {}; without any "
                        "difference, {} such comparisons would show one this {}.",
                        metric, no, asked_up ? "more" : "less", text.of(c.estimate).en, range.en,
                        chance.en, asked_up ? "high" : "low")};
  }
  if (c.p >= in.alpha) {
    return {
        fmt::format("{}看不出差别：测得 {}，{}；即使毫无差别，{}也会测出这么大的差别。", metric,
                    text.of(c.estimate).zh, range.zh, chance.zh),
        fmt::format("{}{} evidence of a difference: measured {}, {}; without any difference, {} "
                    "such comparisons would show one this large.",
                    metric, no, text.of(c.estimate).en, range.en, chance.en)};
  }
  return {fmt::format("{}比对照组{} {}，{}；如果毫无差别，{}才会测出这么大的差别。", metric,
                      up ? "高" : "低", size.zh, range.zh, chance.zh),
          fmt::format("{}{} {} than the control, {}; without any difference, {} such comparisons "
                      "would show one this large.",
                      metric, size.en, up ? "more" : "less", range.en, chance.en)};
}

Json refused_json(Refusal refusal) {
  const std::string why(to_string(refusal));
  return Json::object()
      .set("refused", why)
      .set("plain", plain_json({fmt::format("没有结论：{}。", refusal_zh(refusal)),
                                "There is no result: " + why + "."}));
}

Json comparison_json(const CompareInput& in, const EffectText& text, const Comparison& c) {
  Json out = Json::object();
  out.set("estimate", c.estimate).set("se", c.se).set("interval", interval_json(c.interval));
  out.set("p", c.p).set("dof", number_json(c.dof));
  out.set("plain", plain_json(compared_words(in, text, c)));
  return out;
}

Json posterior_json(const CompareInput& in, const EffectText& text, const Posterior& p) {
  Json out = Json::object();
  out.set("estimate", p.mean).set("se", p.sd).set("interval", interval_json(p.interval));
  out.set("chance_to_win", p.chance_to_win);
  out.set("risk", Json::object().set("keep", p.risk_keep).set("ship", p.risk_ship));
  const Plain size = text.of(std::fabs(p.mean));
  const Plain range = text.range(p.interval);
  const Plain chance = chance_text(p.chance_to_win);
  const std::string metric = in.metric.empty() ? std::string() : in.metric + ": ";
  out.set("plain",
          plain_json(
              {fmt::format("{}比对照组{} {}，{}；胜过对照组的可能性为 {}。", metric,
                           p.mean > 0 ? "高" : "低", size.zh, range.zh, chance.zh),
               fmt::format("{}{} {} than the control, {}; it is better with a probability "
                           "of {}.",
                           metric, size.en, p.mean > 0 ? "more" : "less", range.en, chance.en)}));
  return out;
}

Json compare_arms(const CompareInput& in, const AnyArm& control, const AnyArm& treatment) {
  const Answer<Evidence> evidence = evidence_of(control, treatment, in);
  if (!evidence) return refused_json(evidence.error());
  const EffectText text(in, control.share && treatment.share);
  switch (in.method) {
    case Method::kFixed:
      return comparison_json(in, text, compare_fixed(*evidence, in.alpha, sides_of(in)));
    case Method::kSequential:
      return comparison_json(in, text,
                             compare_sequential(*evidence, {in.alpha, in.tuning, sides_of(in)}));
    case Method::kBayesian:
      if (in.prior && !has_unit_for_prior(*evidence, *in.prior)) {
        return refused_json(Refusal::kZeroBaseline);
      }
      return posterior_json(in, text, compare_bayesian(*evidence, in.prior, in.alpha));
  }
  return Json();
}

Json sample_ratio_json(const std::vector<AnyArm>& arms) {
  std::vector<double> users;
  std::vector<double> weights;
  for (const AnyArm& arm : arms) {
    users.push_back(arm.users);
    weights.push_back(*arm.weight);
  }
  double unplanned = 0;
  for (std::size_t i = 0; i < users.size(); ++i) unplanned += weights[i] > 0 ? 0 : users[i];
  const double p = srm_p(users, weights);
  Json out = Json::object().set("p", p).set("alarm", p < kSrmAlarm);
  if (!srm_can_alarm(users, weights)) out.set("too_few", true);
  if (unplanned > 0) out.set("unplanned_users", unplanned);
  return out;
}

Json assumptions_json(const CompareInput& in, std::string_view sort) {
  Json out = Json::array();
  if (sort == "groups") {
    out.push("clusters were assigned at random and do not influence each other");
    out.push("there are enough clusters (a dozen or more in each arm)");
  } else {
    out.push("users were assigned at random and do not influence each other");
    out.push("arms are large enough for their means to be normally distributed");
  }
  if (in.method == Method::kFixed) out.push("one look, planned before the data came in");
  if (in.method == Method::kSequential) out.push("any number of looks; asymptotic");
  if (in.method == Method::kBayesian)
    out.push(in.prior ? "the prior was set before the data came in" : "flat prior");
  if (in.cuped) out.push("the covariate was measured before the experiment");
  if (sort == "strata") out.push("strata were fixed before the experiment");
  if (sort == "ratio") out.push("a ratio's variance by the delta method");
  return out;
}

Result<void> check_settings(const CompareInput& in, const std::vector<AnyArm>& arms) {
  if (in.cuped && !std::holds_alternative<Arm>(arms[0].sums)) {
    return fail_field("cuped", "needs arms of sums, not of {}", arms[0].sort());
  }
  for (std::size_t i = 0; in.cuped && i < arms.size(); ++i) {
    if (!std::get<Arm>(arms[i].sums).covariate) {
      return fail_field(fmt::format("arms[{}].covariate", i), "is missing");
    }
  }
  if (in.one_sided && in.method == Method::kBayesian) {
    return fail_field("one_sided", "is not for the bayesian method: see chance_to_win");
  }
  // Settings that would do nothing were meant otherwise (tuning always has a value).
  if (in.prior && in.method != Method::kBayesian) {
    return fail_field("prior", "is for the bayesian method, not for {}", enum_name(in.method));
  }
  if (in.quantile && !std::holds_alternative<QuantileArm>(arms[0].sums)) {
    return fail_field("quantile", "is for arms of quantiles, not of {}", arms[0].sort());
  }
  return {};
}

enum class Direction { kNone, kAbove, kBelow, kUnclear };
/// Where a result that `compare_arms` gave lies, beside the control.
Direction direction_of(const CompareInput& in, const Json& result) {
  if (result.find("refused") != nullptr) return Direction::kNone;
  const double estimate = result["estimate"].number_or(0);
  const Json::Array& ends = *result["interval"].if_array();
  const bool clear = in.method == Method::kBayesian
                         ? ends[0].number_or(0) > 0 || ends[1].number_or(0) < 0
                         : result["p"].number_or(1) < in.alpha;
  if (!clear) return Direction::kUnclear;
  return estimate > 0 ? Direction::kAbove : Direction::kBelow;
}

/// `2 (b, c)`; of many the first few.
std::string counted_names(const std::vector<std::string_view>& names) {
  constexpr std::size_t kNamesMax = 5;
  std::string list;
  for (std::size_t i = 0; i < std::min(names.size(), kNamesMax); ++i) {
    list += (i == 0 ? "" : ", ") + std::string(names[i]);
  }
  if (names.size() > kNamesMax) list += ", …";
  return names.empty() ? "0" : fmt::format("{} ({})", names.size(), list);
}

/// Of several arms beside the control.
Plain several_words(const CompareInput& in, const Json::Array& results) {
  std::vector<std::string_view> names[4];
  for (const Json& r : results) {
    names[static_cast<std::size_t>(direction_of(in, r))].push_back(r["name"].string_or(""));
  }
  const auto of = [&](Direction d) { return counted_names(names[static_cast<std::size_t>(d)]); };
  const std::string metric = in.metric.empty() ? std::string() : in.metric + ": ";
  Plain out{fmt::format("{}{} 组与对照组相比：高于对照组 {}，低于对照组 {}，看不出差别 {}", metric,
                        results.size(), of(Direction::kAbove), of(Direction::kBelow),
                        of(Direction::kUnclear)),
            fmt::format("{}Of {} arms beside the control, more: {}; less: {}; no evidence of a "
                        "difference: {}",
                        metric, results.size(), of(Direction::kAbove), of(Direction::kBelow),
                        of(Direction::kUnclear))};
  if (!names[0].empty()) {
    out.zh += fmt::format("，没有结论 {}", of(Direction::kNone));
    out.en += fmt::format("; no result: {}", of(Direction::kNone));
  }
  out.zh += "。";
  out.en += ".";
  if (in.method != Method::kBayesian) {
    out.zh += "各组的 p 未作多重比较校正（见 stats adjust）。";
    out.en += " Their p values are not corrected for being several: see stats adjust.";
  }
  return out;
}

}  // namespace

Result<Json> stats_compare(const Json& input) {
  ZHIYIN_TRY(const CompareInput in, from_json<CompareInput>(input));
  ZHIYIN_TRY(const std::vector<AnyArm> arms, read_arms(in));
  ZHIYIN_TRY_VOID(check_settings(in, arms));
  Json out = Json::object();
  out.set("metric", in.metric).set("effect", enum_name(in.effect));
  out.set("method", enum_name(in.method)).set("alpha", in.alpha);
  out.set("control", arms[0].name);
  out.set("assumptions", assumptions_json(in, arms[0].sort()));
  Json results = Json::array();
  for (std::size_t i = 1; i < arms.size(); ++i) {
    const Json outcome = compare_arms(in, arms[0], arms[i]);
    Json named = Json::object().set("name", arms[i].name);
    for (const Json::Member& member : *outcome.if_object()) {
      named.set(member.first, member.second);
      if (arms.size() == 2) out.set(member.first, member.second);
    }
    results.push(std::move(named));
  }
  if (arms.size() > 2) out.set("plain", plain_json(several_words(in, *results.if_array())));
  out.set("arms", std::move(results));
  if (arms[0].weight) out.set("srm", sample_ratio_json(arms));
  return out;
}

}  // namespace zhiyin::statistics
