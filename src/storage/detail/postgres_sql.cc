#include "storage/detail/postgres_sql.h"

#include <algorithm>
#include <cctype>

namespace zhiyin::storage::detail {
namespace {

constexpr int kParametersMax = 65'535;

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

/// The end of what starts at `at` and is not to be looked into: literal, quoted name, comment.
/// `at` itself when nothing of that kind starts there.
std::size_t skip_opaque(std::string_view sql, std::size_t at) {
  const auto after = [&](std::size_t found, std::size_t length) {
    return found == std::string_view::npos ? sql.size() : found + length;
  };
  if (sql[at] == '\'' || sql[at] == '"') return after(sql.find(sql[at], at + 1), 1);
  if (sql.substr(at, 2) == "--") return after(sql.find('\n', at), 1);
  if (sql.substr(at, 2) == "/*") return after(sql.find("*/", at + 2), 2);
  return at;
}

std::size_t skip_word(std::string_view sql, std::size_t at) {
  while (at < sql.size() && is_word(sql[at])) ++at;
  return at;
}

}  // namespace

PostgresSql to_postgres(std::string_view sql) {
  PostgresSql out;
  out.sql.reserve(sql.size());
  for (std::size_t at = 0; at < sql.size();) {
    const std::size_t end = skip_opaque(sql, at);
    if (end != at) {
      out.sql += sql.substr(at, end - at);
      at = end;
      continue;
    }
    if (sql[at] != '?') {
      out.sql += sql[at++];
      continue;
    }
    out.sql += '$';
    int number = 0;
    for (++at; at < sql.size() && sql[at] >= '0' && sql[at] <= '9'; ++at) {
      out.sql += sql[at];
      number = std::min(number * 10 + (sql[at] - '0'), kParametersMax);
    }
    out.parameters = std::max(out.parameters, number);
  }
  return out;
}

std::string migration_to_postgres(std::string_view sql) {
  std::string out;
  std::string_view last_word;
  for (std::size_t at = 0; at < sql.size();) {
    std::size_t end = skip_opaque(sql, at);
    if (end == at && is_word(sql[at])) {
      end = skip_word(sql, at);
      const std::string_view word = sql.substr(at, end - at);
      // The whole numbers of the embedded state have 64 bits under either name.
      out += word == "INTEGER" ? "BIGINT" : word;
      // `CAST(x AS TEXT)` names a type where no collation may stand.
      if (word == "TEXT" && last_word != "AS") out += " COLLATE \"C\"";
      last_word = word;
    } else {
      if (end == at) ++end;
      out += sql.substr(at, end - at);
    }
    at = end;
  }
  return out;
}

}  // namespace zhiyin::storage::detail
