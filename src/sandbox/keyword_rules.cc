#include "sandbox/keyword_rules.h"

#include <algorithm>

#include "base/utf8.h"

namespace zhiyin::sandbox {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return c > 0x1f && c < 0x7f; });
}
/// Every character is beyond ASCII: Chinese, as far as the platform looks.
bool is_chinese(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return c >= 0x80; });
}

bool is_number(std::string_view text) {
  const bool is_signed = text.starts_with('-') || text.starts_with('+');
  const std::string_view digits = text.substr(is_signed ? 1 : 0);
  return !digits.empty() && std::ranges::count(digits, '.') <= 1 && digits != "." &&
         std::ranges::all_of(digits, [](char c) { return is_digit(c) || c == '.'; });
}

/// One sign of a currency, up to ten digits, perhaps decimals, perhaps 元.
bool is_amount(std::string_view text) {
  for (const std::string_view sign : {"￥", "¥", "$", "€", "£"}) {
    if (text.starts_with(sign)) {
      text.remove_prefix(sign.size());
      break;
    }
  }
  if (text.ends_with("元")) text.remove_suffix(std::string_view("元").size());
  const std::string_view whole = text.substr(0, text.find('.'));
  return is_number(text) && whole.size() <= 10;
}

}  // namespace

bool is_right_value(std::string_view key, std::string_view value) {
  const std::size_t end = key.find_last_not_of("0123456789") + 1;
  const std::string_view kind = key.substr(0, end);
  const std::size_t length = utf8::length(value);
  const bool has_control = std::ranges::any_of(value, [](unsigned char c) { return c < 0x20; });
  if (value.empty() || has_control) return false;
  if (kind == "thing") return length <= 20;
  if (kind == "number") return length <= 32 && is_number(value);
  if (kind == "letter") return length <= 32 && std::ranges::all_of(value, is_letter);
  if (kind == "symbol") return length <= 5 && std::ranges::none_of(value, is_letter);
  if (kind == "character_string") return length <= 32 && is_ascii(value);
  if (kind == "time" || kind == "date") return length <= 32 && std::ranges::any_of(value, is_digit);
  if (kind == "amount") return is_amount(value);
  if (kind == "phone_number")
    return length <= 17 && is_ascii(value) && std::ranges::none_of(value, is_letter);
  if (kind == "car_number") return length <= 8;
  if (kind == "name") return length <= (is_chinese(value) ? 10U : 20U);
  if (kind == "phrase") return length <= 5 && is_chinese(value);
  return length <= 32;
}

}  // namespace zhiyin::sandbox
