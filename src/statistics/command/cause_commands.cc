#include "statistics/command/cause_commands.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "statistics/cause/ope.h"
#include "statistics/cause/uplift.h"
#include "statistics/command/answer_json.h"
#include "statistics/draw.h"

namespace zhiyin::statistics {

enum class UpliftLearner { kTwoModel, kTransformed };

struct UpliftSettings {
  std::string treatment = "treatment";
  std::string outcome = "outcome";
  std::optional<std::string> score;
  std::vector<std::string> features;
  UpliftLearner learner = UpliftLearner::kTransformed;
  std::optional<std::string> treated;
  std::optional<std::string> control;
  double share = 0.3;
  std::optional<double> threshold;
  std::int64_t rounds = 200;
  std::int64_t seed = 1;
  double alpha = 0.05;
  std::int64_t curve = 20;
};
struct OpeInput {
  OpeEstimator estimator = OpeEstimator::kSelfNormalised;
  std::string reward = "reward";
  std::string propensity = "propensity";
  std::optional<std::string> target;
  std::optional<std::string> policy;
  std::string action = "action";
  double clip = 10;
  double effective_min = 100;
  double alpha = 0.05;
};

}  // namespace zhiyin::statistics

namespace zhiyin {
template <>
struct EnumNames<statistics::UpliftLearner> {
  static constexpr std::pair<statistics::UpliftLearner, std::string_view> list[] = {
      {statistics::UpliftLearner::kTwoModel, "two-model"},
      {statistics::UpliftLearner::kTransformed, "transformed"}};
};
template <>
struct EnumNames<statistics::OpeEstimator> {
  using E = statistics::OpeEstimator;
  static constexpr std::pair<E, std::string_view> list[] = {
      {E::kIps, "ips"},       {E::kSelfNormalised, "snips"}, {E::kClipped, "clipped"},
      {E::kDirect, "direct"}, {E::kDoublyRobust, "dr"},      {E::kSwitch, "switch"}};
};
template <>
struct Fields<statistics::UpliftSettings> {
  using U = statistics::UpliftSettings;
  static constexpr std::string_view name = "UpliftSettings";
  static constexpr auto list = field_list(
      field("treatment", &U::treatment, "column").optional(),
      field("outcome", &U::outcome, "column").optional(),
      field("score", &U::score, "column; absent: learnt from the features"),
      field("features", &U::features, "columns to learn from").length(0, 500).optional(),
      field("learner", &U::learner, "two-model or transformed").optional(),
      field("treated", &U::treated, "value of the treatment column"),
      field("control", &U::control, "value of the treatment column"),
      field("share", &U::share, "of the people, best scores first").range(1e-6, 1).optional(),
      field("threshold", &U::threshold, "treat from this score on (0)"),
      field("rounds", &U::rounds, "of the bootstrap").range(20, 100000).optional(),
      field("seed", &U::seed, "of the bootstrap and the folds").range(0, 9e18).optional(),
      field("alpha", &U::alpha, "level").range(1e-6, 0.5).optional(),
      field("curve", &U::curve, "points of the curves").range(1, 10000).optional());
};
template <>
struct Fields<statistics::OpeInput> {
  using O = statistics::OpeInput;
  static constexpr std::string_view name = "OpeInput";
  static constexpr auto list = field_list(
      field("estimator", &O::estimator, "ips, snips, clipped, direct, dr or switch").optional(),
      field("reward", &O::reward, "column").optional(),
      field("propensity", &O::propensity, "column").optional(),
      field("target", &O::target, "column: probability by the policy to evaluate"),
      field("policy", &O::policy, "uniform, or an action that is always taken"),
      field("action", &O::action, "column").optional(),
      field("clip", &O::clip, "largest weight").range(1e-9, 1e12).optional(),
      field("effective_min", &O::effective_min, "effective rows below which there is no answer")
          .range(0, 1e12)
          .optional(),
      field("alpha", &O::alpha, "level").range(1e-6, 0.5).optional());
};
}  // namespace zhiyin

