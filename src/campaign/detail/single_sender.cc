#include "campaign/detail/single_sender.h"

#include <algorithm>

#include "delivery/quota_ledger.h"
#include "delivery/send_hold.h"

namespace zhiyin::campaign::detail {

using delivery::Content;
using delivery::Decision;
using delivery::Outcome;
using delivery::OutcomeKind;
using delivery::QuotaKey;
using delivery::QuotaLedger;
using delivery::Recipient;
using delivery::Rule;
using delivery::SendLedger;
using delivery::Verdict;
using storage::Session;

namespace {

constexpr Duration kRepeatAfter = std::chrono::seconds(30);
constexpr std::size_t kOpenMax = 1000;

/// It may be repeated safely: the platform knows the touch's id for a while.
bool may_repeat(const Work& work, const Touch& touch, Instant now) {
  return touch.channel == ChannelKind::kTemplate && touch.sent_at &&
         now - *touch.sent_at < work.sender.template_idempotency;
}

using delivery::QuotaHolder;

/// What certainly did not go out gives its call back.
Result<void> close(Session& session, Touch& touch, TouchState state, Instant now,
                   const QuotaHolder& holder = {}) {
  touch.state = state;
  touch.is_uncertain = false;
  ZHIYIN_TRY_VOID(SendLedger::update(session, touch, now, TouchState::kSending));
  return state == TouchState::kFailed ? QuotaLedger::release(session, quota_of(touch), 1, holder)
                                      : QuotaLedger::commit(session, quota_of(touch), 1, holder);
}

/// Certainly not sent: it waits for another try.
Result<void> try_again(Session& session, Touch& touch, Instant due_at, Instant now,
                       const QuotaHolder& holder) {
  ZHIYIN_TRY_VOID(QuotaLedger::release(session, quota_of(touch), 1, holder));
  plan_again(touch);
  touch.due_at = std::max(touch.due_at, due_at);
  return SendLedger::update(session, touch, now);
}

/// An earlier call may have gone through: only `sent` is believed before its time is up.
Result<void> settle_uncertain(Session& session, const Work& work, Touch& touch,
                              const Outcome& outcome, Instant now) {
  const QuotaHolder& holder = work.parts.quota;
  if (outcome.kind == OutcomeKind::kSent)
    return close(session, touch, TouchState::kSent, now, holder);
  if (!may_repeat(work, touch, now))
    return close(session, touch, TouchState::kUnknown, now, holder);
  touch.is_uncertain = true;
  touch.due_at = now + kRepeatAfter;
  return SendLedger::update(session, touch, now);
}

Result<void> settle(Session& session, const Work& work, StoredCampaign& row, Touch& touch,
                    const Outcome& outcome, Instant now) {
  const QuotaHolder& holder = work.parts.quota;
  switch (outcome.kind) {
    case OutcomeKind::kSent:
      return close(session, touch, TouchState::kSent, now, holder);
    case OutcomeKind::kFailedRecipient:
      return close(session, touch, TouchState::kFailed, now, holder);
    case OutcomeKind::kUnknown:
      return settle_uncertain(session, work, touch, outcome, now);
    case OutcomeKind::kFailedRetry:
      if (touch.attempt >= work.settings.attempts_max) {
        return close(session, touch, TouchState::kFailed, now, holder);
      }
      return try_again(session, touch,
                       now + std::max<Duration>(outcome.retry_after, std::chrono::seconds(1)), now,
                       holder);
    case OutcomeKind::kQuota: {
      const QuotaKey quota = quota_of(touch);
      ZHIYIN_TRY_VOID(try_again(session, touch, now, now, holder));
      row.campaign.waiting_until = work.day_end(now);
      return QuotaLedger::exhaust(session, quota, work.calls_per_day());
    }
    case OutcomeKind::kRefused:
      break;
  }
  // A hold ends without anybody looking at each campaign; until then all of them wait.
  if (!delivery::SendHolds::begins_with(outcome.platform_code)) {
    if (row.campaign.state == CampaignState::kRunning) row.campaign.state = CampaignState::kPaused;
    row.campaign.note = outcome.error;
  }
  return try_again(session, touch, now, now, holder);
}

Result<void> record(const Work& work, const TouchId& id, const Outcome& outcome,
                    bool was_uncertain) {
  const Instant now = work.now();
  return work.parts.state.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(StoredCampaign row, load(session, work.id()));
    ZHIYIN_TRY_VOID(delivery::SendHolds::note(session, work.campaign().account,
                                              outcome.platform_code, outcome.error, now));
    ZHIYIN_TRY(std::optional<Touch> touch, SendLedger::find(session, id));
    // The result of the job may have come first and settled it.
    if (!touch || touch->state != TouchState::kSending) return {};
    touch->provider_id = outcome.provider_id;
    touch->error = outcome.error;
    if (was_uncertain) {
      ZHIYIN_TRY_VOID(settle_uncertain(session, work, *touch, outcome, now));
    } else {
      ZHIYIN_TRY_VOID(settle(session, work, row, *touch, outcome, now));
    }
    return save_run(session, row);
  });
}

