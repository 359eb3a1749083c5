#include "campaign/detail/work.h"

#include <algorithm>

#include "delivery/delivery_projection.h"
#include "delivery/quota_ledger.h"
#include "delivery/send_hold.h"
#include "delivery/short_link.h"

namespace zhiyin::campaign::detail {

using delivery::Decision;
using delivery::GateFacts;
using delivery::QuotaLedger;
using delivery::Recipient;
using delivery::SendLedger;
using storage::Session;

namespace {

/// As long as a real code: lengths and previews come out right.
constexpr std::string_view kSampleCode = "AAAAAAAAAAA";

/// What the gate asks about the message as `recipient` would get it.
void fill_in(const Work& work, const Recipient& recipient, GateFacts& facts) {
  auto rendered =
      work.message.render(recipient.variables, link_address(work.settings, kSampleCode));
  facts.missing_variables = std::move(rendered.missing);
  facts.too_long = delivery::too_long(rendered.content, work.sender.rules);
}

}  // namespace

std::int64_t Work::calls_per_day(ChannelKind channel) const {
  const auto found = sender.rules.calls_per_day.find(channel);
  return found == sender.rules.calls_per_day.end() ? 0 : found->second;
}

delivery::QuotaKey Work::quota_today(Instant now) const {
  return QuotaLedger::today(campaign().account, campaign().channel, now,
                            sender.rules.platform_zone);
}

Instant Work::day_end(Instant now) const {
  return QuotaLedger::day_end(now, sender.rules.platform_zone);
}

delivery::RecipientQuery Work::query() const {
  return {campaign().account, campaign().purpose, message.has_variables()};
}

Result<Work> open_work(const EngineParts& parts, const EngineSettings& settings,
                       StoredCampaign row) {
  ZHIYIN_TRY(delivery::SenderAccount sender, parts.senders.find(row.campaign.account));
  ZHIYIN_TRY(MessageTemplate message, MessageTemplate::create(row.campaign.message));
  return Work{parts, settings, std::move(row), std::move(sender), std::move(message)};
}

Result<bool> while_running(storage::State& state, const CampaignId& id, const Change& change) {
  bool was_running = false;
  ZHIYIN_TRY_VOID(state.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(StoredCampaign row, load(session, id));
    was_running = row.campaign.state == CampaignState::kRunning;
    if (!was_running) return {};
    ZHIYIN_TRY_VOID(change(session, row));
    return save_run(session, row);
  }));
  return was_running;
}

Result<TickResult> wait_until(const Work& work, Instant until) {
  if (work.campaign().waiting_until != until) {
    ZHIYIN_TRY_VOID(while_running(work.parts.state, work.id(), [&](Session&, StoredCampaign& row) {
      row.campaign.waiting_until = until;
      return Result<void>();
    }));
  }
  return TickResult{false, until};
}

std::string link_address(const EngineSettings& settings, std::string_view code) {
  return fmt::format("{}/l/{}", settings.public_url, code);
}

delivery::Content content_for(const Work& work, const Recipient& recipient, std::string_view link) {
  return work.message.render(recipient.variables, link).content;
}

Result<std::string> make_link(Session& session, const Work& work, const TouchId& touch,
                              Instant now) {
  if (!work.message.uses_link()) return std::string();
  ZHIYIN_TRY(const delivery::ShortLink link,
             delivery::ShortLinks::create(session, work.message.link(), work.id(), touch, now));
  return link_address(work.settings, link.code);
}

Result<std::optional<Instant>> held_until(Session& session, const Work& work, Instant now) {
  ZHIYIN_TRY(const bool is_held, delivery::SendHolds::is_held(session, work.campaign().account));
  return is_held ? std::optional(now + delivery::SendHolds::kLookEvery) : std::nullopt;
}

Result<std::int64_t> calls_left(Session& session, const Work& work, Instant now) {
  return QuotaLedger::left(session, work.quota_today(now), work.calls_per_day());
}

ChannelKind budget_of(const Touch& touch) {
  const bool is_preview = touch.is_test && touch.channel == ChannelKind::kMass;
  return is_preview ? ChannelKind::kMassPreview : touch.channel;
}

delivery::QuotaKey quota_of(const Touch& touch) {
  return {touch.account, budget_of(touch), touch.quota_period};
}

Result<std::optional<Instant>> enter_minute(Session& session, const Work& work, Instant now) {
  const Campaign& c = work.campaign();
  const auto limit = work.sender.rules.calls_per_minute.find(c.channel);
  if (limit == work.sender.rules.calls_per_minute.end()) return std::optional<Instant>();
  ZHIYIN_TRY(const bool entered,
             QuotaLedger::enter_minute(session, QuotaLedger::this_minute(c.account, c.channel, now),
                                       limit->second));
  return entered ? std::optional<Instant>() : QuotaLedger::minute_end(now);
}

Result<Decision> judge(Session& session, const Work& work, const Recipient& recipient,
                       std::int64_t calls, bool is_test, Instant now) {
  ZHIYIN_TRY(std::vector<Decision> one,
             judge_all(session, work, std::span(&recipient, 1), calls, is_test, now));
  return std::move(one.front());
}

Result<std::vector<Decision>> judge_all(Session& session, const Work& work,
                                        std::span<const Recipient> recipients, std::int64_t calls,
                                        bool is_test, Instant now) {
  const Campaign& c = work.campaign();
  std::vector<std::span<const delivery::IdentityHash>> identities;
  identities.reserve(recipients.size());
  for (const Recipient& recipient : recipients) identities.emplace_back(recipient.identities);
  ZHIYIN_TRY(std::vector<delivery::TouchHistory> histories,
             SendLedger::histories(session, identities, c.account, now));
  std::vector<Decision> out;
  out.reserve(recipients.size());
  GateFacts facts;
  facts.channel = c.channel;
  facts.purpose = c.purpose;
  facts.is_test = is_test;
  facts.calls_left_today = calls;
  for (std::size_t i = 0; i < recipients.size(); ++i) {
    const Recipient& recipient = recipients[i];
    facts.following = recipient.following && recipient.has_openid;
    facts.consent = recipient.consent;
    if (i == 0 || work.message.has_variables()) fill_in(work, recipient, facts);
    facts.touches = std::move(histories[i].all);
    facts.mass_touches = std::move(histories[i].mass);
    facts.cs_touches = std::move(histories[i].cs);
    if (c.channel == ChannelKind::kCustomerService) {
      ZHIYIN_TRY(facts.cs_triggers, delivery::cs_triggers(session, recipient.identity, c.account));
    }
    out.push_back(delivery::decide(facts, work.sender.rules, now));
  }
  return out;
}

void plan_again(Touch& touch) {
  touch.state = TouchState::kPlanned;
  touch.sent_at.reset();
  touch.batch.clear();
  touch.quota_period = 0;
  touch.is_uncertain = false;
}

std::optional<Instant> earlier(std::optional<Instant> a, std::optional<Instant> b) {
  if (!a) return b;
  if (!b) return a;
  return std::min(*a, *b);
}

}  // namespace zhiyin::campaign::detail
