#include <algorithm>
#include <array>
#include <cmath>

#include "base/utf8.h"
#include "statistics/accumulator.h"
#include "statistics/cause/panel.h"
#include "statistics/command/answer_json.h"
#include "statistics/command/arm_checks.h"
#include "statistics/command/cause_commands.h"
#include "statistics/command/series.h"

namespace zhiyin::statistics {

struct DidSums {
  GroupSums control;
  GroupSums treated;
};
struct DidSettings {
  std::string treatment = "treatment";
  std::optional<std::string> treated;
  std::optional<std::string> control;
  std::string outcome = "outcome";
  std::string after = "after";
  std::optional<std::string> unit;
  std::optional<DidSums> sums;
  double alpha = 0.05;
};
struct ItsSettings {
  std::string time = "time";
  std::string value = "value";
  std::string zone{kDefaultZone};
  std::string start;
  std::int64_t lags = -1;
  double alpha = 0.05;
};
struct SyntheticSettings {
  std::string time = "time";
  std::string zone{kDefaultZone};
  std::string treated;
  std::vector<std::string> donors;
  std::string start;
};

}  // namespace zhiyin::statistics

namespace zhiyin {
template <>
struct Fields<statistics::PeriodSums> {
  using P = statistics::PeriodSums;
  static constexpr std::string_view name = "PeriodSums";
  static constexpr auto list =
      field_list(field("n", &P::n, "people or units").range(0, 1e15),
                 field("sum", &P::sum, "of the outcome over them"),
                 field("sum_squares", &P::sum_squares, "absent: hits of a proportion"));
};
template <>
struct Fields<statistics::GroupSums> {
  using G = statistics::GroupSums;
  static constexpr std::string_view name = "GroupSums";
  static constexpr auto list = field_list(
      field("before", &G::before, "the treatment began"), field("after", &G::after, "it began"),
      field("sum_products", &G::sum_products, "before times after, where units are the same"));
};
template <>
struct Fields<statistics::DidSums> {
  using D = statistics::DidSums;
  static constexpr std::string_view name = "DidSums";
  static constexpr auto list = field_list(field("control", &D::control, "sums of that group"),
                                          field("treated", &D::treated, "sums of that group"));
};
template <>
struct Fields<statistics::DidSettings> {
  using D = statistics::DidSettings;
  static constexpr std::string_view name = "DidSettings";
  static constexpr auto list =
      field_list(field("treatment", &D::treatment, "column").optional(),
                 field("treated", &D::treated, "value of the treatment column"),
                 field("control", &D::control, "value of the treatment column"),
                 field("outcome", &D::outcome, "column").optional(),
                 field("after", &D::after, "column, 1 after the treatment").optional(),
                 field("unit", &D::unit, "column: whom or what rows before and after belong to"),
                 field("sums", &D::sums, "stored sums, instead of rows"),
                 field("alpha", &D::alpha, "level").range(1e-6, 0.5).optional());
};
template <>
struct Fields<statistics::ItsSettings> {
  using I = statistics::ItsSettings;
  static constexpr std::string_view name = "ItsSettings";
  static constexpr auto list = field_list(
      field("time", &I::time, "column").optional(), field("value", &I::value, "column").optional(),
      field("zone", &I::zone, "of times without one").optional(),
      field("start", &I::start, "first time after the interruption"),
      field("lags", &I::lags, "of the variance; -1: by the length").range(-1, 1000).optional(),
      field("alpha", &I::alpha, "level").range(1e-6, 0.5).optional());
};
template <>
struct Fields<statistics::SyntheticSettings> {
  using S = statistics::SyntheticSettings;
  static constexpr std::string_view name = "SyntheticSettings";
  static constexpr auto list = field_list(
      field("time", &S::time, "column").optional(),
      field("zone", &S::zone, "of times without one").optional(),
      field("treated", &S::treated, "column of the treated unit"),
      field("donors", &S::donors, "columns of the others; absent: all the rest").optional(),
      field("start", &S::start, "first time after the treatment"));
};
}  // namespace zhiyin

