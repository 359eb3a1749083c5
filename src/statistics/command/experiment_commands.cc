#include "statistics/command/experiment_commands.h"

#include <algorithm>
#include <cmath>

#include "base/json_binding.h"
#include "base/utf8.h"
#include "statistics/assignment.h"
#include "statistics/bandit.h"
#include "statistics/command/answer_json.h"
#include "statistics/command/arm_checks.h"
#include "statistics/experiment.h"

namespace zhiyin::statistics {

struct RunningEvidence {
  double estimate = 0;
  double se = 0;
  double users = 0;
};
struct PowerInput {
  std::optional<double> mean;
  std::optional<double> variance;
  std::optional<double> users;
  std::int64_t arms = 2;
  std::optional<double> effect_size;
  EffectKind effect = EffectKind::kRelative;
  double alpha = 0.05;
  double power = 0.8;
  std::optional<double> tuning;
  std::optional<std::int64_t> goals;
  std::optional<RunningEvidence> evidence;
};
struct SrmArm {
  std::string name;
  std::int64_t n = 0;
  double weight = 0;
};
struct SrmInput {
  std::vector<SrmArm> arms;
  double alarm_below = kSrmAlarm;
};
enum class Procedure { kHolm, kBenjaminiHochberg };
struct AdjustResult {
  std::string name;
  double p = 1;
  std::optional<double> estimate;
  std::optional<std::vector<double>> interval;
};
struct AdjustInput {
  Procedure procedure = Procedure::kHolm;
  double alpha = 0.05;
  std::vector<AdjustResult> results;
};
struct NamespaceInput {
  std::string name;
  double begin = 0;
  double end = 1;
};
struct HoldoutsInput {
  std::string organisation;
  std::string programme;
  std::string campaign;
  double organisation_share = 0;
  double programme_share = 0;
  double campaign_share = 0;
};
struct AssignInput {
  std::string seed;
  std::vector<std::string> units;
  std::vector<double> weights;
  double coverage = 1;
  std::int64_t version = 2;
  std::optional<NamespaceInput> space;
  std::optional<HoldoutsInput> holdouts;
};
struct BanditInput {
  std::vector<Arm> arms;
  std::int64_t draws = 10000;
  double users_min = 100;
  double floor = 0.01;
  bool lower_is_better = false;
  std::int64_t seed = 1;
};

}  // namespace zhiyin::statistics