namespace zhiyin::statistics {
namespace {

/// Columns of numbers as they are, other columns as one indicator per value (up to kValuesMax).
Result<Matrix> feature_rows(const Table& table, const std::vector<std::string>& features,
                            std::span<const std::size_t> rows) {
  constexpr std::size_t kValuesMax = 50;
  std::vector<std::vector<double>> columns;
  for (const std::string& feature : features) {
    if (const auto numbers = number_column(table, "features", feature)) {
      columns.push_back(*numbers);
      continue;
    }
    ZHIYIN_TRY(const Categories c, category_column(table, "features", feature));
    if (c.names.size() > kValuesMax) {
      return fail_field("features", "'{}' has {} different texts, more than {}", feature,
                        c.names.size(), kValuesMax);
    }
    for (std::uint32_t v = 0; v < c.names.size(); ++v) {
      std::vector<double> indicator;
      for (const std::uint32_t of_row : c.of_row) indicator.push_back(of_row == v ? 1 : 0);
      columns.push_back(std::move(indicator));
    }
  }
  Matrix out(rows.size(), columns.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t c = 0; c < columns.size(); ++c) out.at(i, c) = columns[c][rows[i]];
  }
  return out;
}

/// What is judged: scores that came with the table, or learnt ones.
struct Judged {
  std::vector<double> score;
  std::vector<std::uint8_t> treated;
  std::vector<double> outcome;
  std::size_t learnt_on = 0;
  [[nodiscard]] UpliftData data() const { return {score, treated, outcome}; }
};

/// The rows that a fold learns from.
struct Training {
  Matrix rows;
  std::vector<std::uint8_t> treated;
  std::vector<double> outcome;
};
Training training_of(const Matrix& x, const TwoGroups& arms, std::span<const double> outcome,
                     std::span<const std::uint32_t> fold, std::uint32_t left_out) {
  Training out{Matrix(0, x.columns), {}, {}};
  for (std::size_t i = 0; i < x.rows; ++i) {
    if (fold[i] == left_out) continue;
    const auto row = x.row(i);
    out.rows.values.insert(out.rows.values.end(), row.begin(), row.end());
    ++out.rows.rows;
    out.treated.push_back(arms.treated[i]);
    out.outcome.push_back(outcome[i]);
  }
  return out;
}

Result<Predictor> learn(const UpliftSettings& s, const Training& t, bool binary) {
  if (s.learner == UpliftLearner::kTwoModel) {
    return two_model_learner(binary ? logistic_learner(1e-3) : linear_learner(1e-3), t.rows,
                             t.treated, t.outcome);
  }
  double treated = 0;
  for (const std::uint8_t w : t.treated) treated += w;
  return transformed_outcome_learner(linear_learner(1e-3), t.rows, t.treated, t.outcome,
                                     treated / static_cast<double>(t.treated.size()));
}

/// Cross-fitting: every row is scored by models that did not see it. Repeated over new folds, since
/// the luck of one division moves the result by as much as its standard error.
Result<Judged> learn_scores(const Table& table, const UpliftSettings& s, const TwoGroups& arms,
                            std::span<const double> outcome) {
  constexpr std::uint32_t kFolds = 5;
  constexpr int kRepeats = 3;
  constexpr std::size_t kRowsMin = 100;
  if (arms.rows.size() < kRowsMin) {
    return fail_field("features", "{} rows are too few to learn from: needs {}", arms.rows.size(),
                      kRowsMin);
  }
  ZHIYIN_TRY(const Matrix x, feature_rows(table, s.features, arms.rows));
  Random random = random_stream(static_cast<std::uint64_t>(s.seed), "uplift folds");
  const bool binary = std::ranges::all_of(outcome, [](double y) { return y == 0 || y == 1; });
  Judged out{std::vector<double>(x.rows, 0), arms.treated, {outcome.begin(), outcome.end()}, 0};
  std::vector<std::uint32_t> fold(x.rows);
  for (int repeat = 0; repeat < kRepeats; ++repeat) {
    for (std::uint32_t& f : fold) f = static_cast<std::uint32_t>(random.below(kFolds));
    for (std::uint32_t k = 0; k < kFolds; ++k) {
      const Training training = training_of(x, arms, outcome, fold, k);
      const auto score = learn(s, training, binary);
      if (!score) return std::unexpected(within("features", score.error()));
      for (std::size_t i = 0; i < x.rows; ++i) {
        if (fold[i] == k) out.score[i] += (*score)(x.row(i)) / kRepeats;
      }
    }
  }
  out.learnt_on = x.rows - x.rows / kFolds;
  return out;
}

Result<Judged> judged_rows(const Table& table, const UpliftSettings& s) {
  ZHIYIN_TRY(const TwoGroups arms, two_groups(table, s.treatment, s.treated, s.control));
  const auto treated = std::ranges::count(arms.treated, 1);
  const auto control = std::ranges::count(arms.treated, 0);
  if (treated < 2 || control < 2) {
    return fail_field("treatment", "{} treated and {} not: needs two of either", treated, control);
  }
  ZHIYIN_TRY(const std::vector<double> all, number_column(table, "outcome", s.outcome));
  std::vector<double> outcome;
  for (const std::size_t r : arms.rows) outcome.push_back(all[r]);
  if (!s.score) {
    if (s.features.empty()) return fail_field("score", "is missing (or features to learn it from)");
    return learn_scores(table, s, arms, outcome);
  }
  ZHIYIN_TRY(const std::vector<double> scores, number_column(table, "score", *s.score));
  Judged out{{}, arms.treated, outcome, 0};
  for (const std::size_t r : arms.rows) out.score.push_back(scores[r]);
  return out;
}

Json at_share_json(const UpliftAtShare& u) {
  return Json::object()
      .set("share", u.share)
      .set("people", u.people)
      .set("treated_mean", u.treated_mean)
      .set("control_mean", u.control_mean)
      .set("uplift", u.uplift)
      .set("se", u.se)
      .set("interval", interval_json(u.interval))
      .set("p", u.p);
}

Json curve_json(const std::vector<UpliftPoint>& curve, std::int64_t points) {
  Json out = Json::array();
  const double people = curve.back().people;
  std::size_t i = 0;
  for (std::int64_t k = 1; k <= points; ++k) {
    const double wanted = people * static_cast<double>(k) / static_cast<double>(points);
    while (i + 1 < curve.size() && curve[i].people < wanted) ++i;
    out.push(Json::object()
                 .set("people", curve[i].people)
                 .set("uplift", curve[i].uplift)
                 .set("qini", curve[i].qini));
  }
  return out;
}

Plain uplift_words(const UpliftAtShare& top, const UpliftAtShare& all,
                   std::optional<bool> evidence) {
  const std::string who = percent_text(top.share);
  const std::string top_text = number_text(top.uplift);
  const std::string all_text = number_text(all.uplift);
  if (!evidence) {
    return {
        fmt::format("前 {} 的效果为 {}，全体为 {}；未检验得分是否有用。", who, top_text, all_text),
        fmt::format("The effect is {} among the first {} and {} among all; whether the score "
                    "is of use was not tested.",
                    top_text, who, all_text)};
  }
  if (!*evidence) {
    return {
        fmt::format("没有证据表明得分能挑出更容易被打动的人：前 {} 的效果为 {}，全体为 {}。", who,
                    top_text, all_text),
        fmt::format("No evidence that the score finds people who are easier to move: the effect "
                    "is {} among the first {} and {} among all.",
                    top_text, who, all_text)};
  }
  return {fmt::format("得分有用：前 {} 的效果为 {}（{} 到 {}），全体为 {}。", who, top_text,
                      number_text(top.interval.low), number_text(top.interval.high), all_text),
          fmt::format("The score works: the effect is {} among the first {} (between {} and {}), "
                      "and {} among all.",
                      top_text, who, number_text(top.interval.low), number_text(top.interval.high),
                      all_text)};
}

}  // namespace

