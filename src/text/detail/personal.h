#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/personal_data.h"

namespace zhiyin::text::detail {

/// A text as the finders of personal data read it: folded (width, circled digits, case), character
/// by character.
struct FoldedText {
  std::u32string characters;
  std::vector<std::size_t> offsets;  ///< bytes; one more than characters

  explicit FoldedText(std::string_view text);
  [[nodiscard]] std::size_t size() const { return characters.size(); }
  /// 0 beyond the text.
  [[nodiscard]] char32_t at(std::size_t i) const { return i < size() ? characters[i] : U'\0'; }
  [[nodiscard]] bool has(std::size_t i, std::u32string_view what) const {
    return i <= size() && std::u32string_view(characters).substr(i).starts_with(what);
  }
  [[nodiscard]] bool has_before(std::size_t end, std::u32string_view what) const {
    return end >= what.size() && has(end - what.size(), what);
  }
};

/// Characters of a FoldedText, before the overlaps are settled.
struct Finding {
  PersonalKind kind;
  std::size_t begin, end;
};
using Findings = std::vector<Finding>;

void find_numbers(const FoldedText& text, Findings& out);   // id numbers, cards, phones, QQ
void find_accounts(const FoldedText& text, Findings& out);  // e-mail, WeChat ids, plates
void find_addresses(const FoldedText& text, Findings& out);
void find_names(const FoldedText& text, Findings& out);

constexpr bool is_digit(char32_t c) { return c >= '0' && c <= '9'; }
constexpr bool is_lower(char32_t c) { return c >= 'a' && c <= 'z'; }

/// Whether `digits` (18, the last may be x) is a number of the resident identity card: region, date
/// of birth and, of 18, checksum (GB 11643-1999). Of 15 there is no checksum.
bool is_id_number(std::string_view digits);
/// Luhn's sum (ISO/IEC 7812) and a length and beginning in use.
bool is_bank_card(std::string_view digits);

}  // namespace zhiyin::text::detail
