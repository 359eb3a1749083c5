#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_binding.h"
#include "base/time.h"

namespace zhiyin::wechat {

/// How many customer-service messages a person's action allows, and for how long. A new action does
/// not add up: the larger remaining count and validity win.
struct WindowAllowance {
  std::int64_t messages = 0;
  Duration validity{0};
};

/// Of the documented limits in this program: the defaults here, the rates in `endpoint.h` and the
/// bounds in `rule_table.cc`. One more with each change of them.
inline constexpr std::int64_t kLimitsVersion = 3;

/// Limits of the platform and of good manners, as data: what an account may do. The defaults are
/// the documented values of a newly registered, verified service account. A pure value.
struct Policy {
  std::int64_t mass_per_user_month = 4;   ///< mass messages one person receives in a calendar month
  std::int64_t mass_calls_per_day = 100;  ///< `sendall` and `send` together
  std::int64_t mass_calls_per_minute = 60;
  std::int64_t mass_previews_per_day = 100;
  std::int64_t mass_openids_min = 2;  ///< per call
  std::int64_t mass_openids_max = 10'000;
  Duration mass_idempotency = std::chrono::hours(24);  ///< how long a clientmsgid is remembered

  std::int64_t template_per_day = 100'000;
  Duration template_idempotency =
      std::chrono::minutes(10);  ///< how long a client_msg_id is remembered

  std::int64_t customer_service_per_day = 500'000;
  std::int64_t subscribe_per_day = 100'000;  ///< subscribe messages
  /// Templates of subscribe messages whose permission holds until it is taken back, instead of for
  /// one message.
  std::vector<std::string> long_term_templates;
  /// By what opens the window: message, menu_click, follow, scan; enter: the conversation of a
  /// mini-program was opened. What an account does not name is as documented; no messages: it opens
  /// none.
  std::map<std::string, WindowAllowance> customer_service_windows = {
      {"message", {5, std::chrono::hours(48)}},
      {"menu_click", {3, std::chrono::minutes(1)}},
      {"follow", {3, std::chrono::minutes(1)}},
      {"scan", {3, std::chrono::minutes(1)}},
      {"enter", {2, std::chrono::minutes(1)}}};

  std::int64_t user_info_batch_max = 100;

  /// How often a token may be ended before its time: the platform counts and ignores the rest.
  std::int64_t token_forces_per_day = 20;
  Duration token_force_gap = std::chrono::seconds(30);

  std::int64_t text_bytes_max = 2048;
  std::int64_t client_msg_id_bytes_max = 64;
  /// Characters of a template value by the type in its key (`thing01` is `thing`).
  std::map<std::string, std::int64_t> template_value_chars_max = {{"thing", 20},
                                                                  {"number", 32},
                                                                  {"letter", 32},
                                                                  {"symbol", 5},
                                                                  {"character_string", 32},
                                                                  {"phone_number", 17},
                                                                  {"car_number", 8},
                                                                  {"name", 20},
                                                                  {"phrase", 5}};

  /// Other bounds than the documented ones, by `METHOD MEMBER` as in `rule_table.cc`
  /// (`tags_create tag.name`), and other calls per minute and per day, by method as in
  /// `endpoint.h` or by what several share (`call_budget.h`). Days of methods that send go by the
  /// numbers above.
  std::map<std::string, std::int64_t> field_limits;
  std::map<std::string, std::int64_t> calls_per_minute;
  std::map<std::string, std::int64_t> calls_per_day;
  std::map<std::string, std::int64_t> calls_per_month;  ///< of what is counted by the month

  std::string quota_zone = "Asia/Shanghai";  ///< where the platform's day and month begin at 00:00
  std::string quiet_from = "22:00";          ///< no proactive sends from here …
  std::string quiet_until = "08:00";  ///< … to here, in the account's zone; equal: no quiet hours
  std::int64_t touches_per_day = 1;   ///< proactive messages to one person over all channels
  std::int64_t touches_per_month = 4;
};

/// Minutes after midnight of `HH:MM`; kInvalidArgument otherwise.
Result<int> parse_minute_of_day(std::string_view text);

/// kInvalidArgument with the field when a limit contradicts itself (times, zone, windows). Pure.
Result<void> validate(const Policy& policy);

}  // namespace zhiyin::wechat

