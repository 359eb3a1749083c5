#include "delivery/detail/in_list.h"

#include <fmt/format.h>

namespace zhiyin::delivery::detail {

std::size_t list_size(std::size_t left, std::size_t max) {
  constexpr std::size_t kSizes[] = {512, 32};
  for (const std::size_t size : kSizes) {
    if (left >= size && max >= size) return size;
  }
  return 1;
}

std::string placeholders(std::size_t first, std::size_t n) {
  std::string out;
  for (std::size_t i = 0; i < n; ++i) out += fmt::format("{}?{}", i == 0 ? "" : ", ", first + i);
  return out;
}

std::string rows_of_placeholders(std::size_t rows, std::size_t columns) {
  std::string out;
  for (std::size_t i = 0; i < rows; ++i)
    out += fmt::format("{}({})", i == 0 ? "" : ", ", placeholders(1 + i * columns, columns));
  return out;
}

}  // namespace zhiyin::delivery::detail