Result<Json> stats_uplift(const Table& table, const Json& settings) {
  ZHIYIN_TRY(const UpliftSettings s, from_json<UpliftSettings>(settings));
  ZHIYIN_TRY(const Judged judged, judged_rows(table, s));
  const UpliftData data = judged.data();
  const std::string method = s.score
                                 ? std::string("uplift of a given score")
                                 : fmt::format("{} learner, cross-fitted", enum_name(s.learner));
  const std::vector<std::string_view> assumptions = {
      "treatment was assigned at random, with the same probability for all",
      "people do not influence each other"};
  Json out = Json::object();
  out.set("rows", judged.score.size()).set("learnt_on", judged.learnt_on);
  const auto found_top = uplift_at(data, s.share, s.alpha);
  const auto found_all = uplift_at(data, 1, s.alpha);
  for (const auto* found : {&found_all, &found_top}) {
    if (*found) continue;
    if (found->error().code != ErrorCode::kUnsupported) return std::unexpected(found->error());
    const std::string who = found == &found_all ? "" : fmt::format(" ({})", percent_text(s.share));
    out.set("refused", found->error().message + who);
    describe(out, method, assumptions,
             {fmt::format("没有结论{}：有一组不足两人，或一组的结果全都相同。", who),
              fmt::format("There is no result{}: an arm has fewer than two people, or all its "
                          "outcomes are the same.",
                          who)});
    return out;
  }
  const UpliftAtShare& top = *found_top;
  const UpliftAtShare& all = *found_all;
  out.set("top", at_share_json(top)).set("all", at_share_json(all));
  const bool binary =
      std::ranges::all_of(judged.outcome, [](double y) { return y == 0 || y == 1; });
  std::optional<bool> evidence;
  if (binary && s.share < 1) {
    ZHIYIN_TRY(const UpliftCoefficients c, uplift_coefficients(data));
    out.set("uplift_auc", c.uplift_auc).set("qini", c.qini);
    const auto e = uplift_evidence(data, s.share, static_cast<int>(s.rounds),
                                   static_cast<std::uint64_t>(s.seed), s.alpha);
    if (!e && e.error().code != ErrorCode::kUnsupported) return std::unexpected(e.error());
    if (e) {
      evidence = e->evidence;
      out.set("qini_interval", interval_json(e->interval));
      out.set("difference", e->difference).set("difference_p", e->difference_p);
      out.set("evidence", e->evidence);
    } else {
      out.set("evidence_refused", e.error().message);
    }
  } else {
    out.set("evidence_refused", binary ? "share 1 leaves nobody to compare with"
                                       : "the test of the score needs outcomes of 0 and 1");
  }
  double propensity = 0;
  for (const std::uint8_t t : judged.treated) {
    propensity += t / static_cast<double>(judged.treated.size());
  }
  const auto policy = policy_value(data, s.threshold.value_or(0), propensity, s.alpha);
  if (!policy && policy.error().code != ErrorCode::kUnsupported) {
    return std::unexpected(policy.error());
  }
  Json policy_json = Json::object().set("threshold", s.threshold.value_or(0));
  if (policy) {
    policy_json.set("treat_share", policy->treat_share)
        .set("value", policy->value)
        .set("se", policy->se)
        .set("interval", interval_json(policy->interval))
        .set("value_all", policy->value_all)
        .set("value_none", policy->value_none);
  } else {
    policy_json.set("refused", policy.error().message);
  }
  out.set("policy", std::move(policy_json));
  out.set("curve", curve_json(uplift_curve(data), s.curve));
  describe(out, method, assumptions, uplift_words(top, all, evidence));
  return out;
}