namespace zhiyin {
template <>
struct EnumNames<statistics::Procedure> {
  static constexpr std::pair<statistics::Procedure, std::string_view> list[] = {
      {statistics::Procedure::kHolm, "holm"}, {statistics::Procedure::kBenjaminiHochberg, "bh"}};
};
template <>
struct Fields<statistics::RunningEvidence> {
  using E = statistics::RunningEvidence;
  static constexpr std::string_view name = "RunningEvidence";
  static constexpr auto list =
      field_list(field("estimate", &E::estimate, "effect so far").optional(),
                 field("se", &E::se, "its standard error").range(1e-75, 1e75),
                 field("users", &E::users, "of both arms so far").range(4, 1e15));
};
template <>
struct Fields<statistics::PowerInput> {
  using P = statistics::PowerInput;
  static constexpr std::string_view name = "PowerInput";
  static constexpr auto list = field_list(
      field("mean", &P::mean, "of the metric without treatment").range(-1e75, 1e75),
      field("variance", &P::variance, "per user; absent: of a share with that mean")
          .range(0, 1e150),
      field("users", &P::users, "of all arms").range(0, 1e15),
      field("arms", &P::arms, "with the control").range(2, 1000).optional(),
      field("effect_size", &P::effect_size, "to be found").range(-1e75, 1e75),
      field("effect", &P::effect, "relative or absolute").optional(),
      field("alpha", &P::alpha, "error level").range(1e-6, 0.5).optional(),
      field("power", &P::power, "probability of finding it").range(0.01, 0.9999).optional(),
      field("tuning", &P::tuning, "sequential: users at which it is tightest").range(1, 1e12),
      field("goals", &P::goals, "goal metrics; given: alpha is shared, as while it runs")
          .range(1, 1000),
      field("evidence", &P::evidence, "what there is half way"));
};
template <>
struct Fields<statistics::SrmArm> {
  using A = statistics::SrmArm;
  static constexpr std::string_view name = "SrmArm";
  static constexpr auto list =
      field_list(field("name", &A::name, "of the arm").length(1, 200).optional(),
                 field("n", &A::n, "users, without the holdout").range(0, 1e15),
                 field("weight", &A::weight, "planned share").range(0, 1e9));
};
template <>
struct Fields<statistics::SrmInput> {
  using S = statistics::SrmInput;
  static constexpr std::string_view name = "SrmInput";
  static constexpr auto list = field_list(
      field("arms", &S::arms, "all of them").length(1, 1000),
      field("alarm_below", &S::alarm_below, "p at which to alarm").range(0, 0.5).optional());
};
template <>
struct Fields<statistics::AdjustResult> {
  using R = statistics::AdjustResult;
  static constexpr std::string_view name = "AdjustResult";
  static constexpr auto list = field_list(
      field("name", &R::name, "of the comparison").length(0, 400).optional(),
      field("p", &R::p, "unadjusted").range(0, 1), field("estimate", &R::estimate, "of the effect"),
      field("interval", &R::interval, "unadjusted: low, high").length(2, 2));
};
template <>
struct Fields<statistics::AdjustInput> {
  using I = statistics::AdjustInput;
  static constexpr std::string_view name = "AdjustInput";
  static constexpr auto list = field_list(
      field("procedure", &I::procedure, "holm (family-wise) or bh (false discovery)").optional(),
      field("alpha", &I::alpha, "level").range(1e-6, 0.5).optional(),
      field("results", &I::results, "all comparisons of the family").length(1, 100000));
};
template <>
struct Fields<statistics::NamespaceInput> {
  using N = statistics::NamespaceInput;
  static constexpr std::string_view name = "Namespace";
  static constexpr auto list = field_list(field("name", &N::name, "of the namespace"),
                                          field("begin", &N::begin, "of its range").range(0, 1),
                                          field("end", &N::end, "not included").range(0, 1));
};
template <>
struct Fields<statistics::HoldoutsInput> {
  using H = statistics::HoldoutsInput;
  static constexpr std::string_view name = "Holdouts";
  static constexpr auto list = field_list(
      field("organisation", &H::organisation, "its name").optional(),
      field("programme", &H::programme, "its name").optional(),
      field("campaign", &H::campaign, "its id").optional(),
      field("organisation_share", &H::organisation_share, "held out of all").range(0, 1).optional(),
      field("programme_share", &H::programme_share, "of the rest").range(0, 1).optional(),
      field("campaign_share", &H::campaign_share, "of the rest").range(0, 1).optional());
};
template <>
struct Fields<statistics::AssignInput> {
  using A = statistics::AssignInput;
  static constexpr std::string_view name = "AssignInput";
  static constexpr auto list = field_list(
      field("seed", &A::seed, "of the experiment").length(0, 400).optional(),
      field("units", &A::units, "whom to assign").length(1, 1000000),
      field("weights", &A::weights, "of the arms (two equal ones)").length(1, 1000).optional(),
      field("coverage", &A::coverage, "share of units that take part").range(0, 1).optional(),
      field("version", &A::version, "of the hash, 1 or 2").range(1, 2).optional(),
      field("namespace", &A::space, "mutually exclusive experiments"),
      field("holdouts", &A::holdouts, "kept out of organisation, programme or campaign"));
};
template <>
struct Fields<statistics::BanditInput> {
  using B = statistics::BanditInput;
  static constexpr std::string_view name = "BanditInput";
  static constexpr auto list = field_list(
      field("arms", &B::arms, "sums of each arm").length(2, 1000),
      field("draws", &B::draws, "of the posterior").range(100, 10000000).optional(),
      field("users_min", &B::users_min, "of every arm before it learns").range(2, 1e12).optional(),
      field("floor", &B::floor, "share that every arm keeps").range(0, 0.5).optional(),
      field("lower_is_better", &B::lower_is_better, "costs and complaints").optional(),
      field("seed", &B::seed, "of the draws").range(0, 9e18).optional());
};
}  // namespace zhiyin

