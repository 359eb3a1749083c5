#pragma once

#include <fmt/core.h>

#include <cstdio>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/mutex.h"

namespace zhiyin {

enum class LogLevel { kDebug = 0, kInfo = 1, kWarning = 2, kError = 3 };

/// A value in a log line. Secrets have no conversion to it; people's identifiers are passed as
/// `shortened(…)`.
struct LogValue {
  std::string text;
  LogValue(std::string_view v) : text(v) {}
  LogValue(const char* v) : text(v) {}
  LogValue(const std::string& v) : text(v) {}
  LogValue(bool v) : text(v ? "true" : "false") {}
  LogValue(double v) : text(fmt::format("{:.6g}", v)) {}
  template <class T>
    requires(std::is_integral_v<T> && !std::is_same_v<T, bool>)
  LogValue(T v) : text(std::to_string(v)) {}
  template <class Tag>
  LogValue(const StrongId<Tag>& id) : text(id.value) {}
};
using LogField = std::pair<std::string_view, LogValue>;

/// Writes one line per event: time, level, folder, event, key=value … Thread-safe.
/// The same (folder, event) is written at most `kRepeatMax` times a second; the rest are counted
/// and reported as `suppressed` with the next line of that event.
class Logger {
 public:
  static constexpr int kRepeatMax = 20;

  /// `out` must outlive the logger.
  Logger(std::FILE* out, LogLevel level) : out_(out), level_(level) {}

  void debug(std::string_view folder, std::string_view event,
             std::initializer_list<LogField> fields = {}) {
    write(LogLevel::kDebug, folder, event, fields);
  }
  void info(std::string_view folder, std::string_view event,
            std::initializer_list<LogField> fields = {}) {
    write(LogLevel::kInfo, folder, event, fields);
  }
  void warning(std::string_view folder, std::string_view event,
               std::initializer_list<LogField> fields = {}) {
    write(LogLevel::kWarning, folder, event, fields);
  }
  void error(std::string_view folder, std::string_view event,
             std::initializer_list<LogField> fields = {}) {
    write(LogLevel::kError, folder, event, fields);
  }

 private:
  struct Repeats {
    std::int64_t second = 0;
    int written = 0;
    std::int64_t suppressed = 0;
  };
  void write(LogLevel level, std::string_view folder, std::string_view event,
             std::initializer_list<LogField> fields) ZHIYIN_EXCLUDES(mutex_);

  std::FILE* const out_;
  const LogLevel level_;
  Mutex mutex_;
  std::map<std::string, Repeats> repeats_ ZHIYIN_GUARDED_BY(mutex_);
};

/// A logger that writes nothing; for tests and pure command-line work.
Logger& null_logger();

}  // namespace zhiyin
