#include "base/log.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/secret.h"
#include "base/utf8.h"

namespace zhiyin {
namespace {

constexpr std::string_view kLevelNames[] = {"debug", "info", "warning", "error"};

void append_value(std::string& line, std::string_view text) {
  const bool plain = !text.empty() && text.find_first_of(" \"=\n\t\r\\") == std::string_view::npos;
  if (plain) {
    line += text;
  } else {
    append_json_string(line, text);
  }
}

}  // namespace

std::string shortened(std::string_view identifier) {
  constexpr std::size_t kShown = 4;
  const bool is_short = identifier.size() <= kShown;
  const std::string shown = utf8::cleaned(utf8::truncate(identifier, is_short ? 1 : kShown));
  return is_short ? shown + "…" : fmt::format("{}…({})", shown, identifier.size());
}

void Logger::write(LogLevel level, std::string_view folder, std::string_view event,
                   std::initializer_list<LogField> fields) {
  if (level < level_) return;
  const Instant now = SystemClock().now();
  std::string line = fmt::format("{} {} {} {}", format_utc(now),
                                 kLevelNames[static_cast<int>(level)], folder, event);
  for (const auto& [key, value] : fields) {
    line += ' ';
    line += key;
    line += '=';
    append_value(line, value.text);
  }
  MutexLock lock(mutex_);
  Repeats& repeats = repeats_[fmt::format("{} {}", folder, event)];
  const std::int64_t second = now.us / 1'000'000;
  if (repeats.second != second) {
    repeats.second = second;
    repeats.written = 0;
  }
  if (++repeats.written > kRepeatMax) {
    ++repeats.suppressed;
    return;
  }
  if (repeats.suppressed > 0) line += fmt::format(" suppressed={}", repeats.suppressed);
  repeats.suppressed = 0;
  line += '\n';
  std::fwrite(line.data(), 1, line.size(), out_);
  std::fflush(out_);
}

Logger& null_logger() {
  static std::FILE* const sink = std::fopen("/dev/null", "w");
  static Logger logger(sink, static_cast<LogLevel>(4));
  return logger;
}

}  // namespace zhiyin
