#include "delivery/direct_send.h"

#include <algorithm>

#include "audience/people_projection.h"
#include "base/random.h"
#include "delivery/delivery_projection.h"
#include "delivery/detail/direct_touch.h"
#include "delivery/grants.h"
#include "delivery/quota_ledger.h"
#include "delivery/send_hold.h"
#include "delivery/wechat_channel.h"
#include "delivery/wechat_senders.h"

namespace zhiyin::delivery {
namespace {

using storage::Session;

constexpr std::int64_t kNoGrantCode = 43101;

DirectResult refused(Rule rule) {
  return {{}, TouchState::kRefused, rule, std::string(rule_words(rule).zh)};
}

/// The template whose grant the message uses; empty for customer-service messages.
std::string template_of(const DirectMessage& message) {
  if (const auto* biz = std::get_if<wechat::SubscribeBizAsk>(&message)) return biz->template_id;
  if (const auto* mini = std::get_if<wechat::SubscribeAsk>(&message)) return mini->template_id;
  if (const auto* once = std::get_if<wechat::TemplateOnceAsk>(&message))
    return once_grant(once->template_id, once->scene);
  return {};
}

ChannelKind channel_of(const DirectMessage& message) {
  if (std::holds_alternative<wechat::CustomSendAsk>(message)) return ChannelKind::kCustomerService;
  return std::holds_alternative<wechat::TemplateOnceAsk>(message) ? ChannelKind::kTemplateOnce
                                                                  : ChannelKind::kSubscribe;
}

Result<wechat::ApiCall> call_of(const wechat::Policy& policy, const DirectMessage& message) {
  if (const auto* custom = std::get_if<wechat::CustomSendAsk>(&message))
    return prepare(wechat::kCustomSend, policy, *custom);
  if (const auto* biz = std::get_if<wechat::SubscribeBizAsk>(&message))
    return prepare(wechat::kSubscribeBiz, policy, *biz);
  if (const auto* once = std::get_if<wechat::TemplateOnceAsk>(&message))
    return prepare(wechat::kTemplateOnce, policy, *once);
  return prepare(wechat::kSubscribe, policy, std::get<wechat::SubscribeAsk>(message));
}

Touch intent(const AccountId& account, const Recipient& recipient, ChannelKind channel,
             Instant now) {
  Touch touch = detail::direct_touch(TouchId("t_direct_" + uuid_v7(now)), account, channel, now);
  // Whose first event has not been counted yet will be this person.
  touch.person =
      recipient.person.empty() ? audience::person_id_of(recipient.identity) : recipient.person;
  touch.identity = recipient.identity;
  touch.partition = recipient.partition;
  return touch;
}

/// Everything that one send looks at and writes.
struct Send {
  const DirectSends::Parts& parts;
  const wechat::Account& account;
  const GateRules& rules;
  const Recipient& recipient;
  ChannelKind channel;
  std::string template_id;
  bool is_long_term = false;
  std::optional<Occasion> answers = {};

  [[nodiscard]] std::int64_t calls_per_day() const {
    const auto found = rules.calls_per_day.find(channel);
    return found == rules.calls_per_day.end() ? 0 : found->second;
  }
  [[nodiscard]] std::int64_t calls_per_minute() const {
    const auto found = rules.calls_per_minute.find(channel);
    return found == rules.calls_per_minute.end() ? 0 : found->second;
  }
  /// Of a permission that a message uses up.
  [[nodiscard]] bool takes_grant() const {
    return channel == ChannelKind::kSubscribe || channel == ChannelKind::kTemplateOnce;
  }
  [[nodiscard]] bool needs_no_following() const {
    return answers || takes_grant() || account.kind == wechat::AccountKind::kMiniProgram;
  }
  [[nodiscard]] GrantHolder holder() const { return {recipient.identity, account.id}; }

