#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace zhiyin {
namespace {

struct Descriptor {
  int value;
  ~Descriptor() {
    if (value >= 0) ::close(value);
  }
};

}  // namespace

Result<MappedFile> MappedFile::open(const std::filesystem::path& path, std::size_t bytes_max) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.value < 0) {
    const auto code = errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kUnavailable;
    return fail(code, "{}: {}", path.string(), std::strerror(errno));
  }
  struct stat status{};
  if (::fstat(file.value, &status) != 0 || !S_ISREG(status.st_mode))
    return fail(ErrorCode::kUnavailable, "{}: is not a plain file", path.string());
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size > bytes_max)
    return fail(ErrorCode::kLimitReached, "{}: {} bytes, at most {} are read", path.string(), size,
                bytes_max);
  MappedFile mapped;
  if (size == 0) return mapped;
  void* const data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.value, 0);
  if (data == MAP_FAILED)
    return fail(ErrorCode::kUnavailable, "{}: {}", path.string(), std::strerror(errno));
  mapped.data_ = static_cast<const char*>(data);
  mapped.size_ = size;
  return mapped;
}

void MappedFile::let_go() const {
  // Of a shared mapping of a file this drops no more than this process's view of the page cache.
  if (data_ != nullptr) ::madvise(const_cast<char*>(data_), size_, MADV_DONTNEED);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<char*>(data_), size_);
}

}  // namespace zhiyin
