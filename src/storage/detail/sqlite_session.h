#pragma once

#include <filesystem>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "storage/detail/sqlite.h"
#include "storage/state.h"

namespace zhiyin::storage::detail {

/// One connection of the embedded state, with its prepared statements. Not thread-safe.
class SqliteSession final : public Session {
 public:
  /// Statements that stay prepared; the one not used for longest makes room.
  static constexpr std::size_t kStatementsMax = 256;

  SqliteSession(Database db, bool read_only, std::size_t rows_max)
      : db_(std::move(db)), read_only_(read_only), rows_max_(rows_max) {}

  Result<Rows> query(std::string_view sql, std::span<const Value> parameters) override;
  Result<std::int64_t> execute(std::string_view sql, std::span<const Value> parameters) override;
  Result<Instant> now() override;
  using Session::execute;
  using Session::query;

  /// BEGIN, `work`, COMMIT; ROLLBACK when it fails.
  Result<void> transaction(const std::function<Result<void>(Session&)>& work);
  /// Statements without parameters, separated by `;`.
  Result<void> run(std::string_view sql);

 private:
  Result<Rows> read_rows(std::string_view sql, std::span<const Value> parameters);
  Result<std::int64_t> perform(std::string_view sql, std::span<const Value> parameters);
  /// Keeps the first error of the transaction: nothing more is done in it.
  template <class T>
  Result<T> noted(Result<T> outcome);
  /// The statement, ready to step. Only inside a transaction.
  Result<Statement*> start(std::string_view sql, std::span<const Value> parameters);
  Result<Statement*> prepared(std::string_view sql);
  void overwrite_refused();

  struct Cached {
    std::string sql;
    Statement statement;
  };
  Database db_;
  const bool read_only_;
  const std::size_t rows_max_;
  std::optional<Error> failed_;  // of the transaction under way
  std::list<Cached> recent_;     // most recently used first
  std::unordered_map<std::string_view, std::list<Cached>::iterator> by_sql_;
};

}  // namespace zhiyin::storage::detail