namespace zhiyin::statistics {
namespace {

Json effect_json(const EffectEstimate& e) {
  return Json::object()
      .set("estimate", e.estimate)
      .set("se", e.se)
      .set("interval", interval_json(e.interval))
      .set("p", e.p);
}

/// `subject` in both languages, as in "The outcome rose by 2".
Plain effect_words(const EffectEstimate& e, double alpha, const Plain& subject) {
  const std::string size = number_text(std::fabs(e.estimate));
  const std::string low = number_text(e.interval.low);
  const std::string high = number_text(e.interval.high);
  if (!(e.p < alpha)) {
    return {fmt::format("看不出{}有变化：测得 {}，在 {} 和 {} 之间。", subject.zh,
                        number_text(e.estimate), low, high),
            fmt::format("No evidence of a change in {}: measured {}, between {} and {}.",
                        subject.en, number_text(e.estimate), low, high)};
  }
  const Plain chance = share_of_cases(e.p);
  const bool up = e.estimate > 0;
  return {fmt::format("{}{}了 {}（{} 到 {}）；如果毫无影响，{}才会测出这么大的变化。", subject.zh,
                      up ? "上升" : "下降", size, low, high, chance.zh),
          fmt::format("A {} of {} in {} (between {} and {}); without any effect, {} such studies "
                      "would show one this large.",
                      up ? "rise" : "fall", size, subject.en, low, high, chance.en)};
}

/// Sums of [treated][after].
using Cells = std::array<std::array<Accumulator, 2>, 2>;

Json cells_json(const Cells& cells) {
  Json out = Json::object();
  constexpr std::string_view kNames[2][2] = {{"control_before", "control_after"},
                                             {"treated_before", "treated_after"}};
  for (std::size_t w = 0; w < 2; ++w) {
    for (std::size_t after = 0; after < 2; ++after) {
      out.set(kNames[w][after], Json::object()
                                    .set("n", cells[w][after].count())
                                    .set("mean", number_json(cells[w][after].mean())));
    }
  }
  return out;
}

struct DidUnits {
  std::vector<PanelUnit> units;
  std::size_t left_out = 0;  ///< seen at one side only
};
/// Means before and after of every unit, which must stay in its group.
Result<DidUnits> read_units(const Table& table, const DidSettings& s, const TwoGroups& groups,
                            std::span<const double> outcome, std::span<const std::uint8_t> after) {
  ZHIYIN_TRY(const Categories unit, category_column(table, "unit", *s.unit));
  struct Sums {
    std::array<Accumulator, 2> sides;
    std::optional<bool> treated;
  };
  std::vector<Sums> sums(unit.names.size());
  for (std::size_t i = 0; i < groups.rows.size(); ++i) {
    const std::size_t r = groups.rows[i];
    Sums& of_unit = sums[unit.of_row[r]];
    const bool treated = groups.treated[i] != 0;
    if (of_unit.treated.value_or(treated) != treated) {
      return fail_field("unit", "row {}: '{}' is in both groups", r + 1,
                        utf8::truncate(unit.names[unit.of_row[r]], 40));
    }
    of_unit.treated = treated;
    of_unit.sides[after[r]].add(outcome[r]);
  }
  DidUnits out;
  for (const Sums& u : sums) {
    if (!u.treated) continue;
    if (u.sides[0].count() == 0 || u.sides[1].count() == 0) {
      ++out.left_out;
      continue;
    }
    out.units.push_back({u.sides[0].mean(), u.sides[1].mean(), *u.treated});
  }
  return out;
}

/// What a difference in differences found, or why nothing.
Json did_json(Json out, const Answer<EffectEstimate>& found, bool of_units, double alpha) {
  const std::string_view method =
      of_units ? "difference in differences of units (Welch's test of their changes)"
               : "difference in differences of four groups (Welch)";
  const std::vector<std::string_view> assumptions = {
      "without the treatment both groups would have changed alike (parallel trends)",
      of_units ? "units do not influence each other"
               : "all rows are different, independent people"};
  if (!found) {
    const std::string why(to_string(found.error()));
    out.set("refused", why);
    describe(out, method, assumptions,
             {fmt::format("没有结论：{}。", refusal_zh(found.error())),
              "There is no result: " + why + "."});
    return out;
  }
  const Json effect = effect_json(*found);
  for (const Json::Member& m : *effect.if_object()) out.set(m.first, m.second);
  out.set("dof", found->dof);
  describe(
      out, method, assumptions,
      effect_words(*found, alpha,
                   {"处理组与对照组之差", "the treated group's outcome beside the control's"}));
  return out;
}

Json sums_json(const DidSums& sums) {
  Json out = Json::object();
  for (const auto& [name, s] : {std::pair{"control_before", &sums.control.before},
                                {"control_after", &sums.control.after},
                                {"treated_before", &sums.treated.before},
                                {"treated_after", &sums.treated.after}}) {
    const double mean = s->n > 0 ? s->sum / static_cast<double>(s->n) : NAN;
    out.set(name, Json::object().set("n", s->n).set("mean", number_json(mean)));
  }
  return out;
}

}  // namespace

Result<Json> stats_did(const Table& table, const Json& settings) {
  ZHIYIN_TRY(const DidSettings s, from_json<DidSettings>(settings));
  if (s.sums) {
    if (!table.columns.empty()) return fail_field("sums", "are given beside a table: one of both");
    const GroupSums* groups[] = {&s.sums->control, &s.sums->treated};
    constexpr std::string_view kNames[] = {"sums.control", "sums.treated"};
    for (std::size_t g = 0; g < 2; ++g) {
      for (const auto& [name, p] :
           {std::pair{"before", &groups[g]->before}, {"after", &groups[g]->after}}) {
        ZHIYIN_TRY_VOID(check_hits(
            {.name = {}, .kind = {}, .n = p->n, .sum = p->sum, .sum_squares = p->sum_squares},
            fmt::format("{}.{}", kNames[g], name)));
      }
    }
    return did_json(Json::object().set("groups", sums_json(*s.sums)),
                    difference_in_differences(s.sums->control, s.sums->treated, s.alpha),
                    s.sums->control.sum_products.has_value(), s.alpha);
  }
  ZHIYIN_TRY(const TwoGroups groups, two_groups(table, s.treatment, s.treated, s.control));
  ZHIYIN_TRY(const std::vector<double> outcome, number_column(table, "outcome", s.outcome));
  ZHIYIN_TRY(const std::vector<std::uint8_t> after, binary_column(table, "after", s.after));
  Cells cells;
  for (std::size_t i = 0; i < groups.rows.size(); ++i) {
    cells[groups.treated[i]][after[groups.rows[i]]].add(outcome[groups.rows[i]]);
  }
  Json out = Json::object().set("rows", groups.rows.size()).set("groups", cells_json(cells));
  if (s.unit) {
    ZHIYIN_TRY(const DidUnits units, read_units(table, s, groups, outcome, after));
    out.set("units", units.units.size()).set("units_left_out", units.left_out);
    return did_json(std::move(out), difference_in_differences(units.units, s.alpha), true, s.alpha);
  }
  const auto found =
      difference_in_differences(cells[0][0].moments(), cells[0][1].moments(), cells[1][0].moments(),
                                cells[1][1].moments(), s.alpha);
  return did_json(std::move(out), found, false, s.alpha);
}

Result<Json> stats_its(const Table& table, const Json& settings) {
  ZHIYIN_TRY(const ItsSettings s, from_json<ItsSettings>(settings));
  ZHIYIN_TRY(Series rows_given, read_series(table, {s.time, s.value, s.zone}));
  ZHIYIN_TRY(const Series series, with_equal_steps(std::move(rows_given)));
  ZHIYIN_TRY(const std::size_t start, series.place_of(s.start));
  const std::string& label = series.label[start];
  Json out =
      Json::object().set("points", table.size()).set("start", label.empty() ? s.start : label);
  const auto missing = static_cast<std::size_t>(
      std::ranges::count_if(series.value, [](double v) { return std::isnan(v); }));
  if (missing > 0) out.set("steps_missing", missing);
  const std::string_view method = "interrupted time series (segmented regression, Newey-West)";
  const std::vector<std::string_view> assumptions = {
      missing > 0 ? "equal time steps; those without a value are left out" : "equal time steps",
      "without the interruption the line would have gone on",
      "nothing else happened at the same time"};
  const auto found = interrupted_series(series.value, {start, static_cast<int>(s.lags), s.alpha});
  if (!found && found.error().code == ErrorCode::kUnsupported) {
    out.set("refused", found.error().message);
    describe(out, method, assumptions,
             {"没有结论：数值全都落在线上，没有波动。",
              "There is no result: the values do not vary about their lines."});
    return out;
  }
  if (!found) return std::unexpected(found.error());
  out.set("level", effect_json(found->level)).set("trend", effect_json(found->trend));
  out.set("intercept", found->intercept).set("slope_before", found->slope);
  out.set("lags", found->lags).set("placebo_p", found->placebo_p).set("placebos", found->placebos);
  Json rows = Json::array();
  CompensatedSum total;
  for (std::size_t i = start; i < series.value.size(); ++i) {
    if (std::isnan(series.value[i])) continue;
    const double without = found->intercept + found->slope * static_cast<double>(i);
    total.add(series.value[i] - without);
    rows.push(Json::object()
                  .set("time", series.label[i])
                  .set("value", series.value[i])
                  .set("without", without));
  }
  out.set("total", total.value()).set("after", std::move(rows));
  describe(out, method, assumptions, effect_words(found->level, s.alpha, {"水平", "the level"}));
  return out;
}

Result<Json> stats_synthetic(const Table& table, const Json& settings) {
  ZHIYIN_TRY(const SyntheticSettings s, from_json<SyntheticSettings>(settings));
  ZHIYIN_TRY(const Series series, read_series(table, {s.time, "", s.zone}));
  ZHIYIN_TRY(const std::size_t start, series.place_of(s.start));
  ZHIYIN_TRY(const std::vector<double> treated, number_column(table, "treated", s.treated));
  std::vector<std::string> names = s.donors;
  if (names.empty()) {
    for (const std::string& column : table.columns) {
      if (column != s.time && column != s.treated) names.push_back(column);
    }
  }
  Matrix donors(table.size(), names.size());
  for (std::size_t j = 0; j < names.size(); ++j) {
    if (names[j] == s.treated) return fail_field("donors", "'{}' is the treated unit", names[j]);
    if (std::ranges::count(names, names[j]) > 1) {
      return fail_field("donors", "'{}' is named twice", names[j]);
    }
    ZHIYIN_TRY(const std::vector<double> column, number_column(table, "donors", names[j]));
    for (std::size_t t = 0; t < column.size(); ++t) donors.at(t, j) = column[t];
  }
  const std::string_view method =
      "synthetic control (weights >= 0 that add up to 1), placebos over the donors";
  const std::vector<std::string_view> assumptions = {
      "the donors were not treated and not influenced by the treatment",
      "what the donors' mix followed before it would have followed afterwards",
      "placebo p cannot be smaller than 1 of the units"};
  ZHIYIN_TRY(const SyntheticResult r, synthetic_control(treated, donors, start));
  bool moves = false;
  for (std::size_t t = 1; t < start; ++t) {
    moves = moves || treated[t] != treated[0];
    for (std::size_t j = 0; j < names.size(); ++j)
      moves = moves || donors.at(t, j) != donors.at(0, j);
  }
  if (!moves) {
    Json refused = Json::object().set("start", series.label[start]);
    refused.set("refused", "before the start no unit changes: there is nothing to follow");
    describe(
        refused, method, assumptions,
        {"没有结论：干预之前各单位的数值从不变化，无从拟合。",
         "There is no result: before the treatment no unit ever changes, so there is nothing to "
         "follow."});
    return refused;
  }
  Json weights = Json::array();
  for (std::size_t j = 0; j < names.size(); ++j) {
    weights.push(Json::object().set("name", names[j]).set("weight", r.weights[j]));
  }
  Json rows = Json::array();
  double level = 0;
  for (std::size_t t = 0; t < treated.size(); ++t) {
    if (t >= start) level += r.synthetic[t] / static_cast<double>(treated.size() - start);
    rows.push(Json::object()
                  .set("time", series.label[t])
                  .set("treated", treated[t])
                  .set("synthetic", r.synthetic[t]));
  }
  Json out = Json::object().set("start", series.label[start]).set("estimate", r.effect);
  out.set("total", r.effect * static_cast<double>(treated.size() - start));
  out.set("rmse_before", r.rmse_before).set("rmse_ratio", number_json(r.rmse_ratio));
  out.set("placebo_p", r.placebo_p).set("placebos", names.size());
  out.set("weights", std::move(weights)).set("series", std::move(rows));
  const Plain chance = share_of_cases(r.placebo_p);
  describe(out, method, assumptions,
           {fmt::format("{} 平均为 {}，没有干预时估计为 {}：相差 {}；{}随便挑一个单位也会有这么大的"
                        "差别。",
                        s.treated, number_text(level + r.effect), number_text(level),
                        number_text(r.effect), chance.zh),
            fmt::format("{} was {} on average, {} is estimated without the treatment: a difference "
                        "of {}; {} units show one that large without a treatment.",
                        s.treated, number_text(level + r.effect), number_text(level),
                        number_text(r.effect), chance.en)});
  return out;
}

}  // namespace zhiyin::statistics
