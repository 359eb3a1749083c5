#pragma once

#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "storage/state.h"

/// Where the vault keeps its keys. On one machine they lie in a file of their own, `keys.db` beside
/// the state: an intake that meets somebody new writes a key before it answers, and must not wait
/// behind a projection's long transaction. On a server they are tables of the state, whose writers
/// do not wait for each other.
namespace zhiyin::storage {

/// `keys.db` beside `state.db`, `x.keys.db` beside `x.db`.
std::filesystem::path key_state_path(const std::filesystem::path& state);

/// The file of keys that belongs to the state at `state_url` (of `open_state`); null for a state on
/// a server.
Result<std::unique_ptr<State>> open_key_state(std::string_view state_url);

/// True for the vault's tables.
bool is_key_table(std::string_view table);

/// Makes `keys` the file of keys of `state`, which must be migrated. Keys that an older
/// installation has in its state move over first; may be interrupted and repeated. kDataLoss,
/// changing nothing, when the state knows of another file, or the file holds keys that the state
/// does not know.
Result<void> adopt_keys(State& state, State& keys);

/// State and keys as one set of tables, for whoever copies them. A plain value; both must outlive
/// it.
struct StateAndKeys {
  State& state;
  State* keys = nullptr;  ///< null: the keys are tables of the state

  [[nodiscard]] State& of(std::string_view table) const {
    return keys != nullptr && is_key_table(table) ? *keys : state;
  }
  /// Each where `of` finds it, in order of name.
  [[nodiscard]] Result<std::vector<StateTable>> tables() const;
};

}  // namespace zhiyin::storage
