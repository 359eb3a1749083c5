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

std::vector<Finding> State::examine() { return {}; }

Result<std::vector<StateTable>> State::tables() {
  return fail(ErrorCode::kUnsupported, "state: this database does not tell its tables");
}

Result<void> State::copy_to(const std::filesystem::path&) {
  return fail(ErrorCode::kUnsupported, "state: this database is backed up with its own tools");
}

}  // namespace zhiyin::storage
