#include "base/program_file.h"

namespace zhiyin {
namespace fs = std::filesystem;

Result<fs::path> program_file(std::string_view name) {
  const auto missing = [&] {
    return fail(ErrorCode::kNotFound, "no such file: {}", name.substr(0, 200));
  };
  if (name.find("..") != std::string_view::npos || name.starts_with('/')) return missing();
  std::error_code ec;
  const fs::path program = fs::read_symlink("/proc/self/exe", ec);
  const fs::path installed = program.parent_path().parent_path() / "share/zhiyin" / name;
  if (fs::is_regular_file(installed, ec)) return installed;
  constexpr int kLevelsUp = 6;
  fs::path folder = program.parent_path();
  for (int i = 0; i < kLevelsUp && !folder.empty(); ++i, folder = folder.parent_path()) {
    for (const fs::path& below : {folder / name, folder / "share/zhiyin" / name}) {
      if (fs::is_regular_file(below, ec)) return below;
    }
  }
  return missing();
}

}  // namespace zhiyin
