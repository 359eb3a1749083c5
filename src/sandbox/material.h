#pragma once

#include <string_view>

#include "sandbox/account_state.h"

namespace zhiyin::sandbox {

/// The file of that media_id; null when there is none, or it was temporary and three days are over.
const MaterialState::File* find_file(const AccountState& account, std::string_view media_id,
                                     Instant now);
/// Whether there is such a file of that type.
bool has_file(const AccountState& account, std::string_view media_id, std::string_view type,
              Instant now);

/// Puts news into the library, as accounts have them from the time before there were drafts; they
/// cannot be made by calls any more. False when there is no room.
bool add_news(AccountState& account, const Json::Array& articles, Instant now);

}  // namespace zhiyin::sandbox
