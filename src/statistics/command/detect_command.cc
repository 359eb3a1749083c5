#include "statistics/command/detect_command.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "statistics/accumulator.h"
#include "statistics/cause/panel.h"
#include "statistics/change/alert.h"
#include "statistics/change/bursts.h"
#include "statistics/change/charts.h"
#include "statistics/change/esd.h"
#include "statistics/change/level.h"
#include "statistics/change/rate.h"
#include "statistics/change/run_length.h"
#include "statistics/command/answer_json.h"
#include "statistics/command/series.h"
#include "statistics/limits.h"

namespace zhiyin::statistics {

enum class DetectMethod {
  kEsd,
  kSeasonalEsd,
  kEwma,
  kCusum,
  kChangePoint,
  kKleinberg,
  kBocpd,
  kPageHinkley,
  kAdwin,
  kRate,
  kInterrupted
};

struct DetectSettings {
  DetectMethod method = DetectMethod::kEsd;
  std::string time = "time";
  std::string value = "value";
  std::string zone{kDefaultZone};
  std::optional<double> alpha;
  Direction direction = Direction::kBoth;
  std::int64_t outliers_max = 10;
  std::int64_t period = 0;
  double share_max = 0.1;
  double weight = 0.3;
  std::optional<double> target;
  std::optional<double> deviation;
  double width = 3;
  std::optional<double> slack;
  std::optional<double> limit;
  double base = 2;
  double gamma = 1;
  std::optional<std::string> total;
  double hazard = 0.01;
  std::optional<double> prior_mean;
  std::optional<double> prior_variance;
  std::optional<double> noise_variance;
  std::optional<bool> counts;
  double keep = 0.9999;
  double delta = 0.005;
  std::int64_t values_min = 30;
  double confidence = 0.002;
  std::int64_t weeks = 4;
  std::optional<std::string> holiday;
  std::optional<std::string> start;
  std::int64_t lags = -1;
};

}  // namespace zhiyin::statistics

namespace zhiyin {
template <>
struct EnumNames<statistics::DetectMethod> {
  using M = statistics::DetectMethod;
  static constexpr std::pair<M, std::string_view> list[] = {
      {M::kEsd, "esd"},     {M::kSeasonalEsd, "shesd"},       {M::kEwma, "ewma"},
      {M::kCusum, "cusum"}, {M::kChangePoint, "changepoint"}, {M::kKleinberg, "kleinberg"},
      {M::kBocpd, "bocpd"}, {M::kPageHinkley, "pagehinkley"}, {M::kAdwin, "adwin"},
      {M::kRate, "rate"},   {M::kInterrupted, "interrupted"}};
};
template <>
struct EnumNames<statistics::Direction> {
  using D = statistics::Direction;
  static constexpr std::pair<D, std::string_view> list[] = {
      {D::kBoth, "both"}, {D::kHigh, "high"}, {D::kLow, "low"}};
};
template <>
struct Fields<statistics::DetectSettings> {
  using D = statistics::DetectSettings;
  static constexpr std::string_view name = "DetectSettings";
  static constexpr auto list = field_list(
      field("method", &D::method, "of detection"), field("time", &D::time, "column").optional(),
      field("value", &D::value, "column").optional(),
      field("zone", &D::zone, "of times without one").optional(),
      field("alpha", &D::alpha, "level").range(1e-12, 0.5),
      field("direction", &D::direction, "esd: both, high or low").optional(),
      field("outliers_max", &D::outliers_max, "esd").range(1, 1e7).optional(),
      field("period", &D::period, "shesd: values in a season").range(0, 1e7).optional(),
      field("share_max", &D::share_max, "shesd: largest share of outliers")
          .range(0, 0.49)
          .optional(),
      field("weight", &D::weight, "ewma: of the newest value").range(0, 1).optional(),
      field("target", &D::target, "ewma, cusum: mean in control").range(-1e75, 1e75),
      field("deviation", &D::deviation, "ewma: of a value in control").range(0, 1e75),
      field("width", &D::width, "ewma: of the limits, in deviations").range(0, 100).optional(),
      field("slack", &D::slack, "cusum: k").range(0, 1e75),
      field("limit", &D::limit, "cusum, pagehinkley: alarm above it").range(0, 1e75),
      field("base", &D::base, "kleinberg: s").range(1, 1000).optional(),
      field("gamma", &D::gamma, "kleinberg: cost of a level").range(0, 1000).optional(),
      field("total", &D::total, "kleinberg: column with all documents of a batch"),
      field("hazard", &D::hazard, "bocpd: probability of a change").range(0, 1).optional(),
      field("prior_mean", &D::prior_mean, "bocpd").range(-1e75, 1e75),
      field("prior_variance", &D::prior_variance, "bocpd").range(1e-150, 1e150),
      field("noise_variance", &D::noise_variance, "bocpd").range(1e-150, 1e150),
      field("counts", &D::counts, "bocpd: values are counts"),
      field("keep", &D::keep, "pagehinkley: of the sum").range(0, 1).optional(),
      field("delta", &D::delta, "pagehinkley: rise that does not count").range(0, 1e75).optional(),
      field("values_min", &D::values_min, "pagehinkley: before it alarms").range(1, 1e9).optional(),
      field("confidence", &D::confidence, "adwin").range(0, 1).optional(),
      field("weeks", &D::weeks, "rate: looked back").range(2, 52).optional(),
      field("holiday", &D::holiday, "rate: column, 1 on holidays"),
      field("start", &D::start, "interrupted: first time after the interruption"),
      field("lags", &D::lags, "interrupted: of the variance; -1: by the length")
          .range(-1, 1000)
          .optional());
};
}  // namespace zhiyin

