#include "storage/sqlite_state.h"

#include <algorithm>
#include <set>
#include <thread>
#include <unordered_map>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/machine.h"
#include "base/mutex.h"
#include "storage/detail/checkpointer.h"
#include "storage/detail/pool.h"
#include "storage/detail/schema_rules.h"
#include "storage/detail/sqlite_session.h"
#include "storage/patience.h"

namespace zhiyin::storage {
namespace {

constexpr std::size_t kReadersMax = 4;
// Reached only while projections are busy: what they change should fit.
constexpr std::int64_t kWriterCacheKibMax = 384 << 10;
constexpr std::int64_t kWriterCacheOfMemory = 8;  // no more than this part of the memory
constexpr int kReaderCacheKib = 2 << 10;
constexpr char kOwnTables[] =
    "CREATE TABLE IF NOT EXISTS schema_migration(name TEXT PRIMARY KEY, checksum TEXT NOT NULL, "
    "applied_at BIGINT NOT NULL);"
    "CREATE TABLE IF NOT EXISTS state_identity(one BIGINT PRIMARY KEY, id TEXT NOT NULL)";

/// What other databases read as a comment asks this one to keep rows in the order of their key.
std::string sqlite_dialect(std::string_view sql) {
  constexpr std::string_view kHint = "/*clustered*/";
  std::string out(sql);
  for (std::size_t at = out.find(kHint); at != std::string::npos; at = out.find(kHint, at)) {
    out.replace(at, kHint.size(), "WITHOUT ROWID");
  }
  return out;
}

/// A lock that is given in the order in which it was asked for, so that a busy projection does not
/// starve the others.
class Turns {
 public:
  void enter() {
    MutexLock lock(mutex_);
    const std::uint64_t ticket = next_++;
    if (serving_ != ticket && !Patience::is_patient()) ++waits_;
    while (serving_ != ticket) changed_.wait(mutex_);
    owner_ = std::this_thread::get_id();
  }
  void leave() {
    {
      MutexLock lock(mutex_);
      owner_ = {};
      ++serving_;
    }
    changed_.notify_all();
  }
  [[nodiscard]] std::uint64_t waits() const {
    MutexLock lock(mutex_);
    return waits_;
  }
  [[nodiscard]] bool is_mine() {
    MutexLock lock(mutex_);
    return owner_ == std::this_thread::get_id();
  }

 private:
  mutable Mutex mutex_;
  CondVar changed_;
  std::uint64_t waits_ ZHIYIN_GUARDED_BY(mutex_) = 0;
  std::uint64_t next_ ZHIYIN_GUARDED_BY(mutex_) = 0;
  std::uint64_t serving_ ZHIYIN_GUARDED_BY(mutex_) = 0;
  std::thread::id owner_ ZHIYIN_GUARDED_BY(mutex_);
};

/// A turn, from construction to destruction.
class Turn {
 public:
  explicit Turn(Turns& turns) : turns_(turns) { turns_.enter(); }
  ~Turn() { turns_.leave(); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  Turns& turns_;
};

int writer_cache_kib() {
  return static_cast<int>(
      std::min(kWriterCacheKibMax, memory_bytes() / 1024 / kWriterCacheOfMemory));
}

Result<detail::Database> open_database(const std::filesystem::path& path, const std::string& vfs,
                                       bool read_only) {
  constexpr std::int64_t kLogBytesKept = 256 << 20;  // what a busy log reaches
  detail::DatabaseOptions options;
  options.read_only = read_only;
  options.vfs = vfs;
  options.cache_kib = read_only ? kReaderCacheKib : writer_cache_kib();
  options.log_bytes_kept = kLogBytesKept;
  return detail::Database::open(path, options);
}

class SqliteState final : public State {
 public:
  SqliteState(const std::filesystem::path& path, const SqliteStateSettings& settings,
              detail::Database db)
      : path_(path),
        vfs_(settings.vfs),
        writer_(std::move(db), false, settings.rows_max),
        readers_(kReadersMax, [path, settings]() -> Result<std::unique_ptr<detail::SqliteSession>> {
          ZHIYIN_TRY(detail::Database reader, open_database(path, settings.vfs, true));
          return std::make_unique<detail::SqliteSession>(std::move(reader), true,
                                                         settings.rows_max);
        }) {}

  /// Before the first transaction. `copier`: a connection of its own; the writer counts in
  /// `log_pages`.
  void checkpoint_aside(detail::Database copier, std::unique_ptr<int> log_pages, int every) {
    log_pages_ = std::move(log_pages);
    checkpointer_.emplace(std::move(copier), every);
  }

  Result<void> write(const std::function<Result<void>(Session&)>& work) override {
    if (turns_.is_mine()) {
      return fail(ErrorCode::kInternal, "state: write called inside write");
    }
    const Turn turn(turns_);
    if (checkpointer_) checkpointer_->make_room();
    auto outcome = writer_.transaction(work);
    if (checkpointer_) checkpointer_->committed(*log_pages_);
    return outcome;
  }

  [[nodiscard]] std::optional<std::uint64_t> waits() const override { return turns_.waits(); }

