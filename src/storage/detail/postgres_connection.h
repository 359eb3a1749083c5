#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "storage/detail/postgres_values.h"
#include "storage/value.h"

struct pg_conn;
struct pg_result;

namespace zhiyin::storage::detail {

/// What a statement gave.
struct PostgresAnswer {
  Rows rows;
  std::int64_t changed = 0;
  std::string command;  ///< the server's name for what was done: `SELECT`, `UPDATE`, `COMMIT` …
};

/// What an SQLSTATE means. Only classes 22 (data), 23 (integrity) and 54 (a key or statement that
/// is too large) say something about the values; what is not known is kInternal.
ErrorCode postgres_error_code(std::string_view sqlstate);

/// One connection to a server. Every wait has an end: a server that does not answer in time counts
/// as lost. Used by one thread at a time.
///
/// Errors name the statement and never its values: kConflict for a broken uniqueness rule,
/// kUnavailable when the connection is lost, the server is going down or the transaction must be
/// repeated (see `must_repeat`), the others as `postgres_error_code` says.
class PostgresConnection {
 public:
  using Wait = std::chrono::milliseconds;

  /// `url` as libpq takes it; its password is not in any message.
  static Result<std::unique_ptr<PostgresConnection>> open(const std::string& url, Wait connect);
  ~PostgresConnection();
  PostgresConnection(const PostgresConnection&) = delete;
  PostgresConnection& operator=(const PostgresConnection&) = delete;

  /// How long an answer may take from here on.
  void set_wait(Wait wait) { wait_ = wait; }

  /// Statements without parameters, separated by `;`. Of the last one: what it changed, its rows
  /// (as text).
  Result<PostgresAnswer> run(const std::string& sql);
  Result<void> prepare(const std::string& name, const std::string& sql,
                       std::span<const PostgresType> types);
  Result<PostgresAnswer> execute(const std::string& name, const PostgresParameters& parameters,
                                 std::size_t rows_max, std::string_view sql);

  /// False once the connection is lost: then it can only be closed.
  [[nodiscard]] bool usable() const;
  [[nodiscard]] bool in_transaction() const;
  /// The last failure was a conflict with another transaction: the same work may succeed when it
  /// begins anew.
  [[nodiscard]] bool must_repeat() const { return must_repeat_; }
  /// The last failure was the wait for a lock.
  [[nodiscard]] bool lock_timeout() const { return lock_timeout_; }
  /// 150018 for 15.18.
  [[nodiscard]] int server_version() const;
  [[nodiscard]] int server_process() const;

 private:
  using Until = std::chrono::steady_clock::time_point;
  explicit PostgresConnection(pg_conn* raw) : raw_(raw) {}
  Result<PostgresAnswer> collect(std::size_t rows_max, bool binary, std::string_view sql);
  Result<void> take(const pg_result& result, std::size_t rows_max, bool binary,
                    std::string_view sql, PostgresAnswer& answer);
  Result<void> send(bool sent, Until until);
  Result<bool> next(Until until, std::unique_ptr<pg_result, void (*)(pg_result*)>& result);
  Result<void> wait_for(bool also_writable, Until until);
  std::unexpected<Error> lost(std::string_view reason);
  std::unexpected<Error> failure(const pg_result& result, std::string_view sql);

  pg_conn* const raw_;
  Wait wait_{60'000};
  bool lost_ = false;
  bool must_repeat_ = false;
  bool lock_timeout_ = false;
};

/// `HOST:PORT/DATABASE` of a URL, for messages; kInvalidArgument when libpq cannot read it.
Result<std::string> postgres_address(const std::string& url);

}  // namespace zhiyin::storage::detail
