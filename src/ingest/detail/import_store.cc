#include "ingest/detail/import_store.h"

namespace zhiyin::ingest {
namespace {

constexpr storage::Migration kMigrations[] = {
    {"ingest-003-import-runs",
     "CREATE TABLE import_run (id TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, account TEXT NOT "
     "NULL, "
     "file TEXT NOT NULL, state TEXT NOT NULL, rows_done BIGINT NOT NULL, started_at BIGINT NOT "
     "NULL, "
     "updated_at BIGINT NOT NULL);"
     "CREATE INDEX import_run_fingerprint ON import_run (fingerprint, started_at)"},
    {"ingest-006-import-id-space",
     "ALTER TABLE import_run ADD COLUMN id_space TEXT NOT NULL DEFAULT '';"
     "CREATE INDEX import_run_id_space ON import_run (id_space)"},
};

}  // namespace

std::span<const storage::Migration> import_migrations() { return kMigrations; }

namespace detail {

Result<EarlierImports> find_earlier(storage::State& state, std::string_view fingerprint,
                                    std::string_view id_space) {
  ZHIYIN_TRY(
      const storage::Rows rows,
      state.query(
          "SELECT state, rows_done, started_at, updated_at FROM import_run WHERE fingerprint = ?1 "
          "ORDER BY started_at, id",
          {std::string(fingerprint)}));
  EarlierImports earlier;
  for (const storage::Row& row : rows.rows) {
    if (!earlier.started_at) earlier.started_at = Instant{storage::as_int(row[2])};
    const bool done = storage::as_text(row[0]) == enum_name(ImportState::kDone);
    if (done) {
      earlier.finished_once = true;
      earlier.finished_at = {storage::as_int(row[3])};
    }
    // A run that was finished is followed by one from the beginning, which finds only duplicates.
    earlier.rows_done = done ? 0 : std::max(earlier.rows_done, storage::as_int(row[1]));
  }
  ZHIYIN_TRY(
      const storage::Rows relatives,
      state.query("SELECT 1 FROM import_run WHERE id_space = ?1 LIMIT 1", {std::string(id_space)}));
  earlier.ids_may_repeat = !rows.rows.empty() || !relatives.rows.empty();
  return earlier;
}

Result<void> begin_run(storage::State& state, const NewRun& run, Instant now) {
  return state.write([&](storage::Session& session) -> Result<void> {
    ZHIYIN_TRY(const storage::Rows known,
               session.query("SELECT fingerprint FROM import_run WHERE id = ?1", {run.run.value}));
    if (!known.rows.empty() && storage::as_text(known.rows[0][0]) != run.fingerprint) {
      return fail(ErrorCode::kConflict, "import: run '{}' belongs to another file", run.run.value);
    }
    ZHIYIN_TRY_VOID(
        session.execute("INSERT INTO import_run (id, fingerprint, id_space, account, file, state, "
                        "rows_done, started_at, updated_at) "
                        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8) ON CONFLICT (id) DO UPDATE "
                        "SET state = excluded.state",
                        {run.run.value, run.fingerprint, run.id_space, run.account, run.file,
                         std::string(enum_name(ImportState::kRunning)), run.rows_done, now.us}));
    return {};
  });
}

Result<void> save_rows_done(storage::State& state, const RunId& run, std::int64_t rows_done,
                            Instant now) {
  return state.write([&](storage::Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(
        session.execute("UPDATE import_run SET rows_done = ?2, updated_at = ?3 WHERE id = ?1",
                        {run.value, rows_done, now.us}));
    return {};
  });
}

Result<void> end_run(storage::State& state, const RunId& run, ImportState outcome,
                     std::int64_t rows_done, Instant now) {
  return state.write([&](storage::Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(session.execute(
        "UPDATE import_run SET state = ?2, rows_done = ?3, updated_at = ?4 WHERE id = ?1",
        {run.value, std::string(enum_name(outcome)), rows_done, now.us}));
    return {};
  });
}

}  // namespace detail
}  // namespace zhiyin::ingest