  Result<void> read(const std::function<Result<void>(Session&)>& work) override {
    // A read inside a read sees the same snapshot, and never waits for a second connection.
    if (detail::SqliteSession* outer = reading()) return work(*outer);
    ZHIYIN_TRY(auto reader, readers_.take());
    set_reading(&*reader);
    auto outcome = reader->transaction(work);
    set_reading(nullptr);
    return outcome;
  }

  Result<void> migrate(std::span<const Migration> migrations) override {
    const Turn turn(turns_);
    ZHIYIN_TRY_VOID(writer_.run(kOwnTables));
    Rows applied;
    ZHIYIN_TRY_VOID(writer_.transaction([&](Session& session) -> Result<void> {
      ZHIYIN_TRY(applied,
                 session.query("SELECT name, checksum FROM schema_migration ORDER BY name"));
      ZHIYIN_TRY_VOID(session.execute(
          "INSERT INTO state_identity(one, id) VALUES(1, ?1) ON CONFLICT(one) DO NOTHING",
          {crypto::base32(crypto::random_bytes(16))}));
      return {};
    }));
    // Migrations named in earlier calls on this object count as known, too.
    for (const Migration& migration : migrations) known_.emplace(migration.name);
    ZHIYIN_TRY_VOID(detail::check_known(applied, known_));
    for (const Migration& migration : migrations) {
      ZHIYIN_TRY(const bool done, detail::is_applied(migration, applied));
      if (!done) ZHIYIN_TRY_VOID(apply(migration));
    }
    return {};
  }

  Result<std::string> identity() override {
    std::string found;
    ZHIYIN_TRY_VOID(read([&](Session& session) -> Result<void> {
      ZHIYIN_TRY(const Rows table,
                 session.query("SELECT 1 FROM sqlite_master WHERE name = 'state_identity'"));
      if (table.rows.empty()) return {};
      ZHIYIN_TRY(const Rows rows, session.query("SELECT id FROM state_identity"));
      if (!rows.rows.empty()) found = as_text(rows.rows[0][0]);
      return {};
    }));
    return found;
  }

  Result<std::vector<StateTable>> tables() override {
    ZHIYIN_TRY(
        const Rows columns,
        query("SELECT m.name, c.name, c.pk FROM sqlite_master m JOIN pragma_table_info(m.name) c "
              "WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' ORDER BY m.name, c.cid",
              {}));
    return detail::tables_of(columns);
  }

  Result<void> copy_to(const std::filesystem::path& file) override {
    ZHIYIN_TRY(detail::Database reader, open_database(path_, vfs_, true));
    return reader.copy_to(file);
  }

 private:
  detail::SqliteSession* reading() {
    MutexLock lock(mutex_);
    const auto found = reading_.find(std::this_thread::get_id());
    return found == reading_.end() ? nullptr : found->second;
  }

  void set_reading(detail::SqliteSession* session) {
    MutexLock lock(mutex_);
    if (session != nullptr) {
      reading_[std::this_thread::get_id()] = session;
    } else {
      reading_.erase(std::this_thread::get_id());
    }
  }

  Result<void> apply(const Migration& migration) {
    return writer_.transaction([&](Session& session) -> Result<void> {
      ZHIYIN_TRY_VOID(writer_.run(sqlite_dialect(migration.sql)));
      ZHIYIN_TRY_VOID(session.execute(
          "INSERT INTO schema_migration(name, checksum, applied_at) VALUES(?1, ?2, ?3)",
          {std::string(migration.name), detail::checksum_of(migration), SystemClock().now().us}));
      return {};
    });
  }

  const std::filesystem::path path_;
  const std::string vfs_;
  Turns turns_;
  std::unique_ptr<int> log_pages_;                    // as writer_
  detail::SqliteSession writer_;                      // used by who has the turn
  std::set<std::string> known_;                       // as writer_
  std::optional<detail::Checkpointer> checkpointer_;  // null: by the commit
  detail::Pool<detail::SqliteSession> readers_;
  Mutex mutex_;
  std::unordered_map<std::thread::id, detail::SqliteSession*> reading_ ZHIYIN_GUARDED_BY(mutex_);
};

}  // namespace

Result<std::unique_ptr<State>> open_sqlite_state(const std::filesystem::path& path,
                                                 SqliteStateSettings settings) {
  ZHIYIN_TRY(detail::Database db, open_database(path, settings.vfs, false));
  ZHIYIN_TRY_VOID(db.run(fmt::format("PRAGMA secure_delete=ON; PRAGMA wal_autocheckpoint={};",
                                     settings.checkpoint_pages)
                             .c_str()));
  auto log_pages = std::make_unique<int>(0);
  if (!settings.checkpoint_aside)
    return std::make_unique<SqliteState>(path, settings, std::move(db));
  db.count_log_pages(*log_pages);
  ZHIYIN_TRY(detail::Database copier, open_database(path, settings.vfs, false));
  ZHIYIN_TRY_VOID(copier.run("PRAGMA cache_size=0; PRAGMA wal_autocheckpoint=0;"));
  auto state = std::make_unique<SqliteState>(path, settings, std::move(db));
  state->checkpoint_aside(std::move(copier), std::move(log_pages), settings.checkpoint_pages);
  return state;
}

}  // namespace zhiyin::storage
