#include "model/generate/sse_parser.h"

namespace zhiyin::model {

Result<void> SseParser::feed(std::string_view bytes, const OnEvent& on_event) {
  while (!bytes.empty() && !stopped_) {
    if (after_return_ && bytes[0] == '\n') bytes.remove_prefix(1);
    after_return_ = false;
    const std::size_t end = bytes.find_first_of("\r\n");
    line_ += bytes.substr(0, end);
    if (line_.size() + data_.size() > kEventBytesMax) {
      return fail(ErrorCode::kLimitReached, "event stream: an event of more than {} bytes",
                  kEventBytesMax);
    }
    if (end == std::string_view::npos) break;
    after_return_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    if (!end_line(on_event)) stopped_ = true;
  }
  return {};
}

bool SseParser::end_line(const OnEvent& on_event) {
  std::string_view line = line_;
  if (first_line_ && line.starts_with("\xef\xbb\xbf")) line.remove_prefix(3);
  first_line_ = false;
  bool goes_on = true;
  if (line.empty()) {
    if (has_data_) goes_on = on_event(event_, data_);
    event_.clear();
    data_.clear();
    has_data_ = false;
  } else if (const std::size_t colon = line.find(':'); colon != 0) {  // at 0: a comment
    const std::string_view name = line.substr(0, colon);
    std::string_view value = colon == std::string_view::npos ? "" : line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (name == "event") event_ = value;
    if (name == "data") {
      if (has_data_) data_ += '\n';
      data_ += value;
      has_data_ = true;
    }
  }
  line_.clear();
  return goes_on;
}

}  // namespace zhiyin::model
