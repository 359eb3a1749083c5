#include "model/generate/stop_texts.h"

#include <algorithm>
#include <utility>

namespace zhiyin::model {

std::string StopTexts::feed(std::string_view piece) {
  if (stopped_) return {};
  if (texts_.empty()) return std::string(piece);
  held_ += piece;
  std::size_t first = std::string::npos;
  for (const std::string& text : texts_) first = std::min(first, held_.find(text));
  if (first != std::string::npos) {
    stopped_ = true;
    std::string out = held_.substr(0, first);
    held_.clear();
    return out;
  }
  const std::size_t from = held_from();
  std::string out = held_.substr(0, from);
  held_.erase(0, from);
  return out;
}

/// Where the longest end of `held_` begins that is the beginning of a stop text.
std::size_t StopTexts::held_from() const {
  std::size_t from = held_.size();
  for (const std::string& text : texts_) {
    for (std::size_t n = std::min(text.size() - 1, held_.size()); n > 0; --n) {
      if (std::string_view(held_).ends_with(std::string_view(text).substr(0, n))) {
        from = std::min(from, held_.size() - n);
        break;
      }
    }
  }
  return from;
}

std::string StopTexts::finish() { return std::exchange(held_, {}); }

}  // namespace zhiyin::model
