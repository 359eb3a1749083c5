// Cells as a PostgreSQL server sends them, and statements on their way to one.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "storage/detail/postgres_sql.h"
#include "storage/detail/postgres_values.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace detail = zhiyin::storage::detail;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  constexpr detail::PostgresType kTypes[] = {16, 17, 20, 21, 23, 25, 26, 700, 701, 1700, 1114};
  static_cast<void>(detail::decode_postgres(kTypes[data[0] % std::size(kTypes)], bytes));
  // Numbers of parameters change their sign and nothing else.
  const auto translated = detail::to_postgres(bytes);
  if (translated.sql.size() != bytes.size()) std::abort();
  if (translated.parameters > 65'535) std::abort();
  if (detail::migration_to_postgres(bytes).size() < bytes.size() - bytes.size() / 7) std::abort();
  return 0;
}
