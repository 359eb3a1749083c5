#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace zhiyin::storage {

/// Bytes, as opposed to text.
struct Blob {
  std::string bytes;
  bool operator==(const Blob&) const = default;
};

/// One cell: null, integer, real, text or bytes.
using Value = std::variant<std::monostate, std::int64_t, double, std::string, Blob>;

inline bool is_null(const Value& v) { return std::holds_alternative<std::monostate>(v); }
/// The integer (or a real cut to one); `fallback` for anything else.
std::int64_t as_int(const Value& v, std::int64_t fallback = 0);
double as_real(const Value& v, double fallback = 0);
/// The text or the bytes; empty for anything else. Lives as long as `v`.
std::string_view as_text(const Value& v);

using Row = std::vector<Value>;
struct Rows {
  std::vector<std::string> columns;
  std::vector<Row> rows;
};

}  // namespace zhiyin::storage
