#include "ingest/detail/written_number.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>

namespace zhiyin::ingest::detail {
namespace {

constexpr std::size_t kLengthMax = 100;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// U+FF0B … U+FF19 (full-width signs, point, comma, digits) and U+FF1A (colon) are ASCII + 0xFEE0.
std::string to_half_width(std::string_view text, bool& changed) {
  std::string ascii;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i).starts_with("\xef\xbc") && i + 2 < text.size()) {
      const auto low = static_cast<unsigned char>(text[i + 2]);
      if (low >= 0x8b && low <= 0x9a) {
        ascii += static_cast<char>(low - 0x80 + 0x20);
        changed = true;
        i += 2;
        continue;
      }
    }
    ascii += text[i];
  }
  return ascii;
}

std::string_view without_blanks(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

template <std::size_t N>
bool cut_front(std::string_view& text, const std::string_view (&words)[N]) {
  for (const std::string_view word : words) {
    if (!text.starts_with(word)) continue;
    text = without_blanks(text.substr(word.size()));
    return true;
  }
  return false;
}

template <std::size_t N>
bool cut_back(std::string_view& text, const std::string_view (&words)[N]) {
  for (const std::string_view word : words) {
    if (!text.ends_with(word)) continue;
    text = without_blanks(text.substr(0, text.size() - word.size()));
    return true;
  }
  return false;
}

// 1,234,567.8: groups of three behind the first, all behind the same separator, which goes.
bool cut_separators(std::string& text) {
  constexpr std::string_view kBlanks[] = {"\xc2\xa0", "\xe2\x80\xaf", "\xe2\x80\x89",
                                          " "};  // no-break, narrow and thin ones
  std::string one = text;
  std::string_view used = ",";
  for (const std::string_view blank : kBlanks) {
    if (one.find(blank) != std::string::npos) used = blank;
  }
  std::string out;
  std::size_t digits = 0;
  std::size_t groups = 0;
  std::size_t i = one.starts_with('-') || one.starts_with('+') ? 1 : 0;
  out.append(one, 0, i);
  for (; i < one.size() && one[i] != '.'; ++i) {
    if (std::string_view(one).substr(i).starts_with(used)) {
      if (digits == 0 || digits > 3 || (groups > 0 && digits != 3)) return false;
      ++groups;
      digits = 0;
      i += used.size() - 1;
    } else if (is_digit(one[i])) {
      ++digits;
      out += one[i];
    } else {
      return false;
    }
  }
  if (groups == 0 || digits != 3) return false;
  out.append(one, i, std::string::npos);
  text = std::move(out);
  return true;
}

// A cell in plain form: `text` times a power of ten.
struct Plain {
  std::string text;
  int power = 0;
  WrittenNumber flags;
};

std::optional<Plain> to_plain(std::string_view cell, NumberForm form) {
  if (cell.size() > kLengthMax) return std::nullopt;
  Plain plain;
  const std::string half = to_half_width(cell, plain.flags.full_width);
  std::string_view text = without_blanks(half);
  std::string sign;
  if (form == NumberForm::kYuan) {
    constexpr std::string_view kBefore[] = {"\xc2\xa5", "\xef\xbf\xa5", "RMB",   "CNY",
                                            "rmb",      "cny",          "人民币"};
    constexpr std::string_view kBehind[] = {"元", "圆", "块", "RMB", "CNY", "rmb", "cny"};
    std::string_view unsigned_text = text;
    if (unsigned_text.starts_with('-')) unsigned_text.remove_prefix(1);
    if (cut_front(unsigned_text, kBefore)) {
      if (text.starts_with('-')) sign = "-";
      text = unsigned_text;
      plain.flags.currency = true;
    }
    if (cut_back(text, kBehind)) plain.flags.currency = true;
  }
  constexpr std::pair<std::string_view, int> kPowers[] = {{"万", 4}, {"亿", 8}, {"千", 3}, {"w", 4},
                                                          {"W", 4},  {"k", 3},  {"K", 3}};
  for (const auto& [word, power] : kPowers) {
    if (text.size() <= word.size() || !text.ends_with(word)) continue;
    text = without_blanks(text.substr(0, text.size() - word.size()));
    plain.power = power;
    plain.flags.words = true;
    break;
  }
  plain.text = sign + std::string(text);
  plain.flags.separators = cut_separators(plain.text);
  return plain;
}

// `7分30秒`, `1小时2分`: parts from the large to the small, each once.
std::optional<double> seconds_in_words(std::string_view text) {
  constexpr std::pair<std::string_view, int> kUnits[] = {{"小时", 3600}, {"时", 3600}, {"分钟", 60},
                                                         {"分", 60},     {"秒钟", 1},  {"秒", 1}};
  double total = 0;
  int last = 1 << 20;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
    const auto n = plain_number(text.substr(0, end));
    if (!n) return std::nullopt;
    text = without_blanks(text.substr(end));
    const auto* unit =
        std::ranges::find_if(kUnits, [&](const auto& u) { return text.starts_with(u.first); });
    if (unit == std::end(kUnits) || unit->second >= last) return std::nullopt;
    total += *n * unit->second;
    last = unit->second;
    text = without_blanks(text.substr(unit->first.size()));
  }
  return last == 1 << 20 ? std::nullopt : std::optional(total);
}

