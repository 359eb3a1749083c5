#include "storage/detail/sqlite_session.h"

#include "base/clock.h"
#include "storage/detail/text_rule.h"

namespace zhiyin::storage::detail {
namespace {

/// Resets a statement however its use ends.
class InUse {
 public:
  explicit InUse(Statement* statement) : statement_(statement) {}
  ~InUse() { statement_->reset(); }
  InUse(const InUse&) = delete;
  InUse& operator=(const InUse&) = delete;
  Statement* operator->() const { return statement_; }

 private:
  Statement* statement_;
};

Row read_row(const Statement& statement, int columns) {
  Row row;
  row.reserve(static_cast<std::size_t>(columns));
  for (int i = 0; i < columns; ++i) row.push_back(statement.value_at(i));
  return row;
}

}  // namespace

template <class T>
Result<T> SqliteSession::noted(Result<T> outcome) {
  if (!outcome && !failed_) failed_ = outcome.error();
  return outcome;
}

Result<Rows> SqliteSession::query(std::string_view sql, std::span<const Value> parameters) {
  if (failed_) return std::unexpected(*failed_);
  return noted(read_rows(sql, parameters));
}

Result<std::int64_t> SqliteSession::execute(std::string_view sql,
                                            std::span<const Value> parameters) {
  if (failed_) return std::unexpected(*failed_);
  return noted(perform(sql, parameters));
}

Result<Rows> SqliteSession::read_rows(std::string_view sql, std::span<const Value> parameters) {
  ZHIYIN_TRY(Statement * found, start(sql, parameters));
  const InUse statement(found);
  Rows rows;
  const int columns = statement->columns();
  for (int i = 0; i < columns; ++i) rows.columns.push_back(statement->column_name(i));
  for (;;) {
    ZHIYIN_TRY(const bool more, statement->step());
    if (!more) return rows;
    if (rows.rows.size() == rows_max_) {
      return fail(ErrorCode::kLimitReached, "state: query has more than {} rows: {}", rows_max_,
                  sql);
    }
    rows.rows.push_back(read_row(*statement.operator->(), columns));
  }
}

Result<std::int64_t> SqliteSession::perform(std::string_view sql,
                                            std::span<const Value> parameters) {
  ZHIYIN_TRY(Statement * found, start(sql, parameters));
  const InUse statement(found);
  for (;;) {
    ZHIYIN_TRY(const bool more, statement->step());
    if (!more) return db_.changes();
  }
}

Result<Instant> SqliteSession::now() { return SystemClock().now(); }

Result<void> SqliteSession::transaction(const std::function<Result<void>(Session&)>& work) {
  ZHIYIN_TRY_VOID(db_.run(read_only_ ? "BEGIN" : "BEGIN IMMEDIATE"));
  failed_.reset();
  auto outcome = work(*this);
  if (outcome && failed_) outcome = std::unexpected(*failed_);
  failed_.reset();
  if (outcome && !db_.in_transaction()) {
    outcome = fail(ErrorCode::kUnavailable, "state: transaction was rolled back by an error");
  }
  const bool committing = outcome.has_value();
  if (committing) outcome = db_.run("COMMIT");
  if (!outcome && db_.in_transaction()) (void)db_.run("ROLLBACK");
  if (!outcome && committing && !read_only_) overwrite_refused();
  return outcome;
}

/// When only the sync failed, the refused transaction lies complete in the write-ahead log, and a
/// crash would bring it back. Any later commit overwrites it; a counter that nothing else uses
/// makes one at once.
void SqliteSession::overwrite_refused() {
  if (const auto version = db_.query_int("PRAGMA user_version")) {
    (void)db_.run(fmt::format("PRAGMA user_version={}", (*version + 1) & 0xffff).c_str());
  }
}

Result<void> SqliteSession::run(std::string_view sql) { return db_.run(std::string(sql).c_str()); }

Result<Statement*> SqliteSession::start(std::string_view sql, std::span<const Value> parameters) {
  // A full disk makes SQLite roll back by itself; what would follow must not commit on its own.
  if (!db_.in_transaction()) {
    return fail(ErrorCode::kUnavailable, "state: transaction was rolled back by an error");
  }
  ZHIYIN_TRY(Statement * statement, prepared(sql));
  if (statement->parameters() != static_cast<int>(parameters.size())) {
    return fail(ErrorCode::kInternal, "state: {} parameters given, {} expected: {}",
                parameters.size(), statement->parameters(), sql);
  }
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (const auto* text = std::get_if<std::string>(&parameters[i])) {
      ZHIYIN_TRY_VOID(check_text(*text));
    }
    statement->bind(static_cast<int>(i) + 1, parameters[i]);
  }
  return statement;
}

Result<Statement*> SqliteSession::prepared(std::string_view sql) {
  if (const auto known = by_sql_.find(sql); known != by_sql_.end()) {
    recent_.splice(recent_.begin(), recent_, known->second);
    return &recent_.front().statement;
  }
  ZHIYIN_TRY(Statement statement, db_.prepare(sql));
  if (recent_.size() == kStatementsMax) {
    by_sql_.erase(recent_.back().sql);
    recent_.pop_back();
  }
  recent_.push_front({std::string(sql), std::move(statement)});
  by_sql_.emplace(recent_.front().sql, recent_.begin());
  return &recent_.front().statement;
}

}  // namespace zhiyin::storage::detail
