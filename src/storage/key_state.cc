#include "storage/key_state.h"

#include <algorithm>
#include <filesystem>

#include "storage/copy.h"
#include "storage/sqlite_state.h"
#include "storage/vault.h"

namespace zhiyin::storage {
namespace {

constexpr std::string_view kKeyTables[] = {"identity", "vault_check", "vault_erasure"};

/// True when every identity of `keys` is one of `state`'s, under the same secret: what a move that
/// was cut short has left.
Result<bool> is_part_of(State& keys, State& state) {
  constexpr std::int64_t kPage = 1000;
  ZHIYIN_TRY(const Rows ours, state.query("SELECT sealed FROM vault_check"));
  ZHIYIN_TRY(const Rows theirs, keys.query("SELECT sealed FROM vault_check"));
  if (!theirs.rows.empty() && theirs.rows != ours.rows) return false;
  Value after = Blob{};
  for (;;) {
    ZHIYIN_TRY(const Rows page,
               keys.query("SELECT hash FROM identity WHERE hash > ?1 ORDER BY hash LIMIT ?2",
                          {after, kPage}));
    for (const Row& row : page.rows) {
      ZHIYIN_TRY(const Rows found, state.query("SELECT 1 FROM identity WHERE hash = ?1", {row[0]}));
      if (found.rows.empty()) return false;
    }
    if (static_cast<std::int64_t>(page.rows.size()) < kPage) return true;
    after = page.rows.back()[0];
  }
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

/// What is left in the state once its keys lie elsewhere; in parts, so that no transaction is long.
Result<void> clear_keys(State& state) {
  constexpr std::int64_t kPart = 10'000;
  for (const auto& [table, key] : {std::pair("identity", "hash"), std::pair("vault_check", "id"),
                                   std::pair("vault_erasure", "number")}) {
    const std::string sql = fmt::format(
        "DELETE FROM {0} WHERE {1} IN (SELECT {1} FROM {0} LIMIT {2})", table, key, kPart);
    for (std::int64_t removed = kPart; removed == kPart;) {
      ZHIYIN_TRY_VOID(state.write([&](Session& session) -> Result<void> {
        ZHIYIN_TRY(removed, session.execute(sql));
        return {};
      }));
    }
  }
  return {};
}

}  // namespace

std::filesystem::path key_state_path(const std::filesystem::path& state) {
  const std::string stem = state.stem().string();
  return std::filesystem::path(state).replace_filename(stem == "state" ? "keys.db"
                                                                       : stem + ".keys.db");
}

Result<std::unique_ptr<State>> open_key_state(std::string_view state_url) {
  constexpr std::string_view kFile = "sqlite:";
  if (!state_url.starts_with(kFile)) return std::unique_ptr<State>();
  return open_sqlite_state(key_state_path(state_url.substr(kFile.size())));
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
  if (!known.empty()) return clear_keys(state);
  ZHIYIN_TRY(const bool part, is_part_of(keys, state));
  if (!part) {
    return fail(ErrorCode::kDataLoss,
                "keys.db: holds keys that this state.db does not know of: it belongs to another or "
                "a newer state. Nothing was changed. Bring the state that belongs to it back; a "
                "state without keys of its own can be put into another folder");
  }
  ZHIYIN_TRY_VOID(move_keys(state, keys));
  ZHIYIN_TRY_VOID(state.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(session.execute("INSERT INTO key_state(one, id) VALUES(1, ?1)", {id}));
    return {};
  }));
  return clear_keys(state);
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
