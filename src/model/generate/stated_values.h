#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace zhiyin::model {

/// Something in a text that is either true or made up: a number with its unit, part of a date, a
/// name.
struct StatedValue {
  enum class Kind { kNumber, kName } kind = Kind::kNumber;
  std::string value;      ///< canonical: 1299, 9.5, 11; a name in lower case without its marks
  std::string unit;       ///< canonical: 元, 天, %, 月; empty when none follows
  std::size_t begin = 0;  ///< bytes
  std::size_t end = 0;
};

/// Numbers in ASCII, full-width and Chinese digits (`1,299元`, `９.５折`, `三十天`, `￥39`, `50%`,
/// dates in both writings), and names: what stands within 《》「」『』, words of Latin letters or
/// letters with digits (at least two characters), and `known_names` wherever they occur. A lone 一
/// is a number only before 元, 块 or 折 (一起 and 一定 are words), other lone Chinese digits only
/// before a unit. Ascending.
std::vector<StatedValue> stated_values(std::string_view text,
                                       const std::vector<std::string>& known_names = {});

/// Whether `given` supports `stated`: the same value, and the same unit unless one has none.
bool supports(const StatedValue& given, const StatedValue& stated);

}  // namespace zhiyin::model
