#include "server/retention.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <sstream>

#include "audience/erase.h"
#include "base/crypto.h"
#include "ingest/event.h"
#include "ingest/warehouse_writer.h"
#include "recommend/impression.h"

namespace zhiyin::server {
namespace {

using storage::Session;
using storage::Stream;

constexpr storage::Migration kMigrations[] = {
    {"server-005-retention",
     "CREATE TABLE retention_certificate (id BIGINT PRIMARY KEY, what TEXT NOT NULL, before_at "
     "BIGINT NOT NULL,"
     " activity BIGINT NOT NULL, warehouse BIGINT NOT NULL, log BIGINT NOT NULL, other BIGINT NOT "
     "NULL,"
     " started_at BIGINT NOT NULL, finished_at BIGINT, seq BIGINT, digest TEXT NOT NULL)"},
    // `keyed`: the digest needs the installation's secret. `plan`: of one that is not finished,
    // what was about to be removed. `rev`: grows with each change, so that of two processes one
    // notices.
    {"server-006-retention-plan",
     "ALTER TABLE retention_certificate ADD COLUMN keyed BIGINT NOT NULL DEFAULT 0;"
     "ALTER TABLE retention_certificate ADD COLUMN plan TEXT NOT NULL DEFAULT '';"
     "ALTER TABLE retention_certificate ADD COLUMN rev BIGINT NOT NULL DEFAULT 0"}};

constexpr std::int64_t kSlice =
    5000;  // rows of one transaction: sends and projections wait no longer than that takes
constexpr std::size_t kLogSlice = 50'000;

struct Certificate {
  std::int64_t id = 0;
  std::string what;
  Instant before;
  std::int64_t activity = 0;
  std::int64_t warehouse = 0;
  std::int64_t log = 0;
  std::int64_t other = 0;
  Instant started_at;
  std::string plan;
  std::int64_t rev = 0;
  [[nodiscard]] bool empty() const { return activity + warehouse + log + other == 0; }
};

constexpr std::string_view kColumns =
    "id, what, before_at, activity, warehouse, log, other, started_at, finished_at, digest, seq, "
    "keyed, plan, rev";
constexpr std::string_view kOfEvents = "events:";
constexpr std::string_view kDone = "-";  // a plan that was carried out
constexpr std::string_view kPurpose = "retention certificate";

Certificate certificate_of(const storage::Row& row) {
  return {storage::as_int(row[0]),
          std::string(storage::as_text(row[1])),
          {storage::as_int(row[2])},
          storage::as_int(row[3]),
          storage::as_int(row[4]),
          storage::as_int(row[5]),
          storage::as_int(row[6]),
          {storage::as_int(row[7])},
          std::string(storage::as_text(row[12])),
          storage::as_int(row[13])};
}

std::string text_of(const Certificate& c, std::string_view previous) {
  return fmt::format("{}\n{}\n{}\n{}\n{} {} {} {}\n", previous, c.id, c.what, c.before.us,
                     c.activity, c.warehouse, c.log, c.other);
}

/// Of those that earlier versions made, whoever can write to the table can make it, too.
std::string plain_digest(const Certificate& c, std::string_view previous) {
  return crypto::hex(crypto::sha256(text_of(c, previous)));
}

std::string keyed_digest(const storage::Vault& vault, const Certificate& c, Instant finished_at,
                         std::int64_t seq, std::string_view previous) {
  return crypto::hex(vault.sign(
      fmt::format("{}{} {} {}\n", text_of(c, previous), c.started_at.us, finished_at.us, seq),
      kPurpose));
}

/// The one that a crash left open for the same thing, or a new one.
Result<Certificate> begin(Services& s, std::string_view what, Instant before) {
  Certificate out;
  ZHIYIN_TRY_VOID(s.state.write([&](Session& db) -> Result<void> {
    ZHIYIN_TRY(
        const auto open,
        db.query(fmt::format(
                     "SELECT {} FROM retention_certificate WHERE what = ?1 AND finished_at IS NULL"
                     " ORDER BY id LIMIT 1",
                     kColumns),
                 {std::string(what)}));
    if (!open.rows.empty()) {
      out = certificate_of(open.rows[0]);
      return {};
    }
    ZHIYIN_TRY(const auto last, db.query("SELECT COALESCE(MAX(id), 0) FROM retention_certificate"));
    out = {storage::as_int(last.rows.at(0).at(0)) + 1, std::string(what), before};
    out.started_at = SystemClock().now();
    ZHIYIN_TRY_VOID(
        db.execute("INSERT INTO retention_certificate (id, what, before_at, activity, warehouse, "
                   "log, other, started_at, digest)"
                   " VALUES (?1, ?2, ?3, 0, 0, 0, 0, ?4, '')",
                   {out.id, out.what, out.before.us, out.started_at.us}));
    return {};
  }));
  return out;
}

/// Within a transaction, after which `rev` is one more.
Result<void> save(Session& db, const Certificate& c) {
  ZHIYIN_TRY(
      const std::int64_t saved,
      db.execute(
          "UPDATE retention_certificate SET activity = ?2, warehouse = ?3, log = ?4, other "
          "= ?5, plan = ?6, rev = rev + 1 WHERE id = ?1 AND rev = ?7 AND finished_at IS NULL",
          {c.id, c.activity, c.warehouse, c.log, c.other, c.plan, c.rev}));
  if (saved == 1) return {};
  return fail(ErrorCode::kConflict, "retention: another process removes {} at this moment", c.what);
}

Result<void> save(Services& s, Certificate& c) {
  ZHIYIN_TRY_VOID(s.state.write([&](Session& db) { return save(db, c); }));
  ++c.rev;
  return {};
}

/// Nothing removed needs no proof.
Result<void> finish(Services& s, const Certificate& c) {
  return s.state.write([&](Session& db) -> Result<void> {
    if (c.empty()) {
      ZHIYIN_TRY_VOID(
          db.execute("DELETE FROM retention_certificate WHERE id = ?1 AND rev = ?2 AND finished_at "
                     "IS NULL",
                     {c.id, c.rev}));
      return {};
    }
    // The chain is in the order of ending: one that a crash left open ends after others that began
    // later.
    ZHIYIN_TRY(const auto previous, db.query("SELECT digest, seq FROM retention_certificate WHERE "
                                             "seq IS NOT NULL ORDER BY seq DESC LIMIT 1"));
    const std::string before =
        previous.rows.empty() ? "" : std::string(storage::as_text(previous.rows[0][0]));
    const std::int64_t seq = previous.rows.empty() ? 1 : storage::as_int(previous.rows[0][1]) + 1;
    ZHIYIN_TRY_VOID(save(db, c));
    const Instant now = SystemClock().now();
    ZHIYIN_TRY_VOID(db.execute(
        "UPDATE retention_certificate SET finished_at = ?2, seq = ?3, digest = ?4, keyed = 1 WHERE "
        "id = ?1",
        {c.id, now.us, seq, keyed_digest(s.vault, c, now, seq, before)}));
    return {};
  });
}

Result<void> still_wanted(const RunContext* run) {
  if (run != nullptr && run->cancelled()) return fail(ErrorCode::kConflict, "retention: cancelled");
  return {};
}

/// Deletes in slices (`remove` takes at most kSlice rows and says how many) and counts them in the
/// transaction that deletes them.
Result<void> remove_rows(Services& s, Certificate& c, std::int64_t Certificate::* counter,
                         const std::function<Result<std::int64_t>(Session&)>& remove,
                         const RunContext* run) {
  for (;;) {
    ZHIYIN_TRY_VOID(still_wanted(run));
    std::int64_t removed = 0;
    ZHIYIN_TRY_VOID(s.state.write([&](Session& db) -> Result<void> {
      ZHIYIN_TRY(removed, remove(db));
      Certificate with = c;
      with.*counter += removed;
      return save(db, with);
    }));
    c.*counter += removed;
    ++c.rev;
    if (removed < kSlice) return {};
  }
}

/// The events of a kind that are too old, up to where the warehouse has come: whatever is written
/// meanwhile, by this process or another one, does not become one of them.
std::string condition_up_to(const storage::Positions& written) {
  std::string parts;
  for (std::size_t p = 0; p < written.size(); ++p)
    parts += fmt::format("{}(part = {} AND off <= {})", p == 0 ? "" : " OR ", p, written[p]);
  return fmt::format("kind = ? AND occurred_at < ? AND ({})", parts);
}

/// How many rows are to go, and the condition that they fulfil.
struct WarehousePlan {
  std::int64_t rows = 0;
  std::string condition;
};

/// As it was before anything was removed; kept as numbers: the rows, then the positions.
Result<WarehousePlan> plan_of_warehouse(Services& s, Certificate& c, const std::string& kind) {
  storage::Positions written{};
  if (!c.plan.empty()) {
    std::istringstream numbers(c.plan);
    WarehousePlan plan;
    numbers >> plan.rows;
    for (std::int64_t& p : written) numbers >> p;
    if (!numbers)
      return fail(ErrorCode::kDataLoss, "retention: the plan of certificate {} is damaged", c.id);
    plan.condition = condition_up_to(written);
    return plan;
  }
  ZHIYIN_TRY_VOID(s.state.read([&](Session& db) -> Result<void> {
    ZHIYIN_TRY(written, storage::load_positions(db, "warehouse", Stream::kEvents));
    return {};
  }));
  WarehousePlan plan{0, condition_up_to(written)};
  ZHIYIN_TRY(const auto counted,
             s.warehouse.query(fmt::format("SELECT COUNT(*) FROM events WHERE {}", plan.condition),
                               {kind, c.before.us}));
  plan.rows = storage::as_int(counted.rows.at(0).at(0));
  c.plan = fmt::format("{} {}", plan.rows, fmt::join(written, " "));
  ZHIYIN_TRY_VOID(save(s, c));
  return plan;
}

/// What is to go is counted and written down before it goes, so that a process that dies in between
/// takes no count with it: the next one removes what is left and certifies the whole.
Result<void> remove_from_warehouse(Services& s, Certificate& c, const std::string& kind) {
  if (c.plan == kDone) return {};
  ZHIYIN_TRY(const WarehousePlan plan, plan_of_warehouse(s, c, kind));
  ZHIYIN_TRY_VOID(s.warehouse.remove(ingest::events_table(), plan.condition, {kind, c.before.us}));
  ZHIYIN_TRY(const auto left,
             s.warehouse.query(fmt::format("SELECT COUNT(*) FROM events WHERE {}", plan.condition),
                               {kind, c.before.us}));
  if (const std::int64_t n = storage::as_int(left.rows.at(0).at(0)); n != 0)
    return fail(ErrorCode::kUnavailable, "retention: {} events of {} are still in the warehouse", n,
                kind);
  c.warehouse = plan.rows;
  c.plan = kDone;
  return save(s, c);
}

Result<Certificate> remove_kind(Services& s, const std::string& kind, Instant before,
                                const RunContext* run) {
  ZHIYIN_TRY(Certificate c, begin(s, std::string(kOfEvents) + kind, before));
  ZHIYIN_TRY_VOID(s.while_warehouse_stands([&] { return remove_from_warehouse(s, c, kind); }));
  ZHIYIN_TRY_VOID(remove_rows(
      s, c, &Certificate::activity,
      [&](Session& db) {
        return audience::remove_activity(db, kind, c.before, kSlice, s.recommendations.recent());
      },
      run));
  ZHIYIN_TRY_VOID(finish(s, c));
  return c;
}

Result<Certificate> count_kind(Services& s, const std::string& kind, Instant before) {
  Certificate c{0, std::string(kOfEvents) + kind, before};
  ZHIYIN_TRY(const auto warehouse,
             s.warehouse.query("SELECT COUNT(*) FROM events WHERE kind = ? AND occurred_at < ?",
                               {kind, before.us}));
  ZHIYIN_TRY(const auto activity,
             s.state.query("SELECT COUNT(*) FROM activity WHERE kind = ?1 AND at < ?2",
                           {kind, before.us}));
  c.warehouse = storage::as_int(warehouse.rows.at(0).at(0));
  c.activity = storage::as_int(activity.rows.at(0).at(0));
  return c;
}

/// The kinds and their limits, `*` spelt out by what the warehouse holds.
Result<std::vector<RetentionRule>> spelt_out(Services& s, const std::vector<RetentionRule>& rules) {
  std::vector<RetentionRule> out;
  const auto named = [&](std::string_view kind) {
    return std::ranges::any_of(rules, [&](const RetentionRule& r) { return r.kind == kind; });
  };
  for (const RetentionRule& rule : rules) {
    if (rule.kind != "*") {
      out.push_back(rule);
      continue;
    }
    ZHIYIN_TRY(const auto kinds,
               s.warehouse.query("SELECT DISTINCT kind FROM events ORDER BY kind"));
    for (const auto& row : kinds.rows) {
      if (!named(storage::as_text(row[0])))
        out.push_back({std::string(storage::as_text(row[0])), rule.keep});
    }
  }
  return out;
}

Result<Instant> time_of(Stream stream, const storage::StoredRecord& record) {
  if (stream == Stream::kImpressions) {
    ZHIYIN_TRY(const auto impression, recommend::decode_impression(record.bytes));
    return impression.at;
  }
  ZHIYIN_TRY(const auto event, ingest::decode_event(record.bytes));
  return event.received_at;
}

/// Where all consumers of the stream are.
Result<storage::Positions> dealt_with(Services& s, Stream stream) {
  if (stream == Stream::kImpressions) return s.log.end(stream);  // nobody follows them
  storage::Positions at = s.pipeline.positions();
  storage::Positions warehouse{};
  ZHIYIN_TRY_VOID(s.state.read([&](Session& db) -> Result<void> {
    ZHIYIN_TRY(warehouse, storage::load_positions(db, "warehouse", stream));
    return {};
  }));
  for (std::size_t p = 0; p < at.size(); ++p) at[p] = std::min(at[p], warehouse[p]);
  return at;
}

/// Where the partitions of the planned records begin now. `surely`: also those of which nothing
/// stands near the beginning of the log.
Result<std::map<int, std::int64_t>> beginnings(Services& s, Stream stream,
                                               const std::set<int>& partitions, bool surely) {
  std::map<int, std::int64_t> first;
  ZHIYIN_TRY(const auto left, s.log.read(stream, storage::Positions{}, kLogSlice));
  for (const storage::StoredRecord& r : left) first.try_emplace(r.partition, r.offset);
  for (const int partition : partitions) {
    if (!surely || first.contains(partition)) continue;
    storage::Positions only;
    only.fill(storage::kNotWanted);
    only.at(static_cast<std::size_t>(partition)) = 0;
    ZHIYIN_TRY(const auto one, s.log.read(stream, only, 1));
    if (!one.empty()) first[partition] = one.front().offset;
  }
  return first;
}

/// How many of the planned records (`PARTITION OFFSET …`) are in the log no more.
Result<std::int64_t> count_trimmed(Services& s, Stream stream, const std::string& plan,
                                   bool surely) {
  std::vector<std::pair<int, std::int64_t>> planned;
  std::set<int> partitions;
  std::istringstream numbers(plan);
  int partition = 0;
  std::int64_t offset = 0;
  while (numbers >> partition >> offset) {
    planned.emplace_back(partition, offset);
    partitions.insert(partition);
  }
  ZHIYIN_TRY(const auto first, beginnings(s, stream, partitions, surely));
  return std::ranges::count_if(planned, [&](const auto& one) {
    const auto at = first.find(one.first);
    return at == first.end() || one.second < at->second;
  });
}

/// Counts what was planned and went. `after_crash`: perhaps nothing did.
Result<void> settle_log(Services& s, Certificate& c, Stream stream, bool after_crash) {
  if (c.plan.empty()) return {};
  ZHIYIN_TRY(const std::int64_t removed, count_trimmed(s, stream, c.plan, after_crash));
  c.log += removed;
  c.plan.clear();
  return save(s, c);
}

/// One round: up to kLogSlice records from the beginning of the log that are old enough; how many
/// of them went.
Result<std::int64_t> trim_slice(Services& s, Certificate& c, Stream stream, Instant before,
                                const storage::Positions& done) {
  storage::Positions from{};
  ZHIYIN_TRY(auto records, s.log.read(stream, from, kLogSlice));
  const auto young = std::ranges::find_if(records, [&](const storage::StoredRecord& r) {
    const auto at = time_of(stream, r);
    return (at && *at >= before) || r.offset > done[static_cast<std::size_t>(r.partition)];
  });
  records.erase(young, records.end());
  if (records.empty()) return 0;
  for (const storage::StoredRecord& r : records)
    c.plan += fmt::format("{}{} {}", c.plan.empty() ? "" : " ", r.partition, r.offset);
  ZHIYIN_TRY_VOID(save(s, c));
  ZHIYIN_TRY_VOID(s.log.trim(stream, s.log.advance(from, records)));
  const std::int64_t before_it = c.log;
  ZHIYIN_TRY_VOID(settle_log(s, c, stream, false));
  return c.log - before_it;
}

Result<Certificate> trim_log(Services& s, Stream stream, std::string_view what, Instant before,
                             const RunContext* run) {
  ZHIYIN_TRY(Certificate c, begin(s, what, before));
  ZHIYIN_TRY_VOID(settle_log(s, c, stream, true));
  ZHIYIN_TRY(const storage::Positions done, dealt_with(s, stream));
  for (;;) {
    ZHIYIN_TRY_VOID(still_wanted(run));
    ZHIYIN_TRY(const std::int64_t removed, trim_slice(s, c, stream, c.before, done));
    if (removed == 0) break;
  }
  ZHIYIN_TRY_VOID(finish(s, c));
  return c;
}

Result<Certificate> remove_table(Services& s, std::string_view what, std::string_view select,
                                 std::string_view table, Instant before, const RunContext* run) {
  ZHIYIN_TRY(Certificate c, begin(s, what, before));
  const std::string sql =
      fmt::format("DELETE FROM {0} WHERE id IN (SELECT id FROM {0} WHERE {1} LIMIT {2})", table,
                  select, kSlice);
  ZHIYIN_TRY_VOID(remove_rows(
      s, c, &Certificate::other, [&](Session& db) { return db.execute(sql, {c.before.us}); }, run));
  ZHIYIN_TRY_VOID(finish(s, c));
  return c;
}

Json to_json(const Certificate& c) {
  return Json()
      .set("what", c.what)
      .set("before", zhiyin::to_json(c.before))
      .set("activity", c.activity)
      .set("warehouse", c.warehouse)
      .set("log", c.log)
      .set("other", c.other);
}

Result<void> finish_one(Services& s, Certificate c) {
  if (c.what.starts_with(kOfEvents)) {
    ZHIYIN_TRY_VOID(remove_kind(s, c.what.substr(kOfEvents.size()), c.before, nullptr));
    return {};
  }
  if (c.what == "log") ZHIYIN_TRY_VOID(settle_log(s, c, Stream::kEvents, true));
  if (c.what == "impressions") ZHIYIN_TRY_VOID(settle_log(s, c, Stream::kImpressions, true));
  return finish(s, c);
}

Result<void> finish_open(Services& s) {
  ZHIYIN_TRY(const auto open,
             s.state.query(fmt::format("SELECT {} FROM retention_certificate WHERE finished_at IS "
                                       "NULL ORDER BY id",
                                       kColumns)));
  for (const auto& row : open.rows) ZHIYIN_TRY_VOID(finish_one(s, certificate_of(row)));
  return {};
}

Result<Json> apply(Services& s, bool dry_run, RunContext* run) {
  const Instant now = s.clock.now();
  ZHIYIN_TRY(const auto rules, parse_retention(s.options.text("retention.events")));
  ZHIYIN_TRY(const auto kinds, spelt_out(s, rules));
  Json items = Json::array();
  for (const RetentionRule& rule : kinds) {
    const auto done = dry_run ? count_kind(s, rule.kind, now - rule.keep)
                              : remove_kind(s, rule.kind, now - rule.keep, run);
    if (!done) return std::unexpected(done.error());
    if (!done->empty()) items.push(to_json(*done));
    if (run != nullptr) run->report(std::nullopt, rule.kind);
  }
  const auto add = [&](std::string_view option, const auto& remove) -> Result<void> {
    const Duration keep = s.options.duration(option);
    if (keep <= Duration{0} || dry_run) return {};
    ZHIYIN_TRY(const Certificate done, remove(keep));
    if (!done.empty()) items.push(to_json(done));
    return {};
  };
  ZHIYIN_TRY_VOID(add("retention.log", [&](Duration keep) {
    return trim_log(s, Stream::kEvents, "log", now - keep, run);
  }));
  ZHIYIN_TRY_VOID(add("retention.impressions", [&](Duration keep) {
    return trim_log(s, Stream::kImpressions, "impressions", now - keep, run);
  }));
  // Audit and runs live in real time, whatever the domain clock does.
  const Instant real = SystemClock().now();
  ZHIYIN_TRY_VOID(add("retention.audit", [&](Duration keep) {
    return remove_table(s, "audit", "at < ?1", "audit", real - keep, run);
  }));
  ZHIYIN_TRY_VOID(add("retention.runs", [&](Duration keep) {
    return remove_table(s, "runs", "ended_at < ?1", "run", real - keep, run);
  }));
  return Json().set("dry_run", dry_run).set("items", std::move(items));
}

}  // namespace

std::span<const storage::Migration> retention_migrations() { return kMigrations; }

Result<std::vector<RetentionRule>> parse_retention(std::string_view text) {
  std::vector<RetentionRule> rules;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
    while (!part.empty() && part.back() == ' ') part.remove_suffix(1);
    if (part.empty()) continue;
    const std::size_t eq = part.find('=');
    const std::string_view kind = part.substr(0, eq);
    const auto keep = eq == std::string_view::npos ? fail(ErrorCode::kInvalidArgument, "")
                                                   : parse_duration(part.substr(eq + 1));
    if (kind.empty() || !keep || *keep < kDay) {
      return fail(ErrorCode::kInvalidArgument,
                  "retention.events: '{}' is no KIND=DURATION of at least a day, such as read=400d",
                  part);
    }
    if (std::ranges::any_of(rules, [&](const RetentionRule& r) { return r.kind == kind; })) {
      return fail(ErrorCode::kInvalidArgument, "retention.events: '{}' is named twice", kind);
    }
    rules.push_back({std::string(kind), *keep});
  }
  return rules;
}

