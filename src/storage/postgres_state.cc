#include "storage/postgres_state.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <set>
#include <thread>
#include <unordered_map>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/mutex.h"
#include "storage/advice.h"
#include "storage/detail/postgres_pool.h"
#include "storage/detail/schema_rules.h"

namespace zhiyin::storage {
namespace {

using detail::PostgresConnection;
using detail::PostgresSession;
using Milliseconds = std::chrono::milliseconds;

constexpr int kVersionMin = 130000;
constexpr int kAttemptsBesideOthers = 4;
constexpr int kAttemptsAlone = 3;
constexpr int kBackOffFirstMs = 2;
constexpr std::uint64_t kMarksKept = 1000;  // before those whose answers came are removed
constexpr Milliseconds kDecideStep{200};
constexpr Milliseconds kAnswerMargin{2'000};  // the server's own timeout comes first
constexpr int kMigrationLock = 0x7a686979;    // "zhiy": apart from locks of other programs

// `write_turn` is locked by every writer, shared with the others or alone; `projection_turn` by
// those that would only be in each other's way, before their snapshot is taken. `write_mark` gets a
// row with each transaction that changed something: whoever lost the answer to a commit inserts the
// same row; that succeeds, and keeps the other from ever succeeding, when it did not commit.
constexpr char kOwnTables[] =
    "CREATE TABLE IF NOT EXISTS schema_migration(name TEXT COLLATE \"C\" PRIMARY KEY, "
    "checksum TEXT NOT NULL, applied_at BIGINT NOT NULL);"
    "CREATE TABLE IF NOT EXISTS state_identity(one BIGINT PRIMARY KEY, id TEXT NOT NULL);"
    "CREATE TABLE IF NOT EXISTS write_turn(one BIGINT PRIMARY KEY);"
    "CREATE TABLE IF NOT EXISTS projection_turn(one BIGINT PRIMARY KEY);"
    "CREATE TABLE IF NOT EXISTS write_mark(writer BIGINT NOT NULL, number BIGINT NOT NULL, "
    "fence BOOLEAN NOT NULL, made_at TIMESTAMPTZ NOT NULL DEFAULT now(), "
    "PRIMARY KEY(writer, number));"
    "DELETE FROM write_mark WHERE made_at < now() - interval '7 days'";

std::string sql_literal(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += c;
    out += c;
  }
  return out + "'";
}

std::int64_t random_number() {
  const std::string bytes = crypto::random_bytes(sizeof(std::int64_t));
  std::int64_t out = 0;
  std::memcpy(&out, bytes.data(), sizeof out);
  return out;
}

/// What `findings_of` reads.
constexpr char kExamination[] =
    "SELECT current_setting('server_version'), has_schema_privilege(current_schema(), 'CREATE'), "
    "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT), current_setting('fsync'), "
    "current_setting('full_page_writes'), current_setting('synchronous_commit'), "
    "current_setting('max_pred_locks_per_transaction'), current_setting('max_connections'), "
    "pg_database_size(current_database())";

std::int64_t number(const Value& cell) {
  return std::strtoll(std::string(as_text(cell)).c_str(), nullptr, 10);
}

/// `before` and `after`: our clock around the question.
std::vector<Finding> findings_of(const Row& row, Instant before, Instant after) {
  constexpr std::int64_t kSkewMaxUs = 5'000'000;
  constexpr std::int64_t kPredicateLocksMin = 256;
  constexpr std::int64_t kConnectionsMin = 40;
  const std::int64_t there = number(row[2]);
  const std::int64_t skew =
      there < before.us ? there - before.us : std::max<std::int64_t>(there - after.us, 0);
  const bool durable = as_text(row[3]) == "on" && as_text(row[4]) == "on";
  return {
      {"state_server", true,
       fmt::format("PostgreSQL {}, {} MB", as_text(row[0]), number(row[8]) >> 20)},
      {"state_rights", as_text(row[1]) == "t",
       as_text(row[1]) == "t" ? "may create tables" : "may not create tables",
       "授权：GRANT CREATE ON SCHEMA public TO 该角色 / grant it: GRANT CREATE ON SCHEMA public TO "
       "the role"},
      {"state_clock", std::abs(skew) <= kSkewMaxUs,
       fmt::format("{:+.3f} s from ours", static_cast<double>(skew) / 1e6),
       "两台机器的时钟不一致，请启用 NTP / the two machines' clocks differ: run NTP on both"},
      {"state_durable", durable,
       fmt::format("fsync {}, full_page_writes {}, synchronous_commit {}", as_text(row[3]),
                   as_text(row[4]), as_text(row[5])),
       as_text(row[3]) == "on"
           ? "postgresql.conf 里 full_page_writes 须为 on，否则断电会留下写了一半的页 / set "
             "full_page_writes to on: else a power loss (断电) leaves pages half written"
           : "postgresql.conf 里 fsync 须为 on，否则断电会丢数据 / set fsync to on: else a power "
             "loss "
             "loses what was acknowledged"},
      {"state_locks", number(row[6]) >= kPredicateLocksMin,
       fmt::format("max_pred_locks_per_transaction {}", number(row[6])),
       "建议设为 1024：太小会让并行事务频繁重试 / set it to 1024: when small, transactions beside "
       "each other repeat often"},
      {"state_connections", number(row[7]) >= kConnectionsMin,
       fmt::format("max_connections {}", number(row[7])),
       "每个进程最多用 14 个连接 / each process uses up to 14 connections"},
  };
}

enum class Use { kWrite, kRead, kMigrate };

std::string setup_sql(Use use, Milliseconds statement) {
  std::string sql = fmt::format(
      "SET client_encoding = 'UTF8'; SET client_min_messages = warning; SET timezone = 'UTC'; "
      "SET jit = off; SET statement_timeout = {}; SET idle_in_transaction_session_timeout = {}; "
      "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; "
      "SET tcp_keepalives_count = 3; SET default_transaction_read_only = {}; ",
      statement.count(), 2 * statement.count(), use == Use::kRead ? "on" : "off");
  // A scan of a whole table conflicts with every writer to it; small tables would be scanned.
  if (use == Use::kWrite) sql += "SET enable_seqscan = off; ";
  // What is acknowledged must be on the server's disk, whatever its default is.
  sql +=
      "SELECT set_config('synchronous_commit', CASE current_setting('synchronous_commit') "
      "WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false), "
      "current_setting('server_encoding'), COALESCE(current_schema(), ''), "
      "COALESCE((SELECT backend_start::text FROM pg_stat_activity "
      "WHERE pid = pg_backend_pid()), '')";
  return sql;
}

/// Notes that the current thread is in here, for as long as it lives.
template <class T>
class PerThread {
 public:
  T* mine() {
    MutexLock lock(mutex_);
    const auto found = map_.find(std::this_thread::get_id());
    return found == map_.end() ? nullptr : found->second;
  }
  class Note {
   public:
    Note(PerThread& owner, T* thing) : owner_(owner) {
      MutexLock lock(owner_.mutex_);
      owner_.map_[std::this_thread::get_id()] = thing;
    }
    ~Note() {
      MutexLock lock(owner_.mutex_);
      owner_.map_.erase(std::this_thread::get_id());
    }
    Note(const Note&) = delete;
    Note& operator=(const Note&) = delete;

