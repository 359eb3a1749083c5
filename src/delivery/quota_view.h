#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json_binding.h"
#include "delivery/channel.h"
#include "delivery/recipient.h"
#include "delivery/send_hold.h"
#include "storage/state.h"
#include "wechat/account.h"

namespace zhiyin::delivery {

/// One channel of one account today (the platform's day).
struct ChannelQuota {
  ChannelKind channel = ChannelKind::kMass;
  std::int64_t limit = 0;     ///< calls a day by the account's policy
  std::int64_t used = 0;      ///< made, or perhaps made
  std::int64_t reserved = 0;  ///< about to be made
  std::int64_t leased = 0;    ///< in the chunks of processes, not spent: part of what is left
  std::int64_t left = 0;
  std::int64_t sent = 0;     ///< touches of today that the platform took
  std::int64_t failed = 0;   ///< that certainly reached nobody
  std::int64_t unknown = 0;  ///< counted although nobody knows whether they went out
  Instant resets_at;
};

/// What some methods of one account have left in the platform's day or month.
struct MethodQuota {
  std::string name;
  std::vector<std::string> methods;  ///< that are counted together
  std::string period;                ///< day or month
  std::int64_t limit = 0;
  std::int64_t used = 0;
  std::int64_t left = 0;
  Instant resets_at;
};

/// Budgets of an account: what is left, and what was used for nothing.
struct AccountQuota {
  AccountId account;
  std::vector<ChannelQuota> channels;  ///< those that an account of its kind has
  std::vector<MethodQuota> methods;    ///< those that were called
  std::int64_t windows_open = 0;       ///< people with a message of theirs within its validity
  std::int64_t windows_unused = 0;     ///< of those that closed in the last day, without any answer
  std::int64_t grants = 0;             ///< permissions for subscribe messages not used yet
  std::optional<SendHold> held;        ///< nothing is sent at all
};

/// Without methods.
Result<AccountQuota> account_quota(storage::Session& session, const SenderAccount& account,
                                   Instant now);
/// All of it. Fails like `sender_of`.
Result<AccountQuota> account_quota(storage::Session& session, const wechat::Account& account,
                                   Instant now);

}  // namespace zhiyin::delivery

template <>
struct zhiyin::Fields<zhiyin::delivery::ChannelQuota> {
  using S = delivery::ChannelQuota;
  static constexpr std::string_view name = "ChannelQuota";
  static constexpr auto list = field_list(
      field("channel", &S::channel, "mass, customer_service, template, subscribe or mass_preview"),
      field("limit", &S::limit, "calls a day"), field("used", &S::used, "made or perhaps made"),
      field("reserved", &S::reserved, "about to be made"),
      field("leased", &S::leased, "of what is left: in the chunks of processes"),
      field("left", &S::left, ""), field("sent", &S::sent, "touches that the platform took today"),
      field("failed", &S::failed, "touches that reached nobody"),
      field("unknown", &S::unknown, "touches of unknown outcome, counted"),
      field("resets_at", &S::resets_at, "when the platform's day ends"));
};
template <>
struct zhiyin::Fields<zhiyin::delivery::MethodQuota> {
  using S = delivery::MethodQuota;
  static constexpr std::string_view name = "MethodQuota";
  static constexpr auto list = field_list(
      field("name", &S::name, "as in the policy"),
      field("methods", &S::methods, "that are counted together"),
      field("period", &S::period, "day or month"), field("limit", &S::limit, "calls in it"),
      field("used", &S::used, "made or perhaps made"), field("left", &S::left, ""),
      field("resets_at", &S::resets_at, "when the platform's day or month ends"));
};
template <>
struct zhiyin::Fields<zhiyin::delivery::AccountQuota> {
  using S = delivery::AccountQuota;
  static constexpr std::string_view name = "AccountQuota";
  static constexpr auto list =
      field_list(field("account", &S::account, ""), field("channels", &S::channels, ""),
                 field("methods", &S::methods, "other calls that were made"),
                 field("windows_open", &S::windows_open, "people who may be answered"),
                 field("windows_unused", &S::windows_unused,
                       "windows that closed in the last day without an answer"),
                 field("grants", &S::grants, "subscribe messages that people have granted"),
                 field("held", &S::held, "why nothing is sent at all; absent: it is"));
};
