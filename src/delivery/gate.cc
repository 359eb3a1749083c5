#include "delivery/gate.h"

#include <algorithm>

#include "base/utf8.h"
#include "delivery/send_hold.h"

namespace zhiyin::delivery {

namespace {

struct RuleLine {
  Rule rule;
  RuleWords words;
};

constexpr RuleLine kRuleWords[] = {
    {Rule::kNone, {"", ""}},
    {Rule::kNotFollowing, {"没有关注此公众号", "does not follow the account"}},
    {Rule::kNoConsent, {"已退订此类消息", "has withdrawn consent to such messages"}},
    {Rule::kHeldOut,
     {"属于对照组，不发送以便衡量效果", "kept back, so that the effect can be measured"}},
    {Rule::kTemplateMarketing,
     {"模板消息只能用于服务通知，不能用于营销",
      "template messages may only be notifications, not marketing"}},
    {Rule::kMissingVariable,
     {"消息中的变量没有值，也没有备用文字",
      "a variable of the message has neither value nor fallback"}},
    {Rule::kContentTooLong,
     {"填入变量后内容超过平台长度限制", "too long for the platform once filled in"}},
    {Rule::kQuietHours, {"免打扰时段，稍后发送", "quiet hours: sent later"}},
    {Rule::kCsWindow,
     {"不在客服消息窗口内（近期没有互动，或条数已用完）",
      "outside the customer-service window (no recent contact, or its messages are used up)"}},
    {Rule::kFrequencyCap,
     {"已达到发送频次上限", "has had as many messages as the frequency cap allows"}},
    {Rule::kPlatformQuota, {"已达到微信平台的配额", "the platform's quota is used up"}},
    {Rule::kNoGrant,
     {"对方没有授权这个订阅消息，或授权已用完",
      "has not granted this subscribe message, or the grant is used up"}},
    {Rule::kAccountHeld,
     {"平台已封禁或冻结此账号，暂停一切发送，直到解除",
      "the platform has banned or frozen the account: nothing is sent until it is released"}},
    {Rule::kBatchTooSmall, {"剩下的人数不足一次群发", "too few are left for a mass send"}},
};

Decision refuse(Rule rule, std::string detail = {}) {
  return {Verdict::kRefuse, rule, std::nullopt, std::move(detail)};
}

Decision refuse_until(Rule rule, Instant next) { return {Verdict::kRefuse, rule, next, {}}; }

/// When the platform lets one more mass message of this account through to the person.
Instant mass_allowed(const GateFacts& facts, const GateRules& rules, Instant now) {
  const Result<MonthlyCap> cap = MonthlyCap::create(rules.mass_per_person_month);
  if (!cap) return next_month_start(now, rules.platform_zone);  // a limit of 0 allows none
  return cap->next_allowed(facts.mass_touches, now, rules.platform_zone);
}

Decision by_quota(const GateFacts& facts, const GateRules& rules, Instant now) {
  if (facts.channel == ChannelKind::kMass && !facts.is_test) {
    const Instant next = mass_allowed(facts, rules, now);
    if (next > now) return refuse_until(Rule::kPlatformQuota, next);
  }
  if (facts.calls_left_today <= 0) {
    const Instant tomorrow =
        day_start(local_day(now, rules.platform_zone) + 1, rules.platform_zone);
    return {Verdict::kWait, Rule::kPlatformQuota, tomorrow, {}};
  }
  return {};
}

/// `thing` of `thing12`.
std::string_view keyword_type(std::string_view keyword) {
  while (!keyword.empty() && keyword.back() >= '0' && keyword.back() <= '9') {
    keyword.remove_suffix(1);
  }
  return keyword;
}

}  // namespace

RuleWords rule_words(Rule rule) {
  for (const RuleLine& line : kRuleWords) {
    if (line.rule == rule) return line.words;
  }
  return {};
}

Rule ineligible(const GateFacts& facts) {
  if (!facts.following) return Rule::kNotFollowing;
  if (!facts.consent) return Rule::kNoConsent;
  return Rule::kNone;
}

std::string too_long(const Content& content, const GateRules& rules) {
  if (content.text.size() > rules.text_bytes_max) return "text";
  if (content.title.size() + content.description.size() > rules.text_bytes_max)
    return "description";
  for (const auto& [keyword, value] : content.data) {
    const auto limit = rules.template_chars_max.find(std::string(keyword_type(keyword)));
    if (limit != rules.template_chars_max.end() && utf8::length(value) > limit->second) {
      return keyword;
    }
  }
  return {};
}

int cs_messages_left(const CsTriggers& triggers, const std::vector<Instant>& cs_touches,
                     const GateRules& rules, Instant now) {
  int left = 0;
  for (const auto& [trigger, at] : triggers) {
    const auto allowance = rules.cs_allowance.find(trigger);
    if (allowance == rules.cs_allowance.end() || at > now) continue;
    if (now >= at + allowance->second.validity) continue;
    const auto used =
        std::count_if(cs_touches.begin(), cs_touches.end(), [&](Instant t) { return t >= at; });
    left = std::max(left, allowance->second.messages - static_cast<int>(used));
  }
  return left;
}

Decision decide(const GateFacts& facts, const GateRules& rules, Instant now) {
  if (facts.account_held)
    return {Verdict::kWait, Rule::kAccountHeld, now + SendHolds::kLookEvery, {}};
  if (const Rule rule = ineligible(facts); rule != Rule::kNone) return refuse(rule);
  if (facts.held_out && !facts.is_test)
    return {Verdict::kHoldOut, Rule::kHeldOut, std::nullopt, {}};
  if (facts.channel == ChannelKind::kTemplate && facts.purpose != Purpose::kNotification) {
    return refuse(Rule::kTemplateMarketing);
  }
  if (!facts.missing_variables.empty()) {
    return refuse(Rule::kMissingVariable, facts.missing_variables.front());
  }
  if (!facts.too_long.empty()) return refuse(Rule::kContentTooLong, facts.too_long);
  if (!facts.is_test && rules.quiet.contains(now, rules.zone)) {
    return {Verdict::kWait, Rule::kQuietHours, rules.quiet.next_allowed(now, rules.zone), {}};
  }
  if (facts.channel == ChannelKind::kCustomerService &&
      cs_messages_left(facts.cs_triggers, facts.cs_touches, rules, now) <= 0) {
    return refuse(Rule::kCsWindow);
  }
  if (!facts.is_test) {
    const Instant next = std::max(rules.per_day.next_allowed(facts.touches, now),
                                  rules.per_month.next_allowed(facts.touches, now, rules.zone));
    if (next > now) return refuse_until(Rule::kFrequencyCap, next);
  }
  return by_quota(facts, rules, now);
}

}  // namespace zhiyin::delivery
