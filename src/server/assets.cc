#include "server/assets.h"

#include "base/file.h"
#include "base/program_file.h"

namespace zhiyin::server {

Result<std::string> read_asset(std::string_view relative) {
  constexpr std::size_t kBytesMax = 16 << 20;
  ZHIYIN_TRY(const std::filesystem::path path, program_file(relative));
  return read_file(path, kBytesMax);
}

std::string_view media_type(std::string_view name) {
  constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".ico", "image/x-icon"},
      {".json", "application/json"},
      {".woff2", "font/woff2"}};
  for (const auto& [ending, type] : kTypes) {
    if (name.ends_with(ending)) return type;
  }
  return "application/octet-stream";
}

}  // namespace zhiyin::server