namespace zhiyin::statistics {
namespace {

const std::vector<std::string_view> kPowerAssumptions = {"two-sided test, normal approximation",
                                                         "arms of equal size and equal variance"};

Json refused_answer(std::string_view method, const std::vector<std::string_view>& assumptions,
                    Refusal refusal) {
  const std::string why(to_string(refusal));
  Json out = Json::object().set("refused", why);
  describe(
      out, method, assumptions,
      {fmt::format("没有结果：{}。", refusal_zh(refusal)), "There is no answer: " + why + "."});
  return out;
}

/// What the metric becomes with an effect of that size.
double mean_after(const PowerInput& in, double effect) {
  return in.effect == EffectKind::kRelative ? *in.mean + effect * std::fabs(*in.mean)
                                            : *in.mean + effect;
}

/// Without a variance the metric is a share, and no share is outside 0 to 1.
bool is_possible(const PowerInput& in, double effect) {
  constexpr double kRounding = 1e-9;
  if (!in.mean || in.variance) return true;
  const double after = mean_after(in, effect);
  return after >= -kRounding && after <= 1 + kRounding;
}

Result<void> check_effect_size(const PowerInput& in) {
  if (!in.effect_size || is_possible(in, *in.effect_size)) return {};
  return fail_field("effect_size",
                    "is {}: a share of {} would become {:.6g}, which is no share (of another "
                    "metric give the variance)",
                    *in.effect_size, *in.mean, mean_after(in, *in.effect_size));
}

Result<PowerPlan> plan_of(const PowerInput& in) {
  if (!in.mean) return fail_field("mean", "is missing: of the metric without treatment");
  PowerPlan plan;
  plan.mean = *in.mean;
  if (!in.variance && !(*in.mean > 0 && *in.mean < 1)) {
    return fail_field("variance", "is missing, and a mean of {} is not a share", *in.mean);
  }
  ZHIYIN_TRY_VOID(check_effect_size(in));
  plan.variance = in.variance.value_or(*in.mean * (1 - *in.mean));
  plan.users_per_arm = in.users.value_or(0) / static_cast<double>(in.arms);
  plan.effect = in.effect;
  plan.alpha = in.goals
                   ? shared_alpha(in.alpha, static_cast<int>(in.arms), static_cast<int>(*in.goals))
                   : in.alpha;
  plan.sequential = in.tuning.has_value();
  plan.tuning = in.tuning.value_or(plan.tuning);
  return plan;
}

std::string size_text(const PowerInput& in, double effect) {
  return in.effect == EffectKind::kRelative ? percent_text(effect) : number_text(effect);
}

Result<Json> power_half_way(const PowerInput& in) {
  if (!in.effect_size || *in.effect_size == 0) {
    return fail_field("effect_size", "is missing or 0: which effect should be found?");
  }
  ZHIYIN_TRY_VOID(check_effect_size(in));
  const double alpha =
      in.goals ? shared_alpha(in.alpha, static_cast<int>(in.arms), static_cast<int>(*in.goals))
               : in.alpha;
  const Evidence evidence{
      in.evidence->estimate, in.evidence->se, in.evidence->users, 0, 0, in.effect};
  const auto found = power_so_far(evidence, *in.effect_size, alpha, in.power, in.tuning);
  const std::string_view method = in.tuning ? "power half way, sequential" : "power half way";
  const std::vector<std::string_view> assumptions = {
      "the standard error goes on shrinking with "
      "the root of the users"};
  if (!found) return refused_answer(method, assumptions, found.error());
  Json out = Json::object();
  out.set("power", found->power).set("users_more", found->users_more);
  out.set("minimum_effect", found->minimum_effect).set("alpha", alpha);
  describe(
      out, method, assumptions,
      {fmt::format("目前有 {} 的把握发现 {} 的效果；还需要 {:.0f} 人。",
                   chance_text(found->power).zh, size_text(in, *in.effect_size), found->users_more),
       fmt::format("An effect of {} would be found with a probability of {} now; {:.0f} more "
                   "users are needed.",
                   size_text(in, *in.effect_size), chance_text(found->power).en,
                   found->users_more)});
  return out;
}

}  // namespace

Result<Json> stats_power(const Json& input) {
  ZHIYIN_TRY(const PowerInput in, from_json<PowerInput>(input));
  if (in.evidence) return power_half_way(in);
  ZHIYIN_TRY(const PowerPlan plan, plan_of(in));
  if (!in.users) return fail_field("users", "is missing (samplesize says how many it takes)");
  const std::string_view method = in.tuning ? "sequential test" : "Welch's test";
  auto least = minimum_detectable_effect(plan, in.power);
  if (least && !is_possible(in, *least)) least = std::unexpected(Refusal::kNotSolvable);
  if (!least && least.error() != Refusal::kNotSolvable) {
    return refused_answer(method, kPowerAssumptions, least.error());
  }
  Json out = Json::object();
  out.set("users_per_arm", plan.users_per_arm).set("alpha", plan.alpha);
  out.set("minimum_effect", least ? Json(*least) : Json()).set("minimum_effect_power", in.power);
  const Plain chance = chance_text(in.power);
  Plain plain{
      least ? fmt::format("以 {} 的把握能发现的最小效果是 {}。", chance.zh, size_text(in, *least))
            : fmt::format("人数太少，没有任何提升能以 {} 的把握被发现。", chance.zh),
      least
          ? fmt::format("The smallest effect found with a probability of {} is {}.", chance.en,
                        size_text(in, *least))
          : fmt::format("With so few users no rise is found with a probability of {}.", chance.en)};
  if (in.effect_size) {
    const auto power = power_of(plan, *in.effect_size);
    if (!power) return refused_answer(method, kPowerAssumptions, power.error());
    out.set("power", *power);
    plain.zh = fmt::format("{} 的效果有 {} 的可能被发现。", size_text(in, *in.effect_size),
                           chance_text(*power).zh) +
               plain.zh;
    plain.en = fmt::format("An effect of {} would be found with a probability of {}. ",
                           size_text(in, *in.effect_size), chance_text(*power).en) +
               plain.en;
  }
  describe(out, method, kPowerAssumptions, plain);
  return out;
}

Result<Json> stats_samplesize(const Json& input) {
  ZHIYIN_TRY(const PowerInput in, from_json<PowerInput>(input));
  ZHIYIN_TRY(const PowerPlan plan, plan_of(in));
  if (!in.effect_size || *in.effect_size == 0) {
    return fail_field("effect_size", "is missing or 0: which effect should be found?");
  }
  const std::string_view method = in.tuning ? "sequential test" : "Welch's test";
  const auto users = users_needed(plan, *in.effect_size, in.power);
  if (!users) return refused_answer(method, kPowerAssumptions, users.error());
  Json out = Json::object();
  out.set("users_per_arm", *users).set("users", *users * static_cast<double>(in.arms));
  out.set("alpha", plan.alpha).set("power", in.power);
  const Plain chance = chance_text(in.power);
  describe(out, method, kPowerAssumptions,
           {fmt::format("每组需要 {:.0f} 人，才能以 {} 的把握发现 {} 的效果。", *users, chance.zh,
                        size_text(in, *in.effect_size)),
            fmt::format("{:.0f} users in each arm find an effect of {} with a probability of {}.",
                        *users, size_text(in, *in.effect_size), chance.en)});
  return out;
}

Result<Json> stats_srm(const Json& input) {
  ZHIYIN_TRY(const SrmInput in, from_json<SrmInput>(input));
  std::vector<double> users;
  std::vector<double> weights;
  double all = 0;
  double unplanned = 0;
  std::vector<std::string_view> names;
  for (const SrmArm& arm : in.arms) {
    if (!arm.name.empty()) names.push_back(arm.name);
    users.push_back(static_cast<double>(arm.n));
    weights.push_back(arm.weight);
    (arm.weight > 0 ? all : unplanned) += users.back();
  }
  ZHIYIN_TRY_VOID(check_names(names));
  const auto shares = planned_shares(weights);
  if (!shares) return fail_field("arms", "{}", shares.error().text());
  if (!(all > 0)) return fail_field("arms", "have no users");
  const double p = srm_p(users, weights);
  double weight = 0;
  for (const double w : weights) weight += w;
  Json arms = Json::array();
  for (std::size_t i = 0; i < in.arms.size(); ++i) {
    arms.push(Json::object()
                  .set("name", in.arms[i].name)
                  .set("n", in.arms[i].n)
                  .set("expected", all * weights[i] / weight));
  }
  const bool alarm = p < in.alarm_below;
  Json out = Json::object().set("p", p).set("alarm", alarm).set("arms", std::move(arms));
  Plain plain{
      alarm ? "分组比例与计划不符：实验的分流或记录有错误，结果不可信。" : "分组比例与计划相符。",
      alarm ? "The split is not as planned: assignment or logging is broken, and the "
              "results cannot be trusted."
            : "The split is as planned."};
  if (!srm_can_alarm(users, weights, in.alarm_below)) {
    out.set("too_few", true);
    plain = {fmt::format("只有 {:.0f} 人，太少：无论怎么分都看不出分组比例是否与计划相符。", all),
             fmt::format(
                 "Too few users ({:.0f}) to tell whether the split is as planned: no split of so "
                 "few would set off the alarm.",
                 all)};
  }
  if (unplanned > 0) {
    // They are outside the test, which compares the planned arms, but they should not be there.
    out.set("unplanned_users", unplanned);
    plain.zh += fmt::format("但有 {:.0f} 人在权重为 0 的组里，按计划那里不应有人。", unplanned);
    plain.en += fmt::format(" But {:.0f} users are in an arm of weight 0, where nobody should be.",
                            unplanned);
  }
  describe(out, "chi-square test of the split", {"users were assigned independently of each other"},
           plain);
  return out;
}

Result<Json> stats_adjust(const Json& input) {
  ZHIYIN_TRY(const AdjustInput in, from_json<AdjustInput>(input));
  std::vector<double> p;
  for (const AdjustResult& r : in.results) p.push_back(r.p);
  const bool family = in.procedure == Procedure::kHolm;
  const std::vector<double> adjusted = family ? holm(p) : benjamini_hochberg(p);
  Json results = Json::array();
  int found = 0;
  for (std::size_t i = 0; i < in.results.size(); ++i) {
    const AdjustResult& r = in.results[i];
    if (r.interval && !((*r.interval)[0] <= (*r.interval)[1])) {
      return fail_field(fmt::format("results[{}].interval", i),
                        "its low end is above its high end");
    }
    if (r.interval && r.estimate &&
        !((*r.interval)[0] <= *r.estimate && *r.estimate <= (*r.interval)[1])) {
      return fail_field(fmt::format("results[{}].estimate", i),
                        "is {}, outside its own interval, {} to {}", *r.estimate, (*r.interval)[0],
                        (*r.interval)[1]);
    }
    Json one = Json::object().set("name", r.name).set("p", r.p).set("p_adjusted", adjusted[i]);
    if (r.estimate && r.interval) {
      const Interval plain{(*r.interval)[0], (*r.interval)[1]};
      one.set("interval",
              interval_json(adjusted_interval(*r.estimate, adjusted[i], plain, in.alpha)));
    }
    found += adjusted[i] < in.alpha;
    one.set("significant", adjusted[i] < in.alpha);
    results.push(std::move(one));
  }
  Json out = Json::object().set("alpha", in.alpha).set("results", std::move(results));
  const std::vector<std::string_view> assumptions =
      family ? std::vector<std::string_view>{"none about dependence"}
             : std::vector<std::string_view>{"independent or positively dependent tests"};
  describe(out, family ? "Holm (family-wise error)" : "Benjamini-Hochberg (false discovery rate)",
           assumptions,
           {fmt::format("{} 个比较中有 {} 个在校正后仍然成立。", p.size(), found),
            fmt::format("{} of {} comparisons stand after the correction.", found, p.size())});
  return out;
}

namespace {

constexpr std::string_view kLevels[] = {"none", "organisation", "programme", "campaign"};

Holdouts holdouts_of(const HoldoutsInput& h) {
  return {h.organisation,       h.programme,       h.campaign,
          h.organisation_share, h.programme_share, h.campaign_share};
}

/// Two things that go by the same hash are not independent: whoever one keeps out is missing from
/// one arm of the other, and not from all.
Result<void> check_seeds(const AssignInput& in) {
  if (in.space && in.version == 1 && in.seed == "__" + in.space->name) {
    return fail_field("seed", "'{}' is also what the namespace is hashed with: name one otherwise",
                      utf8::truncate(in.seed, 40));
  }
  if (!in.holdouts) return {};
  const Holdouts h = holdouts_of(*in.holdouts);
  const double shares[] = {0, h.organisation_share, h.programme_share, h.campaign_share};
  std::vector<std::string> seeds;
  for (int level = 1; level <= 3; ++level) {
    if (!(shares[level] > 0)) continue;
    const std::string seed = holdout_seed(h, static_cast<HoldoutLevel>(level));
    if (in.version == 2 && seed == in.seed) {
      return fail_field("seed",
                        "'{}' is also what the holdout of the {} is hashed with, so the arms would "
                        "not be independent of it: name one otherwise",
                        utf8::truncate(seed, 40), kLevels[level]);
    }
    if (std::ranges::find(seeds, seed) != seeds.end()) {
      return fail_field(fmt::format("holdouts.{}", kLevels[level]),
                        "'{}' is also what another level is hashed with: name it otherwise",
                        utf8::truncate(seed, 40));
    }
    seeds.push_back(seed);
  }
  return {};
}

}  // namespace

Result<Json> stats_assign(const Json& input) {
  ZHIYIN_TRY(const AssignInput in, from_json<AssignInput>(input));
  ZHIYIN_TRY(const std::vector<double> weights,
             planned_shares(in.weights.empty() ? std::vector<double>{0.5, 0.5} : in.weights));
  for (std::size_t i = 0; i < in.units.size(); ++i) {
    if (in.units[i].empty()) return fail_field(fmt::format("units[{}]", i), "is empty");
  }
  if (in.space && !(in.space->begin < in.space->end)) {
    return fail_field("namespace", "its range is empty");
  }
  ZHIYIN_TRY_VOID(check_seeds(in));
  const auto version = static_cast<HashVersion>(in.version);
  const std::vector<HashRange> ranges = variant_ranges(weights, in.coverage);
  Json units = Json::array();
  std::int64_t covered = 0;
  for (const std::string& unit : in.units) {
    const double hash = assignment_hash(in.seed, unit, version);
    Json one = Json::object().set("unit", unit).set("hash", hash);
    bool takes_part = true;
    if (in.space) takes_part = in_namespace(unit, in.space->name, {in.space->begin, in.space->end});
    if (in.holdouts) {
      const HoldoutLevel level = holdout_level(holdouts_of(*in.holdouts), unit);
      one.set("held_out", kLevels[static_cast<int>(level)]);
      takes_part = takes_part && level == HoldoutLevel::kNone;
    }
    const auto variant = takes_part ? choose_variant(ranges, hash) : std::nullopt;
    covered += variant.has_value();
    one.set("arm", variant ? Json(*variant) : Json());
    units.push(std::move(one));
  }
  Json out = Json::object().set("units", std::move(units)).set("assigned", covered);
  describe(out, fmt::format("FNV-1a hash, version {}", in.version),
           {"the same seed and unit give the same arm for ever"},
           {fmt::format("{} 个单位中有 {} 个分到了组。", in.units.size(), covered),
            fmt::format("{} of {} units are in an arm.", covered, in.units.size())});
  return out;
}

Result<Json> stats_bandit(const Json& input) {
  ZHIYIN_TRY(const BanditInput in, from_json<BanditInput>(input));
  std::vector<BanditArm> arms;
  std::vector<std::string_view> names;
  for (const Arm& arm : in.arms) names.push_back(arm.name);
  ZHIYIN_TRY_VOID(check_names(names));
  for (std::size_t i = 0; i < in.arms.size(); ++i) {
    const Arm& arm = in.arms[i];
    ZHIYIN_TRY_VOID(check_hits(arm, fmt::format("arms[{}]", i)));
    // What is higher of a share and of a sum of money is no question.
    if (kind_of(arm) != kind_of(in.arms[0])) {
      return fail_field(fmt::format("arms[{}].kind", i), "is {}, but the first arm is a {}",
                        enum_name(kind_of(arm)), enum_name(kind_of(in.arms[0])));
    }
    const bool proportion = kind_of(arm) == MetricKind::kProportion;
    const auto m = moments_of(arm);
    if (!m && m.error() != Refusal::kTooFewUsers) {
      return fail_field(fmt::format("arms[{}]", i), "{}", to_string(m.error()));
    }
    // Too few users to learn from, not wrong.
    arms.push_back({m ? *m : Moments{static_cast<double>(arm.n), 0, 0}, proportion});
  }
  const std::string_view method = "Thompson sampling with a floor";
  const std::vector<std::string_view> assumptions = {
      "rewards do not change over time",
      "Beta posterior of shares, normal posterior of means; no prior knowledge"};
  const auto found =
      thompson_weights(arms, {static_cast<int>(in.draws), in.users_min, in.floor,
                              in.lower_is_better, static_cast<std::uint64_t>(in.seed)});
  if (!found && found.error() == Refusal::kNotSolvable) {
    return fail_field("floor", "is {}: {} arms cannot all have that share", in.floor, arms.size());
  }
  if (!found) return refused_answer(method, assumptions, found.error());
  Json list = Json::array();
  std::size_t leader = 0;
  for (std::size_t i = 0; i < arms.size(); ++i) {
    if (found->best[i] > found->best[leader]) leader = i;
    list.push(Json::object()
                  .set("name", in.arms[i].name)
                  .set("probability_best", found->best[i])
                  .set("weight", found->weights[i]));
  }
  Json out = Json::object().set("learning", found->learning).set("arms", std::move(list));
  describe(out, method, assumptions,
           found->learning
               ? Plain{fmt::format("{} 最可能最好（可能性 {}），分到 {}。", in.arms[leader].name,
                                   chance_text(found->best[leader]).zh,
                                   percent_text(found->weights[leader])),
                       fmt::format("{} is most likely the best (probability {}) and gets {}.",
                                   in.arms[leader].name, chance_text(found->best[leader]).en,
                                   percent_text(found->weights[leader]))}
               : Plain{"数据还不够，各组均分。", "Not enough data yet: all arms get the same."});
  return out;
}

}  // namespace zhiyin::statistics
