#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/json.h"

/// Numbers among the arguments of a command, which are texts. Messages name the flag and what was
/// expected.
namespace zhiyin::app {

template <class T>
constexpr std::string_view number_words() {
  if constexpr (std::is_floating_point_v<T>) {
    return "a number";
  } else if constexpr (std::is_unsigned_v<T>) {
    return "a whole number, 0 or more";
  } else {
    return "a whole number";
  }
}

/// The whole of `text` as a T; kInvalidArgument naming `--FLAG` otherwise, also when T cannot hold
/// it.
template <class T>
Result<T> parse_number(std::string_view flag, std::string_view text) {
  T value{};
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  bool good = ec == std::errc() && end == text.data() + text.size();
  if constexpr (std::is_floating_point_v<T>) good = good && std::isfinite(value);
  if (good) return value;
  return fail_field(fmt::format("--{}", flag), "'{}' {} {}", text.substr(0, 40),
                    ec == std::errc::result_out_of_range ? "is too large for" : "is not",
                    number_words<T>());
}

/// Absent when the flag was not given.
template <class T>
Result<std::optional<T>> number_argument(const Json& args, std::string_view flag) {
  const std::string_view text = args[flag].string_or("");
  if (text.empty()) return std::optional<T>();
  ZHIYIN_TRY(const T value, parse_number<T>(flag, text));
  return std::optional<T>(value);
}

/// `10,20,100`; empty when the flag was not given.
template <class T>
Result<std::vector<T>> numbers_argument(const Json& args, std::string_view flag) {
  std::string_view rest = args[flag].string_or("");
  std::vector<T> out;
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    std::string_view one = rest.substr(0, comma);
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    ZHIYIN_TRY(const T value, parse_number<T>(flag, one));
    out.push_back(value);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return out;
}

}  // namespace zhiyin::app
