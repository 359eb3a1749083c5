#include "wechat/template_values.h"

#include <algorithm>
#include <optional>

#include "base/utf8.h"

namespace zhiyin::wechat {
namespace {

constexpr std::size_t kCharsMax = 200;  // of types that the policy does not name
constexpr std::size_t kKeywordBytesMax = 64;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_visible_ascii(char c) { return c > ' ' && c < 0x7f; }
bool is_beyond_ascii(char c) { return static_cast<unsigned char>(c) >= 0x80; }

bool all(std::string_view text, bool (*is)(char)) { return std::ranges::all_of(text, is); }

/// Digits with at most one point among them.
bool is_decimal(std::string_view text) {
  const auto is_part = [](char c) { return is_digit(c) || c == '.'; };
  return !text.empty() && is_digit(text.front()) && is_digit(text.back()) &&
         std::ranges::all_of(text, is_part) && std::ranges::count(text, '.') <= 1;
}

/// One currency sign (a character of any width, or none), up to 10 digits, perhaps 元.
bool is_amount(std::string_view text) {
  constexpr std::string_view kYuan = "元";
  if (text.ends_with(kYuan)) text.remove_suffix(kYuan.size());
  const std::size_t first = text.find_first_of("0123456789");
  if (first == std::string_view::npos || utf8::length(text.substr(0, first)) > 1) return false;
  text.remove_prefix(first);
  return is_decimal(text) && std::ranges::count_if(text, is_digit) <= 10;
}

/// A time of day, a date, or both, or two of them with ~ between: digits and what stands between
/// them, with at least one pair that belongs together.
bool is_time(std::string_view text, bool needs_clock) {
  const std::size_t tilde = text.find('~');
  if (tilde != std::string_view::npos)
    return is_time(text.substr(0, tilde), needs_clock) && is_time(text.substr(tilde + 1), false);
  const auto is_part = [](char c) {
    return is_digit(c) || is_beyond_ascii(c) ||
           std::string_view(" :-/.").find(c) != std::string_view::npos;
  };
  const bool has_clock =
      text.find(':') != std::string_view::npos || text.find("：") != std::string_view::npos ||
      text.find("时") != std::string_view::npos || text.find("点") != std::string_view::npos;
  return !text.empty() && std::ranges::any_of(text, is_digit) &&
         std::ranges::all_of(text, is_part) && (has_clock || !needs_clock);
}

/// What is wrong with the characters; nothing when they may stand.
std::optional<std::string_view> wrong_characters(std::string_view type, std::string_view value) {
  const auto unless = [](bool fits, std::string_view expected) {
    return fits ? std::nullopt : std::optional(expected);
  };
  if (type == "number") return unless(is_decimal(value), "digits, perhaps with a point");
  if (type == "letter") return unless(all(value, is_letter), "letters");
  if (type == "character_string")
    return unless(all(value, is_visible_ascii), "digits, letters and signs");
  if (type == "phone_number") {
    const auto is_phone = [](char c) {
      return is_digit(c) || (is_visible_ascii(c) && !is_letter(c));
    };
    return unless(all(value, is_phone), "digits and signs");
  }
  if (type == "symbol")
    return unless(std::ranges::none_of(value, [](char c) { return is_digit(c) || is_letter(c); }),
                  "signs");
  if (type == "phrase") return unless(all(value, is_beyond_ascii), "Chinese characters");
  if (type == "amount") return unless(is_amount(value), "a currency sign and up to 10 digits");
  if (type == "time") return unless(is_time(value, true), "a time as 15:01 or 2026年1月31日 15:01");
  if (type == "date") return unless(is_time(value, false), "a date as 2026年1月31日");
  return std::nullopt;
}

}  // namespace

std::string_view value_type(std::string_view keyword) {
  const std::size_t end = keyword.find_last_not_of("0123456789");
  return keyword.substr(0, end == std::string_view::npos ? 0 : end + 1);
}

Result<void> check_template_value(const Policy& policy, std::string_view keyword,
                                  std::string_view value) {
  const auto is_name = [](char c) { return is_letter(c) || is_digit(c) || c == '_'; };
  if (keyword.empty() || keyword.size() > kKeywordBytesMax ||
      !std::ranges::all_of(keyword, is_name))
    return fail_field("data", "'{}' is not a keyword of a template", keyword.substr(0, 64));
  const std::string field = fmt::format("data.{}", keyword);
  if (value.empty()) return fail_field(field, "is empty");
  if (!utf8::is_valid(value)) return fail_field(field, "is not UTF-8");
  if (std::ranges::any_of(value, [](char c) { return static_cast<unsigned char>(c) < 0x20; }))
    return fail_field(field, "has a line break or control character");
  const std::string_view type = value_type(keyword);
  const auto limit = policy.template_value_chars_max.find(std::string(type));
  std::size_t chars_max = limit == policy.template_value_chars_max.end()
                              ? kCharsMax
                              : static_cast<std::size_t>(limit->second);
  // A name has half as many Chinese characters as letters.
  if (type == "name" && std::ranges::any_of(value, is_beyond_ascii)) chars_max /= 2;
  const std::size_t chars = utf8::length(value);
  if (chars > chars_max)
    return fail_field(field, "has {} characters, at most {} are allowed", chars, chars_max);
  if (const auto expected = wrong_characters(type, value))
    return fail_field(field, "may hold {} only", *expected);
  return {};
}

}  // namespace zhiyin::wechat
