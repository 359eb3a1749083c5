#pragma once

#include <string_view>

#include "base/error.h"
#include "storage/vault.h"

namespace zhiyin::audience {

/// `KIND:ACCOUNT:VALUE`, for instance `openid:shop:oABC`; kInvalidArgument when it has no such
/// form.
Result<storage::Identity> parse_identity(std::string_view ref);

}  // namespace zhiyin::audience
