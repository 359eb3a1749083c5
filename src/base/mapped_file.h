#pragma once

#include <cstddef>
#include <filesystem>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace zhiyin {

/// A file's bytes, mapped read-only: the page cache holds them once for all processes. Movable; the
/// bytes live as long as the value. Thread-safe to read. A file that is to change is replaced
/// (`write_file`), never written in place: whoever cuts it short under a mapping stops the reader.
class MappedFile {
 public:
  /// Fails with kNotFound, kUnavailable, or kLimitReached above `bytes_max`. An empty file gives no
  /// bytes.
  static Result<MappedFile> open(const std::filesystem::path& path, std::size_t bytes_max);

  MappedFile() = default;
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  MappedFile& operator=(MappedFile&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }

  [[nodiscard]] std::string_view bytes() const { return {data_, size_}; }

  /// The pages leave this process's memory; whoever reads them again gets them back from the page
  /// cache (33 MB within some milliseconds) or from the disk. Readers need not stop.
  void let_go() const;

 private:
  const char* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace zhiyin
