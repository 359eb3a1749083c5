#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace zhiyin::http {

/// Unpacks a gzip or zlib body. kInvalidArgument when it is damaged or cut short, kLimitReached
/// above `bytes_max` unpacked.
Result<std::string> gunzip(std::string_view packed, std::size_t bytes_max);
std::string gzip(std::string_view plain);

}  // namespace zhiyin::http
