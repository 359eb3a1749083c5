#include "ingest/warehouse_writer.h"

#include <algorithm>
#include <bitset>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "base/crypto.h"
#include "base/mutex.h"
#include "ingest/event.h"
#include "storage/patience.h"

namespace zhiyin::ingest {
namespace {

using storage::ColumnType;
using storage::Positions;
using storage::Stream;

constexpr std::string_view kConsumer = "warehouse";

// A batch that is under way, by partition: whoever finds one carries it out as it is. What an
// earlier version left half done becomes the first.
constexpr storage::Migration kMigrations[] = {
    {"ingest-010-warehouse-plan",
     "CREATE TABLE warehouse_plan(part BIGINT PRIMARY KEY, number BIGINT NOT NULL, from_off BIGINT "
     "NOT NULL, to_off BIGINT NOT NULL);"
     "INSERT INTO warehouse_plan(part, number, from_off, to_off) SELECT p.part, 1, COALESCE(w.off, "
     "0), p.off FROM consumer_position p LEFT JOIN consumer_position w ON w.consumer = 'warehouse' "
     "AND w.stream = p.stream AND w.part = p.part WHERE p.consumer = 'warehouse.plan' AND p.stream "
     "= 1 AND p.off > COALESCE(w.off, 0);"
     "DELETE FROM consumer_position WHERE consumer = 'warehouse.plan'"},
};
constexpr std::chrono::milliseconds kRetryAfter{1000};
// More refused rows in one batch: then it is not the rows.
constexpr std::size_t kRefusedMax = 1000;

constexpr std::chrono::milliseconds kLookEvery{50};  // at what other processes have done
constexpr std::chrono::seconds kOthersPatience{60};
constexpr std::chrono::seconds kRefreshEvery{1};

// What a batch is going to be: everything in (from, to]; partitions with both the same have no part
// in it.
struct Plan {
  std::int64_t number = 0;
  Positions from{};
  Positions to{};
  [[nodiscard]] bool empty() const { return from == to; }
  [[nodiscard]] bool covers(std::size_t p) const { return from[p] != to[p]; }
};

Result<void> write_down(storage::Session& session, const Plan& plan) {
  std::string sql = "INSERT INTO warehouse_plan(part, number, from_off, to_off) VALUES";
  std::vector<storage::Value> parameters;
  for (std::size_t p = 0; p < plan.from.size(); ++p) {
    if (!plan.covers(p)) continue;
    const std::size_t n = parameters.size();
    sql += fmt::format("{}(?{}, ?{}, ?{}, ?{})", n == 0 ? "" : ", ", n + 1, n + 2, n + 3, n + 4);
    parameters.insert(parameters.end(),
                      {static_cast<std::int64_t>(p), plan.number, plan.from[p], plan.to[p]});
  }
  ZHIYIN_TRY_VOID(session.execute(sql, std::span<const storage::Value>(parameters)));
  return {};
}

std::int64_t random_number() {
  const std::string bytes = crypto::random_bytes(sizeof(std::int64_t));
  std::uint64_t out = 0;
  std::memcpy(&out, bytes.data(), sizeof out);
  return static_cast<std::int64_t>(out >> 2);
}

/// An event that the warehouse does not take.
struct Refused {
  int partition = 0;
  std::int64_t offset = 0;
  Error why;
};

/// Not the memory or another transaction.
bool lies_in_row(const Error& error) {
  return storage::lies_in_record(error) && error.code != ErrorCode::kLimitReached &&
         error.code != ErrorCode::kConflict;
}

// The same for the same plan, whoever makes it.
std::string batch_id_of(const Plan& plan) {
  std::string id = "events";
  for (int p = 0; p < storage::kPartitions; ++p) {
    const auto i = static_cast<std::size_t>(p);
    if (plan.from[i] != plan.to[i]) id += fmt::format(":{}/{}-{}", p, plan.from[i], plan.to[i]);
  }
  return id;
}

bool reached(const Positions& at, const Positions& goal) {
  return std::ranges::equal(at, goal, [](std::int64_t a, std::int64_t g) { return a >= g; });
}

storage::Row row_of(const storage::StoredRecord& record, Event event) {
  storage::Row row;
  row.reserve(events_table().columns.size());
  row.emplace_back(static_cast<std::int64_t>(record.partition));
  row.emplace_back(record.offset);
  row.emplace_back(std::move(event.event_id));
  row.emplace_back(std::move(event.account));
  row.emplace_back(storage::to_hex(event.identities.front()));
  row.emplace_back(std::move(event.kind));
  if (event.item) {
    row.emplace_back(std::move(event.item->kind));
    row.emplace_back(std::move(event.item->id));
  } else {
    row.resize(row.size() + 2);
  }
  row.push_back(event.value ? storage::Value(*event.value) : storage::Value());
  row.emplace_back(event.occurred_at.us);
  row.emplace_back(event.received_at.us);
  row.emplace_back(std::move(event.source));
  row.push_back(event.properties.empty() ? storage::Value()
                                         : storage::Value(std::move(event.properties)));
  return row;
}

}  // namespace

std::span<const storage::Migration> WarehouseWriter::migrations() { return kMigrations; }

const storage::Table& events_table() {
  static const storage::Table table{"events",
                                    {{"part", ColumnType::kInt},
                                     {"off", ColumnType::kInt},
                                     {"event_id", ColumnType::kText},
                                     {"account", ColumnType::kText},
                                     {"identity", ColumnType::kText},
                                     {"kind", ColumnType::kText},
                                     {"item_kind", ColumnType::kText},
                                     {"item_id", ColumnType::kText},
                                     {"value", ColumnType::kInt},
                                     {"occurred_at", ColumnType::kInt},
                                     {"received_at", ColumnType::kInt},
                                     {"source", ColumnType::kText},
                                     {"properties", ColumnType::kText}}};
  return table;
}

struct WarehouseWriter::Inner {
  storage::EventLog& log;
  storage::State& state;
  storage::Warehouse& warehouse;
  storage::ProjectionRunner& pipeline;
  Logger& logger;
  const Settings settings;

