#include "server/runs.h"

#include "base/clock.h"
#include "base/json_binding.h"
#include "base/random.h"
#include "base/utf8.h"

namespace zhiyin::server {
namespace {

constexpr storage::Migration kMigrations[] = {
    {"server-003-run",
     "CREATE TABLE run (id TEXT PRIMARY KEY, kind TEXT NOT NULL, title TEXT NOT NULL, state TEXT "
     "NOT NULL,"
     " started_at BIGINT NOT NULL, ended_at BIGINT, error TEXT, result TEXT)"},
    {"server-010-run-process",
     "ALTER TABLE run ADD COLUMN process TEXT; ALTER TABLE run ADD COLUMN progress DOUBLE "
     "PRECISION;"
     "ALTER TABLE run ADD COLUMN detail TEXT; ALTER TABLE run ADD COLUMN cancel BIGINT"}};
constexpr std::string_view kColumns =
    "id, kind, title, state, started_at, ended_at, error, result, progress, detail";

constexpr const char* kCutOff = "cut off when the server stopped; start it again";

std::int64_t real_now_us() { return SystemClock().now().us; }

}  // namespace

std::span<const storage::Migration> Runs::migrations() { return kMigrations; }

void RunContext::report(std::optional<double> progress, std::string detail) {
  MutexLock lock(mutex_);
  progress_ = progress;
  detail_ = std::move(detail);
}

void RunContext::keep(Json result) {
  MutexLock lock(mutex_);
  kept_ = std::move(result);
}

std::optional<Json> RunContext::kept() const {
  MutexLock lock(mutex_);
  return kept_;
}

Result<std::unique_ptr<Runs>> Runs::create(storage::State& state,
                                           const storage::Membership* membership) {
  std::unique_ptr<Runs> runs(new Runs(state, membership));
  ZHIYIN_TRY_VOID(runs->close_orphans());
  return runs;
}

Result<void> Runs::close_orphans() {
  std::string sql =
      "UPDATE run SET state = 'failed', ended_at = ?1, error = ?2 WHERE state = 'running'";
  if (membership_ != nullptr)
    sql += " AND NOT EXISTS (SELECT 1 FROM process p WHERE p.id = run.process)";
  return state_.write([&](storage::Session& db) -> Result<void> {
    ZHIYIN_TRY_VOID(db.execute(sql, {real_now_us(), kCutOff}));
    return {};
  });
}

Result<void> Runs::beat() {
  if (membership_ == nullptr) return {};
  std::map<std::string, std::shared_ptr<RunContext>> active;
  {
    MutexLock lock(mutex_);
    active = active_;
  }
  for (const auto& [id, context] : active) ZHIYIN_TRY_VOID(exchange(RunId(id), *context));
  ZHIYIN_TRY(const auto open,
             state_.query("SELECT 1 FROM run WHERE state = 'running' AND NOT EXISTS"
                          " (SELECT 1 FROM process p WHERE p.id = run.process) LIMIT 1"));
  return open.rows.empty() ? Result<void>() : close_orphans();
}

Result<void> Runs::exchange(const RunId& id, RunContext& context) {
  const auto [progress, detail] = context.status();
  bool cancel = false;
  ZHIYIN_TRY_VOID(state_.write(
      [&, p = progress, d = utf8::cleaned(detail)](storage::Session& db) -> Result<void> {
        // After a lost lease this process goes by another id.
        ZHIYIN_TRY_VOID(db.execute(
            "UPDATE run SET progress = CAST(?2 AS DOUBLE PRECISION), detail = ?3, process = ?4 "
            "WHERE id = ?1 AND ended_at IS NULL",
            {id.value, p ? storage::Value(*p) : storage::Value(), d, membership_->id()}));
        ZHIYIN_TRY(const auto rows, db.query("SELECT cancel FROM run WHERE id = ?1", {id.value}));
        cancel = !rows.rows.empty() && storage::as_int(rows.rows[0][0], 0) != 0;
        return {};
      }));
  if (cancel) context.cancel();
  return {};
}

Runs::~Runs() {
  {
    MutexLock lock(mutex_);
    for (auto& [id, context] : active_) {
      context->stopping_ = true;
      context->cancelled_ = true;
    }
  }
  pool_.reset();
}

RunId Runs::new_id() { return RunId("r_" + uuid_v7(SystemClock().now())); }

Result<void> Runs::open(const RunId& id, std::string_view kind, std::string_view title) {
  return state_.write([&](storage::Session& db) -> Result<void> {
    ZHIYIN_TRY_VOID(
        db.execute("INSERT INTO run (id, kind, title, state, started_at, process) VALUES (?1, ?2, "
                   "?3, 'running', ?4, ?5)",
                   {id.value, std::string(kind), std::string(title), real_now_us(),
                    membership_ == nullptr ? std::string() : membership_->id()}));
    return {};
  });
}

void Runs::close(const RunId& id, bool cancelled, const Result<Json>& outcome,
                 const std::optional<Json>& kept) {
  const std::string state = cancelled ? "cancelled" : outcome ? "done" : "failed";
  storage::Value error;
  storage::Value result;
  if (outcome) {
    result = outcome->dump();
  } else {
    error = utf8::cleaned(outcome.error().text());
    if (kept) result = kept->dump();
  }
  // When even this cannot be written, the row stays `running` and the next start closes it.
  (void)state_.write([&](storage::Session& db) -> Result<void> {
    ZHIYIN_TRY_VOID(db.execute(
        "UPDATE run SET state = ?2, ended_at = ?3, error = ?4, result = ?5 WHERE id = ?1",
        {id.value, state, real_now_us(), error, result}));
    return {};
  });
  MutexLock lock(mutex_);
  active_.erase(id.value);
}

Result<void> Runs::submit(const RunId& id, bool resumable, Work work) {
  auto context = std::make_shared<RunContext>();
  context->id_ = id;
  {
    MutexLock lock(mutex_);
    active_[id.value] = context;
  }
  const bool taken =
      pool_->try_submit([this, id, context, resumable, work = std::move(work)]() mutable {
        Result<Json> outcome = fail(ErrorCode::kConflict, "run: cancelled before it began");
        if (!context->cancelled()) outcome = work(*context);
        if (resumable && context->stopping() && !outcome) {
          MutexLock lock(mutex_);
          active_.erase(id.value);
          return;
        }
        close(id, context->cancelled() && !outcome, outcome, context->kept());
      });
  if (taken) return {};
  Error error{ErrorCode::kLimitReached, "run: too many are waiting; try again later", {}};
  close(id, false, std::unexpected(error));
  return std::unexpected(error);
}

Result<RunId> Runs::start(std::string_view kind, std::string_view title, Work work) {
  const RunId id = new_id();
  ZHIYIN_TRY_VOID(open(id, kind, title));
  ZHIYIN_TRY_VOID(submit(id, false, std::move(work)));
  return id;
}

Result<void> Runs::start_resumable(const RunId& id, std::string_view kind, std::string_view title,
                                   Work work) {
  ZHIYIN_TRY_VOID(open(id, kind, title));
  return submit(id, true, std::move(work));
}

Result<void> Runs::resume(const RunId& id, Work work) {
  std::int64_t opened = 0;
  ZHIYIN_TRY_VOID(state_.write([&](storage::Session& db) -> Result<void> {
    ZHIYIN_TRY(
        opened,
        db.execute(
            "UPDATE run SET state = 'running', ended_at = NULL, error = NULL, process "
            "= ?2 WHERE id = ?1 AND COALESCE(cancel, 0) = 0 AND (state = 'running' OR "
            "(state = 'failed' AND error = ?3))",
            {id.value, membership_ == nullptr ? std::string() : membership_->id(), kCutOff}));
    return {};
  }));
  if (opened != 0) return submit(id, true, std::move(work));
  ZHIYIN_TRY(const Json run, get(id));
  return fail(ErrorCode::kConflict, "run: '{}' has ended already ({})", id.value,
              run["state"].string_or(""));
}

Result<Json> Runs::run_now(std::string_view kind, std::string_view title, RunContext& context,
                           Work work) {
  const RunId id = new_id();
  ZHIYIN_TRY_VOID(open(id, kind, title));
  context.id_ = id;
  {
    MutexLock lock(mutex_);
    active_[id.value] = std::shared_ptr<RunContext>(
        &context, [](RunContext*) {});  // the caller's; `close` forgets it
  }
  Result<Json> outcome = work(context);
  close(id, context.cancelled() && !outcome, outcome, context.kept());
  return outcome;
}

Result<void> Runs::cancel(const RunId& id) {
  {
    MutexLock lock(mutex_);
    const auto found = active_.find(id.value);
    if (found != active_.end()) {
      found->second->cancelled_ = true;
      return {};
    }
  }
  std::int64_t asked = 0;
  if (membership_ != nullptr) {
    ZHIYIN_TRY_VOID(state_.write([&](storage::Session& db) -> Result<void> {
      ZHIYIN_TRY(asked, db.execute("UPDATE run SET cancel = 1 WHERE id = ?1 AND state = 'running'",
                                   {id.value}));
      return {};
    }));
  }
  if (asked != 0) return {};
  ZHIYIN_TRY(const Json run, get(id));
  return fail(ErrorCode::kConflict, "run: '{}' has ended already ({})", id.value,
              run["state"].string_or(""));
}

Json Runs::to_json_row(const storage::Row& row) const {
  Json out;
  out.set("id", storage::as_text(row[0]))
      .set("kind", storage::as_text(row[1]))
      .set("title", storage::as_text(row[2]));
  out.set("state", storage::as_text(row[3]))
      .set("started_at", to_json(Instant{storage::as_int(row[4])}));
  out.set("ended_at",
          storage::is_null(row[5]) ? Json() : to_json(Instant{storage::as_int(row[5])}));
  out.set("error", storage::is_null(row[6]) ? Json() : Json(storage::as_text(row[6])));
  out.set("result", storage::is_null(row[7])
                        ? Json()
                        : parse_json(storage::as_text(row[7])).value_or(Json()));
  MutexLock lock(mutex_);
  const auto found = active_.find(std::string(storage::as_text(row[0])));
  if (found != active_.end()) {
    MutexLock context_lock(found->second->mutex_);
    out.set("progress", found->second->progress_ ? Json(*found->second->progress_) : Json());
    out.set("detail", found->second->detail_);
  } else {
    const bool elsewhere = storage::as_text(row[3]) == "running" && membership_ != nullptr;
    Json progress = storage::as_text(row[3]) == "done" ? Json(1.0) : Json();
    if (elsewhere && !storage::is_null(row[8])) progress = Json(storage::as_real(row[8]));
    out.set("progress", std::move(progress));
    out.set("detail",
            elsewhere && !storage::is_null(row[9]) ? storage::as_text(row[9]) : std::string_view());
  }
  return out;
}

Result<Json> Runs::get(const RunId& id) const {
  ZHIYIN_TRY(const auto rows,
             state_.query(fmt::format("SELECT {} FROM run WHERE id = ?1", kColumns), {id.value}));
  if (rows.rows.empty())
    return fail(ErrorCode::kNotFound, "run: there is no '{}'", id.value.substr(0, 80));
  return to_json_row(rows.rows[0]);
}

Result<Json> Runs::list(std::size_t limit, std::string_view before) const {
  const std::string below = before.empty() ? "~" : std::string(before);
  ZHIYIN_TRY(const auto rows,
             state_.query(fmt::format("SELECT {} FROM run WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
                                      kColumns),
                          {below, static_cast<std::int64_t>(limit)}));
  Json items = Json::array();
  for (const auto& row : rows.rows) {
    Json one = to_json_row(row);
    one.set("result", Json());  // results can be large; GET one run for its own
    items.push(std::move(one));
  }
  Json next;
  if (rows.rows.size() == limit) next = std::string(storage::as_text(rows.rows.back()[0]));
  return Json().set("items", std::move(items)).set("next", std::move(next));
}

bool Runs::idle() const {
  MutexLock lock(mutex_);
  return active_.empty();
}

}  // namespace zhiyin::server
