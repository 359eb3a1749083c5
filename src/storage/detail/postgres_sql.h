#pragma once

#include <string>
#include <string_view>

namespace zhiyin::storage::detail {

/// A statement in the words of PostgreSQL.
struct PostgresSql {
  std::string sql;
  int parameters = 0;  ///< the highest number among them
};

/// `?N` becomes `$N`, except in literals, quoted names and comments.
PostgresSql to_postgres(std::string_view sql);

/// For the statements of a migration: columns of type TEXT (in capitals) compare by bytes (COLLATE
/// "C"), so that texts are ordered as in the embedded state, whatever the locale of the server is.
/// INTEGER becomes BIGINT.
std::string migration_to_postgres(std::string_view sql);

}  // namespace zhiyin::storage::detail
