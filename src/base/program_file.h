#pragma once

#include <filesystem>
#include <string_view>

#include "base/error.h"

namespace zhiyin {

/// A file that comes with the program: `../share/zhiyin/NAME` from the folder of the program that
/// runs, or in a folder above it (the source tree, or a build's `share/zhiyin`). kNotFound; a name
/// that leads out of those folders is not found.
Result<std::filesystem::path> program_file(std::string_view name);

}  // namespace zhiyin
