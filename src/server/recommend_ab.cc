#include "server/recommend_ab.h"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "recommend/ab_comparison.h"
#include "recommend/ranker_training.h"
#include "server/shown_history.h"

namespace zhiyin::server {
namespace {

using recommend::AbGroup;
using recommend::AbPerson;

/// What is not compared, and how much of it there is.
struct LeftOut {
  std::size_t unfinished = 0;     ///< lists whose time for responses is not over
  std::size_t other_percent = 0;  ///< lists from before the share of B changed
  std::size_t both_groups = 0;    ///< people
};

/// The lists of the test as it is set now, with their responses.
struct Compared {
  std::vector<AbPerson> people;
  double lists[2] = {};
  std::map<std::string, std::size_t> versions[2];  ///< lists by the versions that made them
  int percent = 0;
  Instant from{0};
  Instant to{0};
  LeftOut left_out;
};

std::size_t place_of(AbGroup group) { return group == AbGroup::kB ? 1 : 0; }

/// `recommend-3, ranker-2`: what a ranker has learnt between its trainings is the same version.
std::string versions_of(const recommend::Impression& list) {
  if (list.ranker.empty()) return list.model;
  return list.model + ", " + list.ranker.substr(0, list.ranker.find('+'));
}

/// When the newest share of B began: what was shown up to then does not count.
std::pair<int, Instant> newest_share(const std::vector<recommend::ShownList>& lists) {
  const auto newest = std::ranges::max_element(
      lists, {}, [](const recommend::ShownList& l) { return l.impression.at; });
  const int percent = newest->impression.ab_percent;
  Instant changed{0};
  for (const recommend::ShownList& list : lists) {
    if (list.impression.ab_percent != percent) changed = std::max(changed, list.impression.at);
  }
  return {percent, changed};
}

class Comparison {
 public:
  Comparison(const ShownHistory& history, const AbQuestion& question, Duration window,
             const recommend::Objectives& objectives)
      : history_(history), question_(question), window_(window), objectives_(objectives) {}

  Compared run(Instant now) {
    const auto [percent, changed] = newest_share(history_.lists);
    out_.percent = percent;
    const auto responses = recommend::join_responses(history_.lists, history_.feedback, window_);
    for (std::size_t l = 0; l < history_.lists.size(); ++l) {
      const recommend::Impression& list = history_.lists[l].impression;
      const auto begun = begun_.try_emplace(history_.lists[l].person, list.at).first;
      begun->second = std::min(begun->second, list.at);
      if (list.at <= changed) {
        ++out_.left_out.other_percent;
      } else if (list.at + window_ > now) {
        ++out_.left_out.unfinished;
      } else {
        add(history_.lists[l].person, list, responses[l]);
      }
    }
    add_past();
    for (auto& [number, one] : people_) {
      if (one.in_both) ++out_.left_out.both_groups;
      if (!one.in_both) out_.people.push_back(one.sums);
    }
    return std::move(out_);
  }

 private:
  struct Person {
    AbPerson sums;
    bool in_both = false;
  };

  void add(std::uint32_t number, const recommend::Impression& list,
           const recommend::Responses& responses) {
    const std::size_t group = place_of(list.group);
    ++out_.lists[group];
    ++out_.versions[group][versions_of(list)];
    out_.from = out_.from.us == 0 ? list.at : std::min(out_.from, list.at);
    out_.to = std::max(out_.to, list.at);
    auto [at, is_new] = people_.try_emplace(number);
    Person& person = at->second;
    if (is_new) person.sums.group = list.group;
    if (person.sums.group != list.group) person.in_both = true;
    ++person.sums.lists;
    for (const std::uint8_t bits : responses) {
      for (std::size_t r = 0; r < recommend::kResponses; ++r) {
        const double did = bits >> r & 1;
        person.sums.responses[r] += did;
        person.sums.value += did * objectives_.weights[r];
      }
    }
  }

  /// What people did before their first list, whatever the share was then: nothing of the test has
  /// touched that.
  void add_past() {
    for (const recommend::FeedbackRow& did : history_.feedback) {
      const auto found = people_.find(did.person);
      if (found == people_.end()) continue;
      Person& person = found->second;
      const Instant first = begun_.at(did.person);
      if (did.at >= first || did.at < first - question_.before) continue;
      ++person.sums.did_before[static_cast<std::size_t>(did.response)];
      person.sums.value_before += objectives_.weight(did.response);
    }
  }

