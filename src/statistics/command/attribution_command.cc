#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include "base/utf8.h"
#include "statistics/accumulator.h"
#include "statistics/cause/attribution.h"
#include "statistics/command/answer_json.h"
#include "statistics/command/cause_commands.h"

namespace zhiyin::statistics {

struct AttributionInput {
  AttributionRule rule = AttributionRule::kLast;
  std::string path = "path";
  std::string conversions = "conversions";
  std::string lost = "lost";
  std::optional<std::string> times;
  std::string person = "person";
  std::string time = "time";
  std::string channel = "channel";
  std::string value = "value";
  std::string zone{kDefaultZone};
  std::optional<double> total;
  double half_life = 7;
  double ends_share = 0.4;
};

}  // namespace zhiyin::statistics

namespace zhiyin {
template <>
struct EnumNames<statistics::AttributionRule> {
  using R = statistics::AttributionRule;
  static constexpr std::pair<R, std::string_view> list[] = {
      {R::kLast, "last"},         {R::kFirst, "first"}, {R::kLinear, "linear"},
      {R::kPosition, "position"}, {R::kDecay, "decay"}, {R::kShapley, "shapley"},
      {R::kMarkov, "markov"}};
};
template <>
struct Fields<statistics::AttributionInput> {
  using A = statistics::AttributionInput;
  static constexpr std::string_view name = "AttributionInput";
  static constexpr auto list = field_list(
      field("rule", &A::rule, "last, first, linear, position, decay, shapley or markov").optional(),
      field("path", &A::path, "paths: column, channels divided by >").optional(),
      field("conversions", &A::conversions, "paths: column, how many converted").optional(),
      field("lost", &A::lost, "paths: column, how many did not").optional(),
      field("times", &A::times, "paths: column, times of the touches divided by >, in days"),
      field("person", &A::person, "touches: column").optional(),
      field("time", &A::time, "touches: column").optional(),
      field("channel", &A::channel, "touches: column").optional(),
      field("value", &A::value, "column: value of the conversions").optional(),
      field("zone", &A::zone, "of times without one").optional(),
      field("total", &A::total, "what the credits add up to, from an experiment").range(0, 1e75),
      field("half_life", &A::half_life, "decay: days").range(1e-9, 1e9).optional(),
      field("ends_share", &A::ends_share, "position: of the first and of the last touch")
          .range(0, 0.5)
          .optional());
};
}  // namespace zhiyin

namespace zhiyin::statistics {
namespace {

struct NamedPaths {
  std::vector<TouchPath> paths;
  std::vector<std::string> channels;
};

class Channels {
 public:
  std::uint32_t number(std::string_view name) {
    const auto [found, is_new] =
        known_.emplace(std::string(name), static_cast<std::uint32_t>(names_.size()));
    if (is_new) names_.emplace_back(name);
    return found->second;
  }
  [[nodiscard]] std::vector<std::string> names() && { return std::move(names_); }

 private:
  std::map<std::string, std::uint32_t, std::less<>> known_;
  std::vector<std::string> names_;
};

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> steps_of(std::string_view path) {
  std::vector<std::string_view> out;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('>', begin), path.size());
    out.push_back(trimmed(path.substr(begin, end - begin)));
    begin = end + 1;
  }
  return out;
}

Result<std::vector<double>> times_of(std::string_view text, std::size_t row) {
  std::vector<double> out;
  for (const std::string_view step : steps_of(text)) {
    double value = 0;
    const auto [end, ec] = std::from_chars(step.data(), step.data() + step.size(), value);
    if (ec != std::errc() || end != step.data() + step.size() || !std::isfinite(value)) {
      return fail_field("times", "row {}: '{}' is not a number", row + 1, utf8::truncate(step, 40));
    }
    out.push_back(value);
  }
  return out;
}

/// A column of counts >= 0 or values >= 0; when it may be absent, what stands for it.
Result<std::vector<double>> amounts(const Table& table, std::string_view flag,
                                    std::string_view column, bool gaps = false) {
  ZHIYIN_TRY(std::vector<double> out, number_column(table, flag, column, gaps));
  for (std::size_t r = 0; r < out.size(); ++r) {
    if (out[r] < 0) return fail_field(column, "row {}: {} is below 0", r + 1, out[r]);
    if (std::isnan(out[r])) out[r] = 0;
  }
  return out;
}

Result<NamedPaths> read_paths(const Table& table, const AttributionInput& in) {
  ZHIYIN_TRY(const std::size_t at, table.place("path", in.path));
  ZHIYIN_TRY(const std::vector<double> won, amounts(table, "conversions", in.conversions));
  std::vector<double> lost(table.size(), 0);
  if (table.has(in.lost) || in.lost != "lost") {
    ZHIYIN_TRY(lost, amounts(table, "lost", in.lost));
  }
  std::vector<double> value = won;
  if (table.has(in.value) || in.value != "value") {
    ZHIYIN_TRY(value, amounts(table, "value", in.value));
  }
  std::optional<std::size_t> times_at;
  if (in.times) {
    ZHIYIN_TRY(times_at, table.place("times", *in.times));
  }
  NamedPaths out;
  Channels channels;
  for (std::size_t r = 0; r < table.size(); ++r) {
    TouchPath path;
    for (const std::string_view step : steps_of(table.rows[r][at])) {
      if (step.empty()) return fail_field(in.path, "row {}: a step has no channel", r + 1);
      path.channels.push_back(channels.number(step));
    }
    if (times_at) {
      ZHIYIN_TRY(path.times, times_of(table.rows[r][*times_at], r));
      if (path.times.size() != path.channels.size()) {
        return fail_field(*in.times, "row {}: {} times of {} touches", r + 1, path.times.size(),
                          path.channels.size());
      }
      path.end = path.times.back();
    }
    if (won[r] == 0 && value[r] > 0) {
      return fail_field(in.value, "row {}: is {} without a conversion", r + 1, value[r]);
    }
    if (lost[r] > 0) {
      path.count = lost[r];
      out.paths.push_back(path);
    }
    if (won[r] > 0) {
      path.count = won[r];
      path.conversions = value[r] / won[r];
      out.paths.push_back(std::move(path));
    }
  }
  out.channels = std::move(channels).names();
  return out;
}

