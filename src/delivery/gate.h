#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_binding.h"
#include "base/time.h"
#include "delivery/channel.h"
#include "delivery/frequency_cap.h"
#include "delivery/quiet_hours.h"

namespace zhiyin::delivery {

/// Why a touch did not go out. Stored and sent by name and number: never change either.
enum class Rule : int {
  kNone = 0,
  kNotFollowing = 1,
  kNoConsent = 2,
  kHeldOut = 3,
  kTemplateMarketing = 4,
  kMissingVariable = 5,
  kContentTooLong = 6,
  kQuietHours = 7,
  kCsWindow = 8,
  kFrequencyCap = 9,
  kPlatformQuota = 10,
  kBatchTooSmall = 11,
  kNoGrant = 12,
  kAccountHeld = 13,
};

/// What an operator reads about a rule.
struct RuleWords {
  std::string_view zh;
  std::string_view en;
};
RuleWords rule_words(Rule rule);

/// What opens the platform's window for customer-service messages. Stored by number: never change
/// them.
enum class CsTrigger : int {
  kMessage = 1,
  kMenu = 2,
  kFollow = 3,
  kScan = 4,
  kEnter = 5,  ///< the conversation of a mini-program was opened
};

/// How many messages a trigger allows, and for how long. The platform's policy as data.
struct CsAllowance {
  int messages = 0;
  Duration validity{};
};

/// When each kind of trigger happened last. Absent: never.
using CsTriggers = std::map<CsTrigger, Instant>;

/// Of a budget without a known number: it is counted all the same.
inline constexpr std::int64_t kNoNumber = 1'000'000'000'000;

/// Limits that the gate applies: the owner's own and the platform's, all data with defaults.
struct GateRules {
  TimeZone zone = TimeZone::shanghai();
  QuietHours quiet = QuietHours::nightly();
  FrequencyCap per_day = FrequencyCap::daily();
  MonthlyCap per_month = MonthlyCap::four();
  TimeZone platform_zone = TimeZone::shanghai();  ///< where the platform's month begins
  /// The platform's: of service accounts mass sends, of companies what their members send for them.
  std::size_t mass_per_person_month = 4;
  std::map<ChannelKind, std::int64_t> calls_per_day = {
      {ChannelKind::kMass, 100},         {ChannelKind::kCustomerService, 500'000},
      {ChannelKind::kTemplate, 100'000}, {ChannelKind::kSubscribe, 100'000},
      {ChannelKind::kMassPreview, 100},  {ChannelKind::kTemplateOnce, kNoNumber}};
  /// A channel without a number has none in a minute.
  std::map<ChannelKind, std::int64_t> calls_per_minute = {{ChannelKind::kMass, 60}};
  std::map<CsTrigger, CsAllowance> cs_allowance = {
      {CsTrigger::kMessage, {5, std::chrono::hours(48)}},
      {CsTrigger::kMenu, {3, std::chrono::minutes(1)}},
      {CsTrigger::kFollow, {3, std::chrono::minutes(1)}},
      {CsTrigger::kScan, {3, std::chrono::minutes(1)}},
      {CsTrigger::kEnter, {2, std::chrono::minutes(1)}}};
  std::size_t text_bytes_max = 2048;
  /// Characters of a template's value by the letters of its keyword (`thing1` is `thing`).
  std::map<std::string, std::size_t> template_chars_max = {
      {"thing", 20},     {"number", 32}, {"letter", 32},
      {"symbol", 5},     {"phrase", 5},  {"phone_number", 17},
      {"car_number", 8}, {"name", 20},   {"character_string", 32}};
};

/// Everything that a decision about one touch looks at.
struct GateFacts {
  ChannelKind channel = ChannelKind::kMass;
  Purpose purpose = Purpose::kMarketing;
  bool account_held = false;  ///< the platform has stopped the account: `send_hold.h`
  bool is_test = false;  ///< asked for by the operator: no holdout, quiet hours or frequency cap
  bool following = false;
  bool consent = true;  ///< not withdrawn for this purpose
  bool held_out = false;
  std::vector<std::string> missing_variables;  ///< used in the message, without value or fallback
  std::string too_long;  ///< the part of the message that is too long when filled in; empty: none
  std::vector<Instant> touches;       ///< sent or perhaps sent, all channels, ascending
  std::vector<Instant> mass_touches;  ///< of these, mass sends of this account
  CsTriggers cs_triggers;
  std::vector<Instant> cs_touches;    ///< customer-service messages of this account, ascending
  std::int64_t calls_left_today = 0;  ///< of the channel, before this one
};

enum class Verdict { kSend, kRefuse, kHoldOut, kWait };

struct Decision {
  Verdict verdict = Verdict::kSend;
  Rule rule = Rule::kNone;
  std::optional<Instant> next_allowed;  ///< of kWait; of kRefuse where time alone would heal it
  std::string detail;                   ///< the variable that is missing and the like
};

/// Whether the person may be written to at all, before anybody is assigned to a holdout: following
/// and consent. Pure.
Rule ineligible(const GateFacts& facts);

/// The part of `content` that the platform would not take for its length; empty: none. Pure.
std::string too_long(const Content& content, const GateRules& rules);

/// The one gate that every touch passes. Whether the account is held comes first, then the rules in
/// the order of `Rule`; the first that objects decides. A hold, quiet hours and the account's daily
/// quota make the touch wait, other rules refuse it. Pure.
Decision decide(const GateFacts& facts, const GateRules& rules, Instant now);

/// Messages that the person's customer-service window still allows at `now`: the most that any
/// trigger in force leaves, since triggers replace each other and do not add up. Pure.
int cs_messages_left(const CsTriggers& triggers, const std::vector<Instant>& cs_touches,
                     const GateRules& rules, Instant now);

}  // namespace zhiyin::delivery

template <>
struct zhiyin::EnumNames<zhiyin::delivery::Rule> {
  static constexpr std::pair<delivery::Rule, std::string_view> list[] = {
      {delivery::Rule::kNone, "none"},
      {delivery::Rule::kNotFollowing, "not_following"},
      {delivery::Rule::kNoConsent, "no_consent"},
      {delivery::Rule::kHeldOut, "held_out"},
      {delivery::Rule::kTemplateMarketing, "template_marketing"},
      {delivery::Rule::kMissingVariable, "missing_variable"},
      {delivery::Rule::kContentTooLong, "content_too_long"},
      {delivery::Rule::kQuietHours, "quiet_hours"},
      {delivery::Rule::kCsWindow, "cs_window"},
      {delivery::Rule::kFrequencyCap, "frequency_cap"},
      {delivery::Rule::kPlatformQuota, "platform_quota"},
      {delivery::Rule::kNoGrant, "no_grant"},
      {delivery::Rule::kAccountHeld, "account_held"},
      {delivery::Rule::kBatchTooSmall, "batch_too_small"}};
};
