#pragma once

#include <optional>

#include "base/json.h"
#include "server/services.h"

namespace zhiyin::server {

/// What `zhiyin doctor wechat` and GET /v1/doctor/wechat show: for each account, or the given one,
/// whether a token can be had and from which address, whether the callback can be reached and what
/// comes in fits the settings, clocks, quotas: `{"ok","checks":[{"account","name","ok","detail",
/// "advice"}]}`. Calls the platform; blocks. kNotFound when there is no such account.
Result<Json> examine_wechat(Services& services, const std::optional<AccountId>& account);

}  // namespace zhiyin::server
