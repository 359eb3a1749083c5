#include "campaign/detail/mass_sender.h"

#include <algorithm>
#include <future>
#include <limits>
#include <tuple>

#include "base/crypto.h"
#include "delivery/quota_ledger.h"
#include "delivery/send_hold.h"

namespace zhiyin::campaign::detail {

using delivery::Decision;
using delivery::Outcome;
using delivery::OutcomeKind;
using delivery::QuotaKey;
using delivery::QuotaLedger;
using delivery::Recipient;
using delivery::Rule;
using delivery::SendBatch;
using delivery::SendLedger;
using delivery::Verdict;
using storage::Session;

namespace {

constexpr std::size_t kPage = 2000;
// The platform refuses the same clientmsgid twice within a minute.
constexpr Duration kRepeatAfter = std::chrono::seconds(90);
constexpr Duration kRepeatAfterRefusal = std::chrono::minutes(10);
// While one batch goes out the next is gathered. So many in one step, other campaigns waiting; and
// what the gate said counts for so long.
constexpr int kBatchesAStep = 8;
constexpr Duration kGatheredFor = std::chrono::seconds(5);

/// Who of the planned touches goes into the next batch, and who is refused on the way.
struct Gathered {
  std::vector<Touch> send;
  std::vector<std::string> openids;  ///< of `send`
  std::vector<Touch> refused;
  std::optional<Instant> wait;
  std::string last;        ///< touches up to this one have been looked at
  std::int64_t calls = 0;  ///< of the day, with this batch's own
};

/// Where a batch is gathered from: everything that is due, or what comes after one that goes out
/// meanwhile. That one's call may be counted by now or not: so many are left at most.
struct GatherFrom {
  std::string after;
  std::int64_t calls_max = std::numeric_limits<std::int64_t>::max();
};

std::size_t batch_max(const Work& work) {
  // To a tag there is one send a day: as many as it may hold.
  return work.sender.mass_by_tag
             ? work.sender.mass_openids_max
             : std::min(work.settings.mass_chunk_max, work.sender.mass_openids_max);
}

/// So many are looked at for a batch: it is then known whether those left over make another one.
std::size_t look_ahead(const Work& work) {
  return batch_max(work) + work.sender.mass_openids_min - 1;
}

std::string batch_id(const Campaign& campaign, std::int64_t chunk) {
  const std::string key = fmt::format("{}\n{}\n{}", campaign.id.value,
                                      campaign.created_at.value_or(Instant{}).us, chunk);
  return "zy" + crypto::base32(crypto::sha256(key).substr(0, 20));
}

void refuse(Gathered& out, Touch touch, Rule rule, std::string detail) {
  touch.state = TouchState::kRefused;
  touch.rule = rule;
  touch.error = std::move(detail);
  out.refused.push_back(std::move(touch));
}

/// Those of the page that the gate lets through, with their openids.
Result<void> admit(const Work& work, std::vector<Touch> passed, Gathered& out) {
  std::vector<delivery::IdentityHash> identities;
  identities.reserve(passed.size());
  for (const Touch& touch : passed) identities.push_back(touch.identity);
  ZHIYIN_TRY(const std::vector<std::optional<Secret>> openids,
             work.parts.recipients.openids(identities));
  for (std::size_t i = 0; i < passed.size(); ++i) {
    if (openids[i]) {
      out.openids.push_back(openids[i]->reveal());
      out.send.push_back(std::move(passed[i]));
    } else {
      refuse(out, std::move(passed[i]), Rule::kNotFollowing, "erased");
    }
  }
  return {};
}

Result<void> sort_page(Session& session, const Work& work, std::vector<Touch> page,
                       std::int64_t calls, Instant now, Gathered& out) {
  std::vector<PersonId> people;
  people.reserve(page.size());
  for (const Touch& touch : page) people.push_back(touch.person);
  delivery::RecipientQuery query = work.query();
  query.with_partition = false;  // the touch has it
  ZHIYIN_TRY(std::vector<Recipient> recipients, work.parts.recipients.find(people, query));
  for (std::size_t i = 0; i < page.size(); ++i)
    recipients[i].identity = page[i].identity;  // the one that was planned, whatever merged since
  ZHIYIN_TRY(const std::vector<Decision> decisions,
             judge_all(session, work, recipients, calls, false, now));
  std::vector<Touch> passed;
  for (std::size_t i = 0; i < page.size() && !out.wait; ++i) {
    const Decision& decision = decisions[i];
    switch (decision.verdict) {
      case Verdict::kWait:
        out.wait = decision.next_allowed;
        break;
      case Verdict::kSend:
        passed.push_back(std::move(page[i]));
        break;
      case Verdict::kRefuse:
      case Verdict::kHoldOut:
        refuse(out, std::move(page[i]), decision.rule, decision.detail);
        break;
    }
  }
  return admit(work, std::move(passed), out);
}

/// A batch is full: what lies behind it is looked at again with the next. Where more is there, as
/// many stay back as another one needs.
void cut(const Work& work, Gathered& out) {
  const std::size_t most = batch_max(work);
  if (out.send.size() <= most) return;
  out.send.resize(std::min(most, out.send.size() - work.sender.mass_openids_min));
  out.openids.resize(out.send.size());
  const Touch& last = out.send.back();
  out.last = last.id.value;
  std::erase_if(out.refused, [&](const Touch& touch) {  // in the order of `list_due`
    return std::tie(touch.person, touch.id) > std::tie(last.person, last.id);
  });
}

Result<Gathered> gather(const Work& work, Instant now, const GatherFrom& from) {
  Gathered out;
  out.last = from.after;
  ZHIYIN_TRY_VOID(work.parts.state.read([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(out.wait, held_until(session, work, now));
    ZHIYIN_TRY(out.calls, calls_left(session, work, now));
    out.calls = std::min(out.calls, from.calls_max);
    while (!out.wait && out.send.size() < look_ahead(work)) {
      const std::size_t wanted = std::min(kPage, look_ahead(work) - out.send.size());
      ZHIYIN_TRY(std::vector<Touch> page,
                 SendLedger::list_due(session, work.id(), now, out.last, wanted));
      if (page.empty()) return {};
      out.last = page.back().id.value;
      ZHIYIN_TRY_VOID(sort_page(session, work, std::move(page), out.calls, now, out));
    }
    return {};
  }));
  cut(work, out);
  if (out.send.size() < work.sender.mass_openids_min) {
    for (Touch& touch : out.send) refuse(out, std::move(touch), Rule::kBatchTooSmall, {});
    out.send.clear();
    out.openids.clear();
  }
  return out;
}

QuotaKey quota_of(const SendBatch& batch) {
  return {batch.account, ChannelKind::kMass, batch.quota_period};
}

/// The batch has come to its end in `state`; planned again: its people go into a later one, past
/// the gate once more, not before `not_before`. `touches` as for `end_batch`.
Result<void> close_batch(Session& session, SendBatch& batch, TouchState state, Instant now,
                         std::span<const Touch> touches = {}, Instant not_before = {}) {
  batch.state = state == TouchState::kPlanned ? TouchState::kFailed : state;
  batch.is_uncertain = false;
  ZHIYIN_TRY_VOID(SendLedger::put_batch(session, batch));
  if (state == TouchState::kPlanned) {
    ZHIYIN_TRY_VOID(SendLedger::plan_batch_again(session, batch, not_before));
    return QuotaLedger::release(session, quota_of(batch), 1);
  }
  ZHIYIN_TRY_VOID(SendLedger::end_batch(session, batch, touches, now));
  ZHIYIN_TRY_VOID(QuotaLedger::commit(session, quota_of(batch), 1));
  return state == TouchState::kSent ? SendLedger::settle_mass_result(session, batch, now)
                                    : Result<void>();
}

void pause(StoredCampaign& row, std::string note) {
  if (row.campaign.state == CampaignState::kRunning) row.campaign.state = CampaignState::kPaused;
  row.campaign.note = std::move(note);
}

/// Still open: asked again with the same id later.
Result<void> keep_open(Session& session, SendBatch& batch, bool is_uncertain, Instant due_at) {
  batch.is_uncertain = is_uncertain;
  batch.due_at = due_at;
  return SendLedger::put_batch(session, batch);
}

/// An earlier call of this batch may have gone through, so only `sent` ends it before its time is
/// up.
Result<void> settle_uncertain(Session& session, SendBatch& batch, const Outcome& outcome,
                              Instant now) {
  if (outcome.kind == OutcomeKind::kSent)
    return close_batch(session, batch, TouchState::kSent, now);
  const bool is_refusal = outcome.kind == OutcomeKind::kRefused ||
                          outcome.kind == OutcomeKind::kFailedRecipient ||
                          outcome.kind == OutcomeKind::kQuota;
  const Duration after =
      is_refusal ? kRepeatAfterRefusal : std::max(kRepeatAfter, outcome.retry_after);
  return keep_open(session, batch, true, now + after);
}

Result<void> settle(Session& session, const Work& work, StoredCampaign& row, SendBatch& batch,
                    std::span<const Touch> touches, const Outcome& outcome, Instant now) {
  switch (outcome.kind) {
    case OutcomeKind::kSent:
      return close_batch(session, batch, TouchState::kSent, now, touches);
    case OutcomeKind::kUnknown:
      return keep_open(session, batch, true, now + kRepeatAfter);
    case OutcomeKind::kFailedRetry:
      if (batch.attempt < work.settings.attempts_max) {
        const Duration wait = std::max<Duration>(outcome.retry_after, std::chrono::seconds(1));
        return close_batch(session, batch, TouchState::kPlanned, now, touches, now + wait);
      }
      break;
    case OutcomeKind::kQuota:
      ZHIYIN_TRY_VOID(close_batch(session, batch, TouchState::kPlanned, now));
      row.campaign.waiting_until = work.day_end(now);
      return QuotaLedger::exhaust(session, quota_of(batch), work.calls_per_day());
    case OutcomeKind::kRefused:
    case OutcomeKind::kFailedRecipient:
      break;
  }
  // A hold ends without anybody looking at each campaign; until then all of them wait.
  if (!delivery::SendHolds::begins_with(outcome.platform_code)) pause(row, outcome.error);
  return close_batch(session, batch, TouchState::kPlanned, now);
}

Result<void> record(const Work& work, SendBatch batch, std::span<const Touch> touches,
                    const Outcome& outcome, bool was_uncertain) {
  const Instant now = work.now();
  return work.parts.state.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(StoredCampaign row, load(session, work.id()));
    ZHIYIN_TRY_VOID(delivery::SendHolds::note(session, batch.account, outcome.platform_code,
                                              outcome.error, now));
    ZHIYIN_TRY(const std::optional<SendBatch> stored, SendLedger::find_batch(session, batch.id));
    if (!stored || stored->state != TouchState::kSending) return {};
    batch.provider_id = outcome.provider_id;
    batch.error = outcome.error;
    if (was_uncertain) {
      ZHIYIN_TRY_VOID(settle_uncertain(session, batch, outcome, now));
    } else {
      ZHIYIN_TRY_VOID(settle(session, work, row, batch, touches, outcome, now));
    }
    return save_run(session, row);
  });
}

