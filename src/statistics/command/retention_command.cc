#include <algorithm>
#include <cmath>

#include "statistics/command/answer_json.h"
#include "statistics/command/value_commands.h"
#include "statistics/value/retention.h"
#include "statistics/value/survival.h"

namespace zhiyin::statistics {

enum class RetentionKind { kMatrix, kSurvival };
enum class WeekStart { kMonday, kSunday };

struct RetentionInput {
  RetentionKind kind = RetentionKind::kMatrix;
  std::optional<std::string> person, time;
  RetentionPeriod period = RetentionPeriod::kDay;
  CohortKind cohort = CohortKind::kFirst;
  WeekStart week_start = WeekStart::kMonday;
  std::string zone{kDefaultZone};
  std::string duration = "duration";
  std::string observed = "observed";
  std::optional<std::string> group;
  std::vector<std::string> covariates;
  double alpha = 0.05;
  std::map<std::string, std::string> aliases;
};

}  // namespace zhiyin::statistics

namespace zhiyin {
template <>
struct EnumNames<statistics::RetentionKind> {
  static constexpr std::pair<statistics::RetentionKind, std::string_view> list[] = {
      {statistics::RetentionKind::kMatrix, "matrix"},
      {statistics::RetentionKind::kSurvival, "survival"}};
};
template <>
struct EnumNames<statistics::WeekStart> {
  static constexpr std::pair<statistics::WeekStart, std::string_view> list[] = {
      {statistics::WeekStart::kMonday, "monday"}, {statistics::WeekStart::kSunday, "sunday"}};
};
template <>
struct EnumNames<statistics::RetentionPeriod> {
  static constexpr std::pair<statistics::RetentionPeriod, std::string_view> list[] = {
      {statistics::RetentionPeriod::kDay, "day"},
      {statistics::RetentionPeriod::kWeek, "week"},
      {statistics::RetentionPeriod::kMonth, "month"}};
};
template <>
struct EnumNames<statistics::CohortKind> {
  static constexpr std::pair<statistics::CohortKind, std::string_view> list[] = {
      {statistics::CohortKind::kFirst, "first"}, {statistics::CohortKind::kRecurring, "recurring"}};
};
template <>
struct Fields<statistics::RetentionInput> {
  using R = statistics::RetentionInput;
  static constexpr std::string_view name = "RetentionInput";
  static constexpr auto list = field_list(
      field("kind", &R::kind, "matrix or survival").optional(),
      field("person", &R::person, "column"), field("time", &R::time, "column"),
      field("period", &R::period, "day, week or month").optional(),
      field("cohort", &R::cohort, "first or recurring").optional(),
      field("week_start", &R::week_start, "monday or sunday").optional(),
      field("zone", &R::zone, "where days begin").optional(),
      field("duration", &R::duration, "survival: column").optional(),
      field("observed", &R::observed, "survival: column, 0: still there").optional(),
      field("group", &R::group, "survival: column"),
      field("covariates", &R::covariates, "survival: columns").length(0, 30).optional(),
      field("alpha", &R::alpha, "level").range(1e-6, 0.5).optional(),
      field("aliases", &R::aliases, "identities of one person: alias to person").optional());
};
}  // namespace zhiyin

