#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "base/check.h"

namespace zhiyin {
namespace fs = std::filesystem;
namespace {

std::unexpected<Error> failed(const fs::path& path, const char* what) {
  const ErrorCode code = errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kUnavailable;
  return fail(code, "{}: {}: {}", path.string(), what, std::strerror(errno));
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

/// Into what is there and no file: a device, a pipe. Nothing may take its place.
Result<void> write_into(const fs::path& path, std::string_view bytes) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return failed(path, "cannot be written");
  const bool written = write_all(fd, bytes);
  const int saved = errno;
  ::close(fd);
  errno = saved;
  if (!written) return failed(path, "cannot be written");
  return {};
}

bool is_special(const fs::path& path) {
  struct stat found{};
  return ::stat(path.c_str(), &found) == 0 && !S_ISREG(found.st_mode) && !S_ISDIR(found.st_mode);
}

void sync_folder(const fs::path& folder) {
  const int fd = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

}  // namespace

Result<std::string> read_file(const fs::path& path, std::size_t bytes_max) {
  std::error_code ec;
  if (fs::is_directory(path, ec)) {
    return fail(ErrorCode::kInvalidArgument, "{}: is a folder", path.string());
  }
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) return failed(path, "cannot be read");
  std::string bytes;
  char buffer[1 << 16];
  while (in.read(buffer, sizeof buffer) || in.gcount() > 0) {
    bytes.append(buffer, static_cast<std::size_t>(in.gcount()));
    if (bytes.size() > bytes_max) {
      return fail(ErrorCode::kLimitReached, "{}: larger than {} bytes", path.string(), bytes_max);
    }
  }
  return bytes;
}

Result<void> write_file(const fs::path& path, std::string_view bytes, int mode) {
  if (is_special(path)) return write_into(path, bytes);
  const fs::path part = path.string() + ".part";
  const int fd = ::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (fd < 0) return failed(path, "cannot be written");
  const bool written =
      ::fchmod(fd, static_cast<mode_t>(mode)) == 0 && write_all(fd, bytes) && ::fsync(fd) == 0;
  const int saved = errno;
  ::close(fd);
  errno = saved;
  if (!written || ::rename(part.c_str(), path.c_str()) != 0) {
    auto error = failed(path, "cannot be written");
    ::unlink(part.c_str());
    return error;
  }
  sync_folder(path.parent_path());
  return {};
}

TempFolder::TempFolder() {
  std::string name = (fs::temp_directory_path() / "zhiyin-XXXXXX").string();
  ZHIYIN_CHECK(::mkdtemp(name.data()) != nullptr);
  path_ = name;
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

}  // namespace zhiyin