/// `touches`: those of the batch, where they are at hand.
Result<OutcomeKind> call(const Work& work, const SendBatch& batch, std::span<const Touch> touches,
                         std::span<const std::string> openids, bool was_uncertain) {
  const Outcome outcome =
      work.parts.channel.send_mass(batch.account, openids, batch.content, batch.id);
  if (outcome.kind != OutcomeKind::kSent) {
    work.parts.logger.warning("campaign", "mass_send_failed",
                              {{"campaign", work.id()},
                               {"chunk", batch.chunk},
                               {"platform_code", outcome.platform_code},
                               {"error", outcome.error}});
  }
  ZHIYIN_TRY_VOID(record(work, batch, touches, outcome, was_uncertain));
  return outcome.kind;
}

/// Writes the intent: the batch and its touches as sending, its quota reserved. `wait`: nothing is
/// sent before then.
Result<bool> intend(const Work& work, Gathered& gathered, SendBatch& batch,
                    std::optional<Instant>& wait, Instant now) {
  return while_running(
      work.parts.state, work.id(), [&](Session& session, StoredCampaign& row) -> Result<void> {
        wait.reset();
        row.campaign.waiting_until.reset();
        ZHIYIN_TRY_VOID(SendLedger::refuse_all(session, gathered.refused, now));
        if (gathered.send.empty()) return {};
        ZHIYIN_TRY(wait, enter_minute(session, work, now));
        if (wait) return {};
        ZHIYIN_TRY(const std::vector<SendBatch> earlier_batches,
                   SendLedger::batches(session, work.id()));
        ZHIYIN_TRY(const std::string link, make_link(session, work, TouchId(), now));
        const QuotaKey quota = work.quota_today(now);
        ZHIYIN_TRY_VOID(QuotaLedger::reserve(session, quota, 1, work.calls_per_day()));
        batch.campaign = work.id();
        batch.account = work.campaign().account;
        batch.chunk = static_cast<std::int64_t>(earlier_batches.size());
        batch.id = batch_id(row.campaign, batch.chunk);
        batch.size = static_cast<std::int64_t>(gathered.send.size());
        batch.content = content_for(work, {}, link);
        batch.created_at = batch.due_at = now;
        batch.attempt = 0;
        batch.is_uncertain = true;  // until the call has answered
        batch.quota_period = quota.period;
        std::vector<TouchId> ids;
        ids.reserve(gathered.send.size());
        for (const Touch& touch : gathered.send) {
          ids.push_back(touch.id);
          batch.attempt = std::max(batch.attempt, touch.attempt + 1);
        }
        // Read a moment ago: whoever else is at this campaign must not send them, too.
        ZHIYIN_TRY_VOID(SendLedger::start_batch(session, ids, batch));
        ZHIYIN_TRY_VOID(SendLedger::put_batch(session, batch));
        return {};
      });
}

