#include "server/assets.h"

#include "base/file.h"

namespace zhiyin::server {
namespace fs = std::filesystem;

Result<std::string> read_asset(std::string_view relative) {
  if (relative.find("..") != std::string_view::npos || relative.starts_with('/')) {
    return fail(ErrorCode::kNotFound, "no such file: {}", relative.substr(0, 200));
  }
  constexpr std::size_t kBytesMax = 16 << 20;
  std::error_code ec;
  const fs::path program = fs::read_symlink("/proc/self/exe", ec);
  const fs::path installed = program.parent_path().parent_path() / "share/zhiyin" / relative;
  if (fs::is_regular_file(installed, ec)) return read_file(installed, kBytesMax);
  constexpr int kLevelsUp = 6;
  fs::path folder = program.parent_path();
  for (int i = 0; i < kLevelsUp && !folder.empty(); ++i, folder = folder.parent_path()) {
    if (fs::is_regular_file(folder / relative, ec)) return read_file(folder / relative, kBytesMax);
  }
  return fail(ErrorCode::kNotFound, "no such file: {}", relative.substr(0, 200));
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
