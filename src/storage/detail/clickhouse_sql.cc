#include "storage/detail/clickhouse_sql.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "base/json.h"
#include "base/utf8.h"

namespace zhiyin::storage::detail {
namespace {

std::unexpected<Error> wrong(std::string_view what) {
  return fail(ErrorCode::kInvalidArgument, "warehouse: {}", what);
}

std::string text_literal(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    switch (c) {
      case '\\':
        out += "\\\\";
        break;
      case '\'':
        out += "\\'";
        break;
      case '\0':
        out += "\\0";
        break;
      default:
        out += c;
    }
  }
  return out + "'";
}

/// Walks over SQL: texts, names and comments are copied, `?` is handed to `parameter`.
class Scanner {
 public:
  Scanner(std::string_view sql, std::span<const Value> parameters)
      : sql_(sql), parameters_(parameters) {}

  Result<std::string> run() {
    while (at_ < sql_.size()) {
      const char c = sql_[at_];
      if (c == '\'' || c == '"' || c == '`') {
        ZHIYIN_TRY_VOID(copy_quoted(c));
      } else if (sql_.substr(at_).starts_with("--")) {
        at_ = std::min(sql_.find('\n', at_), sql_.size());
      } else if (sql_.substr(at_).starts_with("/*")) {
        const std::size_t end = sql_.find("*/", at_ + 2);
        if (end == std::string_view::npos) return wrong("a comment of the query does not end");
        at_ = end + 2;
        out_ += ' ';
      } else if (c == '?') {
        ++at_;
        if (used_ >= parameters_.size()) return wrong("the query has more ? than parameters");
        ZHIYIN_TRY(const std::string literal, clickhouse_literal(parameters_[used_++]));
        out_ += literal;
      } else if (c == ';') {
        ++at_;
        ended_ = true;
      } else {
        if (ended_ && std::isspace(static_cast<unsigned char>(c)) == 0)
          return wrong("only one statement is possible");
        out_ += c;
        ++at_;
      }
    }
    if (used_ != parameters_.size()) return wrong("the query has fewer ? than parameters");
    return std::move(out_);
  }

 private:
  /// In the subset a quote within a text is doubled and a backslash is itself; ClickHouse takes
  /// both for escapes.
  Result<void> copy_quoted(char quote) {
    std::string text;
    std::size_t i = at_ + 1;
    for (;; ++i) {
      if (i >= sql_.size()) return wrong("a text or name of the query does not end");
      if (sql_[i] != quote) {
        text += sql_[i];
      } else if (i + 1 < sql_.size() && sql_[i + 1] == quote) {
        text += quote;
        ++i;
      } else {
        break;
      }
    }
    at_ = i + 1;
    if (quote == '\'') {
      out_ += text_literal(text);
    } else {
      if (text.find_first_of("\\\"`") != std::string::npos)
        return wrong("a name of the query holds a quote");
      out_ += quote + text + quote;
    }
    return {};
  }

  std::string_view sql_;
  std::span<const Value> parameters_;
  std::size_t at_ = 0;
  std::size_t used_ = 0;
  bool ended_ = false;
  std::string out_;
};

bool starts_with_word(std::string_view sql, std::string_view word) {
  return sql.size() > word.size() &&
         std::equal(
             word.begin(), word.end(), sql.begin(),
             [](char w, char s) { return w == std::toupper(static_cast<unsigned char>(s)); }) &&
         std::isalnum(static_cast<unsigned char>(sql[word.size()])) == 0;
}

}  // namespace

