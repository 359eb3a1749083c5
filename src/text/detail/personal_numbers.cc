#include <algorithm>
#include <array>
#include <optional>

#include "text/detail/personal.h"

namespace zhiyin::text::detail {
namespace {

/// Groups of digits with one separator between them, and where each stands.
struct Group {
  std::size_t begin, end;
};
constexpr std::size_t kGroupsMax = 6;

/// Chinese digits as spoken in numbers of telephones; 0 where it is none.
char chinese_digit(char32_t c) {
  constexpr std::u32string_view kDigits = U"零一二三四五六七八九";
  if (c == U'〇' || c == U'○') return '0';
  if (c == U'幺') return '1';
  const std::size_t at = kDigits.find(c);
  return at == std::u32string_view::npos ? '\0' : static_cast<char>('0' + at);
}

bool is_separator(char32_t c) {
  return c == ' ' || c == '-' || c == U'—' || c == U'–' || c == U'−' || c == U'\u00a0';
}

int number(std::string_view digits) {
  int value = 0;
  for (const char c : digits) value = value * 10 + (c - '0');
  return value;
}

bool is_date(int year, int month, int day) {
  constexpr std::array<int, 12> kDays = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return year >= 1900 && year <= 2100 && month >= 1 && month <= 12 && day >= 1 &&
         day <= kDays[static_cast<std::size_t>(month - 1)];
}

bool is_region(std::string_view digits) {
  // The highest second digit of each first: GB/T 2260's provinces.
  constexpr std::array<int, 10> kLast = {-1, 5, 3, 7, 6, 4, 5, 1, 3, -1};
  const int first = digits[0] - '0', second = digits[1] - '0';
  return (second >= 1 || first == 5) && second <= kLast[static_cast<std::size_t>(first)];
}

bool is_mobile(std::string_view digits) {
  return digits.size() == 11 && digits[0] == '1' && digits[1] >= '3';
}

/// 010, 02x and 0xxx with seven or eight digits behind.
bool is_fixed_line(std::string_view digits) {
  if (digits.size() < 10 || digits.size() > 12 || digits[0] != '0') return false;
  if (digits[1] == '1') return digits[2] == '0' && digits.size() == 11 && digits[3] >= '2';
  if (digits[1] == '2') return digits.size() == 11 && digits[3] >= '2';
  return digits[1] >= '3' && digits.size() >= 11 && digits[4] >= '2';
}

bool is_phone(std::string_view digits, bool plus, std::size_t groups) {
  if (digits.starts_with("0086")) digits.remove_prefix(2);
  if ((digits.size() == 13) && digits.starts_with("86") && is_mobile(digits.substr(2))) return true;
  if (plus) return digits.size() >= 9 && digits.size() <= 15;
  if (is_mobile(digits)) return true;
  // A fixed line in one piece is like any other number: its area stands apart or its length says
  // it.
  return is_fixed_line(digits) && groups <= 3;
}

/// Words before a number that say what it is.
bool after_label(const FoldedText& text, std::size_t begin,
                 std::initializer_list<std::u32string_view> labels) {
  std::size_t at = begin;
  for (int skipped = 0; skipped < 4 && at > 0; ++skipped, --at) {
    const char32_t c = text.characters[at - 1];
    if (c != ' ' && c != ':' && c != U'是' && c != U'为' && c != U'号' && c != U'码' &&
        c != U'群' && c != U'(' && c != '+' && c != '=')
      break;
  }
  return std::ranges::any_of(labels, [&](auto label) {
    return text.has_before(at, label) || text.has_before(begin, label);
  });
}

class NumberFinder {
 public:
  NumberFinder(const FoldedText& text, Findings& out) : text_(text), out_(out) {}

  void run() {
    std::size_t at = 0;
    while (at < text_.size()) {
      if (!is_digit(text_.characters[at])) {
        at += chinese(at);
        continue;
      }
      at = groups_from(at);
      for (std::size_t i = 0; i < groups_.size();) i += take(i);
    }
  }

