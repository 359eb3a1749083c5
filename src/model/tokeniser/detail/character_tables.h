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
extern const std::uint32_t kWords[];  // pairs: begin and end of a range; ascending
extern const std::size_t kWordsSize;
extern const std::uint32_t kDecompositions[];  // code point, count, parts (canonical, full)
extern const std::size_t kDecompositionsSize;
extern const std::uint32_t kCompatibles[];  // likewise (compatible), where it is another
extern const std::size_t kCompatiblesSize;
extern const std::uint32_t kCompositions[];  // triples: two code points, what they make; ascending
extern const std::size_t kCompositionsSize;

}  // namespace zhiyin::model::detail
