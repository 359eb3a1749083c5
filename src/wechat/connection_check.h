#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "http/message.h"
#include "wechat/account.h"
#include "wechat/call.h"
#include "wechat/diagnosis.h"

/// What can be told about a connection to the platform from what it answers. Pure.
namespace zhiyin::wechat {

/// One thing that was looked at.
struct ConnectionFinding {
  bool ok = true;
  std::string detail;
  std::string advice = {};  ///< what to do, Chinese then English; of one that is not ok
};

/// The address from which the platform saw us, as the message of 40164, 61004 or 60020 names it;
/// empty when it names none.
std::string seen_address(std::string_view message);

/// Whether a token can be had, and what to do when not: the cause by the platform's errcode.
ConnectionFinding token_finding(const Outcome<Secret>& token);

/// How far our clock is ahead of who answered, by the `Date` header (RFC 9110), to the second;
/// nothing when there is none.
std::optional<Duration> clock_ahead(const http::Headers& headers, Instant now);
/// Callbacks are refused when the clocks are ten minutes apart, calls of Tencent Ads at five.
ConnectionFinding clock_finding(std::optional<Duration> ahead);

/// Of our own question to a callback address: the platform's are digits.
inline constexpr std::string_view kProbeNonce = "zhiyin-doctor";

/// The query of the platform's check of a callback address, signed with the account's token, of
/// WeCom encrypted with its key; `echo` comes back as it is where the address is ours. It does not
/// count as a request of the platform (`kProbeNonce`). Nothing where token or key are missing, and
/// for advertisers.
std::optional<std::string> callback_probe(const Account& account, std::string_view echo,
                                          Instant now);
/// What the platform itself sees of the callback's address: to which addresses its name leads, and
/// whether they answer. Platforms that do not say are no fault.
ConnectionFinding reach_finding(const Outcome<CallbackFindings>& seen);
/// Whether strangers can reach the address: a host name or address of the open net, port 80 or 443.
ConnectionFinding public_address_finding(std::string_view public_url);

/// Whether a good request ever came; `wrongly_signed`: how many others did.
ConnectionFinding seen_finding(std::optional<Instant> last, std::int64_t wrongly_signed);

/// Callbacks refused so far, by reason, as far as they tell about settings.
struct RefusedCallbacks {
  std::int64_t signature = 0, timestamp = 0, downgrade = 0, no_key = 0, encryption = 0,
               receiver = 0;
};
/// Whether what comes in agrees with the account's mode and key. Wrong signatures are told, and are
/// no fault of the settings.
ConnectionFinding mode_finding(CallbackMode mode, const RefusedCallbacks& refused);

}  // namespace zhiyin::wechat
