#include "storage/detail/postgres_connection.h"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

namespace zhiyin::storage::detail {
namespace {

using Holder = std::unique_ptr<pg_result, void (*)(pg_result*)>;
constexpr std::size_t kSqlShownMax = 300;

std::string first_line(const char* text) {
  std::string_view view = text == nullptr ? "" : text;
  view = view.substr(0, view.find('\n'));
  return std::string(view);
}

std::string_view shown(std::string_view sql) { return sql.substr(0, kSqlShownMax); }

struct Kind {
  std::string_view state;  ///< the beginning of the SQLSTATE
  ErrorCode code;
};
/// The first that fits.
constexpr Kind kKinds[] = {
    {"40", ErrorCode::kUnavailable},          // serialisation, deadlock: others are in the way
    {"23505", ErrorCode::kConflict},          // uniqueness
    {"23", ErrorCode::kInvalidArgument},      // other rules of integrity
    {"54", ErrorCode::kLimitReached},         // too large for an index, too many parameters
    {"42501", ErrorCode::kPermissionDenied},  // rights
    {"28", ErrorCode::kPermissionDenied},     // role, password
    {"57014", ErrorCode::kDeadline},          // statement timeout
    {"55P03", ErrorCode::kDeadline},          // lock timeout
    {"25P03", ErrorCode::kDeadline},          // idle in a transaction for too long
    {"22003", ErrorCode::kLimitReached},      // number out of range
    {"22", ErrorCode::kInvalidArgument},      // other data
    {"25006", ErrorCode::kUnavailable},       // the server has become a replica
    {"08", ErrorCode::kUnavailable},          // connection
    {"53", ErrorCode::kUnavailable},          // disk, memory, connections
    {"57P", ErrorCode::kUnavailable},         // shut down, starting
    {"58", ErrorCode::kUnavailable},          // the server's file system
    {"XX001", ErrorCode::kDataLoss},          // damaged page
    {"XX002", ErrorCode::kDataLoss},          // damaged index
};

}  // namespace

ErrorCode postgres_error_code(std::string_view sqlstate) {
  const auto* found = std::ranges::find_if(
      kKinds, [&](const Kind& kind) { return sqlstate.starts_with(kind.state); });
  return found == std::end(kKinds) ? ErrorCode::kInternal : found->code;
}

Result<std::string> postgres_address(const std::string& url) {
  PQconninfoOption* const options = PQconninfoParse(url.c_str(), nullptr);
  if (options == nullptr) {
    return fail(ErrorCode::kInvalidArgument,
                "state: this is no address of PostgreSQL; use "
                "postgresql://USER:PASSWORD@HOST:PORT/DATABASE");
  }
  std::string host = "localhost";
  std::string port = "5432";
  std::string database;
  for (const PQconninfoOption* option = options; option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    const std::string_view keyword = option->keyword;
    if (keyword == "host") host = option->val;
    if (keyword == "port") port = option->val;
    if (keyword == "dbname") database = option->val;
  }
  PQconninfoFree(options);
  return fmt::format("{}:{}/{}", host, port, database);
}

Result<std::unique_ptr<PostgresConnection>> PostgresConnection::open(const std::string& url,
                                                                     Wait connect) {
  ZHIYIN_TRY(const std::string address, postgres_address(url));
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(connect).count();
  const std::string timeout = std::to_string(std::max<std::int64_t>(seconds, 2));
  // The URL comes last, so that what it says wins.
  const char* const keywords[] = {"connect_timeout",      "keepalives_idle",  "keepalives_interval",
                                  "keepalives_count",     "tcp_user_timeout", "application_name",
                                  "target_session_attrs", "dbname",           nullptr};
  const char* const values[] = {timeout.c_str(), "10",         "5",         "3",    "20000",
                                "zhiyin",        "read-write", url.c_str(), nullptr};
  constexpr int kExpandDatabaseName = 1;
  std::unique_ptr<PostgresConnection> made(
      new PostgresConnection(PQconnectdbParams(keywords, values, kExpandDatabaseName)));
  if (made->raw_ == nullptr) return fail(ErrorCode::kInternal, "state: no memory");
  if (PQstatus(made->raw_) != CONNECTION_OK) {
    const bool refused = PQconnectionNeedsPassword(made->raw_) != 0;
    return fail(refused ? ErrorCode::kPermissionDenied : ErrorCode::kUnavailable,
                "state: cannot connect to PostgreSQL at {}: {}", address,
                first_line(PQerrorMessage(made->raw_)));
  }
  PQsetNoticeProcessor(made->raw_, [](void*, const char*) {}, nullptr);
  PQsetErrorVerbosity(made->raw_, PQERRORS_TERSE);
  PQsetnonblocking(made->raw_, 1);
  return made;
}

PostgresConnection::~PostgresConnection() { PQfinish(raw_); }

bool PostgresConnection::usable() const { return !lost_ && PQstatus(raw_) == CONNECTION_OK; }

bool PostgresConnection::in_transaction() const {
  return usable() && PQtransactionStatus(raw_) != PQTRANS_IDLE;
}

int PostgresConnection::server_version() const { return PQserverVersion(raw_); }
int PostgresConnection::server_process() const { return PQbackendPID(raw_); }

Result<PostgresAnswer> PostgresConnection::run(const std::string& sql) {
  const Until until = std::chrono::steady_clock::now() + wait_;
  ZHIYIN_TRY_VOID(send(PQsendQuery(raw_, sql.c_str()) == 1, until));
  return collect(SIZE_MAX, false, sql);
}

Result<void> PostgresConnection::prepare(const std::string& name, const std::string& sql,
                                         std::span<const PostgresType> types) {
  const Until until = std::chrono::steady_clock::now() + wait_;
  const bool sent = PQsendPrepare(raw_, name.c_str(), sql.c_str(), static_cast<int>(types.size()),
                                  types.data()) == 1;
  ZHIYIN_TRY_VOID(send(sent, until));
  ZHIYIN_TRY_VOID(collect(0, false, sql));
  return {};
}

Result<PostgresAnswer> PostgresConnection::execute(const std::string& name,
                                                   const PostgresParameters& parameters,
                                                   std::size_t rows_max, std::string_view sql) {
  constexpr int kBinary = 1;
  const Until until = std::chrono::steady_clock::now() + wait_;
  const std::vector<int> formats(parameters.types.size(), kBinary);
  const bool sent = PQsendQueryPrepared(raw_, name.c_str(), static_cast<int>(formats.size()),
                                        parameters.bytes.data(), parameters.lengths.data(),
                                        formats.data(), kBinary) == 1;
  // Row by row, so that a result lies in memory once.
  if (sent) (void)PQsetSingleRowMode(raw_);
  ZHIYIN_TRY_VOID(send(sent, until));
  return collect(rows_max, true, sql);
}

Result<PostgresAnswer> PostgresConnection::collect(std::size_t rows_max, bool binary,
                                                   std::string_view sql) {
  PostgresAnswer answer;
  Result<void> outcome;
  for (;;) {
    Holder result(nullptr, PQclear);
    ZHIYIN_TRY(const bool more, next(std::chrono::steady_clock::now() + wait_, result));
    if (!more) break;
    if (!outcome) continue;  // what follows an error only has to be taken from the line
    outcome = take(*result, rows_max, binary, sql, answer);
    if (!outcome && outcome.error().code == ErrorCode::kLimitReached &&
        answer.rows.rows.size() >= rows_max) {
      lost_ = true;  // the rest of the rows is not waited for
      break;
    }
  }
  if (!outcome) return std::unexpected(std::move(outcome.error()));
  return answer;
}

Result<void> PostgresConnection::take(const pg_result& result, std::size_t rows_max, bool binary,
                                      std::string_view sql, PostgresAnswer& answer) {
  const ExecStatusType status = PQresultStatus(&result);
  const bool has_rows = status == PGRES_SINGLE_TUPLE || status == PGRES_TUPLES_OK;
  if (!has_rows && status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY) {
    return failure(result, sql);
  }
  auto* const raw = const_cast<pg_result*>(&result);  // libpq forgot const here
  if (status != PGRES_SINGLE_TUPLE) {
    answer.command = PQcmdStatus(raw);
    answer.changed = std::strtoll(PQcmdTuples(raw), nullptr, 10);
  }
  if (!has_rows) return {};
  if (!binary) answer.rows = {};
  const int columns = PQnfields(&result);
  if (answer.rows.columns.empty()) {
    for (int c = 0; c < columns; ++c) answer.rows.columns.emplace_back(PQfname(&result, c));
  }
  for (int r = 0; r < PQntuples(&result); ++r) {
    if (answer.rows.rows.size() == rows_max) {
      return fail(ErrorCode::kLimitReached, "state: query has more than {} rows: {}", rows_max,
                  shown(sql));
    }
    Row row;
    row.reserve(static_cast<std::size_t>(columns));
    for (int c = 0; c < columns; ++c) {
      if (PQgetisnull(&result, r, c) != 0) {
        row.emplace_back();
        continue;
      }
      const std::string_view bytes(PQgetvalue(&result, r, c),
                                   static_cast<std::size_t>(PQgetlength(&result, r, c)));
      if (!binary) {
        row.emplace_back(std::string(bytes));
        continue;
      }
      auto value = decode_postgres(PQftype(&result, c), bytes);
      if (!value) {
        return fail(value.error().code, "{}: {}: {}", value.error().message, PQfname(&result, c),
                    shown(sql));
      }
      row.push_back(std::move(*value));
    }
    answer.rows.rows.push_back(std::move(row));
  }
  return {};
}

Result<void> PostgresConnection::send(bool sent, Until until) {
  must_repeat_ = lock_timeout_ = false;
  if (!sent) return lost(first_line(PQerrorMessage(raw_)));
  for (;;) {
    const int left = PQflush(raw_);
    if (left == 0) return {};
    if (left < 0) return lost(first_line(PQerrorMessage(raw_)));
    ZHIYIN_TRY_VOID(wait_for(true, until));
    // The server may wait for us to read before it reads on.
    if (PQconsumeInput(raw_) == 0) return lost(first_line(PQerrorMessage(raw_)));
  }
}

Result<bool> PostgresConnection::next(Until until, Holder& result) {
  while (PQisBusy(raw_) != 0) {
    ZHIYIN_TRY_VOID(wait_for(false, until));
    if (PQconsumeInput(raw_) == 0) return lost(first_line(PQerrorMessage(raw_)));
  }
  result.reset(PQgetResult(raw_));
  return result != nullptr;
}

Result<void> PostgresConnection::wait_for(bool also_writable, Until until) {
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (left.count() <= 0) return lost(fmt::format("no answer within {} ms", wait_.count()));
    pollfd socket{PQsocket(raw_), static_cast<short>(also_writable ? POLLIN | POLLOUT : POLLIN), 0};
    const int ready =
        ::poll(&socket, 1, static_cast<int>(std::min<std::int64_t>(left.count(), 3'600'000)));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return lost("poll failed");
  }
}