 private:
  /// Reads groups of digits; returns where they end. An x behind 17 digits belongs to them.
  std::size_t groups_from(std::size_t at) {
    groups_.clear();
    while (groups_.size() < kGroupsMax * 4) {
      Group group{at, at};
      while (is_digit(text_.at(group.end))) ++group.end;
      if (text_.at(group.end) == 'x' && !is_lower(text_.at(group.end + 1)) && is_seventeenth(group))
        ++group.end;
      groups_.push_back(group);
      at = group.end;
      const std::size_t gap = gap_at(at);
      if (gap == 0) break;
      at += gap;
    }
    return at;
  }

  /// Whether this group and whole ones before it have 17 digits, as an x has before it.
  [[nodiscard]] bool is_seventeenth(const Group& group) const {
    constexpr std::size_t kBefore = 17;
    std::size_t digits = group.end - group.begin;
    for (std::size_t g = groups_.size(); g > 0 && digits < kBefore; --g)
      digits += groups_[g - 1].end - groups_[g - 1].begin;
    return digits == kBefore;
  }

  /// Characters between two groups: a separator, or what closes an area's bracket, also with a
  /// separator behind it. 0: no further group.
  [[nodiscard]] std::size_t gap_at(std::size_t at) const {
    std::size_t gap = groups_.size() == 1 && is_bracketed() ? 1 : 0;
    if (is_separator(text_.at(at + gap))) ++gap;
    return is_digit(text_.at(at + gap)) ? gap : 0;
  }

  /// The first group stands in brackets: (010)62345678.
  [[nodiscard]] bool is_bracketed() const {
    const Group& first = groups_.front();
    return first.begin > 0 && text_.characters[first.begin - 1] == '(' &&
           text_.at(first.end) == ')';
  }

  [[nodiscard]] std::string digits_of(std::size_t first, std::size_t last) const {
    std::string digits;
    for (std::size_t g = first; g <= last; ++g)
      for (std::size_t i = groups_[g].begin; i < groups_[g].end; ++i)
        digits += static_cast<char>(text_.characters[i]);
    return digits;
  }

  /// Finds what begins with group `first`; returns how many groups it took.
  std::size_t take(std::size_t first) {
    const std::size_t begin = groups_[first].begin;
    if (begin > 0 && (is_word_before(begin) || is_digit(text_.at(begin - 1)))) return 1;
    const bool plus = begin > 0 && text_.characters[begin - 1] == '+';
    const bool bracket = first == 0 && is_bracketed();
    const std::size_t last = std::min(groups_.size(), first + kGroupsMax);
    for (std::size_t end = last; end > first; --end) {
      const std::string digits = digits_of(first, end - 1);
      if (digits.size() > 19 || goes_on(groups_[end - 1].end)) continue;
      const std::size_t from = plus || (bracket && end > 1) ? begin - 1 : begin;
      if (const auto kind = kind_of(digits, plus, end - first, begin)) {
        out_.push_back({*kind, *kind == PersonalKind::kPhone ? from : begin, groups_[end - 1].end});
        return end - first;
      }
    }
    return 1;
  }

  /// A number inside a word of letters (an article's) is none, save behind a label.
  [[nodiscard]] bool is_word_before(std::size_t begin) const {
    const char32_t c = text_.characters[begin - 1];
    const bool fraction = c == '.' && begin > 1 && is_digit(text_.characters[begin - 2]);
    if (!is_lower(c) && c != '_' && !fraction) return false;
    constexpr std::array<std::u32string_view, 8> kLabels = {U"tel", U"phone", U"mobile", U"vx",
                                                            U"wx",  U"qq",    U"wechat", U"id"};
    return std::ranges::none_of(kLabels,
                                [&](auto label) { return text_.has_before(begin, label); });
  }
  [[nodiscard]] bool goes_on(std::size_t end) const {
    const char32_t c = text_.at(end);
    return is_digit(c) || is_lower(c) || c == '_' || (c == '.' && is_digit(text_.at(end + 1))) ||
           c == '%' || c == U'元';
  }

