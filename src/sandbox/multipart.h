#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/error.h"

namespace zhiyin::sandbox {

/// A form with one file.
struct Multipart {
  std::map<std::string, std::string, std::less<>> fields;
  std::string part;  ///< name of the file's part; empty: there was no file
  std::string file_name;
  std::string file_type;  ///< Content-Type of the part
  std::string bytes;
};

/// Reads `multipart/form-data`. kInvalidArgument when the boundary is missing or a part has no end.
/// Of several files the last counts.
Result<Multipart> parse_multipart(std::string_view body, std::string_view content_type);

}  // namespace zhiyin::sandbox