Result<TickResult> send_next(const Work& work, Instant now) {
  const TickResult again{true, std::nullopt};
  ZHIYIN_TRY(Gathered gathered, gather(work, now, {}));
  for (int sent = 1;; ++sent) {
    if (gathered.send.empty() && gathered.refused.empty()) {
      if (gathered.wait) return wait_until(work, *gathered.wait);
      return sent == 1 ? TickResult() : again;  // only what came after was looked at
    }
    const bool is_last = gathered.send.empty() || gathered.wait || sent == kBatchesAStep;
    std::future<Result<Gathered>> next;
    if (!is_last) {
      next = std::async(std::launch::async,
                        [&work, now, from = GatherFrom{gathered.last, gathered.calls - 1}] {
                          return gather(work, now, from);
                        });
    }
    SendBatch batch;
    std::optional<Instant> wait;
    ZHIYIN_TRY(const bool running, intend(work, gathered, batch, wait, now));
    if (!running) return TickResult{};
    if (wait) return wait_until(work, *wait);
    if (gathered.send.empty()) return again;
    ZHIYIN_TRY(const OutcomeKind outcome,
               call(work, batch, gathered.send, gathered.openids, false));
    // What did not go through may have given its call back, or have held the account.
    if (is_last || outcome != OutcomeKind::kSent) return again;
    ZHIYIN_TRY(gathered, next.get());
    if (work.now() - now > kGatheredFor) return again;
    now = work.now();
  }
}