  [[nodiscard]] std::optional<PersonalKind> kind_of(std::string_view digits, bool plus,
                                                    std::size_t groups, std::size_t begin) const {
    if (is_id_number(digits) && !plus) return PersonalKind::kIdNumber;
    if (is_phone(digits, plus, groups)) return PersonalKind::kPhone;
    if (is_bank_card(digits)) return PersonalKind::kBankCard;
    if (digits.size() >= 5 && digits.size() <= 11 && groups == 1 && digits[0] != '0' &&
        after_label(text_, begin, {U"qq", U"扣扣", U"企鹅", U"扣号", U"球球"}))
      return PersonalKind::kQq;
    if ((digits.size() == 7 || digits.size() == 8) && digits[0] >= '2' && groups <= 2 &&
        after_label(text_, begin, {U"电话", U"座机", U"tel", U"致电", U"固话", U"手机"}))
      return PersonalKind::kPhone;
    return std::nullopt;
  }

  /// A mobile number with Chinese digits in it; returns how far it went (at least 1).
  std::size_t chinese(std::size_t at) {
    if (chinese_digit(text_.characters[at]) == 0) return 1;
    std::string digits;
    std::size_t end = at;
    for (; end < text_.size() && digits.size() <= 13; ++end) {
      const char32_t c = text_.characters[end];
      const char digit = is_digit(c) ? static_cast<char>(c) : chinese_digit(c);
      if (digit == 0) break;
      digits += digit;
    }
    if (is_mobile(digits)) out_.push_back({PersonalKind::kPhone, at, end});
    // Plain digits behind are read again as such.
    std::size_t passed = at;
    while (passed < end && !is_digit(text_.characters[passed])) ++passed;
    return is_mobile(digits) ? end - at : std::max<std::size_t>(1, passed - at);
  }

  const FoldedText& text_;
  Findings& out_;
  std::vector<Group> groups_;
};

}  // namespace

bool is_id_number(std::string_view digits) {
  const auto all_digits = [](std::string_view part) {
    return std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
  };
  if (digits.size() == 15 && all_digits(digits))
    return is_region(digits) && is_date(1900 + number(digits.substr(6, 2)),
                                        number(digits.substr(8, 2)), number(digits.substr(10, 2)));
  if (digits.size() != 18 || !all_digits(digits.substr(0, 17)) || !is_region(digits)) return false;
  if (!is_date(number(digits.substr(6, 4)), number(digits.substr(10, 2)),
               number(digits.substr(12, 2))))
    return false;
  constexpr std::array<int, 17> kWeights = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
  int sum = 0;
  for (std::size_t i = 0; i < kWeights.size(); ++i) sum += kWeights[i] * (digits[i] - '0');
  return std::string_view("10x98765432")[static_cast<std::size_t>(sum % 11)] == digits[17];
}

bool is_bank_card(std::string_view digits) {
  if (digits.size() < 13 || digits.size() > 19) return false;
  int sum = 0;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const char c = digits[digits.size() - 1 - i];
    if (c < '0' || c > '9') return false;
    const int digit = (c - '0') * (i % 2 == 0 ? 1 : 2);
    sum += digit > 9 ? digit - 9 : digit;
  }
  if (sum % 10 != 0) return false;
  const int first = digits[0] - '0', two = number(digits.substr(0, 2));
  if (two == 62) return digits.size() >= 16;                          // UnionPay
  if (first == 4) return digits.size() == 16 || digits.size() == 13;  // Visa
  if ((two >= 51 && two <= 55) || (two >= 22 && two <= 27)) return digits.size() == 16;
  if (two == 35) return digits.size() == 16;               // JCB
  if (two == 34 || two == 37) return digits.size() == 15;  // American Express
  return (two == 60 || two == 65 || two == 68 || two == 95 || two == 94) && digits.size() >= 16;
}

void find_numbers(const FoldedText& text, Findings& out) { NumberFinder(text, out).run(); }

}  // namespace zhiyin::text::detail
