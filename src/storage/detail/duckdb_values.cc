#include "storage/detail/duckdb_values.h"

#include <cmath>
#include <limits>

namespace zhiyin::storage::detail {
namespace {

template <class T>
T at(const void* data, idx_t row) {
  return static_cast<const T*>(data)[row];
}

Value wide_integer(duckdb_hugeint v) {
  // In range exactly when the upper half only repeats the sign.
  const auto low = static_cast<std::int64_t>(v.lower);
  if (v.upper == (low < 0 ? -1 : 0)) return low;
  return duckdb_hugeint_to_double(v);
}

Value wide_unsigned(duckdb_uhugeint v) {
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (v.upper == 0 && v.lower <= kMax) return static_cast<std::int64_t>(v.lower);
  return duckdb_uhugeint_to_double(v);
}

duckdb_hugeint widened(std::int64_t v) {
  return {static_cast<std::uint64_t>(v), v < 0 ? std::int64_t{-1} : std::int64_t{0}};
}

duckdb_hugeint decimal_digits(duckdb_logical_type type, const void* data, idx_t row) {
  switch (duckdb_decimal_internal_type(type)) {
    case DUCKDB_TYPE_SMALLINT:
      return widened(at<std::int16_t>(data, row));
    case DUCKDB_TYPE_INTEGER:
      return widened(at<std::int32_t>(data, row));
    case DUCKDB_TYPE_BIGINT:
      return widened(at<std::int64_t>(data, row));
    default:
      return at<duckdb_hugeint>(data, row);
  }
}

Value decimal(duckdb_logical_type type, const void* data, idx_t row) {
  const duckdb_hugeint digits = decimal_digits(type, data, row);
  const std::uint8_t scale = duckdb_decimal_scale(type);
  if (scale == 0) return wide_integer(digits);
  return duckdb_decimal_to_double({duckdb_decimal_width(type), scale, digits});
}

std::string text(const void* data, idx_t row) {
  auto s = at<duckdb_string_t>(data, row);
  return {duckdb_string_t_data(&s), duckdb_string_t_length(s)};
}

Result<Value> cell(duckdb_logical_type type, const void* data, idx_t row) {
  switch (const duckdb_type id = duckdb_get_type_id(type)) {
    case DUCKDB_TYPE_BOOLEAN:
      return std::int64_t{at<bool>(data, row) ? 1 : 0};
    case DUCKDB_TYPE_TINYINT:
      return std::int64_t{at<std::int8_t>(data, row)};
    case DUCKDB_TYPE_SMALLINT:
      return std::int64_t{at<std::int16_t>(data, row)};
    case DUCKDB_TYPE_INTEGER:
      return std::int64_t{at<std::int32_t>(data, row)};
    case DUCKDB_TYPE_BIGINT:
      return at<std::int64_t>(data, row);
    case DUCKDB_TYPE_UTINYINT:
      return std::int64_t{at<std::uint8_t>(data, row)};
    case DUCKDB_TYPE_USMALLINT:
      return std::int64_t{at<std::uint16_t>(data, row)};
    case DUCKDB_TYPE_UINTEGER:
      return std::int64_t{at<std::uint32_t>(data, row)};
    case DUCKDB_TYPE_UBIGINT:
      return wide_unsigned({at<std::uint64_t>(data, row), 0});
    case DUCKDB_TYPE_HUGEINT:
      return wide_integer(at<duckdb_hugeint>(data, row));
    case DUCKDB_TYPE_UHUGEINT:
      return wide_unsigned(at<duckdb_uhugeint>(data, row));
    case DUCKDB_TYPE_FLOAT:
      return double{at<float>(data, row)};
    case DUCKDB_TYPE_DOUBLE:
      return at<double>(data, row);
    case DUCKDB_TYPE_DECIMAL:
      return decimal(type, data, row);
    case DUCKDB_TYPE_VARCHAR:
      return text(data, row);
    case DUCKDB_TYPE_BLOB:
      return Blob{text(data, row)};
    case DUCKDB_TYPE_SQLNULL:
      return std::monostate();
    default:
      return fail(ErrorCode::kUnsupported,
                  "warehouse: a result column has type {}; cast it to a number or text",
                  static_cast<int>(id));
  }
}

/// Frees a logical type.
class Type {
 public:
  explicit Type(duckdb_vector vector) : raw_(duckdb_vector_get_column_type(vector)) {}
  ~Type() { duckdb_destroy_logical_type(&raw_); }
  Type(const Type&) = delete;
  Type& operator=(const Type&) = delete;
  [[nodiscard]] duckdb_logical_type raw() const { return raw_; }

 private:
  duckdb_logical_type raw_;
};

}  // namespace

Result<void> read_duckdb_chunk(duckdb_data_chunk chunk, Rows& rows) {
  const idx_t columns = duckdb_data_chunk_get_column_count(chunk);
  const idx_t count = duckdb_data_chunk_get_size(chunk);
  const std::size_t first = rows.rows.size();
  rows.rows.resize(first + count, Row(columns));
  for (idx_t c = 0; c < columns; ++c) {
    duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, c);
    const Type type(vector);
    const void* data = duckdb_vector_get_data(vector);
    std::uint64_t* valid = duckdb_vector_get_validity(vector);
    for (idx_t r = 0; r < count; ++r) {
      if (!duckdb_validity_row_is_valid(valid, r)) continue;
      ZHIYIN_TRY(rows.rows[first + r][c], cell(type.raw(), data, r));
    }
  }
  return {};
}

}  // namespace zhiyin::storage::detail
