#include "campaign/detail/exposure.h"

#include <algorithm>
#include <set>

#include "delivery/holdout.h"

namespace zhiyin::campaign::detail {

using delivery::Recipient;
using delivery::Rule;
using delivery::SendLedger;
using storage::Session;

namespace {

Rule objection(const Recipient& recipient) {
  delivery::GateFacts facts;
  facts.following = recipient.following && recipient.has_openid;
  facts.consent = recipient.consent;
  return delivery::ineligible(facts);
}

Touch planned(const Campaign& campaign, const Recipient& recipient, bool held_out, Instant now) {
  const Exposed decision = exposed(recipient, held_out);
  Touch touch;
  touch.id = delivery::touch_id(campaign.id, recipient.identity);
  touch.idempotency_key = touch.id.value;
  touch.campaign = campaign.id;
  touch.person = recipient.person;
  touch.identity = recipient.identity;
  touch.partition = recipient.partition;
  touch.account = campaign.account;
  touch.channel = campaign.channel;
  touch.state = decision.state;
  touch.rule = decision.rule;
  touch.decided_at = now;
  touch.due_at = *campaign.exposed_at;
  return touch;
}

/// Writes what is decided about a slice of the audience.
Result<void> plan(Session& session, const Campaign& campaign, std::span<const Recipient> recipients,
                  Instant now) {
  std::vector<delivery::Candidate> eligible;
  for (const Recipient& r : recipients) {
    if (!r.person.empty() && is_eligible(r)) eligible.push_back({r.person, r.identity});
  }
  ZHIYIN_TRY(const std::vector<bool> held_out,
             delivery::Holdout::assign(session, campaign.id, eligible, campaign.holdout, now));
  std::vector<Touch> touches;
  std::set<TouchId> seen;  // two who have become one person have one touch
  std::size_t assigned = 0;
  for (const Recipient& r : recipients) {
    if (r.person.empty()) continue;
    const bool is_held_out = is_eligible(r) && held_out[assigned++];
    Touch touch = planned(campaign, r, is_held_out, now);
    if (seen.insert(touch.id).second) touches.push_back(std::move(touch));
  }
  return SendLedger::add_all(session, touches);
}

/// The moment of exposure, written once.
Result<TickResult> begin(Work& work, Instant now) {
  ZHIYIN_TRY(const bool running,
             while_running(work.parts.state, work.id(), [&](Session&, StoredCampaign& row) {
               row.campaign.exposed_at = now;
               row.campaign.waiting_until.reset();
               return Result<void>();
             }));
  return TickResult{running, std::nullopt};
}

}  // namespace

Result<std::span<const PersonId>> MembersCache::get(const AudienceSource& source,
                                                    const Campaign& campaign) {
  const auto found = entries_.find(campaign.id);
  if (found != entries_.end() && found->second.as_of == *campaign.exposed_at) {
    return std::span<const PersonId>(found->second.people);
  }
  ZHIYIN_TRY(std::vector<PersonId> people, source.members(campaign.segment, *campaign.exposed_at));
  Entry& entry = entries_[campaign.id];
  entry = {*campaign.exposed_at, std::move(people)};
  return std::span<const PersonId>(entry.people);
}

bool is_eligible(const Recipient& recipient) { return objection(recipient) == Rule::kNone; }

Exposed exposed(const Recipient& recipient, bool held_out) {
  if (const Rule rule = objection(recipient); rule != Rule::kNone)
    return {TouchState::kRefused, rule};
  if (held_out) return {TouchState::kHeldOut, Rule::kHeldOut};
  return {};
}

Result<TickResult> expose(Work& work, MembersCache& members) {
  const Campaign& c = work.campaign();
  const Instant now = work.now();
  if (!c.exposed_at) {
    if (c.at && now < *c.at) return TickResult{false, c.at};
    const Instant allowed = work.sender.rules.quiet.next_allowed(now, work.sender.rules.zone);
    if (allowed > now) return wait_until(work, allowed);
    return begin(work, now);
  }
  ZHIYIN_TRY(const std::span<const PersonId> people, members.get(work.parts.audience, c));
  const auto first = std::upper_bound(people.begin(), people.end(), PersonId(work.row.cursor));
  const auto n = std::min<std::size_t>(work.settings.plan_slice,
                                       static_cast<std::size_t>(people.end() - first));
  const std::span<const PersonId> slice(first, n);
  ZHIYIN_TRY(const std::vector<Recipient> recipients,
             work.parts.recipients.find(slice, {c.account, c.purpose, false}));
  const bool is_last = first + static_cast<std::ptrdiff_t>(n) == people.end();
  ZHIYIN_TRY(const bool running,
             while_running(work.parts.state, work.id(),
                           [&](Session& session, StoredCampaign& row) -> Result<void> {
                             ZHIYIN_TRY_VOID(plan(session, row.campaign, recipients, now));
                             if (n > 0) row.cursor = slice.back().value;
                             row.is_planned = is_last;
                             return {};
                           }));
  if (is_last) members.forget(c.id);
  return TickResult{running, std::nullopt};
}

}  // namespace zhiyin::campaign::detail