Result<std::vector<std::string>> openids_of(const Work& work, const SendBatch& batch) {
  std::vector<Touch> touches;
  ZHIYIN_TRY_VOID(work.parts.state.read([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(touches, SendLedger::of_batch(session, batch.id));
    return {};
  }));
  std::vector<delivery::IdentityHash> identities;
  for (const Touch& touch : touches) identities.push_back(touch.identity);
  ZHIYIN_TRY(const std::vector<std::optional<Secret>> found,
             work.parts.recipients.openids(identities));
  std::vector<std::string> out;
  for (const std::optional<Secret>& openid : found) {
    if (openid) out.push_back(openid->reveal());
  }
  return out;
}

/// The batch as it was read: nobody else has been at it since.
Result<void> check_open(Session& session, const SendBatch& batch, int attempt) {
  ZHIYIN_TRY(const std::optional<SendBatch> stored, SendLedger::find_batch(session, batch.id));
  if (stored && stored->state == TouchState::kSending && stored->attempt == attempt) return {};
  return fail(ErrorCode::kConflict, "batch: {} is no longer as it was", batch.id);
}

Result<TickResult> close_unknown(const Work& work, SendBatch batch, Instant now) {
  const int attempt = batch.attempt;
  ZHIYIN_TRY(const bool running,
             while_running(work.parts.state, work.id(),
                           [&](Session& session, StoredCampaign&) -> Result<void> {
                             ZHIYIN_TRY_VOID(check_open(session, batch, attempt));
                             SendBatch closed = batch;  // a copy: all this may run again
                             return close_batch(session, closed, TouchState::kUnknown, now);
                           }));
  return TickResult{running, std::nullopt};
}

