#include "storage/in_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace zhiyin::storage {
namespace {

constexpr std::size_t kLong = 512;
constexpr std::size_t kShort = 32;

/// The length of the next list; what is missing of it is filled with a value that is there already.
std::size_t padded_size(std::size_t left) {
  if (left == 1) return 1;
  return left > 4 * kShort ? kLong : kShort;
}

}  // namespace

std::size_t list_size(std::size_t left, std::size_t max) {
  for (const std::size_t size : {kLong, kShort}) {
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

Result<void> query_in_lists(Session& session, std::string_view sql, std::span<const Value> first,
                            std::span<const Value> list, const std::function<void(Row&)>& row) {
  std::string text;
  std::size_t text_size = 0;  // of the list in `text`
  std::vector<Value> values;
  while (!list.empty()) {
    const std::size_t size = padded_size(list.size());
    const std::size_t n = std::min(size, list.size());
    if (size != text_size)
      text = fmt::format(fmt::runtime(sql), placeholders(first.size() + 1, size));
    text_size = size;
    values.assign(first.begin(), first.end());
    values.insert(values.end(), list.begin(), list.begin() + static_cast<std::ptrdiff_t>(n));
    values.resize(first.size() + size, list[n - 1]);
    ZHIYIN_TRY(Rows rows, session.query(text, std::span<const Value>(values)));
    for (Row& each : rows.rows) row(each);
    list = list.subspan(n);
  }
  return {};
}

}  // namespace zhiyin::storage
