#include "measurement/report.h"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "campaign/store.h"
#include "delivery/holdout.h"
#include "delivery/short_link.h"
#include "delivery/touch.h"
#include "measurement/effect.h"

namespace zhiyin::measurement {

using campaign::Campaign;
using campaign::ChannelKind;
using delivery::Assignment;
using delivery::Touch;
using delivery::TouchState;
using storage::Session;

namespace {

constexpr std::size_t kPage = 5000;

/// First goal event of a person, by each of the person's identities (in hex).
using Conversions = std::unordered_map<std::string, Instant>;

/// When a touch went out and was clicked, and to whom.
struct SentTouch {
  std::string identity;
  Instant sent_at;
};

/// What state knows about a campaign.
struct Ledger {
  Campaign campaign;
  delivery::TouchCounts counts;
  std::optional<delivery::MassTotals> totals;
  std::int64_t visits = 0;
  std::vector<Assignment> assignments;
  std::vector<SentTouch> sent;
  std::vector<Instant> clicks;
};

Result<void> read_assignments(Session& session, Ledger& ledger) {
  PersonId after;
  while (true) {
    ZHIYIN_TRY(std::vector<Assignment> page,
               delivery::Holdout::list(session, ledger.campaign.id, after, kPage));
    if (page.empty()) return {};
    after = page.back().person;
    std::move(page.begin(), page.end(), std::back_inserter(ledger.assignments));
  }
}

Result<void> read_touches(Session& session, TouchState state, Ledger& ledger) {
  std::string after;
  while (true) {
    ZHIYIN_TRY(const std::vector<Touch> page,
               delivery::SendLedger::list(session, ledger.campaign.id, state, after, kPage));
    if (page.empty()) return {};
    after = page.back().id.value;
    for (const Touch& touch : page) {
      if (touch.clicked_at) ledger.clicks.push_back(*touch.clicked_at);
      if (state == TouchState::kSent && touch.sent_at) {
        ledger.sent.push_back({storage::to_hex(touch.identity), *touch.sent_at});
      }
    }
  }
}

Result<Ledger> read_ledger(storage::State& state, const CampaignId& id) {
  Ledger ledger;
  ZHIYIN_TRY_VOID(state.read([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(ledger.campaign, campaign::Campaigns::load(session, id));
    ZHIYIN_TRY(ledger.counts, delivery::SendLedger::count(session, id));
    ZHIYIN_TRY(ledger.totals, delivery::SendLedger::mass_totals(session, id));
    ZHIYIN_TRY(ledger.visits, delivery::ShortLinks::visits(session, id));
    ZHIYIN_TRY_VOID(read_assignments(session, ledger));
    for (const TouchState touched :
         {TouchState::kSent, TouchState::kUnknown, TouchState::kSending}) {
      ZHIYIN_TRY_VOID(read_touches(session, touched, ledger));
    }
    return {};
  }));
  return ledger;
}

/// The window is (exposure, exposure + w], as a segment at its end would count it.
Result<Conversions> read_conversions(storage::Warehouse& warehouse, const campaign::Goal& goal,
                                     Instant exposed_at, Instant end) {
  constexpr std::string_view kSql =
      "WITH goal AS (SELECT ip.person AS person, MIN(e.occurred_at) AS first_at "
      "FROM events e JOIN identity_person ip ON ip.identity = e.identity AND ip.person <> '' "
      "AND e.off > ip.after_off "
      "WHERE e.kind = ? AND e.occurred_at > ? AND e.occurred_at <= ? "
      "GROUP BY ip.person) "
      "SELECT ip.identity, goal.first_at FROM goal "
      "JOIN identity_person ip ON ip.person = goal.person";
  constexpr storage::QueryLimits kLimits{std::chrono::seconds(120), 20'000'000};
  ZHIYIN_TRY(const storage::Rows rows,
             warehouse.query(kSql, {goal.event, exposed_at.us, end.us}, kLimits));
  Conversions out;
  out.reserve(rows.rows.size());
  for (const storage::Row& row : rows.rows) {
    out.emplace(std::string(storage::as_text(row[0])), Instant{storage::as_int(row[1])});
  }
  return out;
}

Delivered delivered_of(const Ledger& ledger) {
  switch (ledger.campaign.channel) {
    case ChannelKind::kMass:
      return {ledger.totals ? std::optional(ledger.totals->sent) : std::nullopt,
              "totals only: WeChat reports no delivery per person"};
    case ChannelKind::kTemplate:
      return {std::nullopt, "accepted is all that is certain; reported failures count as failed"};
    case ChannelKind::kCustomerService:
    case ChannelKind::kSubscribe:
    case ChannelKind::kMassPreview:
    case ChannelKind::kTemplateOnce:
    case ChannelKind::kWecomTask:
    case ChannelKind::kWecomMoment:
    case ChannelKind::kWecomMessage:
    case ChannelKind::kWecomWelcome:
      break;
  }
  return {std::nullopt, "accepted is all that is certain: WeChat reports no delivery"};
}

Funnel funnel_of(const Ledger& ledger, const Conversions& conversions) {
  const delivery::TouchCounts& counts = ledger.counts;
  Funnel out;
  out.audience = counts.total();
  out.eligible = static_cast<std::int64_t>(ledger.assignments.size());
  out.held_out = counts.of(TouchState::kHeldOut);
  for (const auto& [rule, n] : counts.refused) {
    const delivery::RuleWords words = delivery::rule_words(rule);
    out.refused.push_back(
        {std::string(enum_name(rule)), n, std::string(words.zh), std::string(words.en)});
  }
  out.planned = counts.of(TouchState::kPlanned) + counts.of(TouchState::kSending);
  out.sent = counts.of(TouchState::kSent);
  out.failed = counts.of(TouchState::kFailed);
  out.unknown = counts.of(TouchState::kUnknown);
  out.cancelled = counts.of(TouchState::kCancelled);
  out.delivered = delivered_of(ledger);
  out.clicked = counts.clicked;
  out.link_visits = ledger.visits;
  out.converted = std::count_if(ledger.sent.begin(), ledger.sent.end(), [&](const SentTouch& t) {
    return conversions.contains(t.identity);
  });
  return out;
}

struct Arms {
  ArmCount treated;
  ArmCount control;
};

Arms arms_of(const Ledger& ledger, const Conversions& conversions) {
  Arms out;
  for (const Assignment& a : ledger.assignments) {
    ArmCount& arm = a.held_out ? out.control : out.treated;
    ++arm.n;
    arm.converted += conversions.contains(storage::to_hex(a.identity)) ? 1 : 0;
  }
  return out;
}

std::string day_text(std::int64_t day) {
  const CivilTime civil = to_civil(day_start(day, TimeZone::shanghai()), TimeZone::shanghai());
  return fmt::format("{:04}-{:02}-{:02}", civil.year, civil.month, civil.day);
}

std::vector<DailyCount> daily_of(const Ledger& ledger, const Conversions& conversions) {
  const TimeZone zone = TimeZone::shanghai();
  std::map<std::int64_t, DailyCount> days;
  for (const SentTouch& touch : ledger.sent) {
    ++days[local_day(touch.sent_at, zone)].sent;
    const auto converted = conversions.find(touch.identity);
    if (converted != conversions.end()) ++days[local_day(converted->second, zone)].converted;
  }
  for (const Instant click : ledger.clicks) ++days[local_day(click, zone)].clicked;
  std::vector<DailyCount> out;
  for (auto& [day, count] : days) {
    count.day = day_text(day);
    out.push_back(std::move(count));
  }
  return out;
}

Words without_effect(const Campaign& c) {
  if (!c.exposed_at) return {"活动还没有开始发送。", "Nothing has been sent yet."};
  if (!c.goal) return {"没有设定目标，不衡量效果。", "No goal is set, so no effect is measured."};
  return {"没有对照组，无法衡量效果：下次请留出一部分人不发送。",
          "Without a holdout the effect cannot be measured: keep some people back next time."};
}

void add_effect(const Ledger& ledger, const Conversions& conversions, Instant as_of,
                Report& report) {
  const Campaign& c = ledger.campaign;
  if (!c.exposed_at || !c.goal || c.holdout <= 0) {
    report.words = without_effect(c);
    return;
  }
  const Arms arms = arms_of(ledger, conversions);
  Effect effect = measure_effect(arms.treated, arms.control);
  effect.metric = fmt::format("{} within {}", c.goal->event, format_duration(c.goal->window));
  effect.window_ends = *c.exposed_at + c.goal->window;
  effect.window_closed = effect.window_ends <= as_of;
  report.words = explain(effect);
  report.split = check_split(arms.treated.n, arms.control.n, c.holdout);
  if (report.split->alarm) {
    report.words.zh += " 注意：对照组的比例与设定不符，请先查明原因。";
    report.words.en +=
        " Note: the holdout's share does not fit what was asked for; find out why first.";
  }
  report.effect = std::move(effect);
}

}  // namespace

Result<Report> make_report(storage::State& state, storage::Warehouse& warehouse,
                           const CampaignId& campaign, Instant as_of) {
  ZHIYIN_TRY(const Ledger ledger, read_ledger(state, campaign));
  const Campaign& c = ledger.campaign;
  Conversions conversions;
  if (c.exposed_at && c.goal) {
    const Instant end = std::min(as_of, *c.exposed_at + c.goal->window);
    ZHIYIN_TRY(conversions, read_conversions(warehouse, *c.goal, *c.exposed_at, end));
  }
  Report report;
  report.campaign = campaign;
  report.as_of = as_of;
  report.funnel = funnel_of(ledger, conversions);
  report.daily = daily_of(ledger, conversions);
  add_effect(ledger, conversions, as_of, report);
  return report;
}

}  // namespace zhiyin::measurement