Result<std::vector<Touch>> read_open(const Work& work) {
  std::vector<Touch> out;
  ZHIYIN_TRY_VOID(work.parts.state.read([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(out, SendLedger::list(session, work.id(), TouchState::kSending, "", kOpenMax));
    return {};
  }));
  return out;
}

/// Writes the intent of one touch, in the transaction that reserves its quota and makes its link.
/// The link's address comes back in `link`, or the end of a minute without calls in `wait`; false
/// when the campaign is no longer running.
Result<bool> intend(const Work& work, Touch& touch, std::string& link, std::optional<Instant>& wait,
                    Instant now) {
  const auto attempt = touch.attempt + 1;
  return while_running(
      work.parts.state, work.id(), [&](Session& session, StoredCampaign& row) -> Result<void> {
        ZHIYIN_TRY(wait, enter_minute(session, work, now));
        if (wait) return {};
        row.campaign.waiting_until.reset();
        const QuotaKey quota = work.quota_today(now);
        ZHIYIN_TRY_VOID(
            QuotaLedger::reserve(session, quota, 1, work.calls_per_day(), work.parts.quota));
        ZHIYIN_TRY(link, make_link(session, work, touch.id, now));
        touch.state = TouchState::kSending;
        touch.sent_at = touch.due_at = now;
        touch.attempt = attempt;
        touch.is_uncertain = true;  // until the call has answered
        touch.quota_period = quota.period;
        // Read a moment ago: whoever else is at this campaign must not send it, too.
        return SendLedger::update(session, touch, now, TouchState::kPlanned);
      });
}

Result<bool> refuse(const Work& work, Touch touch, Rule rule, std::string detail) {
  touch.state = TouchState::kRefused;
  touch.rule = rule;
  touch.error = std::move(detail);
  return while_running(work.parts.state, work.id(), [&](Session& session, StoredCampaign&) {
    return SendLedger::update(session, touch, work.now(), TouchState::kPlanned);
  });
}

/// False when the campaign is no longer running, or has to wait.
Result<bool> send(const Work& work, Touch touch, const Recipient& recipient,
                  std::optional<Instant>& wait, Instant now) {
  const Result<Secret> openid = work.parts.recipients.openid(touch.identity);
  if (!openid) {
    if (openid.error().code != ErrorCode::kNotFound) return std::unexpected(openid.error());
    return refuse(work, std::move(touch), Rule::kNotFollowing, "erased");
  }
  std::string link;
  ZHIYIN_TRY(const bool running, intend(work, touch, link, wait, now));
  if (!running || wait) return false;
  const Outcome outcome =
      call_channel(work, touch, openid->reveal(), content_for(work, recipient, link));
  ZHIYIN_TRY_VOID(record(work, touch.id, outcome, false));
  return true;
}

