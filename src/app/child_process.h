#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"

namespace zhiyin::app {

/// This program started again with other arguments; ended (SIGTERM, then waited for) with the
/// object.
class ChildProcess {
 public:
  /// Standard error goes to `log_file`. The child dies with its parent.
  static Result<std::unique_ptr<ChildProcess>> start(const std::vector<std::string>& arguments,
                                                     const std::filesystem::path& log_file);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  /// The next line of its standard output; kUnavailable when it ends before.
  Result<std::string> read_line();
  /// Resident memory in bytes; 0 when it is gone.
  [[nodiscard]] std::int64_t resident_bytes() const;
  [[nodiscard]] bool running() const;

 private:
  ChildProcess(pid_t pid, int out) : pid_(pid), out_(out) {}
  pid_t pid_;
  int out_;
  std::string buffer_;
};

}  // namespace zhiyin::app