namespace zhiyin {

template <>
struct Fields<wechat::WindowAllowance> {
  using S = wechat::WindowAllowance;
  static constexpr std::string_view name = "WindowAllowance";
  static constexpr auto list =
      field_list(field("messages", &S::messages, "messages that may be sent").range(0, 1000),
                 field("validity", &S::validity, "how long, as 48h"));
};

template <>
struct Fields<wechat::Policy> {
  using S = wechat::Policy;
  static constexpr std::string_view name = "Policy";
  static constexpr double kMax = 1e12;
  static constexpr auto list = field_list(
      field("mass_per_user_month", &S::mass_per_user_month,
            "mass messages per person and calendar month")
          .range(0, kMax)
          .optional(),
      field("mass_calls_per_day", &S::mass_calls_per_day, "mass-send calls per day")
          .range(0, kMax)
          .optional(),
      field("mass_calls_per_minute", &S::mass_calls_per_minute, "mass-send calls per minute")
          .range(1, kMax)
          .optional(),
      field("mass_previews_per_day", &S::mass_previews_per_day, "mass previews per day")
          .range(0, kMax)
          .optional(),
      field("mass_openids_min", &S::mass_openids_min, "fewest openids of one call")
          .range(1, kMax)
          .optional(),
      field("mass_openids_max", &S::mass_openids_max, "most openids of one call")
          .range(1, 1e6)
          .optional(),
      field("mass_idempotency", &S::mass_idempotency, "how long a clientmsgid is remembered")
          .optional(),
      field("template_per_day", &S::template_per_day, "template messages per day")
          .range(0, kMax)
          .optional(),
      field("template_idempotency", &S::template_idempotency,
            "how long a client_msg_id is remembered")
          .optional(),
      field("customer_service_per_day", &S::customer_service_per_day,
            "customer-service messages per day")
          .range(0, kMax)
          .optional(),
      field("subscribe_per_day", &S::subscribe_per_day, "subscribe messages per day")
          .range(0, kMax)
          .optional(),
      field("long_term_templates", &S::long_term_templates,
            "templates whose permission is not used up by a message")
          .length(0, 1000)
          .optional(),
      field("customer_service_windows", &S::customer_service_windows,
            "what a person's action allows, by kind of event")
          .optional(),
      field("user_info_batch_max", &S::user_info_batch_max, "people of one user-info call")
          .range(1, 1000)
          .optional(),
      field("token_forces_per_day", &S::token_forces_per_day,
            "how often a day an access token may be ended before its time")
          .range(0, kMax)
          .optional(),
      field("token_force_gap", &S::token_force_gap, "time between two of these").optional(),
      field("text_bytes_max", &S::text_bytes_max, "bytes of a text message")
          .range(1, 1e6)
          .optional(),
      field("client_msg_id_bytes_max", &S::client_msg_id_bytes_max, "bytes of our id of a send")
          .range(1, 1024)
          .optional(),
      field("template_value_chars_max", &S::template_value_chars_max,
            "characters of a template value, by type")
          .optional(),
      field("field_limits", &S::field_limits,
            "other bounds of request members, by method and member")
          .optional(),
      field("calls_per_minute", &S::calls_per_minute, "other calls per minute, by method")
          .optional(),
      field("calls_per_day", &S::calls_per_day, "other calls per day, by method").optional(),
      field("calls_per_month", &S::calls_per_month,
            "other calls per month: quota_resets (both clear_quota), quota_clear")
          .optional(),
      field("quota_zone", &S::quota_zone, "zone of the platform's day").length(1, 64).optional(),
      field("quiet_from", &S::quiet_from, "no proactive sends from, HH:MM").length(5, 5).optional(),
      field("quiet_until", &S::quiet_until, "until, HH:MM").length(5, 5).optional(),
      field("touches_per_day", &S::touches_per_day, "proactive messages per person and day")
          .range(0, 1000)
          .optional(),
      field("touches_per_month", &S::touches_per_month, "proactive messages per person and month")
          .range(0, 10000)
          .optional());
};

}  // namespace zhiyin
