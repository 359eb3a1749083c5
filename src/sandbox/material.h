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

}  // namespace zhiyin::sandbox