  Mutex working{};  // one batch at a time; taken before `mutex`
  bool prepared ZHIYIN_GUARDED_BY(working) = false;

  mutable Mutex mutex{};
  CondVar changed{};
  Positions written ZHIYIN_GUARDED_BY(mutex){};
  std::chrono::steady_clock::time_point refreshed ZHIYIN_GUARDED_BY(mutex){};
  bool woken ZHIYIN_GUARDED_BY(mutex) = false;
  bool held ZHIYIN_GUARDED_BY(mutex) = false;
  bool stopping ZHIYIN_GUARDED_BY(mutex) = false;
  std::thread thread{};

  // Of this process's partitions; nothing is wanted of the others.
  Positions position() const {
    std::bitset<storage::kPartitions> mine;
    mine.set();
    if (settings.membership != nullptr) mine = settings.membership->duties().partitions;
    const MutexLock lock(mutex);
    Positions at = written;
    for (std::size_t p = 0; p < at.size(); ++p) {
      if (!mine[p]) at[p] = storage::kNotWanted;
    }
    return at;
  }
  Positions of_all();
  Result<void> read_written();
  Result<void> wait_for_others(const Positions& goal) ZHIYIN_REQUIRES(working);

  Result<void> prepare() ZHIYIN_REQUIRES(working);
  Result<std::optional<Plan>> unfinished() ZHIYIN_REQUIRES(working);
  Positions reach_of(std::vector<storage::StoredRecord>& records, const Positions& from,
                     const Positions& goal);
  Result<Plan> reach(const Positions& from, const Positions& goal, std::size_t rows_min);
  Result<Plan> make_plan(const Positions& goal) ZHIYIN_REQUIRES(working);
  Result<void> carry_out(const Plan& plan) ZHIYIN_REQUIRES(working);
  Result<std::optional<std::vector<storage::Row>>> rows_of(const Plan& plan);
  Result<void> take(std::span<storage::StoredRecord> records, const Positions& to,
                    std::vector<storage::Row>& rows);
  Result<std::optional<std::set<std::pair<std::int64_t, std::int64_t>>>> duplicates(
      const Plan& plan);
  Result<void> insert(std::span<const storage::Row> rows, const std::string& batch_id,
                      std::vector<Refused>& refused);
  Result<storage::StoredRecord> record_at(const Refused& refused);
  Result<bool> step(const Positions& goal) ZHIYIN_REQUIRES(working);
  Result<void> catch_up();
  void run();
  bool wait_for_work();
  bool wait_for_batch();
};

// Creates the table, and finishes what a crash cut short.
Result<void> WarehouseWriter::Inner::prepare() {
  if (prepared) return {};
  ZHIYIN_TRY_VOID(warehouse.create(events_table()));
  ZHIYIN_TRY(const std::optional<Plan> plan, unfinished());
  if (plan) ZHIYIN_TRY_VOID(carry_out(*plan));
  prepared = true;
  return {};
}

Result<void> WarehouseWriter::Inner::read_written() {
  Positions found{};
  ZHIYIN_TRY_VOID(state.read([&](storage::Session& session) -> Result<void> {
    ZHIYIN_TRY(found, storage::load_positions(session, kConsumer, Stream::kEvents));
    return {};
  }));
  const MutexLock lock(mutex);
  written = found;
  return {};
}

// Of all partitions, those of other processes as of a second ago.
Positions WarehouseWriter::Inner::of_all() {
  bool stale = false;
  {
    const MutexLock lock(mutex);
    const auto now = std::chrono::steady_clock::now();
    stale = settings.membership != nullptr && now - refreshed >= kRefreshEvery;
    if (stale) refreshed = now;
  }
  if (stale) (void)read_written();
  const MutexLock lock(mutex);
  return written;
}

// The first that has to do with a partition of this process's.
Result<std::optional<Plan>> WarehouseWriter::Inner::unfinished() {
  std::map<std::int64_t, Plan> plans;
  Positions found{};
  ZHIYIN_TRY_VOID(state.read([&](storage::Session& session) -> Result<void> {
    plans.clear();
    ZHIYIN_TRY(found, storage::load_positions(session, kConsumer, Stream::kEvents));
    ZHIYIN_TRY(const storage::Rows rows,
               session.query("SELECT part, number, from_off, to_off FROM warehouse_plan"));
    for (const storage::Row& row : rows.rows) {
      const auto [at, fresh] = plans.try_emplace(storage::as_int(row[1]));
      Plan& plan = at->second;
      if (fresh) {
        plan.number = at->first;
        plan.from.fill(storage::kNotWanted);
        plan.to.fill(storage::kNotWanted);
      }
      const auto part = static_cast<std::size_t>(storage::as_int(row[0]));
      plan.from.at(part) = storage::as_int(row[2]);
      plan.to.at(part) = storage::as_int(row[3]);
    }
    return {};
  }));
  {
    const MutexLock lock(mutex);
    written = found;
  }
  const Positions mine = position();
  for (const auto& [number, plan] : plans) {
    for (std::size_t p = 0; p < mine.size(); ++p) {
      if (plan.covers(p) && mine[p] != storage::kNotWanted) return std::optional(plan);
    }
  }
  return std::optional<Plan>();
}

// How far a batch of these records goes, not past `goal`. A log whose offsets are one sequence ends
// at the first record past it; where each partition has its own, one that is ahead must not keep
// the others waiting.
Positions WarehouseWriter::Inner::reach_of(std::vector<storage::StoredRecord>& records,
                                           const Positions& from, const Positions& goal) {
  const auto is_past = [&](const storage::StoredRecord& r) {
    return r.offset > goal[static_cast<std::size_t>(r.partition)];
  };
  std::vector<storage::StoredRecord> within;
  Positions to = from;
  for (const storage::StoredRecord& r : records) {
    if (is_past(r)) continue;
    within.push_back({r.partition, r.offset, {}});
    to[static_cast<std::size_t>(r.partition)] = r.offset;
  }
  if (log.advance(from, within) == to) return to;
  records.erase(std::ranges::find_if(records, is_past), records.end());
  return records.empty() ? from : log.advance(from, records);
}

// A batch of at most rows_max records after `from`, not past `goal`; empty when it would have fewer
// than `rows_min`.
Result<Plan> WarehouseWriter::Inner::reach(const Positions& from, const Positions& goal,
                                           std::size_t rows_min) {
  Plan plan;
  plan.number = random_number();
  plan.from = plan.to = from;
  ZHIYIN_TRY(std::vector<storage::StoredRecord> records,
             log.read(Stream::kEvents, plan.from, settings.rows_max));
  const Positions to = reach_of(records, plan.from, goal);
  if (records.size() >= rows_min) plan.to = to;
  return plan;
}

// Written down before it is carried out.
Result<Plan> WarehouseWriter::Inner::make_plan(const Positions& goal) {
  ZHIYIN_TRY(Plan plan, reach(position(), goal, 0));
  if (plan.empty()) return plan;
  bool overtaken = false;
  ZHIYIN_TRY_VOID(state.write([&](storage::Session& session) -> Result<void> {
    ZHIYIN_TRY(const Positions now, storage::load_positions(session, kConsumer, Stream::kEvents));
    overtaken = false;
    for (std::size_t p = 0; p < now.size(); ++p)
      overtaken = overtaken || (plan.covers(p) && now[p] != plan.from[p]);
    if (overtaken) return {};
    return write_down(session, plan);
  }));
  if (overtaken) {  // another process has written these; `step` looks again
    plan.to = plan.from;
    ZHIYIN_TRY_VOID(read_written());
  }
  return plan;
}

// Nothing when another process has finished the plan: then its duplicates are no longer noted.
Result<std::optional<std::set<std::pair<std::int64_t, std::int64_t>>>>
WarehouseWriter::Inner::duplicates(const Plan& plan) {
  std::int64_t lo = storage::kNotWanted;
  std::int64_t hi = 0;
  for (std::size_t p = 0; p < plan.from.size(); ++p) {
    if (!plan.covers(p)) continue;
    lo = std::min(lo, plan.from[p]);
    hi = std::max(hi, plan.to[p]);
  }
  std::optional<std::set<std::pair<std::int64_t, std::int64_t>>> found;
  ZHIYIN_TRY_VOID(state.read([&](storage::Session& session) -> Result<void> {
    found.reset();
    ZHIYIN_TRY(
        const storage::Rows open,
        session.query("SELECT 1 FROM warehouse_plan WHERE number = ?1 LIMIT 1", {plan.number}));
    if (open.rows.empty()) return {};
    found.emplace();
    ZHIYIN_TRY(const storage::Rows rows,
               session.query("SELECT part, off FROM duplicate_offset WHERE off > ?1 AND off <= ?2",
                             {lo, hi}));
    for (const storage::Row& row : rows.rows)
      found->emplace(storage::as_int(row[0]), storage::as_int(row[1]));
    return {};
  }));
  return found;
}

// Nothing when another process has finished the plan.
Result<std::optional<std::vector<storage::Row>>> WarehouseWriter::Inner::rows_of(const Plan& plan) {
  ZHIYIN_TRY(const auto dropped, duplicates(plan));
  if (!dropped) return std::optional<std::vector<storage::Row>>();
  std::vector<storage::Row> rows;
  Positions at = plan.from;
  while (!reached(at, plan.to)) {
    ZHIYIN_TRY(std::vector<storage::StoredRecord> records,
               log.read(Stream::kEvents, at, settings.rows_max));
    if (records.empty()) break;  // the log was trimmed up to here, or only gaps are left
    for (const storage::StoredRecord& record : records) {
      if (record.offset > plan.to[static_cast<std::size_t>(record.partition)]) continue;
      if (dropped->contains({record.partition, record.offset})) continue;
      auto event = decode_event(record.bytes);
      // The pipeline has noted damaged ones; passing time is nobody's event.
      if (event && event->kind != kTickKind) rows.push_back(row_of(record, std::move(*event)));
    }
    at = log.advance(at, records);
  }
  // A log may mix its partitions in another way the next time; parts of the batch must not differ.
  if (settings.membership != nullptr) {
    std::ranges::sort(rows, {}, [](const storage::Row& row) {
      return std::pair(storage::as_int(row[0]), storage::as_int(row[1]));
    });
  }
  return std::optional(std::move(rows));
}

// All of it, or, where a row is refused, the rest in parts whose ids follow from the batch: a
// restart makes the same ones.
Result<void> WarehouseWriter::Inner::insert(std::span<const storage::Row> rows,
                                            const std::string& batch_id,
                                            std::vector<Refused>& refused) {
  auto outcome = warehouse.insert(events_table(), rows, batch_id);
  if (outcome || settings.refused == nullptr || !lies_in_row(outcome.error())) return outcome;
  if (rows.size() == 1) {
    refused.push_back({static_cast<int>(storage::as_int(rows[0][0])), storage::as_int(rows[0][1]),
                       std::move(outcome.error())});
    logger.error("ingest", "warehouse.refused",
                 {{"partition", refused.back().partition},
                  {"offset", refused.back().offset},
                  {"error", refused.back().why.text()}});
    if (refused.size() <= kRefusedMax) return {};
    return fail(ErrorCode::kInternal, "warehouse: {} events of a batch failed; the last one: {}",
                refused.size(), refused.back().why.text());
  }
  const std::size_t half = rows.size() / 2;
  ZHIYIN_TRY_VOID(insert(rows.first(half), batch_id + "<", refused));
  return insert(rows.subspan(half), batch_id + ">", refused);
}

Result<storage::StoredRecord> WarehouseWriter::Inner::record_at(const Refused& one) {
  ZHIYIN_TRY(Positions before, log.end(Stream::kEvents));
  before[static_cast<std::size_t>(one.partition)] = one.offset - 1;
  ZHIYIN_TRY(std::vector<storage::StoredRecord> found, log.read(Stream::kEvents, before, 1));
  if (found.empty() || found.front().offset != one.offset ||
      found.front().partition != one.partition) {
    return fail(ErrorCode::kDataLoss, "event log: the record {} of partition {} is not there",
                one.offset, one.partition);
  }
  return std::move(found.front());
}

Result<void> WarehouseWriter::Inner::carry_out(const Plan& plan) {
  ZHIYIN_TRY(const auto rows, rows_of(plan));
  if (!rows) return read_written();
  std::vector<Refused> refused;
  if (!rows->empty()) ZHIYIN_TRY_VOID(insert(*rows, batch_id_of(plan), refused));
  std::vector<storage::StoredRecord> records;
  for (const Refused& one : refused) {
    ZHIYIN_TRY(storage::StoredRecord record, record_at(one));
    records.push_back(std::move(record));
  }
  // While there is much more, the next batch is planned in the transaction that ends this one: each
  // waits for the projections' one at hand. Where others write, too, they may plan it as well.
  Plan next;
  if (settings.membership == nullptr) {
    ZHIYIN_TRY(next, reach(plan.to, pipeline.positions(), settings.rows_min));
  }
  ZHIYIN_TRY_VOID(state.write([&](storage::Session& session) -> Result<void> {
    ZHIYIN_TRY(const std::int64_t open,
               session.execute("DELETE FROM warehouse_plan WHERE number = ?1", {plan.number}));
    if (open == 0) return {};  // another process was as far as this one, and quicker
    for (std::size_t i = 0; i < records.size(); ++i) {
      ZHIYIN_TRY_VOID(settings.refused->put(session, kConsumer, records[i], refused[i].why));
    }
    ZHIYIN_TRY(const bool stood,
               storage::advance_positions(session, kConsumer, Stream::kEvents, plan.from, plan.to));
    if (!stood) return fail(ErrorCode::kDataLoss, "warehouse: positions moved past an open batch");
    for (std::size_t p = 0; p < plan.to.size(); ++p) {
      if (!plan.covers(p)) continue;
      ZHIYIN_TRY_VOID(session.execute("DELETE FROM duplicate_offset WHERE part = ?1 AND off <= ?2",
                                      {static_cast<std::int64_t>(p), plan.to[p]}));
    }
    if (next.empty()) return {};
    return write_down(session, next);
  }));
  const MutexLock lock(mutex);
  for (std::size_t p = 0; p < plan.to.size(); ++p) {
    if (plan.covers(p)) written[p] = std::max(written[p], plan.to[p]);
  }
  return {};
}

// One batch towards `goal`; false when there was nothing.
Result<bool> WarehouseWriter::Inner::step(const Positions& goal) {
  ZHIYIN_TRY_VOID(prepare());
  if (settings.membership == nullptr && reached(position(), goal)) return false;
  // A plan that failed half-way must be repeated as it was, not planned anew.
  ZHIYIN_TRY(std::optional<Plan> plan, unfinished());
  if (!plan) {
    ZHIYIN_TRY(plan, make_plan(goal));
  }
  if (plan->empty()) return false;
  ZHIYIN_TRY_VOID(carry_out(*plan));
  return true;
}

// Meanwhile does what comes over from them.
Result<void> WarehouseWriter::Inner::wait_for_others(const Positions& goal) {
  const auto until = std::chrono::steady_clock::now() + kOthersPatience;
  while (true) {
    ZHIYIN_TRY_VOID(read_written());
    {
      const MutexLock lock(mutex);
      if (reached(written, goal)) return {};
      if (std::chrono::steady_clock::now() >= until) {
        return fail(ErrorCode::kDeadline, "warehouse: not all partitions have come so far yet");
      }
      changed.wait_for(mutex, kLookEvery);
    }
    ZHIYIN_TRY_VOID(step(goal));
  }
}

Result<void> WarehouseWriter::Inner::catch_up() {
  const Positions goal = pipeline.positions();
  const MutexLock lock(working);
  ZHIYIN_TRY_VOID(prepare());
  while (true) {
    ZHIYIN_TRY(const bool moved, step(goal));
    if (!moved) break;
  }
  if (settings.membership != nullptr) ZHIYIN_TRY_VOID(wait_for_others(goal));
  return warehouse.flush();
}

// Sleeps until a batch is due; false when it is time to stop.
bool WarehouseWriter::Inner::wait_for_work() {
  MutexLock lock(mutex);
  while (!stopping && (!woken || held)) changed.wait(mutex);
  if (stopping) return false;
  woken = false;
  return true;
}

// Waits until enough rows have come together or wait_max has passed; false when told to stop or to
// hold.
bool WarehouseWriter::Inner::wait_for_batch() {
  using SteadyClock = std::chrono::steady_clock;
  const auto deadline = SteadyClock::now() + settings.wait_max;
  while (true) {
    const auto pending = log.behind(Stream::kEvents, position());
    if (pending && *pending >= static_cast<std::int64_t>(settings.rows_min)) return true;
    MutexLock lock(mutex);
    if (stopping || held) return false;
    const auto left = deadline - SteadyClock::now();
    if (left <= SteadyClock::duration::zero()) return true;
    changed.wait_for(mutex, left);
  }
}

void WarehouseWriter::Inner::run() {
  const storage::Patience nobody_waits_for_this;
  while (wait_for_work()) {
    if (!wait_for_batch()) continue;
    Result<bool> moved = false;
    {
      const MutexLock lock(working);
      moved = step(pipeline.positions());
    }
    if (!moved)
      logger.warning("ingest", "warehouse_batch_failed", {{"error", moved.error().text()}});
    // While the log holds more (the pipeline may still be busy with it) the next round comes by
    // itself.
    const auto behind = log.behind(Stream::kEvents, position());
    MutexLock lock(mutex);
    if (!moved || !behind || *behind > 0) woken = true;
    // The pipeline's batch at hand says nothing when it ends.
    if (!stopping && !(moved && *moved)) changed.wait_for(mutex, moved ? kLookEvery : kRetryAfter);
  }
}

WarehouseWriter::WarehouseWriter(storage::EventLog& log, storage::State& state,
                                 storage::Warehouse& warehouse, storage::ProjectionRunner& pipeline,
                                 Logger& logger, Settings settings)
    : inner_(std::make_unique<Inner>(log, state, warehouse, pipeline, logger, settings)) {}

WarehouseWriter::~WarehouseWriter() { stop(); }

Result<void> WarehouseWriter::start() {
  {
    const MutexLock lock(inner_->working);
    ZHIYIN_TRY_VOID(inner_->prepare());
  }
  const MutexLock lock(inner_->mutex);
  inner_->stopping = false;
  inner_->woken = true;
  inner_->thread = std::thread([inner = inner_.get()] { inner->run(); });
  return {};
}

void WarehouseWriter::stop() {
  {
    const MutexLock lock(inner_->mutex);
    inner_->stopping = true;
  }
  inner_->changed.notify_all();
  if (inner_->thread.joinable()) inner_->thread.join();
}

void WarehouseWriter::wake() {
  const MutexLock lock(inner_->mutex);
  inner_->woken = true;
  inner_->changed.notify_all();
}

void WarehouseWriter::hold(bool held) {
  const MutexLock lock(inner_->mutex);
  inner_->held = held;
  inner_->woken = true;
  inner_->changed.notify_all();
}

Result<void> WarehouseWriter::catch_up() { return inner_->catch_up(); }

Result<void> WarehouseWriter::while_still(const std::function<Result<void>()>& work) {
  const MutexLock lock(inner_->working);
  return work();
}

std::int64_t WarehouseWriter::lag() const {
  const Positions at = inner_->of_all();
  const auto behind = inner_->log.behind(Stream::kEvents, at);
  return behind ? std::max<std::int64_t>(0, *behind - inner_->pipeline.lag()) : 0;
}

}  // namespace zhiyin::ingest