namespace {

/// Probability of the logged action by the policy to evaluate.
Result<std::vector<double>> target_of(const Table& table, const OpeInput& in,
                                      const std::optional<Categories>& actions) {
  if (in.target) return number_column(table, "target", *in.target);
  if (!in.policy) {
    return fail_field("target", "is missing: a column of probabilities, or a policy");
  }
  std::vector<double> out(table.size(), 0);
  if (*in.policy == "uniform") {
    const double each = 1 / static_cast<double>(actions->names.size());
    std::ranges::fill(out, each);
    return out;
  }
  const auto found = std::ranges::find(actions->names, *in.policy);
  if (found == actions->names.end()) {
    return fail_field("policy", "is '{}': neither uniform nor an action of the log", *in.policy);
  }
  const auto chosen = static_cast<std::uint32_t>(found - actions->names.begin());
  for (std::size_t r = 0; r < out.size(); ++r) out[r] = actions->of_row[r] == chosen ? 1 : 0;
  return out;
}

bool has_model(OpeEstimator e) {
  return e == OpeEstimator::kDirect || e == OpeEstimator::kDoublyRobust ||
         e == OpeEstimator::kSwitch;
}

/// Probability of each action by the policy. A target column tells of the logged action only, so
/// the model needs a policy by name.
Result<std::vector<double>> policy_shares(const OpeInput& in, const Categories& actions) {
  if (!in.policy) {
    return fail_field("policy",
                      "is missing: estimators with a reward model need the whole policy "
                      "(uniform, or an action), not a target column");
  }
  std::vector<double> out;
  for (const std::string& name : actions.names) {
    out.push_back(*in.policy == "uniform" ? 1 / static_cast<double>(actions.names.size())
                                          : name == *in.policy);
  }
  return out;
}

/// What an estimator with a reward model needs besides the log.
struct RewardModel {
  std::vector<double> predicted;
  std::vector<double> predicted_target;
  ModelError error;
};
Result<RewardModel> reward_model(const OpeInput& in, const Categories& actions,
                                 std::span<const double> reward, std::span<const double> propensity,
                                 std::span<const double> target) {
  const auto count = static_cast<std::uint32_t>(actions.names.size());
  ZHIYIN_TRY(std::vector<double> share, policy_shares(in, actions));
  const Matrix model = action_mean_model(actions.of_row, reward, count);
  RewardModel out;
  for (std::size_t r = 0; r < model.rows; ++r) {
    out.predicted.push_back(model.at(r, actions.of_row[r]));
    double mean = 0;
    for (std::uint32_t a = 0; a < count; ++a) mean += share[a] * model.at(r, a);
    out.predicted_target.push_back(mean);
  }
  if (in.estimator == OpeEstimator::kSwitch) {
    // Where weights are within the clip, rewards correct the model: it counts only for the rest.
    for (std::size_t r = 0; r < model.rows; ++r) {
      const double weight = target[r] / propensity[r];
      if (!(weight <= in.clip)) continue;
      share[actions.of_row[r]] -= weight / static_cast<double>(model.rows);
    }
  }
  out.error = action_mean_error(actions.of_row, reward, share);
  return out;
}

std::string_view interval_name(OpeInterval method) {
  switch (method) {
    case OpeInterval::kNormal:
      return "normal";
    case OpeInterval::kWilson:
      return "Wilson, of the effective rows: all rewards that count are equal";
    case OpeInterval::kWilsonOrNormal:
      return "Wilson, of the effective rows, widened to the normal one: all rewards that count are "
             "equal, but the weights do not add up to 1";
    case OpeInterval::kNone:
      break;
  }
  return "none";
}

/// True propensities of an action add up: the mean of 1/propensity over its rows, counted as 0 in
/// the others, is 1. Of every action that the policy takes, for errors of two can cancel out. Says
/// what is wrong, or nothing.
std::optional<std::string> wrong_propensities(const Categories& actions,
                                              std::span<const double> propensity,
                                              std::span<const double> target) {
  struct Sums {
    double first = 0;
    double squares = 0;
    bool taken = false;
  };
  std::vector<Sums> of(actions.names.size());
  for (std::size_t r = 0; r < propensity.size(); ++r) {
    Sums& s = of[actions.of_row[r]];
    s.first += 1 / propensity[r];
    s.squares += 1 / propensity[r] / propensity[r];
    s.taken = s.taken || target[r] > 0;
  }
  for (std::size_t a = 0; a < of.size(); ++a) {
    const MeanWeight m =
        mean_weight(of[a].first, of[a].squares, static_cast<double>(propensity.size()));
    if (!of[a].taken || weights_add_up(m.mean, m.se)) continue;
    return fmt::format(
        "the inverse propensities of action '{}' have the mean {:.3g}, not 1 (+- {:.2g})",
        actions.names[a], m.mean, m.se);
  }
  return std::nullopt;
}

}  // namespace