  const ShownHistory& history_;
  const AbQuestion& question_;
  const Duration window_;
  const recommend::Objectives& objectives_;
  std::map<std::uint32_t, Person> people_;
  std::unordered_map<std::uint32_t, Instant> begun_;  ///< each person's first list of the test
  Compared out_;
};

Json interval_json(const statistics::Interval& interval) {
  return Json::Array{Json(interval.low), Json(interval.high)};
}

Json comparison_json(const statistics::Comparison& c) {
  return Json()
      .set("difference", c.estimate)
      .set("interval", interval_json(c.interval))
      .set("p", c.p);
}

Json metric_json(const recommend::AbMetric& m) {
  Json out = Json().set("name", m.name).set("a", m.mean_a).set("b", m.mean_b);
  if (m.is_guardrail) out.set("guardrail", m.is_broken ? "broken" : "kept");
  if (!m.figures) return out.set("refused", m.refused);
  const recommend::AbFigures& f = *m.figures;
  out.set("difference", f.planned.estimate)
      .set("interval", interval_json(f.planned.interval))
      .set("p", f.planned.p)
      .set("always", comparison_json(f.always))
      .set("relative", f.relative ? comparison_json(*f.relative) : Json())
      .set("smallest", f.smallest)
      .set("smallest_always", f.smallest_always)
      .set("without_past", comparison_json(f.without_past))
      .set("noise_left", f.noise_left);
  if (m.name != "value" && m.name != "lists") out.set("p_adjusted", m.p_adjusted);
  return out;
}

std::string_view name_of(recommend::AbVerdict verdict) {
  switch (verdict) {
    case recommend::AbVerdict::kWrongRatio:
      return "wrong_ratio";
    case recommend::AbVerdict::kTooFew:
      return "too_few";
    case recommend::AbVerdict::kNothing:
      return "nothing";
    case recommend::AbVerdict::kOpen:
      return "open";
    case recommend::AbVerdict::kPlannedOnly:
      return "planned_only";
    case recommend::AbVerdict::kDiffers:
      return "differs";
  }
  return "open";
}

Json versions_json(const std::map<std::string, std::size_t>& versions) {
  Json out = Json::object();
  for (const auto& [name, lists] : versions) out.set(name, lists);
  return out;
}

Result<void> check(const AbQuestion& question) {
  if (question.history <= Duration(0)) return fail_field("history", "must be longer than 0s");
  if (question.before < Duration(0)) return fail_field("before", "must not be below 0s");
  return {};
}

}  // namespace

Result<Json> judge_ab(Services& s, const AbQuestion& question, RunContext& run) {
  ZHIYIN_TRY_VOID(check(question));
  ZHIYIN_TRY_VOID(s.recommendations.settle());
  ZHIYIN_TRY_VOID(s.settle());
  const Instant now = s.clock.now();
  const HistoryRange range{.after = now - question.history,
                           .as_of = now,
                           .ab = question.version,
                           .did_before = question.before};
  ZHIYIN_TRY(const ShownHistory history, read_shown_history(s, range, [&](std::string what) {
               run.report(std::nullopt, std::move(what));
               return !run.cancelled();
             }));
  if (history.lists.empty())
    return fail(ErrorCode::kUnsupported,
                "recommend.ab: no list of a test of {} was shown within the last {}",
                question.version, format_duration(question.history));
  const Compared compared =
      Comparison(history, question, s.options.duration("recommend.attribution"),
                 s.recommendations.objectives())
          .run(now);
  if (compared.people.empty())
    return fail(
        ErrorCode::kUnsupported,
        "recommend.ab: of {} lists of the test of {} none counts: {} wait for responses, {} "
        "are from before recommend.ab_percent changed, {} people are in both groups",
        history.lists.size(), question.version, compared.left_out.unfinished,
        compared.left_out.other_percent, compared.left_out.both_groups);
  const recommend::AbSplit split{question.version, compared.percent};
  const recommend::AbResult result = recommend::compare_groups(compared.people, compared.percent);
  const recommend::AbWords words = recommend::words_of(result, split);
  Json metrics = Json::array();
  for (const recommend::AbMetric& metric : result.metrics) metrics.push(metric_json(metric));
  return Json()
      .set("words", Json().set("zh", words.zh).set("en", words.en))
      .set("verdict", name_of(result.verdict))
      .set("version", question.version)
      .set("percent", compared.percent)
      .set("from", to_json(compared.from))
      .set("to", to_json(compared.to))
      .set("people", Json()
                         .set("a", static_cast<std::int64_t>(result.people_a))
                         .set("b", static_cast<std::int64_t>(result.people_b)))
      .set("lists", Json()
                        .set("a", static_cast<std::int64_t>(compared.lists[0]))
                        .set("b", static_cast<std::int64_t>(compared.lists[1])))
      .set("left_out", Json()
                           .set("unfinished_lists", compared.left_out.unfinished)
                           .set("lists_before_the_share_changed", compared.left_out.other_percent)
                           .set("older_lists", history.left_out)
                           .set("people_in_both", compared.left_out.both_groups))
      .set("versions", Json()
                           .set("a", versions_json(compared.versions[0]))
                           .set("b", versions_json(compared.versions[1])))
      .set("sample_ratio", Json()
                               .set("p", result.ratio_p)
                               .set("alarm", result.verdict == recommend::AbVerdict::kWrongRatio)
                               .set("can_alarm", result.ratio_can_alarm))
      .set("metrics", std::move(metrics));
}

}  // namespace zhiyin::server