// `00:07:30`; `07:30` could be either hours or minutes, and is none.
std::optional<double> seconds_of_clock(std::string_view text) {
  const std::size_t first = text.find(':');
  const std::size_t second = text.find(':', first == std::string_view::npos ? first : first + 1);
  if (second == std::string_view::npos || first == 0 || second - first != 3) return std::nullopt;
  const std::string_view parts[] = {text.substr(0, first), text.substr(first + 1, 2),
                                    text.substr(second + 1)};
  double total = 0;
  for (const std::string_view part : parts) {
    const auto n = !part.empty() && is_digit(part.front()) ? plain_number(part) : std::nullopt;
    if (!n || (part.data() != text.data() && (part.size() < 2 || *n >= 60))) return std::nullopt;
    total = total * 60 + *n;
  }
  return total;
}

}  // namespace

std::optional<double> plain_number(std::string_view text) {
  if (text.empty()) return std::nullopt;
  // Cheap refusal of words: a number begins with a digit, a sign or a point.
  const char c = text.front();
  if (!is_digit(c) && c != '-' && c != '.' && c != '+') return std::nullopt;
  if (c == '+') text.remove_prefix(1);
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [p, ec] = std::from_chars(text.data(), end, value);
  if (ec != std::errc() || p != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<WrittenNumber> read_number(std::string_view text, NumberForm form) {
  if (const auto number = plain_number(text)) {
    WrittenNumber plain;
    plain.value = *number;
    return plain;
  }
  auto plain = to_plain(text, form);
  if (!plain) return std::nullopt;
  WrittenNumber number = plain->flags;
  if (const auto value = plain_number(plain->text)) {
    number.value = *value * std::pow(10.0, plain->power);
    return number;
  }
  if (form != NumberForm::kSeconds) return std::nullopt;
  auto seconds = seconds_in_words(plain->text);
  if (!seconds) seconds = seconds_of_clock(plain->text);
  if (!seconds || plain->power != 0) return std::nullopt;
  number.value = *seconds;
  number.words = true;
  return number;
}

std::optional<WrittenFen> read_yuan(std::string_view cell) {
  constexpr std::int64_t kFenMax = 999'999'999'999'999;
  const auto plain = to_plain(cell, NumberForm::kYuan);
  if (!plain) return std::nullopt;
  WrittenFen out;
  out.as_written = plain->flags;
  const auto value = plain_number(plain->text);
  if (!value) return std::nullopt;
  out.as_written.value = *value * std::pow(10.0, plain->power);
  if (std::abs(out.as_written.value) * 100 > static_cast<double>(kFenMax)) return std::nullopt;
  std::string_view digits = plain->text;
  const bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+')) digits.remove_prefix(1);
  if (digits.find_first_not_of("0123456789.") !=
      std::string_view::npos) {  // 1.2e3: written by a machine
    const double fen = out.as_written.value * 100;
    out.fen = std::llround(fen);
    out.rounded = std::abs(fen - static_cast<double>(out.fen)) > 1e-6;
    return out;
  }
  int places = -1;  // digits behind the point that were taken
  const int wanted = 2 + plain->power;
  std::int64_t fen = 0;
  bool up = false;
  for (const char c : digits) {
    if (c == '.') {
      places = 0;
      continue;
    }
    if (places == wanted || places == wanted + 1) {
      up = places == wanted ? c >= '5' : up;
      out.rounded = out.rounded || c != '0';
      places = wanted + 1;
      continue;
    }
    fen = fen * 10 + (c - '0');
    if (places >= 0) ++places;
  }
  for (int p = std::max(places, 0); p < wanted; ++p) fen *= 10;
  fen += up ? 1 : 0;
  out.fen = negative ? -fen : fen;
  return out;
}

}  // namespace zhiyin::ingest::detail