/// The touches of each person in time order are a path; what came of it is the sum of `value`.
Result<NamedPaths> read_touches(const Table& table, const AttributionInput& in) {
  ZHIYIN_TRY(const TimeZone zone, TimeZone::create(in.zone));
  ZHIYIN_TRY(const Categories person, category_column(table, "person", in.person));
  ZHIYIN_TRY(const std::vector<Instant> time, time_column(table, "time", in.time, zone));
  ZHIYIN_TRY(const std::size_t channel, table.place("channel", in.channel));
  ZHIYIN_TRY(const std::vector<double> value, amounts(table, "value", in.value, true));
  std::vector<std::size_t> order(table.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, {},
                           [&](std::size_t r) { return std::pair(person.of_row[r], time[r].us); });
  NamedPaths out;
  Channels channels;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::size_t r = order[i];
    const std::string_view name = trimmed(table.rows[r][channel]);
    if (name.empty()) return fail_field(in.channel, "row {}: is empty", r + 1);
    if (i == 0 || person.of_row[r] != person.of_row[order[i - 1]]) out.paths.emplace_back();
    TouchPath& path = out.paths.back();
    constexpr double kDayUs = 86400e6;
    path.channels.push_back(channels.number(name));
    path.times.push_back(static_cast<double>(time[r].us) / kDayUs);
    path.end = path.times.back();
    path.conversions += value[r];
  }
  out.channels = std::move(channels).names();
  return out;
}

}  // namespace

Result<Json> stats_attribution(const Table& table, const Json& settings) {
  ZHIYIN_TRY(const AttributionInput in, from_json<AttributionInput>(settings));
  if (table.size() == 0) return fail_field("paths", "has no rows");
  const bool by_path = table.has(in.path) || in.path != "path";
  NamedPaths read;
  if (by_path) {
    ZHIYIN_TRY(read, read_paths(table, in));
    if (in.rule == AttributionRule::kDecay && !in.times) {
      return fail_field("times", "is missing: decay needs the column with the touches' times");
    }
  } else {
    ZHIYIN_TRY(read, read_touches(table, in));
  }
  if (read.paths.empty()) return fail_field(in.conversions, "nobody converted and nobody was lost");
  const bool scale = in.total.has_value();
  const auto count = static_cast<std::uint32_t>(read.channels.size());
  ZHIYIN_TRY(const std::vector<double> credit,
             attribute(read.paths, count,
                       {in.rule, in.ends_share, in.half_life, in.total.value_or(0), scale}));
  std::vector<double> touches(count, 0);
  CompensatedSum observed;
  double converted = 0;
  double people = 0;
  for (const TouchPath& p : read.paths) {
    for (const std::uint32_t c : p.channels) touches[c] += p.count;
    observed.add(p.conversions * p.count);
    people += p.count;
    if (p.conversions > 0) converted += p.count;
  }
  const double total = scale ? *in.total : observed.value();
  std::vector<std::uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::stable_sort(order, std::greater<>(), [&](std::uint32_t c) { return credit[c]; });
  Json list = Json::array();
  for (const std::uint32_t c : order) {
    list.push(Json::object()
                  .set("name", read.channels[c])
                  .set("credit", credit[c])
                  .set("share", total > 0 ? Json(credit[c] / total) : Json())
                  .set("touches", touches[c]));
  }
  Json out = Json::object().set("people", people).set("converted", converted);
  out.set("observed", observed.value()).set("total", total).set("channels", std::move(list));
  const std::string method = fmt::format("attribution: {}", enum_name(in.rule));
  const std::vector<std::string_view> assumptions = {
      "a rule for dividing conversions, not a measurement of effects",
      scale ? "the total was measured by an experiment"
            : "the total is all conversions, also those that would have come anyway"};
  if (!(observed.value() > 0)) {
    out.set("refused", "nobody converted: there is nothing to divide");
    describe(out, method, assumptions,
             {"没有人转化，无从归因。", "Nobody converted: there is nothing to divide."});
    return out;
  }
  const std::string& best = read.channels[order[0]];
  const std::string share = percent_text(total > 0 ? credit[order[0]] / total : 0);
  describe(out, method, assumptions,
           {fmt::format("按此规则，{} 分得最多：{}，占 {}。", best, number_text(credit[order[0]]),
                        share),
            fmt::format("By this rule {} is given most: {}, which is {}.", best,
                        number_text(credit[order[0]]), share)});
  return out;
}

}  // namespace zhiyin::statistics
