#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "storage/value.h"

namespace zhiyin::storage {

/// What a transaction (or a read) may do. SQL in the subset that SQLite and PostgreSQL share:
/// parameters `?1 ?2 …`; BIGINT, DOUBLE PRECISION, TEXT, BYTEA (in capitals) as types; `INSERT … ON
/// CONFLICT (…) DO UPDATE/NOTHING`, `RETURNING`, `WITH`; no AUTOINCREMENT, no dialect functions. A
/// parameter has the type of its value: one that is compared with nothing but constants, or may be
/// null without standing beside a column, is written as `CAST(?1 AS BIGINT)`. Text is UTF-8 without
/// zero bytes, else kInvalidArgument, and columns of text are ordered by their bytes. Sums beyond
/// 64 bits are errors; other arithmetic must stay within them.
///
/// After an error nothing more can be done: every later statement gives the same error, and so does
/// the transaction, whatever the work returns. Not thread-safe.
class Session {
 public:
  virtual ~Session() = default;
  virtual Result<Rows> query(std::string_view sql, std::span<const Value> parameters = {}) = 0;
  /// Returns the number of rows changed. A broken uniqueness rule is kConflict.
  virtual Result<std::int64_t> execute(std::string_view sql,
                                       std::span<const Value> parameters = {}) = 0;
  /// What the database's clock says, the same for every process that works on it; for leases.
  virtual Result<Instant> now() = 0;

  Result<Rows> query(std::string_view sql, std::initializer_list<Value> parameters) {
    return query(sql, std::span(parameters.begin(), parameters.size()));
  }
  Result<std::int64_t> execute(std::string_view sql, std::initializer_list<Value> parameters) {
    return execute(sql, std::span(parameters.begin(), parameters.size()));
  }
};

/// One step of a schema: applied once, in order, inside a transaction, recorded with its name.
struct Migration {
  std::string_view name;  ///< `audience-001-people`: part, number, what
  /// Statements separated by `;`. `/*clustered*/` behind the closing parenthesis of a CREATE TABLE
  /// asks for rows in the order of the primary key, where the database can: half the pages for
  /// tables read by ranges of it.
  std::string_view sql;
};

/// A table as it lies in the database.
struct StateTable {
  std::string name;
  std::vector<std::string> columns;
  std::vector<std::string> key;  ///< columns of the primary key, in its order
};

/// One thing that `zhiyin doctor` looks at.
struct Finding {
  std::string name;
  bool ok = true;
  std::string detail;
  std::string advice = {};  ///< Chinese, then English; shown when it is not ok
};

/// Transactional storage: people, segments, ledgers, users, audit. Thread-safe.
class State {
 public:
  virtual ~State() = default;

  /// Runs `work` in one serialisable transaction: committed and synced when it returns success,
  /// rolled back otherwise. `work` may run again after a conflict (cluster), so it must have no
  /// other effect.
  virtual Result<void> write(const std::function<Result<void>(Session&)>& work) = 0;

  /// How often a write had to wait for another one of this process, where writes go one after the
  /// other. Nothing where they do not.
  [[nodiscard]] virtual std::optional<std::uint64_t> waits() const { return std::nullopt; }

  /// As `write`, but one of these at a time, over all processes: for work that would always be in
  /// each other's way, and be repeated for it.
  virtual Result<void> write_in_turn(const std::function<Result<void>(Session&)>& work) {
    return write(work);
  }

  /// As `write`, while no other transaction of any process writes: those under way end before, and
  /// later ones see what this one did.
  virtual Result<void> write_alone(const std::function<Result<void>(Session&)>& work) {
    return write(work);
  }

  /// Runs `work` on a consistent snapshot; writing fails.
  virtual Result<void> read(const std::function<Result<void>(Session&)>& work) = 0;

  /// One query on a snapshot.
  virtual Result<Rows> query(std::string_view sql, std::initializer_list<Value> parameters = {});

  /// A text that belongs to this database alone, made by the first `migrate`; empty before that.
  virtual Result<std::string> identity() = 0;

  /// Applies what is not yet applied, in the given order. Fails with kUnsupported when the database
  /// holds a migration that this program does not know (it is from a newer version).
  virtual Result<void> migrate(std::span<const Migration> migrations) = 0;

  /// What can be said about the database beyond that it answers: version, rights, clock,
  /// durability.
  virtual std::vector<Finding> examine();

  /// All tables that migrations made, by name; those that the database needs for itself are left
  /// out.
  virtual Result<std::vector<StateTable>> tables();

  /// Writes a consistent copy to `file`, which must not exist, while others read and write.
  /// kUnsupported where the database has backup tools of its own (cluster).
  virtual Result<void> copy_to(const std::filesystem::path& file);
};

}  // namespace zhiyin::storage