namespace zhiyin::statistics {
namespace {

/// Every alias with the person at the end of its chain.
Result<std::map<std::string, std::string>> people_of(
    const std::map<std::string, std::string>& aliases) {
  std::map<std::string, std::string> out;
  for (const auto& [alias, first] : aliases) {
    std::string person = first;
    std::size_t steps = 0;
    for (auto next = aliases.find(person); next != aliases.end() && next->second != person;
         next = aliases.find(person)) {
      if (const auto done = out.find(person); done != out.end()) {
        person = done->second;
        break;
      }
      person = next->second;
      if (++steps > aliases.size()) {
        return fail_field("aliases", "'{}' goes round in a circle and ends at nobody", alias);
      }
    }
    out.emplace(alias, std::move(person));
  }
  return out;
}

Result<Json> matrix_of(const Table& table, const RetentionInput& in) {
  RetentionSettings settings;
  settings.period = in.period;
  settings.cohort = in.cohort;
  settings.week_starts_monday = in.week_start == WeekStart::kMonday;
  ZHIYIN_TRY(settings.zone, TimeZone::create(in.zone));
  const std::string person = in.person.value_or(
      std::string(first_present(table, {"person", "user", "customer", "identity", "id"})));
  const std::string time =
      in.time.value_or(std::string(first_present(table, {"time", "date", "occurred_at"})));
  Table merged = table;
  if (!in.aliases.empty()) {
    ZHIYIN_TRY(const auto people, people_of(in.aliases));
    ZHIYIN_TRY(const std::size_t at, table.place("person", person));
    for (auto& row : merged.rows) {
      const auto known = people.find(row[at]);
      if (known != people.end()) row[at] = known->second;
    }
  }
  ZHIYIN_TRY(const Categories who, person_column(merged, "person", person));
  ZHIYIN_TRY(const auto when, time_column(merged, "time", time, settings.zone));
  std::vector<Activity> activities;
  for (std::size_t r = 0; r < when.size(); ++r) activities.push_back({who.of_row[r], when[r]});
  ZHIYIN_TRY(const auto rows, retention_matrix(activities, settings));
  Json list = Json::array();
  double base = 0;
  double back = 0;
  for (const RetentionRow& row : rows) {
    Json people = Json::array();
    for (const std::int64_t n : row.people) people.push(n);
    list.push(Json::object().set("period", row.period).set("people", std::move(people)));
    if (row.people.size() < 2) continue;
    base += static_cast<double>(row.people[0]);
    back += static_cast<double>(row.people[1]);
  }
  Json out = Json::object().set("people", who.names.size());
  out.set("next_period", base > 0 ? Json(back / base) : Json()).set("rows", std::move(list));
  Plain plain{"只有一期数据，还看不出谁会回来。",
              "There is one period only: nobody can have come back yet."};
  if (base > 0) {
    const std::string share = percent_text(back / base);
    plain = {fmt::format("下一期回来的占 {}。", share),
             fmt::format("{} came back in the next period.", share)};
  }
  describe(out,
           in.cohort == CohortKind::kFirst ? "retention by first period"
                                           : "retention of everybody active in a period",
           {"a person's identities were merged before", "days begin in the given time zone"},
           plain);
  return out;
}

Json curve_json(const std::vector<SurvivalStep>& curve) {
  Json out = Json::array();
  for (const SurvivalStep& s : curve) {
    out.push(Json::object()
                 .set("time", s.time)
                 .set("at_risk", s.at_risk)
                 .set("events", s.events)
                 .set("survival", s.survival)
                 .set("se", number_json(s.se))
                 .set("interval", interval_json(s.interval)));
  }
  return out;
}

Result<Json> cox_json(const Table& table, const RetentionInput& in,
                      const std::vector<Lifetime>& lifetimes) {
  Matrix x(table.size(), in.covariates.size());
  for (std::size_t c = 0; c < in.covariates.size(); ++c) {
    ZHIYIN_TRY(const auto column, number_column(table, "covariates", in.covariates[c]));
    for (std::size_t r = 0; r < column.size(); ++r) x.at(r, c) = column[r];
  }
  ZHIYIN_TRY(const CoxFit fit, fit_cox(lifetimes, x));
  Json list = Json::array();
  for (std::size_t c = 0; c < in.covariates.size(); ++c) {
    list.push(Json::object()
                  .set("name", in.covariates[c])
                  .set("coefficient", fit.coefficients[c])
                  .set("hazard_ratio", std::exp(fit.coefficients[c]))
                  .set("se", fit.standard_errors[c])
                  .set("p", fit.p[c]));
  }
  return Json::object()
      .set("covariates", std::move(list))
      .set("log_likelihood", fit.log_likelihood)
      .set("log_likelihood_null", fit.log_likelihood_null)
      .set("concordance", fit.concordance);
}

Result<Json> survival_of(const Table& table, const RetentionInput& in) {
  ZHIYIN_TRY(const auto duration, number_column(table, "duration", in.duration));
  std::vector<std::uint8_t> observed(table.size(), 1);
  if (table.has(in.observed) || in.observed != "observed") {
    ZHIYIN_TRY(observed, binary_column(table, "observed", in.observed));
  }
  Categories groups{std::vector<std::uint32_t>(table.size(), 0), {""}};
  if (in.group) {
    constexpr std::size_t kGroupsMax = 100;
    ZHIYIN_TRY(groups, category_column(table, "group", *in.group));
    if (groups.names.size() > kGroupsMax) {
      return fail_field("group", "'{}' has {} different values, more than {}", *in.group,
                        groups.names.size(), kGroupsMax);
    }
  }
  std::vector<Lifetime> lifetimes;
  for (std::size_t r = 0; r < table.size(); ++r) {
    lifetimes.push_back({duration[r], observed[r] != 0, groups.of_row[r]});
  }
  ZHIYIN_TRY_VOID(check_lifetimes(lifetimes));
  Json curves = Json::array();
  double median = 0;
  for (std::uint32_t g = 0; g < groups.names.size(); ++g) {
    std::vector<Lifetime> own;
    std::ranges::copy_if(lifetimes, std::back_inserter(own),
                         [&](const Lifetime& l) { return l.group == g; });
    const auto curve = kaplan_meier(own, in.alpha);
    median = median_survival(curve);
    curves.push(Json::object()
                    .set("group", groups.names[g])
                    .set("people", own.size())
                    .set("median", number_json(median))
                    .set("steps", curve_json(curve)));
  }
  Json out = Json::object().set("curves", std::move(curves));
  Plain plain{std::isfinite(median) ? fmt::format("到 {} 时已有一半的人离开。", number_text(median))
                                    : "到观察结束时，超过一半的人没有离开。",
              std::isfinite(median)
                  ? fmt::format("Half of them have left by {}.", number_text(median))
                  : "More than half had not left when the observation ended."};
  if (groups.names.size() > 1) {
    ZHIYIN_TRY(const LogRank test, log_rank(lifetimes));
    out.set("log_rank",
            Json::object().set("chi2", test.chi2).set("dof", test.dof).set("p", test.p));
    const bool differ = test.p < in.alpha;
    plain = {differ ? "各组的流失速度不同。" : "看不出各组的流失速度有差别。",
             differ ? "The groups leave at different speeds."
                    : "No evidence that the groups leave at different speeds."};
  }
  if (!in.covariates.empty()) {
    ZHIYIN_TRY(Json cox, cox_json(table, in, lifetimes));
    out.set("cox", std::move(cox));
  }
  describe(
      out, "Kaplan-Meier, log-rank, Cox (Efron)",
      {"who is still there would leave like the others", "Cox: hazards are proportional over time"},
      plain);
  return out;
}

}  // namespace

Result<Json> retention(const Table& table, const Json& settings) {
  ZHIYIN_TRY(const RetentionInput in, from_json<RetentionInput>(settings));
  return in.kind == RetentionKind::kMatrix ? matrix_of(table, in) : survival_of(table, in);
}

}  // namespace zhiyin::statistics
