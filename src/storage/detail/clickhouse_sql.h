#pragma once

#include <span>
#include <string>
#include <string_view>

#include "storage/warehouse.h"

/// How SQL of the warehouse's subset is said to ClickHouse. Pure.
namespace zhiyin::storage::detail {

/// What the number of one of the server's exceptions means. Only those that are listed say
/// something about the values (kInvalidArgument); what is not known is kInternal.
ErrorCode clickhouse_error_code(int code);

/// A value as a literal: `toInt64(-5)`, `'a\'b'`, `NULL`. kInvalidArgument for bytes that are no
/// UTF-8 text, infinities and NaN.
Result<std::string> clickhouse_literal(const Value& value);

/// The query with each `?` outside of texts, names and comments replaced by the literal of its
/// parameter. kInvalidArgument when their numbers differ, when it is no single SELECT (or WITH …
/// SELECT), or when a text does not end.
Result<std::string> clickhouse_query(std::string_view sql, std::span<const Value> parameters);

/// A condition with its parameters, as above.
Result<std::string> clickhouse_condition(std::string_view sql, std::span<const Value> parameters);

/// One row for `FORMAT JSONCompactEachRow`, with a newline. Requires `check_row`.
void append_clickhouse_row(std::string& out, const Row& row);

}  // namespace zhiyin::storage::detail