namespace zhiyin::statistics {
namespace {

/// A finding, with what the method knows about it.
Json finding(const Series& s, std::size_t i) {
  return Json::object()
      .set("index", s.row_of(i))
      .set("time", s.label[i])
      .set("value", number_json(s.value[i]));
}

struct Findings {
  Json list = Json::array();
  Json extra = Json::object();
  std::string method;
  std::vector<std::string_view> assumptions;
  std::optional<Plain> plain;  ///< another sentence than how many were found
};

std::string_view equal_steps(const Series& s) {
  if (s.rows_are_steps) return "each row is a step of the season, whatever its time";
  return s.steps_absent > 0 ? "equal time steps; those without a row are missing values"
                            : "equal time steps";
}

/// Nothing can be said: the reason stands in `refused` and, for people, in `why`.
void refuse(Findings& out, std::string reason, const Plain& why) {
  out.extra.set("refused", std::move(reason));
  out.plain = {"没有结论：" + why.zh + "。", "There is no result: " + why.en + "."};
}
void refuse_flat(Findings& out) {
  refuse(out, "all values are the same: nothing can stand out",
         {"所有数值都相同，谈不上异常", "all values are the same, so nothing can stand out"});
}

std::vector<double> known_values(const Series& series) {
  std::vector<double> out;
  std::ranges::copy_if(series.value, std::back_inserter(out),
                       [](double v) { return !std::isnan(v); });
  return out;
}
/// No two of its values differ by more than their rounding. Requires at least one value.
bool is_flat(const std::vector<double>& known) {
  const auto [low, high] = std::ranges::minmax_element(known);
  return is_same_value(*low, *high);
}

Result<Findings> by_esd(const Series& series, const DetectSettings& s) {
  EsdSettings settings;
  settings.alpha = s.alpha.value_or(0.05);
  settings.direction = s.direction;
  settings.outliers_max = static_cast<std::size_t>(s.outliers_max);
  ZHIYIN_TRY(const EsdResult r, generalised_esd(series.value, settings));
  Findings out{.method = "generalised ESD",
               .assumptions = {"apart from outliers the values are normal and independent"}};
  if (is_flat(known_values(series))) refuse_flat(out);
  for (std::size_t i = 0; i < r.outliers.size(); ++i) {
    out.list.push(finding(series, r.outliers[i])
                      .set("statistic", r.steps[i].statistic)
                      .set("critical", r.steps[i].critical));
  }
  Json steps = Json::array();
  for (const EsdStep& step : r.steps) {
    steps.push(Json::object()
                   .set("index", step.index)
                   .set("statistic", step.statistic)
                   .set("critical", step.critical));
  }
  out.extra.set("steps", std::move(steps));
  return out;
}

Result<Findings> by_seasonal_esd(const Series& series, const DetectSettings& s) {
  SeasonalEsdSettings settings;
  settings.period = static_cast<std::size_t>(s.period);
  settings.share_max = s.share_max;
  settings.alpha = s.alpha.value_or(0.05);
  settings.direction = s.direction;
  ZHIYIN_TRY(const SeasonalEsdResult r, seasonal_esd(series.value, settings));
  Findings out{.method = "seasonal hybrid ESD",
               .assumptions = {equal_steps(series), "the season repeats itself",
                               "apart from outliers the residuals are normal"}};
  for (const std::size_t i : r.esd.outliers) {
    out.list.push(
        finding(series, i).set("expected", r.expected[i]).set("residual", r.residuals[i]));
  }
  const std::vector<double> known = known_values(series);
  if (is_flat(known)) {
    refuse_flat(out);
  } else if (s.share_max * static_cast<double>(known.size()) < 1) {
    refuse(
        out, fmt::format("a share of {} of {} values is less than one", s.share_max, known.size()),
        {fmt::format("{} 个数值的 {} 不足一个", known.size(), percent_text(s.share_max)),
         fmt::format("{} of {} values is less than one", percent_text(s.share_max), known.size())});
  } else if (r.esd.steps.empty()) {
    refuse(
        out,
        "the median deviation from season and median is 0: more than half of the values are "
        "exactly what is expected, and the rest cannot be measured by that; try esd, ewma or "
        "rate",
        {"超过一半的数值与预期完全相同，中位偏差为 0，无法衡量其余数值，可改用 esd、ewma 或 rate",
         "more than half of the values are exactly what is expected, so the median deviation "
         "is 0 and measures nothing; esd, ewma or rate can"});
  }
  return out;
}

/// Mean and deviation in control: given, or robust ones from the series itself.
struct Control {
  double target = 0;
  double deviation = 0;    ///< 0: not given, and the series is flat
  std::string_view scale;  ///< what the deviation was taken from
};
Result<Control> control_of(const Series& series, const DetectSettings& s) {
  if (s.target && s.deviation) return Control{*s.target, *s.deviation, "given"};
  const auto level = level_of(series.value);
  if (!level) return fail_field("value", "{}", level.error().message);
  if (s.deviation) return Control{level->median, *s.deviation, "given"};
  return Control{s.target.value_or(level->median), level->deviation, to_string(level->scale)};
}

Result<Findings> by_ewma(const Series& series, const DetectSettings& s) {
  ZHIYIN_TRY(const Control control, control_of(series, s));
  Findings out{.method = "EWMA chart",
               .assumptions = {"in control the values are independent, with that mean and "
                               "deviation"}};
  out.extra.set("target", control.target).set("deviation", control.deviation);
  out.extra.set("scale", control.scale);
  if (control.deviation == 0 && !s.deviation) {
    refuse_flat(out);
    return out;
  }
  ZHIYIN_TRY(EwmaChart chart,
             EwmaChart::create({s.weight, control.target, control.deviation, s.width}));
  for (std::size_t i = 0; i < series.value.size(); ++i) {
    const auto p = chart.update(series.value[i]);
    if (!p.alarm) continue;
    out.list.push(
        finding(series, i).set("average", p.average).set("low", p.low).set("high", p.high));
  }
  return out;
}

Result<Findings> by_cusum(const Series& series, const DetectSettings& s) {
  Control control{s.target.value_or(0), 1, "given"};
  const bool learn = !s.target || !s.slack || !s.limit;
  if (learn) {
    ZHIYIN_TRY(control, control_of(series, s));
  }
  Findings out{.method = "tabular CUSUM",
               .assumptions = {"in control the values are independent, with that mean"}};
  const double slack = s.slack.value_or(control.deviation / 2);
  const double limit = s.limit.value_or(5 * control.deviation);
  out.extra.set("target", control.target).set("slack", slack).set("limit", limit);
  if (!s.slack || !s.limit) out.extra.set("deviation", control.deviation);
  out.extra.set("scale", s.slack && s.limit ? "given" : control.scale);
  if (control.deviation == 0 && !s.deviation && !(s.slack && s.limit)) {
    refuse_flat(out);
    return out;
  }
  ZHIYIN_TRY(CusumChart chart, CusumChart::create({control.target, slack, limit}));
  for (std::size_t i = 0; i < series.value.size(); ++i) {
    const auto p = chart.update(series.value[i]);
    if (p.alarm) out.list.push(finding(series, i).set("high", p.high).set("low", p.low));
  }
  return out;
}

Result<Findings> by_change_point(const Series& series, const DetectSettings& s) {
  std::vector<double> known;
  std::vector<std::size_t> row;  // gaps left out
  for (std::size_t i = 0; i < series.value.size(); ++i) {
    if (std::isnan(series.value[i])) continue;
    known.push_back(series.value[i]);
    row.push_back(i);
  }
  const auto found = find_change_point(known, s.alpha.value_or(0.01));
  if (!found) return fail_field("value", "{}", found.error().message);
  const ChangePoint& c = *found;
  Findings out{.method = "one change of the mean (CUSUM and likelihood ratio)",
               .assumptions = {"one change at most",
                               "normal, independent values about the two "
                               "means"}};
  if (is_flat(known)) {
    refuse_flat(out);
    return out;
  }
  const std::size_t last_before = row[c.last_before];
  out.extra.set("last_before", last_before).set("mean_before", c.mean_before);
  out.extra.set("mean_after", c.mean_after);
  // A step without any noise about it has no finite ratio, and its p would be a pretence.
  out.extra.set("likelihood_ratio", number_json(c.log_likelihood_ratio));
  out.extra.set("p", c.exact ? Json() : Json(c.p));
  out.extra.set("p_at_place", c.exact ? Json() : Json(c.p_at_place));
  if (!c.found) {
    out.plain = {"没有发现均值的变化。", "No change of the mean was found."};
    return out;
  }
  out.list.push(finding(series, last_before));
  const std::string& when = series.label[last_before];
  const std::string before = number_text(c.mean_before);
  const std::string after = number_text(c.mean_after);
  out.plain = {fmt::format("{} 之后均值从 {} 变为 {}", when, before, after),
               fmt::format("After {} the mean changed from {} to {}", when, before, after)};
  if (c.exact) {
    out.extra.set("note",
                  "the values do not vary about the two means: there is no finite likelihood ratio "
                  "and no p");
    out.plain->zh += "；前后两段都没有波动，因此没有显著性数值。";
    out.plain->en += "; the values do not vary about either, so there is no p.";
  } else {
    const Plain chance = share_of_cases(c.p);
    // The p is of the largest difference anywhere, for the place was not known before.
    if (c.p < s.alpha.value_or(0.01)) {
      out.plain->zh += fmt::format("；如果没有变化，{}才会在某处出现这么大的差别。", chance.zh);
      out.plain->en += fmt::format(
          "; without a change, {} such series would show one this large somewhere.", chance.en);
    } else {
      out.plain->zh +=
          fmt::format("；但没有变化时，{}也会在某处出现这么大的差别，证据不足。", chance.zh);
      out.plain->en += fmt::format(
          "; but without a change, {} such series would show one this large somewhere, which is "
          "weak evidence.",
          chance.en);
    }
  }
  return out;
}

Result<Findings> by_kleinberg(const Series& series, const Table& table, const DetectSettings& s) {
  Findings out{.method = "Kleinberg's bursts",
               .assumptions = {"events come at random at the rate of a level"}};
  std::vector<Burst> bursts;
  if (s.total) {
    ZHIYIN_TRY(const std::vector<double> all, number_column(table, "total", *s.total));
    ZHIYIN_TRY(bursts, find_batch_bursts(series.value, all, {s.base, s.gamma}));
  } else {
    ZHIYIN_TRY(bursts, find_bursts(series.number, {s.base, s.gamma}));
    const auto other = std::ranges::find_if(series.value, [](double v) { return v != 1; });
    if (other != series.value.end()) {
      return fail_field(
          "value",
          "row {}: is {}, but kleinberg reads times, one event a row; for counts give "
          "the column with all documents of each batch as total, or leave values out",
          other - series.value.begin() + 1, number_text(*other));
    }
  }
  const auto label = [&](double at) {
    if (s.total) return series.label[static_cast<std::size_t>(at)];
    const auto found = std::ranges::find(series.number, at);
    return series.label[static_cast<std::size_t>(found - series.number.begin())];
  };
  for (const Burst& b : bursts) {
    out.list.push(Json::object()
                      .set("level", b.level)
                      .set("begin", label(b.begin))
                      .set("end", label(b.end))
                      .set("weight", b.weight));
  }
  return out;
}

/// Of a series of counts; errors name the row that is none.
Result<double> mean_count(const Series& series) {
  Accumulator counts;
  for (std::size_t i = 0; i < series.value.size(); ++i) {
    const double v = series.value[i];
    if (std::isnan(v)) continue;
    if (!(v >= 0 && v <= kCountMax && v == std::floor(v))) {
      return fail_field("value", "row {}: {} is no whole number from 0 to {}", i + 1, v, kCountMax);
    }
    counts.add(v);
  }
  constexpr std::int64_t kCountsMin = 3;
  if (counts.count() < kCountsMin) {
    return fail_field("value", "has {} values, too few to see a change in: needs {}",
                      counts.count(), kCountsMin);
  }
  return counts.mean();
}

Result<Findings> by_bocpd(const Series& series, const DetectSettings& s) {
  RunLengthDetector::Settings settings;
  settings.model = s.counts.value_or(false) ? RunLengthDetector::Model::kPoisson
                                            : RunLengthDetector::Model::kGaussian;
  settings.hazard = s.hazard;
  Findings out{.method = "Bayesian online change points",
               .assumptions = {"between changes the values are independent and have one mean",
                               "changes are equally likely at every step"}};
  if (s.counts.value_or(false)) {
    ZHIYIN_TRY(const double mean, mean_count(series));
    // A rate of which no more is known than its size: an exponential prior about the mean. Counts
    // of 0 alone: as if half of one had been seen.
    const double known = static_cast<double>(known_values(series).size());
    settings.prior_mean = s.prior_mean.value_or(std::max(mean, 0.5 / known));
    settings.prior_variance = settings.prior_mean * settings.prior_mean;
    out.extra.set("scale", "Poisson");
  } else if (!s.prior_mean || !s.prior_variance || !s.noise_variance) {
    ZHIYIN_TRY(const Control control, control_of(series, s));
    const double variance = control.deviation * control.deviation;
    out.extra.set("scale", control.scale);
    if (variance == 0 && !s.deviation && !(s.noise_variance && s.prior_variance)) {
      refuse_flat(out);
      return out;
    }
    settings.prior_mean = control.target;
    settings.prior_variance = 10 * variance;
    settings.noise_variance = variance;
  }
  settings.prior_mean = s.prior_mean.value_or(settings.prior_mean);
  settings.prior_variance = s.prior_variance.value_or(settings.prior_variance);
  settings.noise_variance = s.noise_variance.value_or(settings.noise_variance);
  ZHIYIN_TRY(RunLengthDetector detector, RunLengthDetector::create(settings));
  out.extra.set("prior_mean", settings.prior_mean).set("prior_variance", settings.prior_variance);
  Json runs = Json::array();
  std::int64_t before = 0;
  for (std::size_t i = 0; i < series.value.size(); ++i) {
    const auto p = detector.update(series.value[i]);
    runs.push(Json(p.run));
    // The run did not simply grow: the change lies where the new run began.
    if (i > 0 && p.run <= before) {
      const std::size_t began = i + 1 - static_cast<std::size_t>(std::max<std::int64_t>(p.run, 1));
      out.list.push(finding(series, began)
                        .set("noticed", series.label[i])
                        .set("run", p.run)
                        .set("probability", p.probability));
    }
    before = p.run;
  }
  out.extra.set("runs", std::move(runs));
  return out;
}

/// `values_min`: how many a detector must see before it can say anything.
template <class Detector>
Findings by_stream(const Series& series, Detector detector, std::int64_t values_min,
                   std::string method, std::vector<std::string_view> assumptions) {
  Findings out{.method = std::move(method), .assumptions = std::move(assumptions)};
  const std::vector<double> known = known_values(series);
  if (static_cast<std::int64_t>(known.size()) < values_min) {
    refuse(out, fmt::format("{} values are too few: needs {}", known.size(), values_min),
           {fmt::format("只有 {} 个数值，至少需要 {} 个", known.size(), values_min),
            fmt::format("there are {} values, and {} are needed", known.size(), values_min)});
    return out;
  }
  if (is_flat(known)) refuse_flat(out);
  for (std::size_t i = 0; i < series.value.size(); ++i) {
    const auto p = detector.update(series.value[i]);
    if (p.alarm) out.list.push(finding(series, i).set("mean", p.mean));
  }
  return out;
}

Result<Findings> by_rate(const Series& series, const Table& table, const DetectSettings& s) {
  if (series.time.empty())
    return fail_field("time", "must be times: hours of the week are compared");
  std::vector<std::uint8_t> holiday(series.value.size(), 0);
  if (s.holiday) {
    ZHIYIN_TRY(holiday, binary_column(table, "holiday", *s.holiday));
  }
  ZHIYIN_TRY(const TimeZone zone, TimeZone::create(s.zone));
  ZHIYIN_TRY(RateMonitor monitor, RateMonitor::create({static_cast<int>(s.weeks), 2, 168}));
  ZHIYIN_TRY(Alert alert, Alert::create({}));
  const double alpha = s.alpha.value_or(1e-4);
  Findings out{.method = "counts against the same hour of earlier weeks (negative binomial)",
               .assumptions = {"apart from bursts an hour is like the same hour of earlier weeks"}};
  Json alerts = Json::array();
  std::size_t judged = 0;
  constexpr std::string_view kEvents[] = {"", "opened", "escalated", "closed"};
  for (std::size_t i = 0; i < series.value.size(); ++i) {
    if (std::isnan(series.value[i])) continue;
    const Instant t = series.time[i];
    // Hours are counted in UTC, for local clocks are put back now and then.
    const auto hour_of = [](std::int64_t seconds) {
      return (seconds - (seconds % 3600 + 3600) % 3600) / 3600;
    };
    const std::int64_t seconds = t.us / 1'000'000;
    const std::int64_t hour = hour_of(seconds);
    const std::int64_t local = hour_of(seconds + zone.offset_at(t).count());
    const auto p = monitor.update(hour, series.value[i], holiday[i] != 0, true, local - hour);
    if (!p) {
      return fail_field(p.error().field == "count" ? "value" : "time", "row {}: {}", i + 1,
                        p.error().message);
    }
    if (!p->has_baseline) continue;
    ++judged;
    const bool low = s.direction == Direction::kLow;
    const double p_value = low ? p->test.p_low
                           : s.direction == Direction::kHigh
                               ? p->test.p_high
                               : 2 * std::min(p->test.p_low, p->test.p_high);
    const double signal = -std::log10(std::max(p_value, 1e-300));
    ZHIYIN_TRY(const auto event, alert.update(t, signal));
    if (event) {
      alerts.push(Json::object()
                      .set("time", series.label[i])
                      .set("event", kEvents[static_cast<int>(*event)]));
    }
    if (p_value >= alpha) continue;
    out.list.push(finding(series, i)
                      .set("expected", p->test.expected)
                      .set("p", std::min(1.0, p_value))
                      .set("hours", p->baseline.hours));
  }
  out.extra.set("judged", judged).set("alerts", std::move(alerts));
  if (judged == 0) {
    refuse(out, "no hour has two comparable hours before it: two weeks of history are needed",
           {"没有一个小时有两个可比的历史小时，至少需要两周的历史",
            "no hour has two comparable hours before it, which takes two weeks of history"});
  }
  return out;
}

Result<Findings> by_interruption(const Series& series, const DetectSettings& s) {
  if (!s.start) return fail_field("start", "is missing: the first time after the interruption");
  ZHIYIN_TRY(const std::size_t start, series.place_of(*s.start));
  const auto answer =
      interrupted_series(series.value, {start, static_cast<int>(s.lags), s.alpha.value_or(0.05)});
  if (!answer && answer.error().code != ErrorCode::kUnsupported) {
    return std::unexpected(answer.error());
  }
  Findings out{.method = "interrupted time series (segmented regression, Newey-West)",
               .assumptions = {equal_steps(series),
                               "without the interruption the line would have "
                               "gone on"}};
  if (!answer) {
    refuse(out, answer.error().message,
           {"数值全都落在线上，没有波动", "the values do not vary about their lines"});
    return out;
  }
  const InterruptedResult& r = *answer;
  const auto effect = [](const EffectEstimate& e) {
    return Json::object()
        .set("estimate", e.estimate)
        .set("se", e.se)
        .set("interval", interval_json(e.interval))
        .set("p", e.p);
  };
  out.extra.set("level", effect(r.level)).set("trend", effect(r.trend));
  out.extra.set("slope_before", r.slope).set("lags", r.lags).set("placebo_p", r.placebo_p);
  if (r.level.p < s.alpha.value_or(0.05)) out.list.push(finding(series, start));
  return out;
}

Result<Findings> run_method(const Series& series, const Table& table, const DetectSettings& s) {
  switch (s.method) {
    case DetectMethod::kEsd:
      return by_esd(series, s);
    case DetectMethod::kSeasonalEsd:
      return by_seasonal_esd(series, s);
    case DetectMethod::kEwma:
      return by_ewma(series, s);
    case DetectMethod::kCusum:
      return by_cusum(series, s);
    case DetectMethod::kChangePoint:
      return by_change_point(series, s);
    case DetectMethod::kKleinberg:
      return by_kleinberg(series, table, s);
    case DetectMethod::kBocpd:
      return by_bocpd(series, s);
    case DetectMethod::kPageHinkley: {
      ZHIYIN_TRY(PageHinkley detector,
                 PageHinkley::create({s.keep, s.delta, s.limit.value_or(50), s.values_min}));
      return by_stream(series, std::move(detector), s.values_min, "Page-Hinkley",
                       {"before the rise the values have one mean"});
    }
    case DetectMethod::kAdwin: {
      constexpr int kEvery = 32;  // values between two looks
      ZHIYIN_TRY(Adwin detector, Adwin::create({s.confidence, kEvery}));
      return by_stream(series, std::move(detector), kEvery, "ADWIN",
                       {"between changes the values are independent and have one mean"});
    }
    case DetectMethod::kRate:
      return by_rate(series, table, s);
    case DetectMethod::kInterrupted:
      return by_interruption(series, s);
  }
  return fail_field("method", "is unknown");
}

/// Of a season that is counted: steps without a row are filled in while they are few. More of them
/// are closing hours and days (or an unsteady clock), and `period` then counts rows.
Series with_season_steps(Series series) {
  constexpr double kAbsentMax = 0.1;
  auto filled = with_equal_steps(series);
  const bool few = filled && static_cast<double>(filled->steps_absent) <=
                                 kAbsentMax * static_cast<double>(filled->number.size());
  if (few) return std::move(*filled);
  series.rows_are_steps = true;
  return series;
}

}  // namespace

Result<Json> stats_detect(const Table& table, const Json& settings) {
  ZHIYIN_TRY(const DetectSettings s, from_json<DetectSettings>(settings));
  Series series;
  if (s.method == DetectMethod::kKleinberg && !s.total && !table.has(s.value)) {
    // Event times alone: there is nothing to count.
    Table with_values = table;
    with_values.columns.push_back(s.value);
    for (auto& row : with_values.rows) row.emplace_back("1");
    ZHIYIN_TRY(series, read_series(with_values, {s.time, s.value, s.zone}));
  } else {
    ZHIYIN_TRY(series, read_series(table, {s.time, s.value, s.zone}));
  }
  const bool is_single = s.method != DetectMethod::kKleinberg && known_values(series).size() < 2;
  if (s.method == DetectMethod::kInterrupted) {
    ZHIYIN_TRY(series, with_equal_steps(std::move(series)));
  } else if (s.method == DetectMethod::kSeasonalEsd) {
    series = with_season_steps(std::move(series));
  }
  ZHIYIN_TRY(Findings found, run_method(series, table, s));
  if (is_single && found.extra.find("refused") == nullptr) {
    return fail_field("value", "has fewer than two values, which are no series");
  }
  Json out = Json::object().set("points", table.size());
  if (series.steps_absent > 0) out.set("steps_absent", series.steps_absent);
  if (series.rows_are_steps) out.set("steps", "rows");
  const std::size_t count = found.list.if_array()->size();
  out.set("found", count);
  for (const Json::Member& m : *found.extra.if_object()) out.set(m.first, m.second);
  out.set("findings", std::move(found.list));
  if (found.plain) {
    describe(out, found.method, found.assumptions, *found.plain);
    return out;
  }
  Plain plain = count == 0 ? Plain{"没有发现异常。", "Nothing stands out."}
                           : Plain{fmt::format("在 {} 个点中发现 {} 处。", table.size(), count),
                                   fmt::format("{} of {} points stand out.", count, table.size())};
  if (series.rows_are_steps) {
    plain.zh += "时间不是等距的：周期按行数计。";
    plain.en += " The times are not equally far apart: the period counts rows.";
  }
  describe(out, found.method, found.assumptions, plain);
  return out;
}

}  // namespace zhiyin::statistics
