#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace zhiyin::ingest::detail {

/// What a cell counts, and so how people write it.
enum class NumberForm : std::uint8_t {
  kCount,    ///< `12`, `-3.5`, `1,234`, `1 234`, `１２`, `1.2万`, `3k`
  kSeconds,  ///< also `7分30秒`, `1小时`, `00:07:30`
  kYuan,     ///< also `¥199.00`, `199元`, `1.2万元`
};

/// A number that a person wrote, and what had to be corrected to read it.
struct WrittenNumber {
  double value = 0;
  bool full_width = false;  ///< digits, signs
  bool separators = false;  ///< of thousands
  bool words = false;       ///< 万, k, 分, 秒, `:`
  bool currency = false;    ///< ¥, 元

  [[nodiscard]] bool corrected() const { return full_width || separators || words || currency; }
};

/// The number in plain form: an optional sign, digits, a point, an exponent.
std::optional<double> plain_number(std::string_view text);

/// Nothing when `text` is no number of that form. `1,23` and `10万+` are none.
std::optional<WrittenNumber> read_number(std::string_view text,
                                         NumberForm form = NumberForm::kCount);

/// An amount in yuan, in fen. Digit by digit, so that nothing is lost on the way: 0.29 is 29.
struct WrittenFen {
  std::int64_t fen = 0;
  bool rounded =
      false;  ///< there was more than the second digit behind the point; half a fen goes up
  WrittenNumber as_written;
};
/// Nothing when `text` is no amount, or has more than 15 digits.
std::optional<WrittenFen> read_yuan(std::string_view text);

}  // namespace zhiyin::ingest::detail
