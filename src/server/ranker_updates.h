#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "recommend/response_ranker.h"
#include "server/services.h"

/// The ranker learns on between two trainings: from each list when the time for responses to it is
/// over, once, in the order in which they were shown. The version in use stays as it is; what it
/// has learnt since lies beside it in state, so that a restart loses nothing, and ends with the
/// next version.
namespace zhiyin::server {

std::span<const storage::Migration> ranker_update_migrations();

/// What the version has learnt since; none where it has learnt nothing. kDataLoss when it cannot be
/// read.
Result<std::optional<LearntRanker>> learnt_since(storage::State& state, std::string_view version);
/// How many lists; 0: none.
Result<std::int64_t> lists_since(storage::State& state, std::string_view version);

/// Learns from the lists that have finished since the last time, and puts it to use; at most once
/// in kUpdateEvery of the installation's clock. Returns how many. Nothing without an active ranker,
/// or with `recommend.learn_online` off. Only the leader calls it.
Result<std::size_t> update_ranker_when_due(Services& services);
inline constexpr Duration kUpdateEvery = std::chrono::minutes(10);

}  // namespace zhiyin::server
