#pragma once

#include <cstddef>
#include <cstdint>

/// Made while building by make_tables.cc from Unicode's data.
namespace zhiyin::model::detail {

extern const std::uint16_t kPageIndex[];  // page of 256 code points
extern const std::uint8_t kClasses[];     // per page 256 classes
extern const std::uint32_t kLower[];      // pairs: code point, its lower case; ascending
extern const std::size_t kLowerSize;
extern const std::uint32_t kCombining[];  // pairs: code point, combining class; ascending
extern const std::size_t kCombiningSize;
extern const std::uint32_t kDecompositions[];  // code point, count, parts (canonical, full)
extern const std::size_t kDecompositionsSize;

}  // namespace zhiyin::model::detail
