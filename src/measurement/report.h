#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "base/json_binding.h"
#include "base/time.h"
#include "storage/state.h"
#include "storage/warehouse.h"

namespace zhiyin::measurement {

struct RuleCount {
  std::string rule;
  std::int64_t count = 0;
  std::string zh;
  std::string en;
};

/// Totals of the platform; never per person.
struct Delivered {
  std::optional<std::int64_t> count;  ///< absent: nothing reported yet
  std::string note;
};

struct Funnel {
  std::int64_t audience = 0;  ///< people in the segment when it was fixed
  std::int64_t eligible = 0;  ///< of these, following and consenting: treated and held out
  std::int64_t held_out = 0;
  std::vector<RuleCount> refused;
  std::int64_t planned = 0;
  std::int64_t sent = 0;
  std::int64_t failed = 0;
  std::int64_t unknown = 0;
  std::int64_t cancelled = 0;
  Delivered delivered;
  std::int64_t clicked = 0;      ///< people known to have clicked
  std::int64_t link_visits = 0;  ///< visits of the campaign's links, people known or not
  std::int64_t converted = 0;    ///< of those sent to, with the goal in its window
};

struct ArmSummary {
  std::int64_t n = 0;
  std::int64_t converted = 0;
  double mean = 0;
};

/// Intention to treat: everyone assigned to treatment, reached or not, against the holdout.
struct Effect {
  std::string metric;
  ArmSummary treated;
  ArmSummary control;
  std::optional<double> estimate;  ///< difference of the means
  std::optional<double> se;
  std::optional<std::vector<double>> interval;  ///< 95 %
  std::optional<double> p;
  std::optional<double> dof;
  std::optional<std::string> refused;  ///< why there is no estimate
  Instant window_ends;
  bool window_closed = false;  ///< all of the goal's window lies before `as_of`
};

/// Whether the split that came out fits the holdout share that was asked for.
struct SplitCheck {
  double expected_holdout = 0;
  double observed_holdout = 0;
  double p = 1;
  bool alarm = false;  ///< p < 0.001
};

struct Words {
  std::string zh;
  std::string en;
};

struct DailyCount {
  std::string day;  ///< local, YYYY-MM-DD
  std::int64_t sent = 0;
  std::int64_t clicked = 0;
  std::int64_t converted = 0;  ///< of those sent to, by the day of the first goal event
};

struct Report {
  CampaignId campaign;
  Instant as_of;
  Funnel funnel;
  std::optional<Effect> effect;  ///< absent without goal, holdout or exposure
  std::optional<SplitCheck> split;
  Words words;
  std::vector<DailyCount> daily;
};

/// Fewest people per arm, and fewest conversions together, for an effect to be called.
inline constexpr std::int64_t kArmMin = 30;
inline constexpr std::int64_t kConversionsMin = 10;

/// The campaign's funnel and effect at `as_of`, from the send ledger and the warehouse. kNotFound
/// when there is no such campaign.
Result<Report> make_report(storage::State& state, storage::Warehouse& warehouse,
                           const CampaignId& campaign, Instant as_of);

/// The report as CSV: section, name, value. With a byte order mark, for spreadsheets.
std::string report_csv(const Report& report);

/// One row per touch of the campaign: person, state, rule, times.
Result<std::string> touches_csv(storage::State& state, const CampaignId& campaign);

/// The verdict in plain words. Pure.
Words explain(const Effect& effect);

}  // namespace zhiyin::measurement

