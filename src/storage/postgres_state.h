#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "storage/state.h"

namespace zhiyin::storage {

struct PostgresStateSettings {
  std::size_t writers_max = 4;  ///< connections; transactions beside each other in this process
  std::size_t readers_max = 8;  ///< connections
  std::size_t rows_max = 2'000'000;                ///< of one query; above: kLimitReached
  std::chrono::milliseconds connect{10'000};       ///< until a connection stands
  std::chrono::milliseconds statement{60'000};     ///< until a statement is answered
  std::chrono::milliseconds pool{30'000};          ///< until a connection is free
  std::chrono::milliseconds decide{30'000};        ///< until the outcome of a commit is known
  std::chrono::milliseconds migration{3'600'000};  ///< until a step of the schema is done
};

/// State on a PostgreSQL server, version 13 or newer, in the schema that comes first in the
/// search path. `url` as libpq takes it: `postgresql://USER:PASSWORD@HOST:PORT/DATABASE?…`.
///
/// `write` runs SERIALIZABLE. When another transaction was in the way it is repeated, the first
/// times beside the others and then alone (every other writer, of any process, waits), so that it
/// comes through; kConflict when even that fails.
///
/// A connection that is lost makes kUnavailable: nothing was committed. When it is lost while
/// committing, a new connection finds out what happened; kDeadline when none can be had in time:
/// then, and only then, the outcome is unknown.
///
/// Every new connection checks that it has reached the database of before: a fail-over to an empty
/// or another server is kDataLoss.
Result<std::unique_ptr<State>> open_postgres_state(const std::string& url,
                                                   PostgresStateSettings settings = {});

}  // namespace zhiyin::storage
