#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "base/error.h"

namespace zhiyin::sandbox {

/// Bounds of a form: more bytes than any endpoint takes, parts, bytes of the head of a part and of
/// the boundary (RFC 2046).
inline constexpr std::size_t kFormBytesMax = std::size_t{128} << 20;
inline constexpr std::size_t kFormPartsMax = 64;
inline constexpr std::size_t kPartHeadBytesMax = 4096;
inline constexpr std::size_t kBoundaryBytesMax = 70;

/// A form with one file.
struct Multipart {
  std::map<std::string, std::string, std::less<>> fields;
  std::string part;  ///< name of the file's part; empty: there was no file
  std::string file_name;
  std::string file_type;  ///< Content-Type of the part
  std::string bytes;
};

/// Reads `multipart/form-data`. kInvalidArgument when the boundary is missing, a part has no end or
/// a bound is passed. Of several files the last counts.
Result<Multipart> parse_multipart(std::string_view body, std::string_view content_type);

}  // namespace zhiyin::sandbox