template <>
struct zhiyin::Fields<zhiyin::measurement::RuleCount> {
  using T = measurement::RuleCount;
  static constexpr std::string_view name = "RuleCount";
  static constexpr auto list = field_list(
      field("rule", &T::rule, "which rule"), field("count", &T::count, "how many people"),
      field("zh", &T::zh, "the rule in words"), field("en", &T::en, "the rule in words"));
};
template <>
struct zhiyin::Fields<zhiyin::measurement::Delivered> {
  using T = measurement::Delivered;
  static constexpr std::string_view name = "Delivered";
  static constexpr auto list = field_list(field("count", &T::count, "reported by WeChat"),
                                          field("note", &T::note, "what it means"));
};
template <>
struct zhiyin::Fields<zhiyin::measurement::Funnel> {
  using T = measurement::Funnel;
  static constexpr std::string_view name = "Funnel";
  static constexpr auto list = field_list(
      field("audience", &T::audience, "people in the segment when it was fixed"),
      field("eligible", &T::eligible, "following and consenting"),
      field("held_out", &T::held_out, "kept back for comparison"),
      field("refused", &T::refused, "stopped, by rule"), field("planned", &T::planned, "waiting"),
      field("sent", &T::sent, "accepted by WeChat"),
      field("failed", &T::failed, "certainly not reached"),
      field("unknown", &T::unknown, "no answer; never repeated"),
      field("cancelled", &T::cancelled, "stopped or skipped"),
      field("delivered", &T::delivered, "totals only"),
      field("clicked", &T::clicked, "people known to have clicked"),
      field("link_visits", &T::link_visits, "visits of the campaign's links"),
      field("converted", &T::converted, "sent to, with the goal in its window"));
};
template <>
struct zhiyin::Fields<zhiyin::measurement::ArmSummary> {
  using T = measurement::ArmSummary;
  static constexpr std::string_view name = "ArmSummary";
  static constexpr auto list =
      field_list(field("n", &T::n, "people"), field("converted", &T::converted, "with the goal"),
                 field("mean", &T::mean, "share"));
};
template <>
struct zhiyin::Fields<zhiyin::measurement::Effect> {
  using T = measurement::Effect;
  static constexpr std::string_view name = "Effect";
  static constexpr auto list =
      field_list(field("metric", &T::metric, "what was counted"),
                 field("treated", &T::treated, "everyone assigned to get it"),
                 field("control", &T::control, "the holdout"),
                 field("estimate", &T::estimate, "difference of the means"),
                 field("se", &T::se, "standard error"), field("interval", &T::interval, "95 %"),
                 field("p", &T::p, "two-sided"), field("dof", &T::dof, "Welch-Satterthwaite"),
                 field("refused", &T::refused, "why there is no estimate"),
                 field("window_ends", &T::window_ends, "last moment that counts"),
                 field("window_closed", &T::window_closed, "whether it has passed"));
};
template <>
struct zhiyin::Fields<zhiyin::measurement::SplitCheck> {
  using T = measurement::SplitCheck;
  static constexpr std::string_view name = "SplitCheck";
  static constexpr auto list =
      field_list(field("expected_holdout", &T::expected_holdout, "share asked for"),
                 field("observed_holdout", &T::observed_holdout, "share that came out"),
                 field("p", &T::p, "chi-square"), field("alarm", &T::alarm, "p < 0.001"));
};
template <>
struct zhiyin::Fields<zhiyin::measurement::Words> {
  using T = measurement::Words;
  static constexpr std::string_view name = "Words";
  static constexpr auto list =
      field_list(field("zh", &T::zh, "Chinese"), field("en", &T::en, "English"));
};
template <>
struct zhiyin::Fields<zhiyin::measurement::DailyCount> {
  using T = measurement::DailyCount;
  static constexpr std::string_view name = "DailyCount";
  static constexpr auto list =
      field_list(field("day", &T::day, "local day"), field("sent", &T::sent, "sent that day"),
                 field("clicked", &T::clicked, "first clicks"),
                 field("converted", &T::converted, "first goal events of those sent to"));
};
template <>
struct zhiyin::Fields<zhiyin::measurement::Report> {
  using T = measurement::Report;
  static constexpr std::string_view name = "Report";
  static constexpr auto list =
      field_list(field("campaign", &T::campaign, "which"), field("as_of", &T::as_of, "when"),
                 field("funnel", &T::funnel, "who was reached"),
                 field("effect", &T::effect, "what it was worth"),
                 field("split", &T::split, "check of the assignment"),
                 field("words", &T::words, "in words"), field("daily", &T::daily, "by local day"));
};