  Result<Rule> judge(Session& session, const QuotaKey& quota, Instant now) const {
    ZHIYIN_TRY(TouchHistory history,
               SendLedger::history(session, recipient.identities, account.id, now));
    GateFacts facts;
    ZHIYIN_TRY(facts.account_held, SendHolds::is_held(session, account.id));
    facts.channel = channel;
    facts.purpose = Purpose::kNotification;
    facts.is_test = true;
    facts.following = needs_no_following() || recipient.following;
    // Nobody unknown has withdrawn anything.
    facts.consent = recipient.consent || recipient.person.empty() || answers.has_value();
    facts.cs_touches = std::move(history.cs);
    ZHIYIN_TRY(facts.cs_triggers, cs_triggers(session, recipient.identity, account.id));
    if (answers) {  // by the platform's clock, which may be ahead of ours
      Instant& at = facts.cs_triggers[answers->trigger];
      at = std::max(at, std::min(answers->at, now));
    }
    // Where processes have chunks, `reserve` decides: a look at all of them would make everybody
    // wait for everybody.
    facts.calls_left_today = calls_per_day();
    if (!parts.quota.leases()) {
      ZHIYIN_TRY(facts.calls_left_today, QuotaLedger::left(session, quota, calls_per_day()));
    }
    return decide(facts, rules, now).rule;
  }

  /// Reserves everywhere and writes the intent; the rule when something objects, and then nothing
  /// is changed.
  Result<Rule> reserve(Session& session, Touch& touch, Instant now) const {
    const QuotaKey quota = QuotaLedger::today(account.id, channel, now, rules.platform_zone);
    touch.quota_period = quota.period;
    ZHIYIN_TRY(const Rule rule, judge(session, quota, now));
    if (rule != Rule::kNone) return rule;
    if (takes_grant()) {
      ZHIYIN_TRY(const bool has_grant, Grants::take(session, holder(), template_id, is_long_term));
      if (!has_grant) return Rule::kNoGrant;
    }
    // Last of those that a rule can refuse: the minute gives nothing back.
    ZHIYIN_TRY(
        const bool has_minute,
        QuotaLedger::enter_minute(session, QuotaLedger::this_minute(account.id, channel, now),
                                  calls_per_minute()));
    if (!has_minute) {
      if (takes_grant() && !is_long_term) {
        ZHIYIN_TRY_VOID(Grants::give_back(session, holder(), template_id));
      }
      return Rule::kPlatformQuota;
    }
    ZHIYIN_TRY_VOID(QuotaLedger::reserve(session, quota, 1, calls_per_day(), parts.quota));
    ZHIYIN_TRY_VOID(SendLedger::add(session, touch));
    return Rule::kNone;
  }