/// Repeats or closes a touch that is still `sending` although nobody is at it.
Result<void> settle_open(const Work& work, Touch touch, Instant now, TickResult& result) {
  if (!may_repeat(work, touch, now)) {
    result.more = true;
    return work.parts.state.write(
        [&](Session& session) { return close_unknown(session, touch, "no answer", now); });
  }
  const Instant allowed =
      std::max(touch.due_at, work.sender.rules.quiet.next_allowed(now, work.sender.rules.zone));
  if (allowed > now) {
    result.next_due = earlier(result.next_due,
                              std::min(allowed, *touch.sent_at + work.sender.template_idempotency));
    return {};
  }
  result.more = true;
  const std::vector<PersonId> people{touch.person};
  ZHIYIN_TRY(const std::vector<Recipient> found, work.parts.recipients.find(people, work.query()));
  const Result<Secret> openid = work.parts.recipients.openid(touch.identity);
  if (found.front().person.empty() || !openid) {
    return work.parts.state.write(
        [&](Session& session) { return close_unknown(session, touch, "erased", now); });
  }
  std::string link;
  const auto attempt = touch.attempt + 1;
  ZHIYIN_TRY(const bool running,
             while_running(work.parts.state, work.id(),
                           [&](Session& session, StoredCampaign&) -> Result<void> {
                             ZHIYIN_TRY(link, make_link(session, work, touch.id, now));
                             touch.attempt = attempt;
                             return SendLedger::update(session, touch, now, TouchState::kSending);
                           }));
  if (!running) return {};
  const Outcome outcome =
      call_channel(work, touch, openid->reveal(), content_for(work, found.front(), link));
  return record(work, touch.id, outcome, true);
}

struct Page {
  std::vector<Touch> touches;
  std::vector<Recipient> recipients;
};

Result<Page> next_page(const Work& work, Instant now) {
  Page page;
  ZHIYIN_TRY_VOID(work.parts.state.read([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(page.touches,
               SendLedger::list_due(session, work.id(), now, "", work.settings.sends_per_tick));
    return {};
  }));
  std::vector<PersonId> people;
  for (const Touch& touch : page.touches) people.push_back(touch.person);
  ZHIYIN_TRY(page.recipients, work.parts.recipients.find(people, work.query()));
  for (std::size_t i = 0; i < people.size(); ++i) {
    page.recipients[i].identity = page.touches[i].identity;  // as planned, whatever merged since
  }
  return page;
}

Result<Decision> ask_gate(const Work& work, const Recipient& recipient, Instant now) {
  Decision decision;
  ZHIYIN_TRY_VOID(work.parts.state.read([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(const auto held, held_until(session, work, now));
    if (held) {
      decision = {Verdict::kWait, Rule::kAccountHeld, held, {}};
      return {};
    }
    ZHIYIN_TRY(const std::int64_t calls, calls_left(session, work, now));
    ZHIYIN_TRY(decision, judge(session, work, recipient, calls, false, now));
    return {};
  }));
  return decision;
}

}  // namespace

Outcome call_channel(const Work& work, const Touch& touch, std::string_view openid,
                     const Content& content) {
  delivery::MessageChannel& channel = work.parts.channel;
  const Outcome outcome =
      touch.channel == ChannelKind::kTemplate
          ? channel.send_template(touch.account, openid, content, touch.id.value)
          : channel.send_customer_service(touch.account, openid, content);
  if (outcome.kind != OutcomeKind::kSent) {
    work.parts.logger.warning("campaign", "send_failed",
                              {{"campaign", work.id()},
                               {"touch", touch.id},
                               {"platform_code", outcome.platform_code},
                               {"error", outcome.error}});
  }
  return outcome;
}

Result<void> close_unknown(Session& session, Touch touch, std::string_view why, Instant now) {
  touch.error = std::string(why);
  return close(session, touch, TouchState::kUnknown, now);
}

Result<TickResult> send_single_step(Work& work) {
  TickResult result;
  ZHIYIN_TRY(const std::vector<Touch> open, read_open(work));
  for (const Touch& touch : open) {
    ZHIYIN_TRY_VOID(settle_open(work, touch, work.now(), result));
  }
  ZHIYIN_TRY(const Page page, next_page(work, work.now()));
  for (std::size_t i = 0; i < page.touches.size(); ++i) {
    const Instant now = work.now();
    ZHIYIN_TRY(const Decision decision, ask_gate(work, page.recipients[i], now));
    bool running = true;
    if (decision.verdict == Verdict::kWait) return wait_until(work, *decision.next_allowed);
    if (decision.verdict == Verdict::kSend) {
      std::optional<Instant> wait;
      ZHIYIN_TRY(running, send(work, page.touches[i], page.recipients[i], wait, now));
      if (wait) return wait_until(work, *wait);
    } else {
      ZHIYIN_TRY(running, refuse(work, page.touches[i], decision.rule, decision.detail));
    }
    if (!running) return TickResult{};
    result.more = true;
  }
  return result;
}

}  // namespace zhiyin::campaign::detail
