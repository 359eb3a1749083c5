#include "model/generate/stated_values.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <utility>

namespace zhiyin::model {
namespace {

/// A character of the text with its place.
struct Character {
  char32_t code = 0;
  std::size_t begin = 0;
  std::size_t end = 0;
};

std::vector<Character> characters(std::string_view text) {
  std::vector<Character> out;
  for (std::size_t at = 0; at < text.size();) {
    const auto first = static_cast<unsigned char>(text[at]);
    const std::size_t n = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    const std::size_t end = std::min(text.size(), at + n);
    char32_t code = n == 1 ? first : first & (0xffU >> (n + 1));
    for (std::size_t i = at + 1; i < end; ++i) {
      code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3fU);
    }
    if (code >= 0xff01 && code <= 0xff5e) code -= 0xfee0;  // full-width to half-width
    out.push_back({code, at, end});
    at = end;
  }
  return out;
}

constexpr std::pair<std::string_view, std::string_view> kUnits[] = {
    // longer ones first; the second is what they are all written as
    {"个工作日", "工作日"},
    {"工作日", "工作日"},
    {"小时", "小时"},
    {"分钟", "分钟"},
    {"个月", "个月"},
    {"毫升", "ml"},
    {"公斤", "kg"},
    {"千克", "kg"},
    {"厘米", "cm"},
    {"毫米", "mm"},
    {"元", "元"},
    {"块", "元"},
    {"折", "折"},
    {"天", "天"},
    {"日", "日"},
    {"号", "日"},
    {"月", "月"},
    {"年", "年"},
    {"周", "周"},
    {"点", "点"},
    {"秒", "秒"},
    {"件", "件"},
    {"个", "个"},
    {"只", "只"},
    {"双", "双"},
    {"次", "次"},
    {"位", "位"},
    {"人", "人"},
    {"倍", "倍"},
    {"克", "g"},
    {"米", "m"},
    {"升", "l"},
    {"寸", "寸"},
    {"码", "码"},
    {"岁", "岁"},
    {"层", "层"},
    {"片", "片"},
    {"瓶", "瓶"},
    {"盒", "盒"},
    {"包", "包"},
    {"套", "套"},
    {"款", "款"},
    {"%", "%"},
    {"ml", "ml"},
    {"kg", "kg"},
    {"cm", "cm"},
    {"mm", "mm"},
    {"g", "g"},
    {"l", "l"},
    {"m", "m"},
    {"万", "万"},
    {"亿", "亿"}};

bool is_digit(char32_t c) { return c >= '0' && c <= '9'; }
bool is_letter(char32_t c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

constexpr std::u32string_view kChineseDigits = U"〇零一二三四五六七八九";
constexpr std::u32string_view kChineseDigitsToo = U"两";
constexpr std::u32string_view kChinesePowers = U"十百千万";

bool is_chinese_digit(char32_t c) {
  return kChineseDigits.find(c) != std::u32string_view::npos || c == kChineseDigitsToo[0];
}
bool is_chinese_number(char32_t c) {
  return is_chinese_digit(c) || kChinesePowers.find(c) != std::u32string_view::npos;
}

std::int64_t digit_value(char32_t c) {
  if (c == kChineseDigitsToo[0]) return 2;
  const std::size_t at = kChineseDigits.find(c);
  return at < 2 ? 0 : static_cast<std::int64_t>(at) - 1;
}

/// 三十五, 一百零二, 二〇二六. Of at most 12 characters.
std::int64_t chinese_value(const std::vector<Character>& text, std::size_t from, std::size_t to) {
  std::int64_t total = 0;
  std::int64_t section = 0;
  std::int64_t digit = 0;
  bool powers = false;
  std::int64_t plain = 0;
  for (std::size_t i = from; i < to; ++i) {
    const char32_t c = text[i].code;
    if (is_chinese_digit(c)) {
      digit = digit_value(c);
      plain = plain * 10 + digit;
      continue;
    }
    powers = true;
    if (c == U'万') {
      total += std::max<std::int64_t>(1, section + digit) * 10'000;
      section = 0;
    } else {
      const std::int64_t power = c == U'十' ? 10 : c == U'百' ? 100 : 1000;
      section += (digit == 0 ? 1 : digit) * power;
    }
    digit = 0;
  }
  return powers ? total + section + digit : plain;
}

std::string canonical(std::string digits) {
  if (digits.find('.') != std::string::npos) {
    while (digits.ends_with('0')) digits.pop_back();
    if (digits.ends_with('.')) digits.pop_back();
  }
  const std::size_t first = std::min(digits.find_first_not_of('0'), digits.size());
  digits.erase(0, first);
  if (digits.empty() || digits[0] == '.') digits.insert(0, "0");
  return digits;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

class Reader {
 public:
  Reader(std::string_view text, const std::vector<std::string>& names)
      : text_(text), all_(characters(text)), names_(names) {}

  std::vector<StatedValue> read() {
    for (std::size_t i = 0; i < all_.size();) {
      const std::size_t before = i;
      if (is_digit(all_[i].code)) {
        number(i);
      } else if (is_chinese_number(all_[i].code)) {
        chinese(i);
      } else if (is_letter(all_[i].code)) {
        word(i);
      } else {
        quoted(i);
      }
      if (i == before) ++i;
    }
    known();
    std::ranges::sort(out_, {}, &StatedValue::begin);
    return std::move(out_);
  }

 private:
  char32_t at(std::size_t i) const { return i < all_.size() ? all_[i].code : 0; }

  void add(std::string value, std::string unit, std::size_t from, std::size_t to,
           StatedValue::Kind kind = StatedValue::Kind::kNumber) {
    out_.push_back({kind, std::move(value), std::move(unit), all_[from].begin, all_[to - 1].end});
  }

  /// The unit that follows place `i`, spaces aside; `i` moves behind it.
  std::string unit(std::size_t& i) const {
    std::size_t from = i;
    while (at(from) == ' ') ++from;
    if (from >= all_.size()) return {};
    std::string rest = lower(text_.substr(all_[from].begin, 12));
    if (at(from) == '%') rest.insert(0, "%");  // full-width as well
    for (const auto& [name, written] : kUnits) {
      if (!rest.starts_with(name)) continue;
      std::size_t end = from;
      const std::size_t end_byte = all_[from].begin + name.size();
      while (end < all_.size() && all_[end].begin < end_byte) ++end;
      // "5g" is a unit, "5gb" and "5G" are not.
      if ((name == "g" || name == "m") && at(end - 1) != static_cast<unsigned char>(name[0])) {
        continue;
      }
      if (is_letter(all_[end - 1].code) && (is_letter(at(end)) || is_digit(at(end)))) continue;
      i = end;
      return std::string(written);
    }
    return {};
  }

  void number(std::size_t& i) {
    if (date(i)) return;
    const std::size_t from = i;
    std::string digits;
    bool point = false;
    for (; i < all_.size(); ++i) {
      const char32_t c = at(i);
      if (is_digit(c)) {
        digits += static_cast<char>(c);
      } else if (c == '.' && !point && is_digit(at(i + 1))) {
        point = true;
        digits += '.';
      } else if (!(c == ',' && is_digit(at(i + 1)) && is_digit(at(i + 2)) && is_digit(at(i + 3)) &&
                   !is_digit(at(i + 4)))) {
        break;
      }
    }
    std::string of = unit(i);
    const char32_t before = from > 0 ? at(from - 1) : 0;
    if (of.empty() && (before == U'￥' || before == U'¥' || before == U'$')) of = "元";
    if (of.empty() && is_letter(at(i))) {  // 3C, 5G: a name
      word(i = from);
      return;
    }
    add(canonical(std::move(digits)), std::move(of), from, i);
  }

  /// 2026-11-11, 2026/11/11, 2026.11.11
  bool date(std::size_t& i) {
    const auto digits = [&](std::size_t from, std::size_t n) {
      for (std::size_t k = from; k < from + n; ++k) {
        if (!is_digit(at(k))) return false;
      }
      return true;
    };
    const char32_t mark = at(i + 4);
    if (!digits(i, 4) || (mark != '-' && mark != '/' && mark != '.')) return false;
    const std::size_t month_to = digits(i + 5, 2) ? i + 7 : i + 6;
    if (!digits(i + 5, 1) || at(month_to) != mark || !digits(month_to + 1, 1)) return false;
    const std::size_t day_to = digits(month_to + 1, 2) ? month_to + 3 : month_to + 2;
    if (is_digit(at(day_to))) return false;
    part(i, i + 4, "年");
    part(i + 5, month_to, "月");
    part(month_to + 1, day_to, "日");
    i = day_to;
    return true;
  }

  void part(std::size_t from, std::size_t to, std::string_view unit_name) {
    std::string digits;
    for (std::size_t k = from; k < to; ++k) digits += static_cast<char>(at(k));
    add(canonical(std::move(digits)), std::string(unit_name), from, to);
  }

  void chinese(std::size_t& i) {
    constexpr std::size_t kMost = 12;
    const std::size_t from = i;
    while (i < all_.size() && i < from + kMost && is_chinese_number(at(i))) ++i;
    const std::size_t to = i;
    const std::string of = unit(i);
    const bool lone_one = to == from + 1 && at(from) == U'一';
    const bool money = of == "元" || of == "折";
    if (lone_one ? !money : (to == from + 1 && of.empty())) return;
    bool digits = at(from) == U'十';
    for (std::size_t k = from; k < to; ++k) digits = digits || is_chinese_digit(at(k));
    if (!digits) return;  // 千万 is a word
    add(std::to_string(chinese_value(all_, from, to)), of, from, i);
  }

  void word(std::size_t& i) {
    const std::size_t from = i;
    const auto belongs = [&](std::size_t k) {
      const char32_t c = at(k);
      return is_letter(c) || is_digit(c) ||
             ((c == '-' || c == '_' || c == '.') && (is_letter(at(k + 1)) || is_digit(at(k + 1))));
    };
    while (i < all_.size() && belongs(i)) ++i;
    if (i < from + 2) return;
    std::string name;
    for (std::size_t k = from; k < i; ++k) name += static_cast<char>(at(k));
    add(lower(name), {}, from, i, StatedValue::Kind::kName);
  }

  void quoted(std::size_t& i) {
    constexpr std::array<std::pair<char32_t, char32_t>, 3> kMarks = {
        {{U'《', U'》'}, {U'「', U'」'}, {U'『', U'』'}}};
    constexpr std::size_t kNameMax = 60;
    for (const auto& [open, close] : kMarks) {
      if (at(i) != open) continue;
      std::size_t end = i + 1;
      while (end < all_.size() && end < i + kNameMax && at(end) != close) ++end;
      if (at(end) != close || end == i + 1) return;
      add(lower(text_.substr(all_[i + 1].begin, all_[end].begin - all_[i + 1].begin)), {}, i + 1,
          end, StatedValue::Kind::kName);
      return;  // numbers inside are read as well
    }
  }

  void known() {
    const std::string low = lower(text_);
    for (const std::string& name : names_) {
      if (name.empty()) continue;
      const std::string wanted = lower(name);
      for (std::size_t found = low.find(wanted); found != std::string::npos;
           found = low.find(wanted, found + wanted.size())) {
        out_.push_back({StatedValue::Kind::kName, wanted, {}, found, found + wanted.size()});
      }
    }
  }

  const std::string_view text_;
  const std::vector<Character> all_;
  const std::vector<std::string>& names_;
  std::vector<StatedValue> out_;
};

}  // namespace

std::vector<StatedValue> stated_values(std::string_view text,
                                       const std::vector<std::string>& known_names) {
  return Reader(text, known_names).read();
}

bool supports(const StatedValue& given, const StatedValue& stated) {
  if (given.kind != stated.kind || given.value != stated.value) return false;
  return given.unit.empty() || stated.unit.empty() || given.unit == stated.unit;
}

}  // namespace zhiyin::model