std::unexpected<Error> PostgresConnection::lost(std::string_view reason) {
  lost_ = true;
  return fail(ErrorCode::kUnavailable, "state: connection to PostgreSQL lost: {}", reason);
}

std::unexpected<Error> PostgresConnection::failure(const pg_result& result, std::string_view sql) {
  const char* const field = PQresultErrorField(&result, PG_DIAG_SQLSTATE);
  const std::string state = field == nullptr ? "" : field;
  const ErrorCode code = state.empty() || PQstatus(raw_) != CONNECTION_OK
                             ? ErrorCode::kUnavailable
                             : postgres_error_code(state);
  // A statement prepared before a column was added is prepared anew by whoever repeats.
  must_repeat_ = state == "40001" || state == "40P01" || state == "0A000";
  lock_timeout_ = state == "55P03";
  // Messages about data repeat the data.
  const bool personal =
      state.starts_with("22") || state.starts_with("23") || state.starts_with("P");
  std::string message = personal ? "data was refused"
                        : state.empty()
                            ? first_line(PQresultErrorMessage(&result))
                            : first_line(PQresultErrorField(&result, PG_DIAG_MESSAGE_PRIMARY));
  return fail(code, "state: {} ({}): {}", message, state.empty() ? "no connection" : state,
              shown(sql));
}

}  // namespace zhiyin::storage::detail
