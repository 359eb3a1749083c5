#pragma once

#include <functional>

#include "campaign/detail/row.h"
#include "campaign/engine.h"
#include "campaign/message_template.h"
#include "delivery/gate.h"

namespace zhiyin::campaign::detail {

using delivery::Touch;
using delivery::TouchState;

/// A campaign at hand, with what its steps need.
struct Work {
  const EngineParts& parts;
  const EngineSettings& settings;
  StoredCampaign row;
  delivery::SenderAccount sender;
  MessageTemplate message;

  [[nodiscard]] const Campaign& campaign() const { return row.campaign; }
  [[nodiscard]] const CampaignId& id() const { return row.campaign.id; }
  [[nodiscard]] Instant now() const { return parts.clock.now(); }
  [[nodiscard]] std::int64_t calls_per_day() const { return calls_per_day(campaign().channel); }
  [[nodiscard]] std::int64_t calls_per_day(ChannelKind channel) const;
  /// The day's budget of the campaign's channel, and when that day ends for the platform.
  [[nodiscard]] delivery::QuotaKey quota_today(Instant now) const;
  [[nodiscard]] Instant day_end(Instant now) const;
  [[nodiscard]] delivery::RecipientQuery query() const;
};

/// Reads account and message. Fails like `Senders::find` and `MessageTemplate::create`.
Result<Work> open_work(const EngineParts& parts, const EngineSettings& settings,
                       StoredCampaign row);

using Change = std::function<Result<void>(storage::Session&, StoredCampaign&)>;
/// In one transaction: `change` and the row it leaves, if the campaign is still running. False when
/// it is not; nothing is changed then.
Result<bool> while_running(storage::State& state, const CampaignId& id, const Change& change);

/// Notes until when the campaign waits.
Result<TickResult> wait_until(const Work& work, Instant until);

/// The tracked address of a link's code.
std::string link_address(const EngineSettings& settings, std::string_view code);

/// What the gate says about one more message of the campaign to `recipient` at `now`.
Result<delivery::Decision> judge(storage::Session& session, const Work& work,
                                 const delivery::Recipient& recipient, std::int64_t calls_left,
                                 bool is_test, Instant now);

/// The same of many, in their order: what is stored is read for all of them together.
Result<std::vector<delivery::Decision>> judge_all(storage::Session& session, const Work& work,
                                                  std::span<const delivery::Recipient> recipients,
                                                  std::int64_t calls_left, bool is_test,
                                                  Instant now);

/// While the account is held (`delivery/send_hold.h`): when to look again.
Result<std::optional<Instant>> held_until(storage::Session& session, const Work& work, Instant now);

/// Calls of the campaign's channel that today's quota leaves.
Result<std::int64_t> calls_left(storage::Session& session, const Work& work, Instant now);

/// The channel whose budget the platform counts `touch` in: tests of mass sends are previews.
ChannelKind budget_of(const Touch& touch);
/// What `touch` was reserved from.
delivery::QuotaKey quota_of(const Touch& touch);

/// Within the transaction of an intent: counts the call in this clock minute. The minute's end when
/// it has no more calls; nothing is counted then.
Result<std::optional<Instant>> enter_minute(storage::Session& session, const Work& work,
                                            Instant now);

/// The message as `recipient` would get it; `link` as in MessageTemplate::render.
delivery::Content content_for(const Work& work, const delivery::Recipient& recipient,
                              std::string_view link);

/// The code of the link that goes out with the message (for `touch`, or for everybody when it is
/// empty), as an address; empty when the message has none.
Result<std::string> make_link(storage::Session& session, const Work& work, const TouchId& touch,
                              Instant now);

/// Back to planned: it certainly did not go out.
void plan_again(Touch& touch);

/// Earlier of the two; absent counts as never.
std::optional<Instant> earlier(std::optional<Instant> a, std::optional<Instant> b);

}  // namespace zhiyin::campaign::detail
