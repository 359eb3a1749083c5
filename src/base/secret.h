#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace zhiyin {

/// A text that must not reach a log, an answer or an error message: tokens, keys, phone numbers,
/// message texts. It converts to nothing; whoever needs the text says `reveal()`.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  [[nodiscard]] const std::string& reveal() const { return text_; }
  [[nodiscard]] bool empty() const { return text_.empty(); }
  bool operator==(const Secret&) const = default;

 private:
  std::string text_;
};

/// A personal identifier as logs may show it: its first four bytes, as UTF-8, and the length.
std::string shortened(std::string_view identifier);

}  // namespace zhiyin
