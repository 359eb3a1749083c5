#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <vector>

namespace zhiyin::text::detail {

/// Calls `use(line, number)` for each line of `text`, counted from 1, without its line end, until
/// one of them is no success; what that returned.
template <class Use>
auto for_each_line(std::string_view text, Use use) -> decltype(use(text, std::size_t{1})) {
  std::size_t number = 1;
  for (std::size_t at = 0; at < text.size(); ++number) {
    std::size_t end = text.find('\n', at);
    if (end == std::string_view::npos) end = text.size();
    if (auto used = use(text.substr(at, end - at), number); !used) return used;
    at = end + 1;
  }
  return {};
}

/// The parts of `text` between separators; nothing behind a last one.
inline std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = text.find(separator, at);
    if (end == std::string_view::npos) end = text.size();
    out.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

/// A decimal number that fills `text`.
inline std::optional<double> to_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace zhiyin::text::detail
