#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace zhiyin::storage {

/// What an operator can do about an error of a store, Chinese first, then English: by what the
/// message says where that is known (no such host, refused, wrong password, disk full …), else by
/// the code. `option` names the setting that holds the address, such as `storage.state`.
std::string advice_for(const Error& error, std::string_view option);

}  // namespace zhiyin::storage
