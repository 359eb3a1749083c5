#pragma once

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "storage/detail/postgres_connection.h"
#include "storage/detail/postgres_sql.h"
#include "storage/state.h"

namespace zhiyin::storage::detail {

/// One connection with its prepared statements. Not thread-safe.
class PostgresSession final : public Session {
 public:
  /// Statements that stay prepared; the one not used for longest makes room.
  static constexpr std::size_t kStatementsMax = 256;

  PostgresSession(std::unique_ptr<PostgresConnection> connection, std::size_t rows_max)
      : connection_(std::move(connection)), rows_max_(rows_max) {}

  Result<Rows> query(std::string_view sql, std::span<const Value> parameters) override;
  Result<std::int64_t> execute(std::string_view sql, std::span<const Value> parameters) override;
  Result<Instant> now() override;
  using Session::execute;
  using Session::query;

  /// How a transaction went.
  struct Ending {
    Result<void> outcome;
    bool began = false;
    bool must_repeat = false;     ///< another transaction was in the way
    bool not_unique = false;      ///< a uniqueness rule was broken
    bool commit_unknown = false;  ///< the connection was lost while committing
  };
  /// `begin`, `work`, COMMIT; ROLLBACK when it fails. When the work has changed something, `mark`
  /// (one statement) runs as the last of the transaction, in one message with the COMMIT.
  Ending transaction(const std::string& begin, const std::function<Result<void>(Session&)>& work,
                     const std::string& mark);
  /// A query by itself, outside of a transaction.
  Result<Rows> single(std::string_view sql, std::span<const Value> parameters);

  [[nodiscard]] PostgresConnection& connection() { return *connection_; }
  /// Good for another transaction.
  [[nodiscard]] bool is_idle() const {
    return connection_->usable() && !connection_->in_transaction();
  }

 private:
  struct Prepared {
    std::string sql;  ///< as the caller wrote it
    std::vector<PostgresType> types;
    std::string name;
    int parameters = 0;
  };
  using Recent = std::list<Prepared>;

  Result<PostgresAnswer> perform(std::string_view sql, std::span<const Value> parameters);
  Result<PostgresAnswer> send(std::string_view sql, std::span<const Value> parameters);
  Result<std::string> prepared(std::string_view sql, std::span<const PostgresType> types);
  Recent::iterator find(std::string_view sql, std::span<const PostgresType> types);
  void remove(Recent::iterator at);

  const std::unique_ptr<PostgresConnection> connection_;
  const std::size_t rows_max_;
  Recent recent_;  // most recently used first
  std::unordered_multimap<std::string_view, Recent::iterator> by_sql_;
  std::uint64_t named_ = 0;
  std::optional<Error> failed_;  // of the transaction under way
  bool must_repeat_ = false;
  bool not_unique_ = false;
  bool changed_ = false;
};

}  // namespace zhiyin::storage::detail
