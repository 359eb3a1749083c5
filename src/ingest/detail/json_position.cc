#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/utf8.h"
#include "ingest/detail/json_events.h"

namespace zhiyin::ingest::detail {
namespace {

// A plain recursive-descent check that remembers how far it came. Speed does not matter: it runs only for a body that is
// refused anyway.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  std::size_t first_error() {
    blank();
    if (value(0)) blank();
    return at_;
  }

 private:
  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (peek() != c || at_ >= text_.size()) return false;
    ++at_;
    return true;
  }
  void blank() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) ++at_;
  }
  bool digits() {
    const std::size_t begin = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    return at_ != begin;
  }
  bool number() {
    take('-');
    if (!digits()) return false;
    if (take('.') && !digits()) return false;
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      if (!digits()) return false;
    }
    return true;
  }
  bool word(std::string_view w) {
    if (!text_.substr(at_).starts_with(w)) return false;
    at_ += w.size();
    return true;
  }
  bool string() {
    if (!take('"')) return false;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (static_cast<unsigned char>(c) < 0x20) return false;
      ++at_;
      if (c == '"') return true;
      if (c == '\\') {
        if (std::string_view("\"\\/bfnrtu").find(peek()) == std::string_view::npos) return false;
        ++at_;
      }
    }
    return false;
  }
  bool members(int depth, char close, bool with_key) {
    blank();
    if (take(close)) return true;
    while (true) {
      blank();
      if (with_key) {
        if (!string()) return false;
        blank();
        if (!take(':')) return false;
        blank();
      }
      if (!value(depth + 1)) return false;
      blank();
      if (take(close)) return true;
      if (!take(',')) return false;
    }
  }
  bool value(int depth) {
    if (depth > static_cast<int>(kJsonDepthMax)) return false;
    switch (peek()) {
      case '{': ++at_; return members(depth, '}', true);
      case '[': ++at_; return members(depth, ']', false);
      case '"': return string();
      case 't': return word("true");
      case 'f': return word("false");
      case 'n': return word("null");
      default: return number();
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::string json_error_position(std::string_view text) {
  const std::size_t at = Scanner(text).first_error();
  const std::string_view before = text.substr(0, at);
  const auto line = 1 + std::ranges::count(before, '\n');
  const std::size_t line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  const std::size_t column = 1 + utf8::length(before.substr(line_start));
  if (at >= text.size()) return fmt::format("line {}, column {}: the text ends too early", line, column);
  return fmt::format("line {}, column {}", line, column);
}

}  // namespace zhiyin::ingest::detail