Result<void> finish_retention(Services& s) {
  MutexLock lock(s.retention);
  return finish_open(s);
}

Result<Json> apply_retention(Services& s, bool dry_run, RunContext* run) {
  MutexLock lock(s.retention);
  if (!dry_run) ZHIYIN_TRY_VOID(finish_open(s));
  return apply(s, dry_run, run);
}

Result<Json> list_retention(storage::State& state, std::int64_t before, std::size_t limit) {
  const std::int64_t below = before > 0 ? before : std::int64_t{1} << 62;
  ZHIYIN_TRY(const auto rows,
             state.query(
                 fmt::format(
                     "SELECT {} FROM retention_certificate WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
                     kColumns),
                 {below, static_cast<std::int64_t>(limit)}));
  Json items = Json::array();
  for (const auto& row : rows.rows) {
    Json one = Json().set("id", storage::as_int(row[0]));
    const Json certificate = to_json(certificate_of(row));
    for (const auto& [name, value] : *certificate.if_object()) one.set(name, value);
    one.set("started_at", zhiyin::to_json(Instant{storage::as_int(row[7])}));
    one.set("finished_at",
            storage::is_null(row[8]) ? Json() : zhiyin::to_json(Instant{storage::as_int(row[8])}));
    one.set("digest", storage::as_text(row[9]));
    one.set("keyed", storage::as_int(row[11]) != 0);
    items.push(std::move(one));
  }
  Json next;
  if (rows.rows.size() == limit) next = std::to_string(storage::as_int(rows.rows.back()[0]));
  return Json().set("items", std::move(items)).set("next", std::move(next));
}

Result<VerifiedRetention> verify_retention(storage::State& state, const storage::Vault& vault) {
  ZHIYIN_TRY(
      const auto rows,
      state.query(fmt::format(
          "SELECT {} FROM retention_certificate WHERE seq IS NOT NULL ORDER BY seq", kColumns)));
  VerifiedRetention out;
  std::string previous;
  std::int64_t seq = 0;
  for (const auto& row : rows.rows) {
    const Certificate c = certificate_of(row);
    const bool keyed = storage::as_int(row[11]) != 0;
    const Instant finished_at{storage::as_int(row[8])};
    const std::string digest =
        keyed ? keyed_digest(vault, c, finished_at, storage::as_int(row[10]), previous)
              : plain_digest(c, previous);
    if (digest != storage::as_text(row[9]) || storage::as_int(row[10]) != ++seq ||
        (!keyed && out.keyed > 0)) {
      return fail(ErrorCode::kDataLoss,
                  "retention: certificate {} ({}) was changed, or one before it removed", c.id,
                  c.what);
    }
    ++(keyed ? out.keyed : out.without_key);
    previous = digest;
  }
  out.last = previous;
  return out;
}

}  // namespace zhiyin::server
