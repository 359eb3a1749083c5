#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/runs.h"
#include "server/services.h"

namespace zhiyin::server {

/// How long events of a kind are kept; `*` stands for every kind that no other rule names.
struct RetentionRule {
  std::string kind;
  Duration keep{0};
};

/// `page_view=180d, read=400d, *=1095d`; empty: everything is kept. kInvalidArgument naming the
/// part that is wrong. Pure.
Result<std::vector<RetentionRule>> parse_retention(std::string_view text);

std::span<const storage::Migration> retention_migrations();

/// Removes what is older than the options `retention.*` allow: events of a kind from the warehouse
/// and from people's activity (so that both evaluations of a segment still agree), whole blocks of
/// the event log and of impressions that everybody has dealt with, audit entries and ended runs.
/// Each removal has a certificate: what, before when, how many rows; its digest covers the one
/// before it and needs the installation's secret, so none can be taken out or changed unnoticed by
/// who only has the database (but the newest ones, unless somebody kept the last digest). What is
/// to go is counted and written down first: begun again after a crash, it goes on with the same
/// certificate. `dry_run` only counts.
/// {"dry_run","items":[{"what","before","activity","warehouse","log","other"}]}.
Result<Json> apply_retention(Services& services, bool dry_run, RunContext* run = nullptr);

/// Finishes what a process that died had begun, whatever the options say now.
Result<void> finish_retention(Services& services);

/// Newest first:
/// {"items":[{"id","what","before","activity","warehouse","log","other","started_at","finished_at","digest","keyed"}],"next"}.
Result<Json> list_retention(storage::State& state, std::int64_t before, std::size_t limit);
struct VerifiedRetention {
  std::int64_t keyed = 0;
  std::int64_t without_key = 0;  ///< made by earlier versions, before all others
  std::string last;              ///< digest of the newest; whoever keeps it notices what is cut off
};
/// Recomputes every digest. kDataLoss naming the certificate that does not fit.
Result<VerifiedRetention> verify_retention(storage::State& state, const storage::Vault& vault);

}  // namespace zhiyin::server
