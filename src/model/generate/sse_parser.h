#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace zhiyin::model {

/// Reads server-sent events (the WHATWG's `text/event-stream`) from bytes that come in any pieces:
/// LF, CRLF and CR end lines, several `data` lines are joined by LF, comments and unknown fields
/// are skipped, a byte-order mark too. Not thread-safe.
class SseParser {
 public:
  static constexpr std::size_t kEventBytesMax = 4 << 20;

  /// `event` is empty where the stream names none. False ends the reading.
  using OnEvent = std::function<bool(std::string_view event, std::string_view data)>;
  /// kLimitReached when a line or an event is longer than kEventBytesMax.
  Result<void> feed(std::string_view bytes, const OnEvent& on_event);
  /// At the end of the bytes: whether the last event was complete.
  [[nodiscard]] bool complete() const { return line_.empty() && data_.empty(); }

 private:
  bool end_line(const OnEvent& on_event);

  std::string line_;
  std::string event_;
  std::string data_;
  bool has_data_ = false;
  bool after_return_ = false;  // the line ended with CR: an LF belongs to it
  bool first_line_ = true;
  bool stopped_ = false;
};

}  // namespace zhiyin::model
