#include "wechat/detail/dates.h"

#include <algorithm>
#include <string>

#include "base/time.h"

namespace zhiyin::wechat {

std::optional<std::int64_t> parse_day(std::string_view text) {
  std::string plain(text);
  if (text.size() == 10 && text[4] == '-' && text[7] == '-') {
    plain = std::string(text.substr(0, 4)).append(text.substr(5, 2)).append(text.substr(8, 2));
  }
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (plain.size() != 8 || !std::ranges::all_of(plain, is_digit)) return std::nullopt;
  CivilTime civil{};
  civil.year = std::stoi(plain.substr(0, 4));
  civil.month = std::stoi(plain.substr(4, 2));
  civil.day = std::stoi(plain.substr(6, 2));
  const auto begin = from_civil(civil, TimeZone::shanghai());
  if (!begin) return std::nullopt;
  return local_day(*begin, TimeZone::shanghai());
}

}  // namespace zhiyin::wechat