   private:
    PerThread& owner_;
  };

 private:
  Mutex mutex_;
  std::unordered_map<std::thread::id, T*> map_ ZHIYIN_GUARDED_BY(mutex_);
};

/// One transaction of this process, as `write_mark` names it.
struct Mark {
  std::int64_t writer = 0;
  std::uint64_t number = 0;
  [[nodiscard]] std::string insert(bool fence) const {
    return fmt::format("INSERT INTO write_mark(writer, number, fence) VALUES({}, {}, {})", writer,
                       number, fence);
  }
};

class PostgresState final : public State {
 public:
  PostgresState(std::string url, std::string address, PostgresStateSettings settings)
      : url_(std::move(url)),
        address_(std::move(address)),
        settings_(settings),
        writer_(random_number()),
        writers_(settings.writers_max, settings.pool, [this] { return make(Use::kWrite); }),
        readers_(settings.readers_max, settings.pool, [this] { return make(Use::kRead); }) {}

  Result<void> write(const std::function<Result<void>(Session&)>& work) override {
    return write(work, "");
  }
  Result<void> write_alone(const std::function<Result<void>(Session&)>& work) override {
    return write(work, "", true);
  }
  Result<void> write_in_turn(const std::function<Result<void>(Session&)>& work) override {
    return write(work, "; LOCK TABLE projection_turn IN EXCLUSIVE MODE");
  }
  Result<void> read(const std::function<Result<void>(Session&)>& work) override;
  Result<Rows> query(std::string_view sql, std::initializer_list<Value> parameters) override;
  Result<void> migrate(std::span<const Migration> migrations) override;
  Result<std::string> identity() override;
  std::vector<Finding> examine() override;
  Result<std::vector<StateTable>> tables() override;

