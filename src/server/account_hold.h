#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "server/services.h"
#include "wechat/callback_store.h"
#include "wechat/connection_check.h"

/// Accounts whose sends stand still because the platform has stopped them: see
/// delivery/send_hold.h.
namespace zhiyin::server {

/// Lets the account send again; `by` whose word that is. After an hour and more its running
/// campaigns with overdue touches are paused: whether those still go out is said at their resume.
/// {"released", "paused"}: false when it was not held, and the campaigns. kNotFound when there is
/// no such account.
Result<Json> release_account(Services& services, const AccountId& account, std::string_view by);

/// What a check-up finds; releases nothing.
Result<wechat::ConnectionFinding> hold_finding(Services& services, const AccountId& account);

/// Of an account that is held: asks the platform about its customer-service messages, and releases
/// it when the platform answers; should the ban still stand, the next send begins the hold again.
/// Nothing where it was not held.
Result<std::optional<wechat::ConnectionFinding>> try_release(Services& services,
                                                             const wechat::Account& account);

/// Notices to the owner of the account: the platform's, and when it was held. Newest first, at most
/// `limit` after `place`.
Result<std::vector<wechat::CallbackNotice>> account_notices(Services& services,
                                                            const AccountId& account,
                                                            std::size_t limit,
                                                            const wechat::ListPlace& place);

}  // namespace zhiyin::server
