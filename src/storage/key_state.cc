#include "storage/key_state.h"

#include <algorithm>
#include <filesystem>

#include "storage/copy.h"
#include "storage/sqlite_state.h"
#include "storage/vault.h"

namespace zhiyin::storage {
namespace {

constexpr std::string_view kKeyTables[] = {"identity", "vault_check", "vault_erasure"};

Result<std::int64_t> rows_in(State& state, std::string_view table) {
  ZHIYIN_TRY(const Rows rows, state.query(fmt::format("SELECT COUNT(*) FROM (SELECT 1 FROM {} "
                                                      "LIMIT 1) found",
                                                      table)));
  return as_int(rows.rows.at(0).at(0));
}

/// The identity of the file of keys; empty when there is none yet.
Result<std::string> known_keys(State& state) {
  ZHIYIN_TRY(const Rows rows, state.query("SELECT id FROM key_state WHERE one = 1"));
  return rows.rows.empty() ? std::string() : std::string(as_text(rows.rows[0][0]));
}

Result<void> move_keys(State& state, State& keys) {
  ZHIYIN_TRY(const auto tables, state.tables());
  for (const StateTable& table : tables) {
    if (!is_key_table(table.name)) continue;
    ZHIYIN_TRY_VOID(copy_table(state, keys, table, [](std::int64_t) { return true; }));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<State>> open_key_state(std::string_view state_url) {
  constexpr std::string_view kFile = "sqlite:";
  if (!state_url.starts_with(kFile)) return std::unique_ptr<State>();
  return open_sqlite_state(
      std::filesystem::path(state_url.substr(kFile.size())).replace_filename("keys.db"));
}

bool is_key_table(std::string_view table) {
  return std::ranges::find(kKeyTables, table) != std::end(kKeyTables);
}

Result<void> adopt_keys(State& state, State& keys) {
  ZHIYIN_TRY_VOID(keys.migrate(Vault::migrations()));
  ZHIYIN_TRY(const std::string id, keys.identity());
  ZHIYIN_TRY(const std::string known, known_keys(state));
  if (!known.empty() && known != id) {
    return fail(ErrorCode::kDataLoss,
                "keys.db: is not the file of this state, which names {} (found: {}). Nothing was "
                "changed. Without its keys nothing sealed can be read: bring the file back, from a "
                "backup together with state.db if need be",
                known, id);
  }
  if (!known.empty()) return {};
  // The vault writes into `vault_check` before anything else.
  ZHIYIN_TRY(const std::int64_t used, rows_in(state, "vault_check"));
  ZHIYIN_TRY(const std::int64_t filled, rows_in(keys, "vault_check"));
  if (used == 0 && filled != 0) {
    return fail(ErrorCode::kDataLoss,
                "keys.db: holds the keys of another installation than state.db. Nothing was "
                "changed. Bring the state.db that belongs to it back, or move keys.db away to "
                "begin anew");
  }
  ZHIYIN_TRY_VOID(move_keys(state, keys));
  return state.write([&](Session& session) -> Result<void> {
    for (const std::string_view table : kKeyTables)
      ZHIYIN_TRY_VOID(session.execute(fmt::format("DELETE FROM {}", table)));
    ZHIYIN_TRY_VOID(session.execute("INSERT INTO key_state(one, id) VALUES(1, ?1)", {id}));
    return {};
  });
}

Result<std::vector<StateTable>> StateAndKeys::tables() const {
  ZHIYIN_TRY(std::vector<StateTable> all, state.tables());
  if (keys == nullptr) return all;
  std::erase_if(all, [](const StateTable& t) { return is_key_table(t.name); });
  ZHIYIN_TRY(std::vector<StateTable> more, keys->tables());
  for (StateTable& table : more) {
    if (is_key_table(table.name)) all.push_back(std::move(table));
  }
  std::ranges::sort(all, {}, &StateTable::name);
  return all;
}

}  // namespace zhiyin::storage