  /// A connection, set up and checked, whose backend's time of start is in `started`.
  Result<std::unique_ptr<PostgresConnection>> connect(Use use, std::string* started = nullptr);

 private:
  class OpenMark;
  Result<void> write(const std::function<Result<void>(Session&)>& work, std::string_view turn,
                     bool alone = false);
  Result<std::unique_ptr<PostgresSession>> make(Use use);
  Result<void> check_identity(PostgresConnection& connection);
  Result<bool> was_committed(const Mark& mark, int process);
  Result<bool> ask(const Mark& mark, int process);
  void tidy(PostgresConnection& connection, const Mark& mark);
  Result<void> apply(PostgresConnection& connection, std::span<const Migration> migrations);
  static Result<void> apply_one(PostgresConnection& connection, const Migration& migration);
  Result<void> learn_identity(PostgresConnection& connection);

  const std::string url_;
  const std::string address_;
  const PostgresStateSettings settings_;
  const std::int64_t writer_;
  PerThread<PostgresState> writing_;
  PerThread<PostgresSession> reading_;
  Mutex mutex_;
  std::set<std::string> known_ ZHIYIN_GUARDED_BY(mutex_);
  std::string identity_ ZHIYIN_GUARDED_BY(mutex_);  // empty before the first `migrate`
  std::uint64_t marked_ ZHIYIN_GUARDED_BY(mutex_) = 0;
  std::set<std::uint64_t> open_marks_ ZHIYIN_GUARDED_BY(mutex_);
  std::unordered_map<int, std::string> started_ ZHIYIN_GUARDED_BY(mutex_);  // by process
  detail::PostgresPool writers_;
  detail::PostgresPool readers_;
};

Result<std::unique_ptr<PostgresConnection>> PostgresState::connect(Use use, std::string* started) {
  ZHIYIN_TRY(auto connection, PostgresConnection::open(url_, settings_.connect));
  const Milliseconds statement = use == Use::kMigrate ? settings_.migration : settings_.statement;
  connection->set_wait(settings_.connect);
  if (connection->server_version() < kVersionMin) {
    return fail(ErrorCode::kUnsupported, "state: PostgreSQL at {} is version {}; {} is needed",
                address_, connection->server_version() / 10000, kVersionMin / 10000);
  }
  ZHIYIN_TRY(const auto set, connection->run(setup_sql(use, statement)));
  const Row& row = set.rows.rows.at(0);
  if (as_text(row.at(1)) != "UTF8") {
    return fail(ErrorCode::kUnsupported, "state: the database {} has the encoding {}, not UTF8",
                address_, as_text(row.at(1)));
  }
  if (as_text(row.at(2)).empty()) {
    return fail(ErrorCode::kInvalidArgument, "state: no schema of the search path exists in {}",
                address_);
  }
  if (started != nullptr) *started = as_text(row.at(3));
  ZHIYIN_TRY_VOID(check_identity(*connection));
  connection->set_wait(statement + kAnswerMargin);
  return connection;
}

Result<std::unique_ptr<PostgresSession>> PostgresState::make(Use use) {
  std::string started;
  ZHIYIN_TRY(auto connection, connect(use, &started));
  if (use == Use::kWrite) {
    MutexLock lock(mutex_);
    constexpr std::size_t kStartedMax = 1000;
    if (started_.size() >= kStartedMax) started_.clear();
    started_[connection->server_process()] = std::move(started);
  }
  return std::make_unique<PostgresSession>(std::move(connection), settings_.rows_max);
}

Result<void> PostgresState::check_identity(PostgresConnection& connection) {
  std::string expected;
  {
    MutexLock lock(mutex_);
    expected = identity_;
  }
  if (expected.empty()) return {};
  const auto found = connection.run("SELECT id FROM state_identity");
  if (!found && !connection.usable()) return std::unexpected(found.error());
  if (found && !found->rows.rows.empty() && as_text(found->rows.rows[0][0]) == expected) return {};
  return fail(
      ErrorCode::kDataLoss,
      "state: the server at {} is not the one of before (no state {} there); refusing to go on",
      address_, expected);
}

/// Takes a number for a transaction whose answer is still to come.
class PostgresState::OpenMark {
 public:
  explicit OpenMark(PostgresState& state) : state_(state) {
    MutexLock lock(state_.mutex_);
    mark_ = {state_.writer_, ++state_.marked_};
    state_.open_marks_.insert(mark_.number);
  }
  ~OpenMark() {
    MutexLock lock(state_.mutex_);
    state_.open_marks_.erase(mark_.number);
  }
  OpenMark(const OpenMark&) = delete;
  OpenMark& operator=(const OpenMark&) = delete;
  [[nodiscard]] const Mark& operator*() const { return mark_; }

