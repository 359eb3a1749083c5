#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/json.h"
#include "base/json_binding.h"
#include "server/runs.h"
#include "server/services.h"

/// Long work that routes and the command line start alike. Each reports its progress, can be
/// cancelled, and returns what GET /v1/runs/{id} shows as `result`.
namespace zhiyin::server {

struct ImportJob {
  std::filesystem::path path;
  std::string file_name;         ///< as the caller named it; decides the format
  std::string mapping;           ///< name of a shipped or stored mapping; empty: by the header
  std::string mapping_toml;      ///< text of a mapping; wins over the name
  std::string account;           ///< overrides the mapping's
  bool rows_are_people = false;  ///< without a mapping: each row is a person
};
/// An import that stopped half way is an error, and its report stays with the run
/// (RunContext::keep).
Result<Json> import_file(Services& services, const ImportJob& job, RunContext& run);

struct TrainResponseJob {
  std::vector<std::string> kinds = {"purchase"};  ///< what counts as a response
  std::optional<Instant> as_of;  ///< features look back from here; absent: now minus the horizon
  Duration horizon = 7 * kDay;   ///< responses are looked for in (as_of, as_of + horizon]
  std::uint64_t seed = 1;
};
Result<Json> train_response_model(Services& services, const TrainResponseJob& job, RunContext& run);

/// Reads the account's follower list and user information from the platform into events.
Result<Json> sync_account(Services& services, const AccountId& account, RunContext& run);

/// Stored mappings (by name) next to the shipped ones.
std::span<const storage::Migration> job_migrations();
Result<void> store_mapping(storage::State& state, std::string_view name, std::string_view toml);
Result<Json> list_mappings(storage::State& state);

}  // namespace zhiyin::server

namespace zhiyin {
template <>
struct Fields<server::TrainResponseJob> {
  using J = server::TrainResponseJob;
  static constexpr std::string_view name = "TrainResponse";
  static constexpr auto list = field_list(
      field("kinds", &J::kinds, "kinds of event that count as a response").length(1, 20).optional(),
      field("as_of", &J::as_of, "features look back from here; absent: now minus the horizon"),
      field("horizon", &J::horizon, "responses are looked for so long after as_of").optional(),
      field("seed", &J::seed, "of the split").optional());
};
}  // namespace zhiyin
