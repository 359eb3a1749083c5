#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/error.h"

namespace zhiyin::server {

/// A file that comes with the program (`console/dist/index.html`, `sdk/dist/zhiyin.js`), found by
/// `program_file`. kNotFound.
Result<std::string> read_asset(std::string_view relative);

/// The media type by the name's ending.
std::string_view media_type(std::string_view name);

}  // namespace zhiyin::server
