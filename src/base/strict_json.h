#pragma once

#include "base/json.h"

namespace zhiyin {

/// Like `parse_json`, but an object in which a key stands twice is refused, naming the key: for
/// texts of others of which one value is checked and none may stand beside it unseen.
Result<Json> parse_strict_json(std::string_view text, std::size_t bytes_max = 16 << 20);

}  // namespace zhiyin
