#include "ingest/warehouse_writer.h"

#include <algorithm>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "base/mutex.h"
#include "ingest/event.h"

namespace zhiyin::ingest {
namespace {

using storage::ColumnType;
using storage::Positions;
using storage::Stream;

constexpr std::string_view kConsumer = "warehouse";
constexpr std::string_view kPlan = "warehouse.plan";
constexpr std::chrono::milliseconds kRetryAfter{1000};

// What a batch is going to be: everything in (from, to].
struct Plan {
  Positions from{};
  Positions to{};
};

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
  row.push_back(event.properties.empty() ? storage::Value() : storage::Value(std::move(event.properties)));
  return row;
}

}  // namespace

const storage::Table& events_table() {
  static const storage::Table table{
      "events",
      {{"part", ColumnType::kInt}, {"off", ColumnType::kInt}, {"event_id", ColumnType::kText},
       {"account", ColumnType::kText}, {"identity", ColumnType::kText}, {"kind", ColumnType::kText},
       {"item_kind", ColumnType::kText}, {"item_id", ColumnType::kText}, {"value", ColumnType::kInt},
       {"occurred_at", ColumnType::kInt}, {"received_at", ColumnType::kInt}, {"source", ColumnType::kText},
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
  bool woken ZHIYIN_GUARDED_BY(mutex) = false;
  bool held ZHIYIN_GUARDED_BY(mutex) = false;
  bool stopping ZHIYIN_GUARDED_BY(mutex) = false;
  std::thread thread{};

  Positions position() const {
    const MutexLock lock(mutex);
    return written;
  }

  Result<void> prepare() ZHIYIN_REQUIRES(working);
  Result<std::optional<Plan>> unfinished() ZHIYIN_REQUIRES(working);
  Result<Plan> make_plan(const Positions& goal) ZHIYIN_REQUIRES(working);
  Result<void> carry_out(const Plan& plan) ZHIYIN_REQUIRES(working);
  Result<std::vector<storage::Row>> rows_of(const Plan& plan);
  Result<void> take(std::span<storage::StoredRecord> records, const Positions& to, std::vector<storage::Row>& rows);
  Result<std::set<std::pair<std::int64_t, std::int64_t>>> duplicates(const Plan& plan);
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

Result<std::optional<Plan>> WarehouseWriter::Inner::unfinished() {
  Plan plan;
  ZHIYIN_TRY_VOID(state.read([&](storage::Session& session) -> Result<void> {
    ZHIYIN_TRY(plan.from, storage::load_positions(session, kConsumer, Stream::kEvents));
    ZHIYIN_TRY(plan.to, storage::load_positions(session, kPlan, Stream::kEvents));
    return {};
  }));
  {
    const MutexLock lock(mutex);
    written = plan.from;
  }
  if (reached(plan.from, plan.to)) return std::nullopt;
  return plan;
}

// A batch of at most rows_max records, not past `goal`, written down before it is carried out.
Result<Plan> WarehouseWriter::Inner::make_plan(const Positions& goal) {
  Plan plan;
  plan.from = plan.to = position();
  ZHIYIN_TRY(std::vector<storage::StoredRecord> records, log.read(Stream::kEvents, plan.from, settings.rows_max));
  const auto past = std::ranges::find_if(records, [&](const storage::StoredRecord& r) {
    return r.offset > goal[static_cast<std::size_t>(r.partition)];
  });
  records.erase(past, records.end());
  if (!records.empty()) plan.to = log.advance(plan.from, records);
  if (plan.to == plan.from) return plan;
  ZHIYIN_TRY_VOID(state.write([&](storage::Session& session) {
    return storage::save_positions(session, kPlan, Stream::kEvents, plan.to);
  }));
  return plan;
}

Result<std::set<std::pair<std::int64_t, std::int64_t>>> WarehouseWriter::Inner::duplicates(const Plan& plan) {
  std::set<std::pair<std::int64_t, std::int64_t>> found;
  const auto [lo, hi] = std::pair{std::ranges::min(plan.from), std::ranges::max(plan.to)};
  ZHIYIN_TRY(const storage::Rows rows,
             state.query("SELECT part, off FROM duplicate_offset WHERE off > ?1 AND off <= ?2", {lo, hi}));
  for (const storage::Row& row : rows.rows) found.emplace(storage::as_int(row[0]), storage::as_int(row[1]));
  return found;
}

Result<std::vector<storage::Row>> WarehouseWriter::Inner::rows_of(const Plan& plan) {
  ZHIYIN_TRY(const auto dropped, duplicates(plan));
  std::vector<storage::Row> rows;
  Positions at = plan.from;
  while (!reached(at, plan.to)) {
    ZHIYIN_TRY(std::vector<storage::StoredRecord> records, log.read(Stream::kEvents, at, settings.rows_max));
    if (records.empty()) break;  // the log was trimmed up to here, or only gaps are left
    for (const storage::StoredRecord& record : records) {
      if (record.offset > plan.to[static_cast<std::size_t>(record.partition)]) continue;
      if (dropped.contains({record.partition, record.offset})) continue;
      auto event = decode_event(record.bytes);
      // The pipeline has noted damaged ones; passing time is nobody's event.
      if (event && event->kind != kTickKind) rows.push_back(row_of(record, std::move(*event)));
    }
    at = log.advance(at, records);
  }
  return rows;
}

Result<void> WarehouseWriter::Inner::carry_out(const Plan& plan) {
  ZHIYIN_TRY(const std::vector<storage::Row> rows, rows_of(plan));
  if (!rows.empty()) ZHIYIN_TRY_VOID(warehouse.insert(events_table(), rows, batch_id_of(plan)));
  ZHIYIN_TRY_VOID(state.write([&](storage::Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(storage::save_positions(session, kConsumer, Stream::kEvents, plan.to));
    for (int p = 0; p < storage::kPartitions; ++p) {
      const std::int64_t to = plan.to[static_cast<std::size_t>(p)];
      if (to == plan.from[static_cast<std::size_t>(p)]) continue;
      ZHIYIN_TRY_VOID(session.execute("DELETE FROM duplicate_offset WHERE part = ?1 AND off <= ?2",
                                      {static_cast<std::int64_t>(p), to}));
    }
    return {};
  }));
  const MutexLock lock(mutex);
  written = plan.to;
  return {};
}

// One batch towards `goal`; false when there was nothing.
Result<bool> WarehouseWriter::Inner::step(const Positions& goal) {
  ZHIYIN_TRY_VOID(prepare());
  if (reached(position(), goal)) return false;
  // A plan that failed half-way must be repeated as it was, not planned anew.
  ZHIYIN_TRY(std::optional<Plan> plan, unfinished());
  if (!plan) {
    ZHIYIN_TRY(plan, make_plan(goal));
  }
  if (plan->to == plan->from) return false;
  ZHIYIN_TRY_VOID(carry_out(*plan));
  return true;
}

Result<void> WarehouseWriter::Inner::catch_up() {
  const Positions goal = pipeline.positions();
  const MutexLock lock(working);
  ZHIYIN_TRY_VOID(prepare());
  while (true) {
    ZHIYIN_TRY(const bool moved, step(goal));
    if (!moved) break;
  }
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

// Waits until enough rows have come together or wait_max has passed; false when told to stop or to hold.
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
  while (wait_for_work()) {
    if (!wait_for_batch()) continue;
    Result<bool> moved = false;
    {
      const MutexLock lock(working);
      moved = step(pipeline.positions());
    }
    if (!moved) logger.warning("ingest", "warehouse_batch_failed", {{"error", moved.error().text()}});
    // While the log holds more (the pipeline may still be busy with it) the next round comes by itself.
    const auto behind = log.behind(Stream::kEvents, position());
    MutexLock lock(mutex);
    if (!moved || !behind || *behind > 0) woken = true;
    if (!moved && !stopping) changed.wait_for(mutex, kRetryAfter);
  }
}

WarehouseWriter::WarehouseWriter(storage::EventLog& log, storage::State& state, storage::Warehouse& warehouse,
                                 storage::ProjectionRunner& pipeline, Logger& logger, Settings settings)
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
  const Positions at = inner_->position();
  const auto behind = inner_->log.behind(Stream::kEvents, at);
  return behind ? std::max<std::int64_t>(0, *behind - inner_->pipeline.lag()) : 0;
}

}  // namespace zhiyin::ingest
