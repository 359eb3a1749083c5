#include "statistics/stats_compare.h"

#include <cmath>

#include "statistics/compare.h"
#include "statistics/experiment.h"

namespace zhiyin::statistics {

enum class Method { kFixed, kSequential, kBayesian };

struct CompareInput {
  std::string metric;
  EffectKind effect = EffectKind::kAbsolute;
  std::vector<Arm> arms;
  double alpha = 0.05;
  Method method = Method::kFixed;
  double tuning = 5000;
  std::optional<Prior> prior;
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
struct zhiyin::Fields<zhiyin::statistics::Prior> {
  using Prior = statistics::Prior;
  static constexpr std::string_view name = "Prior";
  static constexpr auto list =
      field_list(field("mean", &Prior::mean, "of the relative effect").optional(),
                 field("sd", &Prior::sd, "of the relative effect").range(1e-9, 1e9));
};
template <>
struct zhiyin::Fields<zhiyin::statistics::CompareInput> {
  using Input = statistics::CompareInput;
  static constexpr std::string_view name = "CompareInput";
  static constexpr auto list =
      field_list(field("metric", &Input::metric, "what was measured").optional(),
                 field("effect", &Input::effect, "absolute or relative").optional(),
                 field("arms", &Input::arms, "control first").length(2, 1000),
                 field("alpha", &Input::alpha, "error level").range(1e-6, 0.5).optional(),
                 field("method", &Input::method, "fixed, sequential or bayesian").optional(),
                 field("tuning", &Input::tuning, "sequential: users at which it is tightest")
                     .range(1, 1e12)
                     .optional(),
                 field("prior", &Input::prior, "bayesian: absent is flat"));
};

namespace zhiyin::statistics {
namespace {

Json number(double v) { return std::isfinite(v) ? Json(v) : Json(); }

Json interval_json(Interval i) { return Json(Json::Array{number(i.low), number(i.high)}); }

Json refused_json(Refusal refusal) { return Json::object().set("refused", to_string(refusal)); }

Json comparison_json(const Answer<Comparison>& c) {
  if (!c) return refused_json(c.error());
  Json out = Json::object();
  out.set("estimate", c->estimate).set("se", c->se).set("interval", interval_json(c->interval));
  out.set("p", c->p).set("dof", number(c->dof));
  return out;
}

Json posterior_json(const Answer<Posterior>& p) {
  if (!p) return refused_json(p.error());
  Json out = Json::object();
  out.set("estimate", p->mean).set("se", p->sd).set("interval", interval_json(p->interval));
  out.set("chance_to_win", p->chance_to_win);
  out.set("risk", Json::object().set("keep", p->risk_keep).set("ship", p->risk_ship));
  return out;
}

Json compare_arms(const CompareInput& input, const Arm& control, const Arm& treatment) {
  const Answer<Moments> a = moments_of(control);
  if (!a) return refused_json(a.error());
  const Answer<Moments> b = moments_of(treatment);
  if (!b) return refused_json(b.error());
  switch (input.method) {
    case Method::kFixed:
      return comparison_json(compare_fixed(*a, *b, input.effect, input.alpha));
    case Method::kSequential:
      return comparison_json(
          compare_sequential(*a, *b, input.effect, {input.alpha, input.tuning, Sides::kTwo}));
    case Method::kBayesian:
      return posterior_json(compare_bayesian(*a, *b, input.effect, input.prior, input.alpha));
  }
  return Json();
}

Json sample_ratio_json(const std::vector<Arm>& arms) {
  std::vector<double> users;
  std::vector<double> weights;
  for (const Arm& arm : arms) {
    users.push_back(static_cast<double>(arm.n));
    weights.push_back(*arm.weight);
  }
  const double p = srm_p(users, weights);
  return Json::object().set("p", p).set("alarm", p < kSrmAlarm);
}

Result<void> check_arms(const std::vector<Arm>& arms) {
  for (std::size_t i = 1; i < arms.size(); ++i) {
    if (kind_of(arms[i]) != kind_of(arms[0])) {
      return fail_field(fmt::format("arms[{}].kind", i), "is {}, but the control is {}",
                        enum_name(kind_of(arms[i])), enum_name(kind_of(arms[0])));
    }
  }
  std::size_t weighted = 0;
  for (const Arm& arm : arms) weighted += arm.weight.has_value();
  if (weighted != 0 && weighted != arms.size()) {
    return fail_field("arms", "either every arm has a weight or none has");
  }
  return {};
}

}  // namespace

Result<Json> stats_compare(const Json& input) {
  ZHIYIN_TRY(const CompareInput in, from_json<CompareInput>(input));
  ZHIYIN_TRY_VOID(check_arms(in.arms));
  Json out = Json::object();
  out.set("metric", in.metric).set("effect", enum_name(in.effect));
  out.set("method", enum_name(in.method)).set("alpha", in.alpha);
  out.set("control", in.arms[0].name);
  Json results = Json::array();
  for (std::size_t i = 1; i < in.arms.size(); ++i) {
    const Json outcome = compare_arms(in, in.arms[0], in.arms[i]);
    Json named = Json::object().set("name", in.arms[i].name);
    for (const Json::Member& member : *outcome.if_object()) {
      named.set(member.first, member.second);
      if (in.arms.size() == 2) out.set(member.first, member.second);
    }
    results.push(std::move(named));
  }
  out.set("arms", std::move(results));
  if (in.arms[0].weight) out.set("srm", sample_ratio_json(in.arms));
  return out;
}

}  // namespace zhiyin::statistics