 private:
  PostgresState& state_;
  Mark mark_;
};

Result<void> PostgresState::write(const std::function<Result<void>(Session&)>& work,
                                  std::string_view turn, bool alone) {
  if (writing_.mine() != nullptr) {
    return fail(ErrorCode::kInternal, "state: write called inside write");
  }
  const PerThread<PostgresState>::Note note(writing_, this);
  bool fresh = false;
  for (int attempt = 0;; ++attempt) {
    ZHIYIN_TRY(auto session, writers_.take());
    const OpenMark open(*this);
    const Mark& mark = *open;
    alone = alone || attempt >= kAttemptsBesideOthers;
    const auto ending = session->transaction(
        fmt::format("BEGIN ISOLATION LEVEL SERIALIZABLE; LOCK TABLE write_turn IN {} MODE{}",
                    alone ? "EXCLUSIVE" : "ROW SHARE", turn),
        work, mark.insert(false));
    if (ending.outcome) {
      tidy(session->connection(), mark);
      return {};
    }
    if (!session->connection().usable()) writers_.drop_idle();
    if (ending.commit_unknown) {
      ZHIYIN_TRY(const bool committed, was_committed(mark, session->connection().server_process()));
      if (committed) return {};
      return ending.outcome;
    }
    if (!ending.began && !session->connection().usable() && !fresh) {
      fresh = true;  // a connection from before a restart of the server; nothing has happened yet
      continue;
    }
    // Two that saw a free key may both take it: alone it shows whether the key is really taken.
    const bool repeat = ending.must_repeat || (ending.not_unique && !alone);
    if (!repeat || attempt >= kAttemptsBesideOthers + kAttemptsAlone) return ending.outcome;
    alone = alone || ending.not_unique;
    const auto spread =
        static_cast<std::uint64_t>(random_number()) % (kBackOffFirstMs << std::min(attempt, 6));
    std::this_thread::sleep_for(Milliseconds(1 + spread));
  }
}

/// Marks are of no use once the answer has come. Fences stay: what they hold off may still arrive.
void PostgresState::tidy(PostgresConnection& connection, const Mark& mark) {
  if (mark.number % kMarksKept != 0) return;
  std::uint64_t first_open = 0;
  {
    MutexLock lock(mutex_);
    first_open = *open_marks_.begin();
  }
  (void)connection.run(
      fmt::format("DELETE FROM write_mark WHERE writer = {} AND number < {} AND NOT fence",
                  mark.writer, first_open));
}

Result<bool> PostgresState::was_committed(const Mark& mark, int process) {
  const auto until = std::chrono::steady_clock::now() + settings_.decide;
  for (;;) {
    auto answer = ask(mark, process);
    if (answer || answer.error().code == ErrorCode::kDataLoss) return answer;
    if (std::chrono::steady_clock::now() >= until) {
      return fail(ErrorCode::kDeadline,
                  "state: whether the transaction was committed is unknown: {}",
                  answer.error().message);
    }
    std::this_thread::sleep_for(kDecideStep);
  }
}

/// Waits until the other connection's transaction has ended, and ends it after a second.
Result<bool> PostgresState::ask(const Mark& mark, int process) {
  ZHIYIN_TRY(auto connection, connect(Use::kWrite));
  ZHIYIN_TRY_VOID(connection->run("SET lock_timeout = '1s'"));
  const auto fenced = connection->run(mark.insert(true) +
                                      " ON CONFLICT(writer, number) DO UPDATE SET number = "
                                      "excluded.number RETURNING write_mark.fence");
  if (fenced) return as_text(fenced->rows.rows.at(0).at(0)) == "f";
  if (connection->lock_timeout()) {
    std::string started;
    {
      MutexLock lock(mutex_);
      started = started_[process];
    }
    (void)connection->run(
        fmt::format("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE pid = {} AND backend_start::text = {}",
                    process, sql_literal(started)));
  }
  return std::unexpected(fenced.error());
}

Result<void> PostgresState::read(const std::function<Result<void>(Session&)>& work) {
  if (PostgresSession* outer = reading_.mine()) return work(*outer);
  for (bool fresh = false;; fresh = true) {
    ZHIYIN_TRY(auto session, readers_.take());
    const PerThread<PostgresSession>::Note note(reading_, &*session);
    auto ending = session->transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", work, "");
    const bool usable = session->connection().usable();
    if (!usable) readers_.drop_idle();
    if (ending.began || usable || fresh) return std::move(ending.outcome);
  }
}

/// One statement sees one snapshot by itself, which saves two round trips.
Result<Rows> PostgresState::query(std::string_view sql, std::initializer_list<Value> parameters) {
  if (PostgresSession* outer = reading_.mine()) return outer->query(sql, parameters);
  for (bool fresh = false;; fresh = true) {
    ZHIYIN_TRY(auto session, readers_.take());
    auto rows = session->single(sql, {parameters.begin(), parameters.size()});
    const bool usable = session->connection().usable();
    if (!usable) readers_.drop_idle();
    if (rows || usable || fresh || rows.error().code != ErrorCode::kUnavailable) return rows;
  }
}

Result<std::string> PostgresState::identity() {
  ZHIYIN_TRY(auto connection, connect(Use::kRead));
  ZHIYIN_TRY(const auto table, connection->run("SELECT to_regclass('state_identity') IS NOT NULL"));
  if (as_text(table.rows.rows.at(0).at(0)) != "t") return std::string();
  ZHIYIN_TRY(const auto found, connection->run("SELECT id FROM state_identity"));
  return found.rows.rows.empty() ? std::string() : std::string(as_text(found.rows.rows[0][0]));
}

Result<std::vector<StateTable>> PostgresState::tables() {
  ZHIYIN_TRY(auto connection, connect(Use::kRead));
  ZHIYIN_TRY(const auto columns,
             connection->run("SELECT c.relname, a.attname, COALESCE(array_position(CAST(i.indkey "
                             "AS SMALLINT[]), a.attnum) + 1, 0) "
                             "FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND "
                             "a.attnum > 0 AND NOT a.attisdropped "
                             "LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary "
                             "WHERE c.relkind IN ('r', 'p') AND c.relnamespace = "
                             "CAST(current_schema() AS regnamespace) "
                             "ORDER BY c.relname, a.attnum"));
  return detail::tables_of(columns.rows);
}

std::vector<Finding> PostgresState::examine() {
  const auto connection = connect(Use::kRead);
  const auto failed = [](const Error& error) {
    return std::vector<Finding>{
        {"state_server", false, error.message, advice_for(error, "storage.state")}};
  };
  if (!connection) return failed(connection.error());
  const auto before = SystemClock().now();
  const auto found = (*connection)->run(kExamination);
  const auto after = SystemClock().now();
  if (!found) return failed(found.error());
  return findings_of(found->rows.rows.at(0), before, after);
}

Result<void> PostgresState::migrate(std::span<const Migration> migrations) {
  ZHIYIN_TRY(auto connection, connect(Use::kMigrate));
  // Of several processes that start at once one goes first; the lock ends with the connection.
  ZHIYIN_TRY_VOID(connection->run(fmt::format(
      "SELECT pg_advisory_lock({}, hashtext(current_schema()::text))", kMigrationLock)));
  ZHIYIN_TRY_VOID(connection->run(kOwnTables));
  ZHIYIN_TRY_VOID(apply(*connection, migrations));
  return learn_identity(*connection);
}

Result<void> PostgresState::apply(PostgresConnection& connection,
                                  std::span<const Migration> migrations) {
  ZHIYIN_TRY(const auto applied,
             connection.run("SELECT name, checksum FROM schema_migration ORDER BY name"));
  {
    MutexLock lock(mutex_);
    for (const Migration& migration : migrations) known_.emplace(migration.name);
    ZHIYIN_TRY_VOID(detail::check_known(applied.rows, known_));
  }
  for (const Migration& migration : migrations) {
    ZHIYIN_TRY(const bool done, detail::is_applied(migration, applied.rows));
    if (done) continue;
    ZHIYIN_TRY_VOID(apply_one(connection, migration));
  }
  return {};
}

Result<void> PostgresState::apply_one(PostgresConnection& connection, const Migration& migration) {
  const auto step = [&]() -> Result<void> {
    ZHIYIN_TRY_VOID(connection.run("BEGIN"));
    ZHIYIN_TRY_VOID(connection.run(detail::migration_to_postgres(migration.sql)));
    ZHIYIN_TRY_VOID(connection.run(
        fmt::format("INSERT INTO schema_migration(name, checksum, applied_at) VALUES({}, {}, {})",
                    sql_literal(migration.name), sql_literal(detail::checksum_of(migration)),
                    SystemClock().now().us)));
    ZHIYIN_TRY_VOID(connection.run("COMMIT"));
    return {};
  };
  const auto outcome = step();
  if (outcome) return {};
  if (connection.in_transaction()) (void)connection.run("ROLLBACK");
  return fail(outcome.error().code, "schema {}: {}", migration.name, outcome.error().message);
}

Result<void> PostgresState::learn_identity(PostgresConnection& connection) {
  ZHIYIN_TRY_VOID(connection.run(
      fmt::format("INSERT INTO state_identity(one, id) VALUES(1, {}) ON CONFLICT(one) DO NOTHING",
                  sql_literal(crypto::base32(crypto::random_bytes(16))))));
  ZHIYIN_TRY(const auto found, connection.run("SELECT id FROM state_identity"));
  MutexLock lock(mutex_);
  identity_ = as_text(found.rows.rows.at(0).at(0));
  return {};
}

}  // namespace

Result<std::unique_ptr<State>> open_postgres_state(const std::string& url,
                                                   PostgresStateSettings settings) {
  ZHIYIN_TRY(std::string address, detail::postgres_address(url));
  auto state = std::make_unique<PostgresState>(url, std::move(address), settings);
  // A wrong address shows here and not with the first event.
  ZHIYIN_TRY_VOID(state->connect(Use::kRead));
  return state;
}

}  // namespace zhiyin::storage
