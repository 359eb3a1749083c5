#pragma once

#include <string>
#include <string_view>

#include "text/detail/character_data.h"

namespace zhiyin::text::detail {

/// The characters that a reference of the tables names; empty for 0.
inline std::u32string_view pool_text(std::uint32_t reference) {
  return {kCharacterPool + (reference >> 5), reference & 31};
}

/// Appends the full compatibility decomposition of `c` (Hangul by its rule).
void append_decomposed(std::u32string& out, char32_t c);
/// Puts combining marks into canonical order (Unicode 3.11, D109).
void order_marks(std::u32string& text);
/// Joins what has a composed form (Unicode 3.11, D117). Requires canonical order.
void compose(std::u32string& text);

}  // namespace zhiyin::text::detail
