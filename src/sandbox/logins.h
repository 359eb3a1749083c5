#pragma once

#include <string>
#include <string_view>

#include "sandbox/account_state.h"

namespace zhiyin::sandbox {

/// Something that is good once for five minutes, as a page or a mini-program gets it for a person:
/// `oauth` (with the scope), `js`, `phone`, `ads`.
std::string issue_code(AccountState& account, std::string_view kind, std::string_view openid,
                       std::string_view scope, Instant now);
/// Uses such a code up; 0, or the error that it meets.
int use_up(AccountState& account, std::string_view kind, std::string_view code, Instant now);

}  // namespace zhiyin::sandbox
