#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/error.h"

namespace zhiyin {

/// The whole file. Fails with kNotFound, kUnavailable, or kLimitReached above `bytes_max`.
Result<std::string> read_file(const std::filesystem::path& path, std::size_t bytes_max = 256 << 20);

/// Replaces the file in one step that survives a crash: written beside it, synced, renamed, folder
/// synced. `mode` as chmod.
Result<void> write_file(const std::filesystem::path& path, std::string_view bytes, int mode = 0644);

/// A new folder below the system's temporary folder, removed with this value. Movable.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(TempFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TempFolder& operator=(TempFolder&&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace zhiyin
