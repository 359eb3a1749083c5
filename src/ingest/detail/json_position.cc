#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/json.h"
#include "base/utf8.h"
#include "ingest/detail/json_events.h"

namespace zhiyin::ingest::detail {
namespace {

// A plain recursive-descent check that remembers how far it came and why it went no further. Speed
// does not matter: it runs only for a body that is refused anyway.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  /// False when something is wrong: `at` and `why` then say where and what.
  bool run() {
    blank();
    if (!value(0)) return wrong("");
    blank();
    return at_ == text_.size() || wrong("something follows the end of the value");
  }
  [[nodiscard]] std::size_t at() const { return at_; }
  [[nodiscard]] std::string_view why() const { return why_; }

 private:
  // The first reason counts: those who called find the same fault from further outside.
  bool wrong(std::string_view why) {
    if (!failed_) why_ = why;
    failed_ = true;
    return false;
  }
  bool wrong_at(std::size_t at, std::string_view why) {
    at_ = at;
    return wrong(why);
  }
  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (peek() != c || at_ >= text_.size()) return false;
    ++at_;
    return true;
  }
  void blank() {
    while (at_ < text_.size() &&
           std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos)
      ++at_;
  }
  std::size_t digits() {
    const std::size_t begin = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    return at_ - begin;
  }
  bool number() {
    const std::size_t begin = at_;
    take('-');
    const std::size_t first = at_;
    const std::size_t whole = digits();
    if (whole == 0)
      return at_ == begin ? wrong("a value was expected") : wrong("a digit was expected");
    if (whole > 1 && text_[first] == '0') return wrong_at(first, "a number must not begin with 0");
    bool is_whole = true;
    if (take('.')) {
      is_whole = false;
      if (digits() == 0) return wrong("a digit was expected");
    }
    if (take('e') || take('E')) {
      is_whole = false;
      if (!take('+')) take('-');
      if (digits() == 0) return wrong("a digit was expected");
    }
    return is_whole ? whole_fits(begin) : fits(begin);
  }
  bool whole_fits(std::size_t begin) {
    const char* const from = text_.data() + begin;
    const char* const to = text_.data() + at_;
    std::int64_t with_sign = 0;
    std::uint64_t without = 0;
    if (std::from_chars(from, to, with_sign).ec == std::errc() ||
        std::from_chars(from, to, without).ec == std::errc())
      return true;
    return wrong_at(begin, "a whole number that does not fit into 64 bits");
  }
  // Too small is taken (as 0), too large is not.
  bool fits(std::size_t begin) {
    double number = 0;
    const auto read = std::from_chars(text_.data() + begin, text_.data() + at_, number);
    if (read.ec != std::errc::result_out_of_range || is_tiny(text_.substr(begin, at_ - begin)))
      return true;
    return wrong_at(begin, "a number that is too large (beyond 1.8e308)");
  }
  // Of a number that is out of range: whether because it is too near to 0.
  static bool is_tiny(std::string_view number) {
    const std::size_t e = number.find_first_of("eE");
    return e != std::string_view::npos && number.substr(e + 1).starts_with('-');
  }
  bool word(std::string_view w) {
    if (!text_.substr(at_).starts_with(w)) return wrong("a value was expected");
    at_ += w.size();
    return true;
  }
  // The four hex digits behind `\u`.
  std::optional<unsigned> unit() {
    unsigned code = 0;
    if (at_ + 4 > text_.size()) return std::nullopt;
    const auto read = std::from_chars(text_.data() + at_, text_.data() + at_ + 4, code, 16);
    if (read.ec != std::errc() || read.ptr != text_.data() + at_ + 4) return std::nullopt;
    at_ += 4;
    return code;
  }
  static bool is_high(unsigned code) { return code >= 0xd800 && code < 0xdc00; }
  static bool is_low(unsigned code) { return code >= 0xdc00 && code < 0xe000; }
  // Behind the backslash.
  bool escape() {
    const std::size_t begin = at_ - 1;
    if (at_ >= text_.size()) return false;
    if (std::string_view("\"\\/bfnrtu").find(text_[at_]) == std::string_view::npos)
      return wrong_at(begin, "an unknown escape behind a backslash");
    if (text_[at_++] != 'u') return true;
    const auto code = unit();
    if (!code) return wrong_at(begin, "\\u needs four hex digits");
    if (is_high(*code) && text_.substr(at_).starts_with("\\u")) {
      at_ += 2;
      const auto second = unit();
      if (second && is_low(*second)) return true;
    }
    return is_high(*code) || is_low(*code)
               ? wrong_at(begin, "half of a surrogate pair, which is no character")
               : true;
  }
  // One character that is no plain ASCII.
  bool character() {
    constexpr std::size_t kBytesMax = 4;
    for (std::size_t n = 2; n <= kBytesMax && at_ + n <= text_.size(); ++n) {
      if (!utf8::is_valid(text_.substr(at_, n))) continue;
      at_ += n;
      return true;
    }
    return wrong("not UTF-8");
  }
  bool string() {
    if (!take('"')) return wrong("a string was expected");
    while (at_ < text_.size()) {
      const auto c = static_cast<unsigned char>(text_[at_]);
      if (c < 0x20) return wrong("a control character inside a string (write it as an escape)");
      if (c >= 0x80) {
        if (!character()) return false;
        continue;
      }
      ++at_;
      if (c == '"') return true;
      if (c == '\\' && !escape()) return false;
    }
    return wrong("");
  }
  bool members(int depth, char close, bool with_key) {
    blank();
    if (take(close)) return true;
    while (true) {
      blank();
      if (with_key) {
        if (!string()) return false;
        blank();
        if (!take(':')) return wrong("a colon was expected");
        blank();
      }
      if (!value(depth + 1)) return false;
      blank();
      if (take(close)) return true;
      if (!take(','))
        return wrong(close == '}' ? "a comma or } was expected" : "a comma or ] was expected");
    }
  }
  bool value(int depth) {
    if (depth > static_cast<int>(kJsonDepthMax)) return wrong("nested too deeply");
    switch (peek()) {
      case '{':
        ++at_;
        return members(depth, '}', true);
      case '[':
        ++at_;
        return members(depth, ']', false);
      case '"':
        return string();
      case 't':
        return word("true");
      case 'f':
        return word("false");
      case 'n':
        return word("null");
      default:
        return number();
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool failed_ = false;
  std::string_view why_;
};

}  // namespace

std::string json_error_position(std::string_view text) {
  Scanner scanner(text);
  if (scanner.run()) return "it cannot be read";
  const std::size_t at = scanner.at();
  const std::string_view before = text.substr(0, at);
  const auto line = 1 + std::ranges::count(before, '\n');
  const std::size_t line_start =
      before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  const std::size_t column = 1 + utf8::length(before.substr(line_start));
  if (at >= text.size())
    return fmt::format("line {}, column {}: the text ends too early", line, column);
  return fmt::format("line {}, column {}: {}", line, column,
                     scanner.why().empty() ? "this is no JSON" : scanner.why());
}

}  // namespace zhiyin::ingest::detail