/// The same call again, under the same id: the platform sends it once.
Result<TickResult> repeat(const Work& work, SendBatch batch, Instant now) {
  const bool was_uncertain = batch.is_uncertain;
  if (was_uncertain && now - batch.created_at >= work.sender.mass_idempotency) {
    return close_unknown(work, std::move(batch), now);
  }
  const Instant allowed = work.sender.rules.quiet.next_allowed(now, work.sender.rules.zone);
  if (allowed > now) return TickResult{false, allowed};
  batch.is_uncertain = true;
  const int attempt = batch.attempt;
  batch.attempt += 1;
  std::optional<Instant> wait;
  ZHIYIN_TRY(const bool running,
             while_running(work.parts.state, work.id(),
                           [&](Session& session, StoredCampaign&) -> Result<void> {
                             ZHIYIN_TRY_VOID(check_open(session, batch, attempt));
                             ZHIYIN_TRY(wait, enter_minute(session, work, now));
                             return wait ? Result<void>() : SendLedger::put_batch(session, batch);
                           }));
  if (!running) return TickResult{};
  if (wait) return TickResult{false, wait};
  ZHIYIN_TRY(const std::vector<std::string> openids, openids_of(work, batch));
  ZHIYIN_TRY_VOID(call(work, batch, {}, openids, was_uncertain));
  return TickResult{true, std::nullopt};
}

}  // namespace

Result<TickResult> send_mass_step(Work& work) {
  const Instant now = work.now();
  std::vector<SendBatch> batches;
  ZHIYIN_TRY_VOID(work.parts.state.read([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(batches, SendLedger::batches(session, work.id()));
    return {};
  }));
  TickResult waiting;
  for (const SendBatch& batch : batches) {
    if (batch.state != TouchState::kSending) continue;
    if (batch.due_at > now) {
      waiting.next_due = earlier(waiting.next_due, batch.due_at);
      continue;
    }
    ZHIYIN_TRY(const TickResult done, repeat(work, batch, now));
    if (done.more) return done;
    waiting.next_due = earlier(waiting.next_due, done.next_due);
  }
  ZHIYIN_TRY(TickResult next, send_next(work, now));
  next.next_due = earlier(next.next_due, waiting.next_due);
  return next;
}

}  // namespace zhiyin::campaign::detail
