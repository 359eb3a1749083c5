#include "app/stats_commands.h"

#include <algorithm>
#include <string>

#include "app/number_argument.h"
#include "base/file.h"
#include "base/utf8.h"
#include "model/text_file.h"
#include "statistics/command/cause_commands.h"
#include "statistics/command/detect_command.h"
#include "statistics/command/experiment_commands.h"
#include "statistics/command/value_commands.h"
#include "statistics/stats_compare.h"

namespace zhiyin::app {
namespace {

constexpr std::size_t kJsonBytesMax = std::size_t{64} << 20;

/// What a flag's text becomes in the command's input.
enum class Kind { kText, kNumber, kTexts, kNumbers, kSwitch, kJson };

/// Which values of another member a flag does anything with.
struct Only {
  std::string_view member;
  std::vector<std::string_view> values = {};
  std::string_view unset = {};  ///< what the member is when it is not given
};

/// One flag and the member of the input that it sets; `member` empty: the flag's name with `_` for
/// `-`.
struct Setting {
  FlagSpec flag;
  Kind kind = Kind::kText;
  std::string_view member = {};
  Json fixed = {};  ///< switches set this value instead of true
  Only only = {};
};

using JsonCommand = Result<Json> (*)(const Json& input);
using TableCommand = Result<Json> (*)(const statistics::Table& table, const Json& settings);

/// A command with a JSON file (`json`), or with a table (`table`); the file's flag comes first.
/// Of a JSON file that is a bare list, `list` is the member that it becomes; empty: none does.
struct StatsCommand {
  std::string_view words;
  std::string_view summary;
  std::string_view example;
  FlagSpec file;
  std::vector<Setting> settings;
  JsonCommand json = nullptr;
  TableCommand table = nullptr;
  std::string_view list = {};
};

FlagSpec json_file(std::string_view name, std::string_view what) { return {name, "FILE", what}; }

FlagSpec table_file(std::string_view name) {
  return {name, "FILE", "CSV with a header; plain, .gz or .zst"};
}

std::vector<Setting> order_settings() {
  return {{{"customer", "COLUMN", "orders: whose (customer)"}},
          {{"date", "COLUMN", "orders: when (date)"}},
          {{"amount", "COLUMN", "orders: how much (amount)"}},
          {{"as-of", "DATE", "end of observation (the last order's day)"}},
          {{"zone", "ZONE", "of times without one (Asia/Shanghai)"}}};
}

std::vector<Setting> joined(std::vector<Setting> a, const std::vector<Setting>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// The same setting, refused unless `member` has one of the values.
Setting only(Only when, Setting setting) {
  setting.only = std::move(when);
  return setting;
}

std::vector<Setting> power_settings() {
  return {{{"mean", "X", "of the metric without treatment"}, Kind::kNumber},
          {{"variance", "X", "per user (of a share: from the mean)"}, Kind::kNumber},
          {{"effect-size", "X", "to be found"}, Kind::kNumber},
          {{"effect", "KIND", "relative or absolute (relative)"}},
          {{"arms", "N", "with the control (2)"}, Kind::kNumber},
          {{"alpha", "A", "error level (0.05)"}, Kind::kNumber},
          {{"power", "P", "probability of finding it (0.8)"}, Kind::kNumber},
          {{"tuning", "N", "sequential: users at which it is tightest"}, Kind::kNumber},
          {{"goals", "N", "goal metrics: alpha is shared, as while it runs"}, Kind::kNumber}};
}

std::vector<StatsCommand> experiment_table() {
  return {
      {"stats compare",
       "Compare the arms of an experiment",
       "zhiyin stats compare --arms arms.json --method sequential --relative --json",
       json_file("arms", "JSON: metric, effect, arms (control first); docs/statistics.md"),
       {{{"method", "METHOD", "fixed, sequential or bayesian (fixed)"}},
        {{"metric", "KIND", "mean, proportion, ratio or quantile, of arms that do not say"},
         Kind::kText,
         "kind"},
        {{"quantile", "Q", "which quantile, 0 to 1"}, Kind::kNumber},
        {{"cuped", "", "use the arms' covariate"}, Kind::kSwitch},
        {{"relative", "", "effects as shares of the control's mean"},
         Kind::kSwitch,
         "effect",
         Json("relative")},
        {{"one-sided", "SIDE", "greater or lesser"}},
        {{"alpha", "A", "error level (0.05)"}, Kind::kNumber},
        only({"method", {"sequential"}, "fixed"},
             {{"tuning", "N", "sequential: users at which it is tightest (5000)"}, Kind::kNumber}),
        only({"method", {"bayesian"}, "fixed"},
             {{"prior", "MEAN,SD", "bayesian: of the relative effect (flat)"}, Kind::kNumbers})},
       &statistics::stats_compare,
       nullptr,
       "arms"},
      {"stats power", "What an experiment can find",
       "zhiyin stats power --mean 0.1 --users 40000 --effect-size 0.05 --json",
       json_file("input", "JSON with the same members as the flags"),
       joined({{{"users", "N", "of all arms"}, Kind::kNumber}}, power_settings()),
       &statistics::stats_power},
      {"stats samplesize", "How many users an experiment takes",
       "zhiyin stats samplesize --mean 0.1 --effect-size 0.05 --json",
       json_file("input", "JSON with the same members as the flags"), power_settings(),
       &statistics::stats_samplesize},
      {"stats srm",
       "Check that users were split as planned",
       "zhiyin stats srm --arms arms.json --json",
       json_file("arms", "JSON: arms with name, n and weight"),
       {{{"alarm-below", "P", "p at which to alarm (0.001)"}, Kind::kNumber}},
       &statistics::stats_srm,
       nullptr,
       "arms"},
      {"stats adjust",
       "Correct p values and intervals for many comparisons",
       "zhiyin stats adjust --input results.json --procedure bh --json",
       json_file("input", "JSON: results with name, p, estimate and interval"),
       {{{"procedure", "NAME", "holm (family-wise) or bh (false discovery) (holm)"}},
        {{"alpha", "A", "level (0.05)"}, Kind::kNumber}},
       &statistics::stats_adjust,
       nullptr,
       "results"},
      {"stats assign",
       "Which arm units are in, by hash",
       "zhiyin stats assign --seed spring --units u1,u2 --weights 0.5,0.5 --json",
       json_file("input", "JSON with the same members as the flags, namespace and holdouts"),
       {{{"seed", "TEXT", "of the experiment"}},
        {{"units", "LIST", "whom to assign"}, Kind::kTexts},
        {{"weights", "LIST", "of the arms (0.5,0.5)"}, Kind::kNumbers},
        {{"coverage", "C", "share of units that take part (1)"}, Kind::kNumber},
        {{"hash", "N", "version, 1 or 2 (2)"}, Kind::kNumber, "version"}},
       &statistics::stats_assign},
      {"stats bandit",
       "Weights of the arms of a bandit",
       "zhiyin stats bandit --arms arms.json --seed 1 --json",
       json_file("arms", "JSON: arms with name and sums"),
       {{{"draws", "N", "of the posterior (10000)"}, Kind::kNumber},
        {{"users-min", "N", "of every arm before it learns (100)"}, Kind::kNumber},
        {{"floor", "F", "share that every arm keeps (0.01)"}, Kind::kNumber},
        {{"lower-is-better", "", "costs and complaints"}, Kind::kSwitch},
        {{"seed", "N", "of the draws (1)"}, Kind::kNumber}},
       &statistics::stats_bandit,
       nullptr,
       "arms"},
  };
}

std::vector<StatsCommand> cause_table() {
  return {
      {"stats uplift",
       "Whom a treatment changes, by a score",
       "zhiyin stats uplift --data mail.csv --treatment mailed --outcome visit --score score "
       "--json",
       table_file("data"),
       {{{"treatment", "COLUMN", "0 or 1 (treatment)"}},
        {{"outcome", "COLUMN", "what came of it (outcome)"}},
        {{"score", "COLUMN", "higher: treat first"}},
        {{"features", "LIST", "instead: columns from which to learn a score"}, Kind::kTexts},
        {{"learner", "NAME", "transformed (outcome) or two-model (transformed)"}},
        {{"treated", "VALUE", "of the treatment column, where it is not 0 or 1"}},
        {{"control", "VALUE", "of the treatment column"}},
        {{"share", "X", "of the people, best scores first (0.3)"}, Kind::kNumber},
        {{"threshold", "X", "policy: treat from this score on (0)"}, Kind::kNumber},
        {{"rounds", "N", "of the bootstrap (200)"}, Kind::kNumber},
        {{"seed", "N", "of the bootstrap (1)"}, Kind::kNumber},
        {{"alpha", "A", "level (0.05)"}, Kind::kNumber},
        {{"curve", "N", "points of the curve (20)"}, Kind::kNumber}},
       nullptr,
       &statistics::stats_uplift},
      {"stats ope",
       "What another policy would have earned, from a log",
       "zhiyin stats ope --log log.csv --estimator snips --policy uniform --json",
       table_file("log"),
       {{{"estimator", "NAME", "ips, snips, clipped, direct, dr or switch (snips)"}},
        {{"reward", "COLUMN", "(reward)"}},
        {{"propensity", "COLUMN", "of the logged action (propensity)"}},
        {{"target", "COLUMN", "its probability by the policy to evaluate"}},
        {{"policy", "NAME", "instead: uniform, or an action that is always taken"}},
        {{"action", "COLUMN", "(action)"}},
        {{"clip", "W", "largest weight (10)"}, Kind::kNumber},
        {{"effective-min", "N", "effective rows below which there is no answer (100)"},
         Kind::kNumber},
        {{"alpha", "A", "level (0.05)"}, Kind::kNumber}},
       nullptr,
       &statistics::stats_ope},
      {"stats did",
       "Difference in differences: what a treatment changed, beside a group without it",
       "zhiyin stats did --data shops.csv --treatment treated --outcome sales --unit shop --json",
       table_file("data"),
       {{{"treatment", "COLUMN", "0 or 1 (treatment)"}},
        {{"treated", "VALUE", "of the treatment column, where it is not 0 or 1"}},
        {{"control", "VALUE", "of the treatment column"}},
        {{"outcome", "COLUMN", "(outcome)"}},
        {{"after", "COLUMN", "0 or 1: after the treatment began (after)"}},
        {{"unit", "COLUMN", "the same units before and after; absent: different people"}},
        {{"sums", "FILE", "instead of --data: JSON, stored sums of control and treated"},
         Kind::kJson},
        {{"alpha", "A", "level (0.05)"}, Kind::kNumber}},
       nullptr,
       &statistics::stats_did},
      {"stats its",
       "Interrupted time series: a jump of level or slope",
       "zhiyin stats its --series sales.csv --start 2026-03-01 --json",
       table_file("series"),
       {{{"start", "TIME", "first time after the interruption"}},
        {{"time", "COLUMN", "(time)"}},
        {{"value", "COLUMN", "(value)"}},
        {{"zone", "ZONE", "of times without one (Asia/Shanghai)"}},
        {{"lags", "N", "of the variance (by the length)"}, Kind::kNumber},
        {{"alpha", "A", "level (0.05)"}, Kind::kNumber}},
       nullptr,
       &statistics::stats_its},
      {"stats synthetic",
       "Synthetic control: one treated unit beside a mix of others",
       "zhiyin stats synthetic --data cities.csv --treated Hangzhou --start 2026-03-01 --json",
       table_file("data"),
       {{{"treated", "COLUMN", "of the treated unit: one column per unit, one row per time"}},
        {{"donors", "LIST", "columns of the others (all the rest)"}, Kind::kTexts},
        {{"start", "TIME", "first time after the treatment"}},
        {{"time", "COLUMN", "(time)"}},
        {{"zone", "ZONE", "of times without one (Asia/Shanghai)"}}},
       nullptr,
       &statistics::stats_synthetic},
      {"stats attribution",
       "Divide conversions among the channels people came through",
       "zhiyin stats attribution --paths paths.csv --rule shapley --total 120 --json",
       table_file("paths"),
       {{{"rule", "NAME", "last, first, linear, position, decay, shapley or markov (last)"}},
        {{"total", "N", "what the credits add up to, measured by an experiment"}, Kind::kNumber},
        only({"rule", {"decay"}, "last"}, {{"half-life", "DAYS", "decay (7)"}, Kind::kNumber}),
        only({"rule", {"position"}, "last"},
             {{"ends-share", "X", "position: of the first and of the last touch (0.4)"},
              Kind::kNumber}),
        {{"path", "COLUMN", "a row per path: channels divided by > (path)"}},
        {{"conversions", "COLUMN", "paths: how many converted (conversions)"}},
        {{"lost", "COLUMN", "paths: how many did not (lost)"}},
        {{"times", "COLUMN", "paths: days of the touches divided by >, for decay"}},
        {{"value", "COLUMN", "what conversions were worth (value)"}},
        {{"person", "COLUMN", "a row per touch: whose (person)"}},
        {{"time", "COLUMN", "touches: when (time)"}},
        {{"channel", "COLUMN", "touches: through what (channel)"}},
        {{"zone", "ZONE", "of times without one (Asia/Shanghai)"}}},
       nullptr,
       &statistics::stats_attribution},
      {"stats detect",
       "What stands out in a series",
       "zhiyin stats detect --series mentions.csv --method shesd --period 24 --json",
       table_file("series"),
       {{{"method", "NAME",
          "esd, shesd, ewma, cusum, changepoint, kleinberg, bocpd, pagehinkley, adwin, rate or "
          "interrupted"}},
        {{"time", "COLUMN", "(time)"}},
        {{"value", "COLUMN", "(value)"}},
        {{"zone", "ZONE", "of times without one (Asia/Shanghai)"}},
        only({"method", {"esd", "shesd", "changepoint", "rate", "interrupted"}},
             {{"alpha", "A", "level"}, Kind::kNumber}),
        only({"method", {"esd", "shesd", "rate"}},
             {{"direction", "NAME", "both, high or low (both)"}}),
        only({"method", {"esd"}}, {{"outliers-max", "N", "esd (10)"}, Kind::kNumber}),
        only({"method", {"shesd"}}, {{"period", "N", "shesd: values in a season"}, Kind::kNumber}),
        only({"method", {"shesd"}},
             {{"share-max", "X", "shesd: largest share of outliers (0.1)"}, Kind::kNumber}),
        only({"method", {"ewma"}},
             {{"weight", "X", "ewma: of the newest value (0.3)"}, Kind::kNumber}),
        only({"method", {"ewma", "cusum", "bocpd"}},
             {{"target", "X", "ewma, cusum, bocpd: mean in control (the median)"}, Kind::kNumber}),
        only({"method", {"ewma", "cusum", "bocpd"}},
             {{"deviation", "X", "ewma, cusum, bocpd: of a value in control (learnt)"},
              Kind::kNumber}),
        only({"method", {"ewma"}},
             {{"width", "X", "ewma: of the limits, in deviations (3)"}, Kind::kNumber}),
        only({"method", {"cusum"}}, {{"slack", "X", "cusum: k (half a deviation)"}, Kind::kNumber}),
        only({"method", {"cusum", "pagehinkley"}},
             {{"limit", "X", "cusum: h (5 deviations); pagehinkley (50)"}, Kind::kNumber}),
        only({"method", {"kleinberg"}}, {{"base", "X", "kleinberg: s (2)"}, Kind::kNumber}),
        only({"method", {"kleinberg"}},
             {{"gamma", "X", "kleinberg: cost of a level (1)"}, Kind::kNumber}),
        only({"method", {"kleinberg"}},
             {{"total", "COLUMN", "kleinberg: all documents of a batch"}}),
        only({"method", {"bocpd"}},
             {{"hazard", "X", "bocpd: probability of a change (0.01)"}, Kind::kNumber}),
        only({"method", {"bocpd"}}, {{"prior-mean", "X", "bocpd"}, Kind::kNumber}),
        only({"method", {"bocpd"}}, {{"prior-variance", "X", "bocpd"}, Kind::kNumber}),
        only({"method", {"bocpd"}}, {{"noise-variance", "X", "bocpd"}, Kind::kNumber}),
        only({"method", {"bocpd"}}, {{"counts", "", "bocpd: values are counts"}, Kind::kSwitch}),
        only({"method", {"pagehinkley"}},
             {{"keep", "X", "pagehinkley: of the sum (0.9999)"}, Kind::kNumber}),
        only({"method", {"pagehinkley"}},
             {{"delta", "X", "pagehinkley: rise that does not count (0.005)"}, Kind::kNumber}),
        only({"method", {"pagehinkley"}},
             {{"values-min", "N", "pagehinkley: before it alarms (30)"}, Kind::kNumber}),
        only({"method", {"adwin"}}, {{"confidence", "X", "adwin (0.002)"}, Kind::kNumber}),
        only({"method", {"rate"}}, {{"weeks", "N", "rate: looked back (4)"}, Kind::kNumber}),
        only({"method", {"rate"}}, {{"holiday", "COLUMN", "rate: 1 on holidays"}}),
        only({"method", {"interrupted"}}, {{"start", "TIME", "interrupted: first time after it"}}),
        only({"method", {"interrupted"}},
             {{"lags", "N", "interrupted: of the variance (by the length)"}, Kind::kNumber})},
       nullptr,
       &statistics::stats_detect},
  };
}

std::vector<StatsCommand> value_table() {
  const Setting unit{{"unit", "DAYS", "in the model's unit of time (7)"}, Kind::kNumber};
  const Only of_orders{"model", {"bgnbd", "paretonbd", "gammagamma"}};
  std::vector<Setting> orders;
  for (const Setting& s : order_settings()) orders.push_back(only(of_orders, s));
  return {
      {"value fit", "Fit a model of how customers buy, spend or renew",
       "zhiyin value fit --model bgnbd --data orders.csv --as-of 2026-06-30 --json",
       table_file("data"),
       joined({{{"model", "NAME", "bgnbd, paretonbd, gammagamma or sbg"}},
               only(of_orders, unit),
               only({"model", {"sbg"}},
                    {{"alive", "COLUMN", "sbg: customers left, one row per period (alive)"}}),
               {{"penalty", "X", "on the parameters, for small samples (0)"}, Kind::kNumber},
               only({"model", {"bgnbd", "paretonbd"}},
                    {{"tracking", "T", "add the tracking plot of that length"}, Kind::kNumber})},
              orders),
       nullptr, &statistics::value_fit},
      {"value predict", "What each customer will buy and is worth",
       "zhiyin value predict --fit fit.json --data orders.csv --horizon 26 --json",
       table_file("data"),
       joined({{{"fit", "FILE", "what value fit printed"}, Kind::kJson},
               {{"spend-fit", "FILE", "the same of gammagamma, for values"}, Kind::kJson},
               unit,
               {{"horizon", "T", "time ahead, in units (52)"}, Kind::kNumber},
               {{"periods", "N", "of the residual value (12)"}, Kind::kNumber},
               {{"discount", "D", "per period (0)"}, Kind::kNumber},
               {{"tenure", "N", "sbg: renewals so far (0)"}, Kind::kNumber}},
              order_settings()),
       nullptr, &statistics::value_predict},
      {"value rfm", "Recency, frequency and monetary scores with named segments",
       "zhiyin value rfm --data orders.csv --as-of 2026-06-30 --json", table_file("data"),
       joined({{{"cuts", "FILE", "stored cut points: what value rfm printed"}, Kind::kJson}},
              order_settings()),
       nullptr, &statistics::value_rfm},
      {"retention",
       "Who comes back, and how long people stay",
       "zhiyin retention --data activity.csv --period week --json",
       table_file("data"),
       {{{"kind", "NAME", "matrix or survival (matrix)"}},
        only({"kind", {"matrix"}, "matrix"}, {{"person", "COLUMN", "(person)"}}),
        only({"kind", {"matrix"}, "matrix"}, {{"time", "COLUMN", "(time)"}}),
        only({"kind", {"matrix"}, "matrix"}, {{"period", "NAME", "day, week or month (day)"}}),
        only({"kind", {"matrix"}, "matrix"}, {{"cohort", "NAME", "first or recurring (first)"}}),
        only({"kind", {"matrix"}, "matrix"}, {{"week-start", "DAY", "monday or sunday (monday)"}}),
        only({"kind", {"matrix"}, "matrix"},
             {{"zone", "ZONE", "where days begin (Asia/Shanghai)"}}),
        only({"kind", {"matrix"}, "matrix"},
             {{"aliases", "FILE", "JSON: identity to person"}, Kind::kJson}),
        only({"kind", {"survival"}, "matrix"}, {{"duration", "COLUMN", "survival (duration)"}}),
        only({"kind", {"survival"}, "matrix"},
             {{"observed", "COLUMN", "survival: 0: still there (observed)"}}),
        only({"kind", {"survival"}, "matrix"}, {{"group", "COLUMN", "survival: compare these"}}),
        only({"kind", {"survival"}, "matrix"},
             {{"covariates", "LIST", "survival: columns for Cox's model"}, Kind::kTexts}),
        only({"kind", {"survival"}, "matrix"}, {{"alpha", "A", "level (0.05)"}, Kind::kNumber})},
       nullptr,
       &statistics::retention},
  };
}

const std::vector<StatsCommand>& stats_table() {
  static const std::vector<StatsCommand> table = [] {
    std::vector<StatsCommand> all = experiment_table();
    for (auto& part : {cause_table(), value_table()})
      all.insert(all.end(), part.begin(), part.end());
    return all;
  }();
  return table;
}

const StatsCommand* find_stats_command(std::string_view words) {
  const auto found = std::ranges::find(stats_table(), words, &StatsCommand::words);
  return found == stats_table().end() ? nullptr : &*found;
}

Result<Json> read_json(std::string_view flag, const std::string& path) {
  const auto text = read_file(path, kJsonBytesMax);
  if (!text) return std::unexpected(within(fmt::format("--{}", flag), text.error()));
  auto json = parse_json(*text, kJsonBytesMax);
  if (!json) return std::unexpected(within(fmt::format("--{}", flag), json.error()));
  return json;
}

/// A whole number stays one: counts and seeds are integers.
Result<Json> number_of(std::string_view flag, const std::string& text) {
  if (const auto whole = parse_number<std::int64_t>(flag, text)) return Json(*whole);
  ZHIYIN_TRY(const double number, parse_number<double>(flag, text));
  return Json(number);
}

Result<Json> setting_of(const Setting& s, const Json& args) {
  const Json& given = args[s.flag.name];
  const std::string text(given.string_or(""));
  switch (s.kind) {
    case Kind::kText:
      return Json(text);
    case Kind::kNumber:
      return number_of(s.flag.name, text);
    case Kind::kSwitch:
      return s.fixed.is_null() ? Json(true) : s.fixed;
    case Kind::kJson:
      return read_json(s.flag.name, text);
    case Kind::kTexts:
    case Kind::kNumbers:
      break;
  }
  Json list = Json::array();
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t comma = std::min(text.find(',', begin), text.size());
    const std::string one = text.substr(begin, comma - begin);
    begin = comma + 1;
    if (s.kind == Kind::kTexts) {
      list.push(one);
      continue;
    }
    ZHIYIN_TRY(Json number, number_of(s.flag.name, one));
    list.push(std::move(number));
  }
  return list;
}

/// A flag that would do nothing was meant otherwise.
Result<void> check_use(const StatsCommand& command, const Json& args, const Json& input) {
  for (const Setting& s : command.settings) {
    if (args[s.flag.name].is_null() || s.only.member.empty()) continue;
    const std::string_view value = input[s.only.member].string_or(s.only.unset);
    // What is no text, or not there, the command itself refuses.
    if (value.empty() || std::ranges::find(s.only.values, value) != s.only.values.end()) continue;
    std::string uses;
    for (const std::string_view v : s.only.values)
      uses += (uses.empty() ? "" : " or ") + std::string(v);
    return fail_field(fmt::format("--{}", s.flag.name), "does nothing with {} {}: it is for {}",
                      s.only.member, utf8::truncate(value, 40), uses);
  }
  return {};
}

Result<void> apply_settings(const StatsCommand& command, const Json& args, Json& input) {
  for (const Setting& s : command.settings) {
    if (args[s.flag.name].is_null()) continue;
    ZHIYIN_TRY(Json value, setting_of(s, args));
    std::string member(s.member.empty() ? s.flag.name : s.member);
    std::ranges::replace(member, '-', '_');
    if (member == "prior") {
      const Json::Array& both = *value.if_array();
      if (both.size() != 2) return fail_field("--prior", "is not MEAN,SD");
      value = Json::object().set("mean", both[0]).set("sd", both[1]);
    }
    input.set(member, std::move(value));
  }
  return check_use(command, args, input);
}

Result<Json> run_on_json(const StatsCommand& command, const Json& args) {
  Json input = Json::object();
  if (const std::string* path = args[command.file.name].if_string()) {
    ZHIYIN_TRY(input, read_json(command.file.name, *path));
    if (input.if_array() != nullptr && !command.list.empty()) {
      input = Json::object().set(command.list, std::move(input));
    }
    if (input.if_object() == nullptr) {
      return fail_field(fmt::format("--{}", command.file.name), "is no JSON object");
    }
  } else if (command.file.name == "arms") {
    return fail_field("arms", "is missing");
  }
  ZHIYIN_TRY_VOID(apply_settings(command, args, input));
  return command.json(input);
}

Result<Json> run_on_table(const StatsCommand& command, const Json& args) {
  const std::string path(args[command.file.name].string_or(""));
  Json settings = Json::object();
  ZHIYIN_TRY_VOID(apply_settings(command, args, settings));
  // Stored sums take the place of a table.
  if (path.empty() && !settings["sums"].is_null()) return command.table({}, settings);
  if (path.empty()) return fail_field(command.file.name, "is missing");
  ZHIYIN_TRY(const std::string text, model::read_text_file(path));
  if (!utf8::is_valid(text)) return fail_field(command.file.name, "{} is not UTF-8", path);
  auto csv = model::parse_csv(text);
  if (!csv) return std::unexpected(within(command.file.name, csv.error()));
  const statistics::Table table{std::move(csv->header), std::move(csv->rows)};
  return command.table(table, settings);
}

}  // namespace

std::vector<CommandSpec> stats_command_specs() {
  std::vector<CommandSpec> out;
  for (const StatsCommand& command : stats_table()) {
    CommandSpec spec{command.words, "", command.summary, command.example, {command.file}, false};
    for (const Setting& s : command.settings) spec.flags.push_back(s.flag);
    out.push_back(std::move(spec));
  }
  return out;
}

bool is_stats_command(std::string_view words) { return find_stats_command(words) != nullptr; }

Result<Json> run_stats_command(std::string_view words, const Json& args) {
  const StatsCommand* command = find_stats_command(words);
  if (command == nullptr) return fail(ErrorCode::kInternal, "'{}' is no statistics command", words);
  return command->json != nullptr ? run_on_json(*command, args) : run_on_table(*command, args);
}

}  // namespace zhiyin::app
