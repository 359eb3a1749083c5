#include "wechat/policy.h"

#include <algorithm>
#include <functional>

#include "wechat/call_budget.h"
#include "wechat/rule.h"

namespace zhiyin::wechat {
namespace {

constexpr std::string_view kWindowKinds[] = {"message", "menu_click", "follow", "scan", "enter"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Methods that send and have no other number for their day.
bool has_day_of_its_own(std::string_view method) {
  constexpr std::string_view kMethods[] = {"mass_sendall", "template_once", "wecom_mass_add",
                                           "wecom_moment_add", "wecom_app_send"};
  return std::ranges::find(kMethods, method) != std::end(kMethods);
}

Result<void> check_calls(const std::string& field,
                         const std::map<std::string, std::int64_t>& calls_by_method,
                         const std::function<bool(std::string_view)>& is_known) {
  for (const auto& [method, calls] : calls_by_method) {
    if (!is_known(method))
      return fail_field(field, "there is no method '{}' that is counted so", method.substr(0, 128));
    if (calls < 1) return fail_field(field + "." + method, "{} is below 1", calls);
  }
  return {};
}

}  // namespace

Result<int> parse_minute_of_day(std::string_view text) {
  const bool is_shaped = text.size() == 5 && text[2] == ':' && is_digit(text[0]) &&
                         is_digit(text[1]) && is_digit(text[3]) && is_digit(text[4]);
  const int hour = is_shaped ? (text[0] - '0') * 10 + text[1] - '0' : 0;
  const int minute = is_shaped ? (text[3] - '0') * 10 + text[4] - '0' : 0;
  if (!is_shaped || hour > 23 || minute > 59) {
    return fail(ErrorCode::kInvalidArgument, "'{}' is not a time of day as 22:00",
                text.substr(0, 16));
  }
  return hour * 60 + minute;
}

Result<void> validate(const Policy& policy) {
  if (policy.mass_openids_min > policy.mass_openids_max) {
    return fail_field("mass_openids_min", "is above mass_openids_max ({})",
                      policy.mass_openids_max);
  }
  if (auto ok = parse_minute_of_day(policy.quiet_from); !ok)
    return std::unexpected(within("quiet_from", ok.error()));
  if (auto ok = parse_minute_of_day(policy.quiet_until); !ok)
    return std::unexpected(within("quiet_until", ok.error()));
  if (auto ok = TimeZone::create(policy.quota_zone); !ok)
    return std::unexpected(within("quota_zone", ok.error()));
  if (policy.mass_idempotency < Duration::zero())
    return fail_field("mass_idempotency", "is negative");
  if (policy.template_idempotency < Duration::zero())
    return fail_field("template_idempotency", "is negative");
  if (policy.token_force_gap < Duration::zero())
    return fail_field("token_force_gap", "is negative");
  for (const auto& [kind, allowance] : policy.customer_service_windows) {
    bool is_known = false;
    for (const std::string_view known : kWindowKinds) is_known = is_known || known == kind;
    if (!is_known) {
      return fail_field("customer_service_windows",
                        "'{}' opens no window (message, menu_click, follow, scan, enter do)", kind);
    }
    if (allowance.messages < 0 || allowance.validity < Duration::zero()) {
      return fail_field("customer_service_windows." + kind, "is negative");
    }
  }
  for (const auto& [name, limit] : policy.field_limits) {
    const auto is_meant = [&](const Rule& rule) {
      return fmt::format("{} {}", rule.method, rule.path) == name;
    };
    if (std::ranges::none_of(rules(), is_meant))
      return fail_field("field_limits", "there is no member '{}'", name.substr(0, 128));
    if (limit < 1) return fail_field("field_limits." + name, "{} is below 1", limit);
  }
  const auto is_method = [](std::string_view name) { return find_endpoint(name) != nullptr; };
  const auto is_of = [](BudgetPeriod period) {
    return [period](std::string_view name) { return names_budget(name, period); };
  };
  ZHIYIN_TRY_VOID(check_calls("calls_per_minute", policy.calls_per_minute, is_method));
  ZHIYIN_TRY_VOID(check_calls("calls_per_day", policy.calls_per_day, is_of(BudgetPeriod::kDay)));
  ZHIYIN_TRY_VOID(
      check_calls("calls_per_month", policy.calls_per_month, is_of(BudgetPeriod::kMonth)));
  for (const auto& [method, calls] : policy.calls_per_day) {
    const Endpoint* const endpoint = find_endpoint(method);
    if (endpoint != nullptr && endpoint->sends && !has_day_of_its_own(method)) {
      return fail_field("calls_per_day." + method,
                        "what sends goes by mass_calls_per_day, mass_previews_per_day, "
                        "template_per_day, customer_service_per_day and subscribe_per_day");
    }
  }
  for (const auto& [type, chars] : policy.template_value_chars_max) {
    if (chars < 1) return fail_field("template_value_chars_max." + type, "{} is below 1", chars);
  }
  return {};
}

}  // namespace zhiyin::wechat
