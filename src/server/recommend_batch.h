#pragma once

#include <filesystem>
#include <string>

#include "base/ids.h"
#include "server/recommend_wire.h"
#include "server/runs.h"
#include "server/services.h"

namespace zhiyin::server {

/// Lists for all members of a segment, written to a file.
struct BatchJob {
  ListBody body;  ///< its `segment`, `file` (`jsonl` or `csv`) and `record` count too
  std::filesystem::path output;
  int threads = 0;  ///< 0: as many as there are processors
};

/// Writes `output` + `.part` and, with every few thousand lists, how far it is: `.progress`. Both
/// become `output` at the end, in one step. Where they lie there already (the process died, or the
/// run was stopped with the server), the same job goes on behind the last list that is known to be
/// written; another job is refused (kConflict). The members are those of the moment when the job
/// first began. A run that somebody cancelled leaves nothing behind.
/// {"file","people","lists","bytes","resumed"}. kInvalidArgument names the member of the body.
Result<Json> write_batch(Services& services, const BatchJob& job, RunContext& run);

/// Whether the body is one of a file: kInvalidArgument with the member.
Result<void> check_batch(const ListBody& body);

/// Where the server's own batches lie: `exports` below data_dir.
std::filesystem::path batch_folder(const Services& services);
/// Begins a run that writes batch `id` there.
Result<RunId> start_batch(Services& services, ListBody body, const std::string& id);
/// Takes up what an earlier server was stopped in.
Result<void> resume_batches(Services& services);
/// Removes finished ones after kBatchKept, and parts that nobody went on with for as long.
void tidy_batches(Services& services);
inline constexpr Duration kBatchKept = 7 * kDay;

}  // namespace zhiyin::server
