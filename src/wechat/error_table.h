#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "wechat/endpoint.h"

namespace zhiyin::wechat {

/// What a caller does about an errcode of the platform.
enum class ErrorClass {
  kOk,         ///< 0 or absent
  kDone,       ///< an earlier identical call already did it: success
  kRetry,      ///< busy: repeat with back-off, idempotent calls only
  kToken,      ///< renew the access token once, repeat once
  kQuota,      ///< stop calling this until its minute or day has passed
  kNever,      ///< input, settings or permission are wrong: never repeat
  kUser,       ///< final for this recipient, others are not concerned
  kIgnore,     ///< of no consequence (typing indicator)
  kTransport,  ///< no answer of the platform: see SendError::progress
};
std::string_view to_string(ErrorClass error_class);

/// One line of the table; `first` to `last` are inclusive.
struct PlatformError {
  std::int64_t first;
  std::int64_t last;
  ErrorClass error_class;
  bool alerts;              ///< an operator must act
  bool outcome_uncertain;   ///< the platform may have carried the call out nevertheless (-1)
  int retry_after_seconds;  ///< by the platform's clock; 0: not said
  ErrorCode code;           ///< what it is called outside this folder
  std::string_view zh;
  std::string_view en;
};

std::span<const PlatformError> platform_errors();

/// The line of `errcode`; an unknown code is kNever, without alert. WeCom's own meanings come
/// first, then those it shares with official accounts; Tencent Ads has its own. Lives as long as
/// the program.
const PlatformError& platform_error(std::int64_t errcode, Family family = Family::kOfficial);

/// Whether it says that the platform has stopped the account: a ban for violations, a frozen
/// account. Sending anything more from it makes that worse.
bool blocks_account(std::int64_t errcode);

/// `… rid: 64f1a2b3-12345678-0badcafe` gives the part after `rid: `; empty when absent.
std::string_view rid_of(std::string_view errmsg);

}  // namespace zhiyin::wechat
