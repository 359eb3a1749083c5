#include "delivery/wechat_senders.h"

#include "wechat/pace.h"

namespace zhiyin::delivery {

namespace {

constexpr std::size_t kNoPersonMonth = 1'000'000;
constexpr std::int64_t kTagSendsPerDay = 1;     // the platform's, of subscription accounts
constexpr std::size_t kTagPeopleMax = 200'000;  // so many are gathered for one of these

/// Of methods that have no number among the policy's members.
std::int64_t day_of(const wechat::Policy& policy, const char* method,
                    std::int64_t otherwise = kNoNumber) {
  const auto found = policy.calls_per_day.find(method);
  return found == policy.calls_per_day.end() ? otherwise : found->second;
}

CsAllowance allowance_of(const wechat::WindowAllowance& window) {
  return {static_cast<int>(window.messages), window.validity};
}

std::map<CsTrigger, CsAllowance> allowances(const wechat::Policy& policy) {
  constexpr std::pair<std::string_view, CsTrigger> kTriggers[] = {{"message", CsTrigger::kMessage},
                                                                  {"menu_click", CsTrigger::kMenu},
                                                                  {"follow", CsTrigger::kFollow},
                                                                  {"scan", CsTrigger::kScan},
                                                                  {"enter", CsTrigger::kEnter}};
  std::map<CsTrigger, CsAllowance> out = GateRules().cs_allowance;  // as documented
  for (const auto& [name, trigger] : kTriggers) {
    const auto found = policy.customer_service_windows.find(std::string(name));
    if (found != policy.customer_service_windows.end()) out[trigger] = allowance_of(found->second);
  }
  return out;
}

/// Of those channels that the platform, or the policy, gives a number.
std::map<ChannelKind, std::int64_t> minutes(const wechat::Account& account) {
  const bool is_mini_program = account.kind == wechat::AccountKind::kMiniProgram;
  const std::pair<std::string_view, ChannelKind> methods[] = {
      {"mass_send", ChannelKind::kMass},
      {"custom_send", ChannelKind::kCustomerService},
      {"template_send", ChannelKind::kTemplate},
      {is_mini_program ? "subscribe_send" : "subscribe_bizsend", ChannelKind::kSubscribe}};
  std::map<ChannelKind, std::int64_t> out;
  for (const auto& [name, channel] : methods) {
    const wechat::Endpoint* endpoint = wechat::find_endpoint(name);
    const std::int64_t calls = endpoint ? wechat::calls_per_minute(account.policy, *endpoint) : 0;
    if (calls > 0) out[channel] = calls;
  }
  return out;
}

/// What an account of that kind can send at all, and how often a day.
std::map<ChannelKind, std::int64_t> days(const wechat::Account& account) {
  using wechat::AccountKind;
  const wechat::Policy& policy = account.policy;
  const std::pair<ChannelKind, std::int64_t> service = {ChannelKind::kCustomerService,
                                                        policy.customer_service_per_day};
  const std::pair<ChannelKind, std::int64_t> subscribe = {ChannelKind::kSubscribe,
                                                          policy.subscribe_per_day};
  const std::pair<ChannelKind, std::int64_t> preview = {ChannelKind::kMassPreview,
                                                        policy.mass_previews_per_day};
  const std::pair<ChannelKind, std::int64_t> once = {ChannelKind::kTemplateOnce,
                                                     day_of(policy, "template_once")};
  switch (account.kind) {
    case AccountKind::kService:
      return {service, subscribe,
              preview, {ChannelKind::kMass, policy.mass_calls_per_day},
              once,    {ChannelKind::kTemplate, policy.template_per_day}};
    case AccountKind::kSubscription:
      return {service,
              subscribe,
              preview,
              once,
              {ChannelKind::kMass, day_of(policy, "mass_sendall", kTagSendsPerDay)}};
    case AccountKind::kMiniProgram:
      return {service, subscribe};
    case AccountKind::kWecom:
      return {{ChannelKind::kWecomTask, day_of(policy, "wecom_mass_add")},
              {ChannelKind::kWecomMoment, day_of(policy, "wecom_moment_add")},
              {ChannelKind::kWecomMessage, day_of(policy, "wecom_app_send")}};
    case AccountKind::kAdvertiser:
      break;
  }
  return {};
}

Result<GateRules> rules_of(const wechat::Account& account) {
  const wechat::Policy& policy = account.policy;
  GateRules rules;
  ZHIYIN_TRY(rules.zone, TimeZone::create(account.zone));
  ZHIYIN_TRY(rules.platform_zone, TimeZone::create(policy.quota_zone));
  ZHIYIN_TRY(const int from, wechat::parse_minute_of_day(policy.quiet_from));
  ZHIYIN_TRY(const int until, wechat::parse_minute_of_day(policy.quiet_until));
  ZHIYIN_TRY(rules.quiet,
             QuietHours::create(std::chrono::minutes(from), std::chrono::minutes(until)));
  ZHIYIN_TRY(rules.per_day,
             FrequencyCap::create(static_cast<std::size_t>(policy.touches_per_day), kDay));
  ZHIYIN_TRY(rules.per_month,
             MonthlyCap::create(static_cast<std::size_t>(policy.touches_per_month)));
  rules.mass_per_person_month = static_cast<std::size_t>(policy.mass_per_user_month);
  rules.calls_per_day = days(account);
  // The platform counts their sends, not what a person gets.
  if (account.kind == wechat::AccountKind::kSubscription)
    rules.mass_per_person_month = kNoPersonMonth;
  rules.calls_per_minute = minutes(account);
  rules.cs_allowance = allowances(policy);
  rules.text_bytes_max = static_cast<std::size_t>(policy.text_bytes_max);
  rules.template_chars_max.clear();
  for (const auto& [type, limit] : policy.template_value_chars_max) {
    rules.template_chars_max[type] = static_cast<std::size_t>(limit);
  }
  return rules;
}

}  // namespace

Result<SenderAccount> sender_of(const wechat::Account& account) {
  SenderAccount sender;
  sender.id = account.id;
  sender.is_service = account.kind == wechat::AccountKind::kService;
  sender.is_verified = account.verified;
  Result<GateRules> rules = rules_of(account);
  if (!rules) return std::unexpected(within("policy", std::move(rules.error())));
  sender.rules = std::move(*rules);
  sender.mass_openids_min = static_cast<std::size_t>(account.policy.mass_openids_min);
  sender.mass_openids_max = static_cast<std::size_t>(account.policy.mass_openids_max);
  sender.mass_by_tag = account.kind == wechat::AccountKind::kSubscription;
  if (sender.mass_by_tag) {
    sender.mass_openids_min = 1;
    sender.mass_openids_max = kTagPeopleMax;
  }
  sender.mass_idempotency = account.policy.mass_idempotency;
  sender.template_idempotency = account.policy.template_idempotency;
  return sender;
}

Result<SenderAccount> WechatSenders::find(const AccountId& account) const {
  ZHIYIN_TRY(const wechat::Account found, accounts_.get(account));
  return sender_of(found);
}

}  // namespace zhiyin::delivery
