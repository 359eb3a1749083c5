#pragma once

#include <filesystem>
#include <memory>

#include "base/error.h"

namespace zhiyin::app {

/// Exclusive hold of a data folder by one process, released at the latest when the process ends.
class DataLock {
 public:
  /// kConflict when another process holds it.
  static Result<std::unique_ptr<DataLock>> take(const std::filesystem::path& folder);
  ~DataLock();
  DataLock(const DataLock&) = delete;
  DataLock& operator=(const DataLock&) = delete;

 private:
  explicit DataLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace zhiyin::app
