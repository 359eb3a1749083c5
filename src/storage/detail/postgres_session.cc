#include "storage/detail/postgres_session.h"

#include <algorithm>

namespace zhiyin::storage::detail {
namespace {

/// A null fits a statement that was prepared for any type.
bool fits(std::span<const PostgresType> wanted, std::span<const PostgresType> prepared) {
  return std::ranges::equal(wanted, prepared,
                            [](PostgresType w, PostgresType p) { return w == 0 || w == p; });
}

}  // namespace

Result<Rows> PostgresSession::query(std::string_view sql, std::span<const Value> parameters) {
  ZHIYIN_TRY(PostgresAnswer answer, perform(sql, parameters));
  return std::move(answer.rows);
}

Result<std::int64_t> PostgresSession::execute(std::string_view sql,
                                              std::span<const Value> parameters) {
  ZHIYIN_TRY(const PostgresAnswer answer, perform(sql, parameters));
  return answer.changed;
}

Result<Instant> PostgresSession::now() {
  ZHIYIN_TRY(const Rows rows,
             query("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)", {}));
  return Instant{as_int(rows.rows.at(0).at(0))};
}

Result<Rows> PostgresSession::single(std::string_view sql, std::span<const Value> parameters) {
  ZHIYIN_TRY(PostgresAnswer answer, send(sql, parameters));
  return std::move(answer.rows);
}

/// After an error the server takes nothing more of this transaction, so neither does this.
Result<PostgresAnswer> PostgresSession::perform(std::string_view sql,
                                                std::span<const Value> parameters) {
  if (failed_) return std::unexpected(*failed_);
  auto answer = send(sql, parameters);
  if (answer) {
    changed_ = changed_ || !answer->command.starts_with("SELECT");
    return answer;
  }
  failed_ = answer.error();
  must_repeat_ = connection_->must_repeat();
  not_unique_ = !must_repeat_ && failed_->code == ErrorCode::kConflict;
  return answer;
}

Result<PostgresAnswer> PostgresSession::send(std::string_view sql,
                                             std::span<const Value> parameters) {
  ZHIYIN_TRY(const PostgresParameters encoded, PostgresParameters::encode(parameters));
  ZHIYIN_TRY(const std::string name, prepared(sql, encoded.types));
  return connection_->execute(name, encoded, rows_max_, sql);
}

Result<std::string> PostgresSession::prepared(std::string_view sql,
                                              std::span<const PostgresType> types) {
  if (const auto known = find(sql, types); known != recent_.end()) {
    recent_.splice(recent_.begin(), recent_, known);
    return known->name;
  }
  const PostgresSql translated = to_postgres(sql);
  if (translated.parameters != static_cast<int>(types.size())) {
    return fail(ErrorCode::kInternal, "state: {} parameters given, {} expected: {}", types.size(),
                translated.parameters, sql);
  }
  Prepared made{std::string(sql),
                {types.begin(), types.end()},
                fmt::format("s{}", named_++),
                translated.parameters};
  ZHIYIN_TRY_VOID(connection_->prepare(made.name, translated.sql, types));
  if (recent_.size() == kStatementsMax) {
    ZHIYIN_TRY_VOID(connection_->run("DEALLOCATE " + recent_.back().name));
    remove(std::prev(recent_.end()));
  }
  recent_.push_front(std::move(made));
  by_sql_.emplace(recent_.front().sql, recent_.begin());
  return recent_.front().name;
}

PostgresSession::Recent::iterator PostgresSession::find(std::string_view sql,
                                                        std::span<const PostgresType> types) {
  const auto [from, to] = by_sql_.equal_range(sql);
  for (auto at = from; at != to; ++at) {
    if (fits(types, at->second->types)) return at->second;
  }
  return recent_.end();
}

void PostgresSession::remove(Recent::iterator at) {
  const auto [from, to] = by_sql_.equal_range(at->sql);
  for (auto entry = from; entry != to; ++entry) {
    if (entry->second != at) continue;
    by_sql_.erase(entry);
    break;
  }
  recent_.erase(at);
}

PostgresSession::Ending PostgresSession::transaction(
    const std::string& begin, const std::function<Result<void>(Session&)>& work,
    const std::string& mark) {
  failed_.reset();
  must_repeat_ = not_unique_ = changed_ = false;
  Ending ending;
  if (auto begun = connection_->run(begin); !begun) {
    ending.outcome = std::unexpected(std::move(begun.error()));
    ending.must_repeat = connection_->must_repeat();
  } else {
    ending.began = true;
    ending.outcome = work(*this);
    if (ending.outcome && failed_) ending.outcome = std::unexpected(*failed_);
    ending.must_repeat = must_repeat_;
    ending.not_unique = not_unique_;
    if (ending.outcome) {
      const bool marked = changed_ && !mark.empty();
      const auto committed = connection_->run(marked ? mark + "; COMMIT" : "COMMIT");
      if (!committed) {
        ending.outcome = std::unexpected(committed.error());
        ending.must_repeat = connection_->must_repeat();
        ending.commit_unknown = changed_ && !connection_->usable();
      } else if (committed->command != "COMMIT") {
        ending.outcome = fail(ErrorCode::kInternal, "state: the transaction was rolled back");
      }
    }
  }
  if (connection_->in_transaction()) (void)connection_->run("ROLLBACK");
  failed_.reset();
  return ending;
}

}  // namespace zhiyin::storage::detail