  /// Settles what was reserved. Somebody who closed the touch meanwhile has settled it already.
  Result<void> settle(Session& session, const Touch& touch, std::int64_t errcode) const {
    ZHIYIN_TRY_VOID(SendHolds::note(session, account.id, errcode, touch.error, parts.clock.now()));
    const Result<void> written =
        SendLedger::update(session, touch, parts.clock.now(), TouchState::kSending);
    if (!written && written.error().code == ErrorCode::kConflict) return {};
    ZHIYIN_TRY_VOID(written);
    const QuotaKey quota{account.id, channel, touch.quota_period};
    if (touch.state != TouchState::kFailed)
      return QuotaLedger::commit(session, quota, 1, parts.quota);
    ZHIYIN_TRY_VOID(QuotaLedger::release(session, quota, 1, parts.quota));
    if (!takes_grant()) return {};
    if (errcode == kNoGrantCode) return Grants::exhaust(session, holder(), template_id);
    return is_long_term ? Result<void>() : Grants::give_back(session, holder(), template_id);
  }
};

}  // namespace

std::optional<Occasion> occasion_of(const wechat::Callback& callback) {
  using wechat::CallbackKind;
  const Instant at = callback.create_time;
  if (wechat::is_message(callback.kind)) return Occasion{CsTrigger::kMessage, at};
  if (callback.kind == CallbackKind::kMenuClick) return Occasion{CsTrigger::kMenu, at};
  if (callback.kind == CallbackKind::kFollow) return Occasion{CsTrigger::kFollow, at};
  if (callback.kind == CallbackKind::kScan) return Occasion{CsTrigger::kScan, at};
  return std::nullopt;
}

ServiceWindow service_window(const CsTriggers& triggers, const std::vector<Instant>& cs_touches,
                             const GateRules& rules, Instant now) {
  ServiceWindow window;
  for (const auto& [trigger, at] : triggers) {
    const auto allowance = rules.cs_allowance.find(trigger);
    if (allowance == rules.cs_allowance.end() || at > now) continue;
    const Instant until = at + allowance->second.validity;
    if (now >= until) continue;
    const int left = cs_messages_left({{trigger, at}}, cs_touches, rules, now);
    window.openings.push_back({trigger, at, until, left});
    window.left = std::max(window.left, left);
    if (left > 0 && (!window.until || until > *window.until)) window.until = until;
  }
  return window;
}

Result<void> DirectSends::write(const std::function<Result<void>(Session&)>& work) const {
  return parts_.writes != nullptr ? parts_.writes->write(work) : parts_.state.write(work);
}

Result<DirectResult> DirectSends::send(const AccountId& account_id, const std::string& openid,
                                       DirectMessage message,
                                       std::optional<Occasion> answers) const {
  ZHIYIN_TRY(const wechat::Account account, parts_.accounts.get(account_id));
  std::visit([&](auto& ask) { ask.touser = openid; }, message);
  ZHIYIN_TRY(wechat::ApiCall call, call_of(account.policy, message));
  ZHIYIN_TRY(const SenderAccount sender, sender_of(account));
  ZHIYIN_TRY(const Recipient recipient,
             parts_.recipients.by_openid(openid, {account_id, Purpose::kNotification, false}));

  Send send{parts_, account, sender.rules, recipient, channel_of(message), template_of(message)};
  send.answers = answers;
  send.is_long_term = std::ranges::find(account.policy.long_term_templates, send.template_id) !=
                      account.policy.long_term_templates.end();
  const Instant now = parts_.clock.now();
  Touch touch = intent(account_id, recipient, send.channel, now);
  touch.template_id = send.template_id;
  Rule rule = Rule::kNone;
  const Result<void> intended = write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(rule, send.reserve(session, touch, now));
    return {};
  });
  // Another one was quicker, or took what was left into its chunk and spent it.
  if (!intended && intended.error().code == ErrorCode::kLimitReached)
    return refused(Rule::kPlatformQuota);
  ZHIYIN_TRY_VOID(intended);
  if (rule != Rule::kNone) return refused(rule);

  const auto answer =
      parts_.platform.perform_and_wait(wechat::api_account(account), std::move(call));
  touch.state = detail::state_of(answer);
  touch.is_uncertain = false;
  if (!answer) touch.error = answer.error().message;
  ZHIYIN_TRY_VOID(write([&](Session& session) {
    return send.settle(session, touch, answer ? 0 : answer.error().errcode);
  }));
  return DirectResult{touch.id, touch.state, Rule::kNone, touch.error};
}

Result<ServiceWindow> DirectSends::window(const AccountId& account_id,
                                          const std::string& openid) const {
  ZHIYIN_TRY(const wechat::Account account, parts_.accounts.get(account_id));
  ZHIYIN_TRY(const SenderAccount sender, sender_of(account));
  ZHIYIN_TRY(const Recipient recipient,
             parts_.recipients.by_openid(openid, {account_id, Purpose::kNotification, false}));
  if (recipient.person.empty())
    return fail(ErrorCode::kNotFound, "person: '{}' is not known", shortened(openid));
  const Instant now = parts_.clock.now();
  ServiceWindow window;
  ZHIYIN_TRY_VOID(parts_.state.read([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(const CsTriggers triggers, cs_triggers(session, recipient.identity, account_id));
    ZHIYIN_TRY(const TouchHistory history,
               SendLedger::history(session, recipient.identities, account_id, now));
    window = service_window(triggers, history.cs, sender.rules, now);
    return {};
  }));
  return window;
}

}  // namespace zhiyin::delivery
