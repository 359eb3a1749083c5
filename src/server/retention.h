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
/// before it, so none can be taken out or changed unnoticed. Begun again after a crash, it goes on
/// with the same certificate. `dry_run` only counts.
/// {"dry_run","items":[{"what","before","activity","warehouse","log","other"}]}.
Result<Json> apply_retention(Services& services, bool dry_run, RunContext* run = nullptr);

/// Newest first:
/// {"items":[{"id","what","before","activity","warehouse","log","other","started_at","finished_at","digest"}],"next"}.
Result<Json> list_retention(storage::State& state, std::int64_t before, std::size_t limit);
/// Recomputes every digest. kDataLoss naming the certificate that does not fit; otherwise how many
/// there are.
Result<std::int64_t> verify_retention(storage::State& state);

}  // namespace zhiyin::server