ErrorCode clickhouse_error_code(int code) {
  switch (code) {
    case 159:  // TIMEOUT_EXCEEDED
    case 160:  // TOO_SLOW
    case 394:  // QUERY_WAS_CANCELLED
      return ErrorCode::kDeadline;
    case 158:  // TOO_MANY_ROWS
    case 396:  // TOO_MANY_ROWS_OR_BYTES
    case 241:  // MEMORY_LIMIT_EXCEEDED
    case 307:  // TOO_MANY_BYTES
      return ErrorCode::kLimitReached;
    case 192:  // UNKNOWN_USER
    case 193:  // WRONG_PASSWORD
    case 194:  // REQUIRED_PASSWORD
    case 497:  // ACCESS_DENIED
    case 516:  // AUTHENTICATION_FAILED
      return ErrorCode::kPermissionDenied;
    case 202:  // TOO_MANY_SIMULTANEOUS_QUERIES
    case 209:  // SOCKET_TIMEOUT
    case 210:  // NETWORK_ERROR
    case 236:  // ABORTED
    case 242:  // TABLE_IS_READ_ONLY
    case 243:  // NOT_ENOUGH_SPACE
    case 252:  // TOO_MANY_PARTS
    case 0:
      return ErrorCode::kUnavailable;
    case 6:    // CANNOT_PARSE_TEXT
    case 25:   // CANNOT_PARSE_ESCAPE_SEQUENCE
    case 26:   // CANNOT_PARSE_QUOTED_STRING
    case 27:   // CANNOT_PARSE_INPUT_ASSERTION_FAILED
    case 53:   // TYPE_MISMATCH
    case 69:   // ARGUMENT_OUT_OF_BOUND
    case 70:   // CANNOT_CONVERT_TYPE
    case 72:   // CANNOT_PARSE_NUMBER
    case 117:  // INCORRECT_DATA
    case 131:  // TOO_LARGE_STRING_SIZE
    case 153:  // ILLEGAL_DIVISION
    case 349:  // CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
    case 407:  // DECIMAL_OVERFLOW
      return ErrorCode::kInvalidArgument;
    case 60:   // UNKNOWN_TABLE
    case 81:   // UNKNOWN_DATABASE
    case 218:  // TABLE_IS_DROPPED
      return ErrorCode::kUnavailable;
    default:
      return ErrorCode::kInternal;
  }
}

Result<std::string> clickhouse_literal(const Value& value) {
  if (is_null(value)) return std::string("NULL");
  if (const auto* n = std::get_if<std::int64_t>(&value)) return fmt::format("toInt64({})", *n);
  if (const auto* x = std::get_if<double>(&value)) {
    if (!std::isfinite(*x)) return wrong("a parameter is no finite number");
    return fmt::format("toFloat64({})", *x);
  }
  const auto* text = std::get_if<std::string>(&value);
  if (text == nullptr || !utf8::is_valid(*text)) return wrong("a parameter is no UTF-8 text");
  return text_literal(*text);
}

Result<std::string> clickhouse_condition(std::string_view sql, std::span<const Value> parameters) {
  return Scanner(sql, parameters).run();
}

Result<std::string> clickhouse_query(std::string_view sql, std::span<const Value> parameters) {
  ZHIYIN_TRY(std::string out, Scanner(sql, parameters).run());
  const std::size_t begin = out.find_first_not_of(" \t\r\n(");
  const std::string_view rest =
      begin == std::string::npos ? std::string_view() : std::string_view(out).substr(begin);
  if (!starts_with_word(rest, "SELECT") && !starts_with_word(rest, "WITH"))
    return wrong("a query begins with SELECT or WITH");
  return out;
}

void append_clickhouse_row(std::string& out, const Row& row) {
  char separator = '[';
  for (const Value& cell : row) {
    out += separator;
    separator = ',';
    if (const auto* n = std::get_if<std::int64_t>(&cell)) {
      out += fmt::format("{}", *n);
    } else if (const auto* x = std::get_if<double>(&cell)) {
      append_json_number(out, *x);
    } else if (const auto* text = std::get_if<std::string>(&cell)) {
      append_json_string(out, *text);
    } else {
      out += "null";
    }
  }
  out += "]\n";
}

}  // namespace zhiyin::storage::detail
