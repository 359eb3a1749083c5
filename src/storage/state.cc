#include "storage/state.h"

namespace zhiyin::storage {

Result<Rows> State::query(std::string_view sql, std::initializer_list<Value> parameters) {
  Rows rows;
  ZHIYIN_TRY_VOID(read([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(rows, session.query(sql, parameters));
    return {};
  }));
  return rows;
}

}  // namespace zhiyin::storage