Result<Json> stats_ope(const Table& table, const Json& settings) {
  ZHIYIN_TRY(const OpeInput in, from_json<OpeInput>(settings));
  ZHIYIN_TRY(const std::vector<double> reward, number_column(table, "reward", in.reward));
  ZHIYIN_TRY(const std::vector<double> propensity,
             number_column(table, "propensity", in.propensity));
  std::optional<Categories> actions;
  if (in.policy || has_model(in.estimator)) {
    ZHIYIN_TRY(actions, category_column(table, "action", in.action));
  }
  ZHIYIN_TRY(const std::vector<double> target, target_of(table, in, actions));
  RewardModel model;
  if (has_model(in.estimator)) {
    constexpr std::size_t kCellsMax = 50'000'000;  // of the reward model
    if (actions->names.size() > kCellsMax / std::max<std::size_t>(1, table.size())) {
      return fail(ErrorCode::kLimitReached, "{}: {} actions in {} rows are too many for a model",
                  in.action, actions->names.size(), table.size());
    }
    ZHIYIN_TRY(model, reward_model(in, *actions, reward, propensity, target));
  }
  const OpeLog log{reward,
                   propensity,
                   target,
                   model.predicted,
                   model.predicted_target,
                   model.error.influence,
                   model.error.shift};
  const std::string method = fmt::format("off-policy: {}", enum_name(in.estimator));
  std::vector<std::string_view> assumptions = {
      "propensities are those with which the log was made",
      "every action of the new policy had a chance in the log", "rows do not influence each other"};
  if (in.estimator == OpeEstimator::kDirect) {
    assumptions.emplace_back(
        "an action earns the same whoever sees it; the interval allows for how exactly each "
        "action's mean is known, not for a wrong model");
  }
  Json out = Json::object().set("rows", table.size());
  const auto found = evaluate_policy(log, {in.estimator, in.clip, in.effective_min, in.alpha});
  if (!found && found.error().code == ErrorCode::kUnsupported) {
    out.set("refused", found.error().message);
    const bool constant = found.error().field == "reward";
    describe(
        out, method, assumptions,
        constant
            ? Plain{"没有结论：该策略会用到的记录，回报全都相同，无从知道误差有多大。",
                    "There is no result: all rewards that count for the policy are the same, so "
                    "nobody can say how far off the estimate is."}
            : Plain{"日志与该策略重合太少，无法给出可信的估计。",
                    "The log has too little in common with the policy for an estimate to be "
                    "trusted."});
    return out;
  }
  if (!found) return std::unexpected(found.error());
  std::optional<std::string> wrong;
  if (actions) wrong = wrong_propensities(*actions, propensity, target);
  if (!wrong && !weights_add_up(found->mean_weight, found->mean_weight_se)) {
    wrong = fmt::format("the weights have the mean {:.3g}, not 1 (+- {:.2g})", found->mean_weight,
                        found->mean_weight_se);
  }
  if (wrong) {
    out.set("refused",
            "off-policy: " + *wrong +
                ": the propensities are not those of the log, it lacks actions, or its rows "
                "belong together (people who always get the same)");
    out.set("mean_weight", found->mean_weight);
    describe(out, method, assumptions,
             {"没有结论：权重的平均值不是 "
              "1。日志里的概率不对，缺少该策略会采取的动作，或者各行并不独立（例如同一人总是得到同"
              "样的动作）。",
              "There is no result: the weights do not add up, so the log's propensities are wrong, "
              "it lacks actions of the policy, or its rows are not independent (people who always "
              "get the same)."});
    return out;
  }
  out.set("estimate", found->value).set("se", number_json(found->se));
  out.set("interval", interval_json(found->interval));
  out.set("interval_method", interval_name(found->method));
  out.set("effective_size", found->effective_size).set("weight_max", found->weight_max);
  out.set("clipped_share", found->clipped_share).set("mean_weight", found->mean_weight);
  out.set("mean_weight_se", found->mean_weight_se);
  double mean = 0;
  for (const double r : reward) mean += r / static_cast<double>(reward.size());
  out.set("logged_mean", mean);
  describe(out, method, assumptions,
           {fmt::format("该策略每次预计得到 {}（{} 到 {}），日志中的策略得到 {}。",
                        number_text(found->value), number_text(found->interval.low),
                        number_text(found->interval.high), number_text(mean)),
            fmt::format("The policy would earn {} each time (between {} and {}); the one that made "
                        "the log earned {}.",
                        number_text(found->value), number_text(found->interval.low),
                        number_text(found->interval.high), number_text(mean))});
  return out;
}

}  // namespace zhiyin::statistics
