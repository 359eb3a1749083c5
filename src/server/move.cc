#include "server/move.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <set>

#include "audience/segment_query.h"
#include "audience/warehouse_people.h"
#include "base/random.h"
#include "catalogue/items.h"
#include "ingest/warehouse_writer.h"
#include "storage/copy.h"
#include "storage/key_state.h"
#include "storage/membership.h"
#include "storage/move_mark.h"

namespace zhiyin::server {
namespace {

using storage::CopyDigest;
using storage::Stream;

constexpr Stream kStreams[] = {Stream::kEvents, Stream::kImpressions};
constexpr int kRoundsMax = 20;
constexpr std::int64_t kFewRecords = 2000;  // so many may be left for the moment of standstill
constexpr std::chrono::minutes kEventsTimeout{5};

/// What a move does not copy: it belongs to the stores, or to the processes that work on them.
const std::set<std::string, std::less<>>& not_copied() {
  static const std::set<std::string, std::less<>> names = {
      "consumer_position", "offset_base", "move_mark", "process", "duty",
      "shared_hold",       "key_state"};
  return names;
}

/// Tables that migrations leave rows in.
bool begins_with_rows(std::string_view table) {
  return table == "event_kind_revision" || table == "item_cursor" || table == "people_cursor" ||
         table == "live_state";
}

std::string_view name_of(Stream stream) {
  return stream == Stream::kEvents ? "events" : "impressions";
}

Result<std::vector<storage::StateTable>> copied_tables(const storage::StateAndKeys& state) {
  ZHIYIN_TRY(std::vector<storage::StateTable> tables, state.tables());
  std::erase_if(tables, [](const storage::StateTable& t) { return not_copied().contains(t.name); });
  return tables;
}

/// The small tables of the warehouse; `events` is looked at apart.
std::vector<const storage::Table*> keyed_tables() {
  return {&audience::identity_person_table(), &audience::traits_table(), &catalogue::items_table(),
          &catalogue::item_tags_table()};
}

struct Sums {
  std::array<storage::Row, storage::kPartitions> rows{};
};

/// By partition: number of events, last offset, and sums that change with what the rows hold.
Result<Sums> sums_of(storage::Warehouse& warehouse) {
  storage::QueryLimits limits;
  limits.timeout = kEventsTimeout;
  ZHIYIN_TRY(const storage::Rows rows,
             warehouse.query("SELECT part, COUNT(*), MAX(off), SUM(off % 1000003), SUM(occurred_at "
                             "% 1000003), SUM(received_at % 1000003), "
                             "SUM(CASE WHEN value IS NULL THEN 7 ELSE value % 1000003 END), "
                             "SUM(CASE WHEN item_id IS NULL THEN 1 ELSE 0 END), "
                             "COUNT(DISTINCT identity) FROM events GROUP BY part",
                             {}, limits));
  Sums sums;
  for (const storage::Row& row : rows.rows) {
    const std::int64_t part = storage::as_int(row[0], -1);
    if (part < 0 || part >= storage::kPartitions)
      return fail(ErrorCode::kDataLoss, "warehouse: an event lies in partition {}", part);
    storage::Row& out = sums.rows[static_cast<std::size_t>(part)];
    for (std::size_t i = 1; i < row.size(); ++i) out.emplace_back(storage::as_int(row[i]));
  }
  return sums;
}

/// By partition, over every cell of its events behind `from` up to `to`.
using Checksums = std::array<std::int64_t, storage::kPartitions>;
Result<Checksums> checksums_of(storage::Warehouse& warehouse, const storage::Positions& from,
                               const storage::Positions& to) {
  std::string where;
  for (std::size_t p = 0; p < from.size(); ++p) {
    if (from[p] < to[p])
      where += fmt::format("{}(part = {} AND off > {} AND off <= {})", where.empty() ? "" : " OR ",
                           p, from[p], to[p]);
  }
  Checksums sums{};
  if (where.empty()) return sums;
  storage::QueryLimits limits;
  limits.timeout = kEventsTimeout;
  ZHIYIN_TRY(
      const storage::Rows rows,
      warehouse.query(
          fmt::format("SELECT part, SUM({}) FROM events WHERE {} GROUP BY part",
                      storage::row_checksum(ingest::events_table(), warehouse.dialect()), where),
          {}, limits));
  for (const storage::Row& row : rows.rows)
    sums[static_cast<std::size_t>(storage::as_int(row[0]))] = storage::as_int(row[1]);
  return sums;
}

constexpr std::int64_t kBeforeAll = std::numeric_limits<std::int64_t>::min() + 1;

class Move {
 public:
  Move(Services& s, const MoveTarget& target, const MoveProgress& progress)
      : s_(s), target_(target), progress_(progress), id_(uuid_v7(SystemClock().now())) {
    compared_.fill(kBeforeAll);
    for (const Stream stream : kStreams) logs_.emplace_back(s.log, target.log, stream);
  }

  Result<Json> look();
  Result<Json> run();

 private:
  Result<void> check_alone(storage::Session& db);
  Result<void> begin();
  Result<void> copy_ahead();
  Result<void> claim();
  void give_up();
  Result<void> stand_still();
  Result<void> settle_down();
  Result<void> copy_rest();
  Result<void> hand_over();
  Result<void> copy_logs(std::string_view what, double share);
  Result<void> copy_state(std::string_view what, double share);
  Result<void> copy_warehouse(std::string_view what, double share);
  Result<CopyDigest> copy_events(std::string_view what, double share);
  Result<void> copy_parts(const std::map<int, std::int64_t>& after,
                          const storage::CopyProgress& progress, CopyDigest& out);
  Result<std::map<int, std::int64_t>> compare_events(const Sums& found);
  Result<void> translate_positions(storage::Session& to);
  void took(std::string_view what);
  storage::CopyProgress told(std::string what, double share);
  [[nodiscard]] Json report() const;

  Services& s_;
  const MoveTarget& target_;
  const MoveProgress& progress_;
  const std::string id_;  // of batches of the warehouse
  int passes_ = 0;
  std::string source_id_;
  std::vector<storage::LogCopy> logs_;
  std::vector<std::vector<CopyDigest>> log_digests_;
  std::vector<CopyDigest> state_digests_;
  std::vector<CopyDigest> warehouse_digests_;
  storage::Positions compared_{};  // events up to here are equal on both sides, cell by cell
  Checksums checksums_{};          // of those
  bool handed_over_ = false;
  Duration still_{0};
  std::chrono::steady_clock::time_point lap_;
  Json laps_ = Json::object();
};

void Move::took(std::string_view what) {
  const auto now = std::chrono::steady_clock::now();
  laps_.set(what, std::chrono::duration_cast<std::chrono::milliseconds>(now - lap_).count());
  lap_ = now;
}

storage::CopyProgress Move::told(std::string what, double share) {
  return [this, what = std::move(what), share, sum = std::int64_t{0}](std::int64_t done) mutable {
    sum += done;
    return progress_(share, fmt::format("{}: {}", what, sum));
  };
}

/// Only this process stands still during the last step.
Result<void> Move::check_alone(storage::Session& db) {
  ZHIYIN_TRY(const Instant now, db.now());
  ZHIYIN_TRY(const auto processes, storage::Membership::list(db, now));
  if (processes.size() > 1)
    return fail(ErrorCode::kUnsupported,
                "migrate: {} processes work on this installation; stop all but one",
                processes.size());
  return {};
}

/// From here on nobody else can begin to work on the installation, and who was away (suspended,
/// say) can neither write to its state nor acknowledge what it appends to its log.
Result<void> Move::claim() {
  ZHIYIN_TRY(const std::string target_id, target_.state.identity());
  return s_.state.write_alone([&](storage::Session& db) -> Result<void> {
    ZHIYIN_TRY(const auto mark, storage::move_mark(db));
    ZHIYIN_TRY_VOID(storage::check_mark(mark, s_.process()));
    ZHIYIN_TRY_VOID(check_alone(db));
    return storage::set_move_mark(
        db, storage::MoveMark{storage::MoveRole::kMoving, target_id, target_.text,
                              SystemClock().now(), s_.process()});
  });
}

void Move::give_up() {
  s_.gate.open();
  s_.hold_projections(false);
  const auto outcome = storage::give_up_move(s_.state, s_.process());
  if (!outcome)
    s_.logger.error("server", "move.mark_remains", {{"reason", outcome.error().text()}});
}

Result<void> Move::begin() {
  ZHIYIN_TRY_VOID(s_.state.read([&](storage::Session& db) { return check_alone(db); }));
  ZHIYIN_TRY(source_id_, s_.state.identity());
  ZHIYIN_TRY(const auto mark, storage::move_mark(target_.state));
  if (mark) {
    if (mark->role != storage::MoveRole::kMoved && mark->other == source_id_) return {};  // goes on
    return fail(ErrorCode::kUnsupported,
                "migrate: the target is part of another move ({}); empty its stores first",
                mark->text);
  }
  ZHIYIN_TRY(const bool empty, is_empty(target_.state));
  if (!empty)
    return fail(
        ErrorCode::kUnsupported,
        "migrate: the target's state holds an installation already; only empty stores are filled");
  for (const Stream stream : kStreams) {
    ZHIYIN_TRY(const storage::Positions last, target_.log.end(stream));
    if (std::ranges::any_of(last, [](std::int64_t p) { return p != 0; })) {
      return fail(ErrorCode::kUnsupported,
                  "migrate: the target's log holds {} already; only empty stores are filled",
                  name_of(stream));
    }
  }
  ZHIYIN_TRY_VOID(audience::create_segment_tables(target_.warehouse));
  ZHIYIN_TRY(const storage::Rows events, target_.warehouse.query("SELECT COUNT(*) FROM events"));
  if (storage::as_int(events.rows.at(0).at(0)) != 0) {
    return fail(
        ErrorCode::kUnsupported,
        "migrate: the target's warehouse holds events already; only empty stores are filled");
  }
  return {};
}

Result<Json> Move::look() {
  ZHIYIN_TRY_VOID(begin());
  Json streams = Json::object();
  for (const Stream stream : kStreams) {
    ZHIYIN_TRY(const std::int64_t records, s_.log.behind(stream, storage::Positions{}));
    streams.set(name_of(stream), records);
  }
  const storage::StateAndKeys from{s_.state, s_.keys};
  ZHIYIN_TRY(const auto tables, copied_tables(from));
  Json state = Json::object();
  for (const auto& table : tables) {
    ZHIYIN_TRY(const storage::Rows rows,
               from.of(table.name).query(fmt::format("SELECT COUNT(*) FROM \"{}\"", table.name)));
    state.set(table.name, storage::as_int(rows.rows.at(0).at(0)));
  }
  ZHIYIN_TRY(const storage::Rows events, s_.warehouse.query("SELECT COUNT(*) FROM events"));
  return Json()
      .set("dry_run", true)
      .set("from", target_.source_text)
      .set("to", target_.text)
      .set("log_at_most", std::move(streams))
      .set("state", std::move(state))
      .set("warehouse", Json().set("events", storage::as_int(events.rows.at(0).at(0))));
}

Result<Json> Move::run() {
  ZHIYIN_TRY_VOID(begin());
  ZHIYIN_TRY_VOID(target_.state.write([&](storage::Session& db) {
    return storage::set_move_mark(db, storage::MoveMark{storage::MoveRole::kFilling, source_id_,
                                                        target_.source_text, SystemClock().now()});
  }));
  ZHIYIN_TRY_VOID(audience::create_segment_tables(target_.warehouse));
  ZHIYIN_TRY_VOID(copy_ahead());
  auto outcome = stand_still();
  if (!outcome && !handed_over_) give_up();
  if (!outcome) return std::unexpected(std::move(outcome.error()));
  return report();
}

/// Most of it, while everything goes on.
Result<void> Move::copy_ahead() {
  ZHIYIN_TRY_VOID(copy_logs("事件日志 / event log", 0.1));
  ZHIYIN_TRY_VOID(copy_state("状态 / state", 0.3));
  ZHIYIN_TRY_VOID(copy_warehouse("数据仓库 / warehouse", 0.5));
  for (int round = 0; round < kRoundsMax; ++round) {
    std::int64_t before = 0;
    std::int64_t after = 0;
    for (const auto& log : logs_) before += log.appended();
    ZHIYIN_TRY_VOID(copy_logs("事件日志 / event log", 0.7));
    for (const auto& log : logs_) after += log.appended();
    if (after - before < kFewRecords) break;
  }
  return copy_state("状态 / state", 0.75);
}

Result<void> Move::stand_still() {
  // Whatever is behind catches up before anybody has to wait for it.
  ZHIYIN_TRY_VOID(s_.settle());
  ZHIYIN_TRY_VOID(copy_warehouse("数据仓库 / warehouse", 0.78));
  ZHIYIN_TRY_VOID(claim());
  const auto since = std::chrono::steady_clock::now();
  lap_ = since;
  const storage::Gate::Pass pass;
  ZHIYIN_TRY_VOID(settle_down());
  auto outcome = s_.while_warehouse_stands([&]() -> Result<void> {
    ZHIYIN_TRY_VOID(copy_rest());
    return hand_over();
  });
  still_ = std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - since);
  return outcome;
}

/// Nothing is taken any more; what was taken goes where it belongs.
Result<void> Move::settle_down() {
  ZHIYIN_TRY_VOID(s_.recommendations.settle());
  s_.gate.close_log();
  ZHIYIN_TRY_VOID(s_.settle());
  took("settling");
  s_.hold_projections(true);
  s_.gate.close_state();
  if (const std::int64_t left = s_.lag(); left != 0)
    return fail(ErrorCode::kUnavailable,
                "migrate: {} records were not dealt with; nothing has changed, run it again", left);
  return {};
}

Result<void> Move::copy_rest() {
  ZHIYIN_TRY_VOID(copy_logs("事件日志（停顿中） / event log (standing still)", 0.8));
  log_digests_.clear();
  for (auto& log : logs_) {
    ZHIYIN_TRY(auto digest, log.verify(told("核对日志 / comparing the log", 0.85)));
    log_digests_.push_back(std::move(digest));
  }
  took("log");
  ZHIYIN_TRY_VOID(copy_state("状态（停顿中） / state (standing still)", 0.9));
  took("state");
  ZHIYIN_TRY_VOID(copy_warehouse("数据仓库（停顿中） / warehouse (standing still)", 0.95));
  took("warehouse");
  return {};
}

/// Target complete, then this one ended, then the target free: at no moment can both be started.
Result<void> Move::hand_over() {
  const Instant now = SystemClock().now();
  ZHIYIN_TRY_VOID(target_.state.write([&](storage::Session& db) -> Result<void> {
    ZHIYIN_TRY_VOID(translate_positions(db));
    return storage::set_move_mark(
        db, storage::MoveMark{storage::MoveRole::kReady, source_id_, target_.source_text, now});
  }));
  ZHIYIN_TRY(const std::string target_id, target_.state.identity());
  if (!progress_(0.99, "移交 / handing over"))
    return fail(ErrorCode::kDeadline, "migrate: stopped; run it again to go on");
  bool ours = true;
  handed_over_ = true;  // whatever happens to the answer of the next step
  auto ended = s_.state.write([&](storage::Session& db) -> Result<void> {
    ZHIYIN_TRY(const auto mark, storage::move_mark(db));
    ours = mark && mark->role == storage::MoveRole::kMoving && mark->owner == s_.process();
    if (!ours)
      return fail(ErrorCode::kConflict,
                  "migrate: this process gave no sign of life for too long, and another one goes "
                  "on here; run it again");
    return storage::set_move_mark(db, storage::MoveMark{storage::MoveRole::kMoved, target_id,
                                                        target_.text, now, s_.process()});
  });
  handed_over_ = ended || ours;
  ZHIYIN_TRY_VOID(std::move(ended));
  ZHIYIN_TRY_VOID(target_.before_release());
  ZHIYIN_TRY_VOID(target_.state.write(
      [](storage::Session& db) { return storage::set_move_mark(db, std::nullopt); }));
  (void)progress_(1, "完成 / done");
  return {};
}

/// Offsets in state and warehouse stay as they are; those of the target's log begin behind all of
/// them.
Result<void> Move::translate_positions(storage::Session& to) {
  storage::OffsetBases bases;
  for (const Stream stream : kStreams) {
    ZHIYIN_TRY(const storage::Positions last, s_.log.end(stream));
    bases[stream] = std::ranges::max(last);
  }
  ZHIYIN_TRY_VOID(storage::set_offset_bases(to, bases));
  ZHIYIN_TRY(
      const storage::Rows consumers,
      s_.state.query(
          "SELECT DISTINCT consumer, stream FROM consumer_position ORDER BY consumer, stream"));
  for (const storage::Row& row : consumers.rows) {
    const std::string consumer(storage::as_text(row[0]));
    const auto stream = static_cast<Stream>(storage::as_int(row[1]));
    storage::Positions at{};
    ZHIYIN_TRY_VOID(s_.state.read([&](storage::Session& db) -> Result<void> {
      ZHIYIN_TRY(at, storage::load_positions(db, consumer, stream));
      return {};
    }));
    ZHIYIN_TRY(const std::int64_t behind, s_.log.behind(stream, at));
    if (behind != 0)
      return fail(ErrorCode::kUnavailable,
                  "migrate: {} is {} records behind; nothing has changed, run it again", consumer,
                  behind);
    ZHIYIN_TRY(storage::Positions there, target_.log.end(stream));
    for (std::int64_t& p : there) p += bases[stream];
    ZHIYIN_TRY_VOID(storage::save_positions(to, consumer, stream, there));
  }
  return {};
}

Result<void> Move::copy_logs(std::string_view what, double share) {
  for (auto& log : logs_) ZHIYIN_TRY_VOID(log.copy(told(std::string(what), share)));
  return {};
}

Result<void> Move::copy_state(std::string_view what, double share) {
  const storage::StateAndKeys from{s_.state, s_.keys};
  const storage::StateAndKeys to{target_.state, target_.keys};
  ZHIYIN_TRY(const auto tables, copied_tables(from));
  state_digests_.clear();
  for (const auto& table : tables) {
    ZHIYIN_TRY(CopyDigest digest,
               storage::copy_table(from.of(table.name), to.of(table.name), table,
                                   told(fmt::format("{} {}", what, table.name), share)));
    state_digests_.push_back(std::move(digest));
  }
  return {};
}

Result<void> Move::copy_warehouse(std::string_view what, double share) {
  warehouse_digests_.clear();
  ZHIYIN_TRY(CopyDigest events, copy_events(what, share));
  warehouse_digests_.push_back(std::move(events));
  ++passes_;
  for (const storage::Table* table : keyed_tables()) {
    ZHIYIN_TRY(CopyDigest digest,
               storage::copy_table(s_.warehouse, target_.warehouse, *table, table->key, {},
                                   fmt::format("{}:{}:{}", id_, passes_, table->name),
                                   told(fmt::format("{} {}", what, table->name), share)));
    warehouse_digests_.push_back(std::move(digest));
  }
  return target_.warehouse.flush();
}

/// `after`: by partition, the offset behind which events are copied; partitions that are not named
/// are left alone.
Result<void> Move::copy_parts(const std::map<int, std::int64_t>& after,
                              const storage::CopyProgress& progress, CopyDigest& out) {
  static constexpr std::string_view kPlace[] = {"part", "off"};
  if (after.empty()) return {};
  std::string condition;
  for (const auto& [part, offset] : after)
    condition +=
        fmt::format("{}(part = {} AND off > {})", condition.empty() ? "(" : " OR ", part, offset);
  ZHIYIN_TRY(
      const CopyDigest one,
      storage::copy_table(s_.warehouse, target_.warehouse, ingest::events_table(), kPlace,
                          condition + ")", fmt::format("{}:{}:events", id_, ++passes_), progress));
  out.written += one.written;
  return {};
}

/// Compares, as far as the target has events, what was not compared before, by the checksum of all
/// cells. Returns the partitions that differ, to be copied as a whole. So little is left to compare
/// while nothing is taken: events do not change, and what goes (for their age) changes `sums_of`.
Result<std::map<int, std::int64_t>> Move::compare_events(const Sums& found) {
  storage::Positions to = compared_;
  for (std::size_t p = 0; p < to.size(); ++p) {
    if (!found.rows[p].empty()) to[p] = std::max(to[p], storage::as_int(found.rows[p][1]));
  }
  ZHIYIN_TRY(const Checksums wanted, checksums_of(s_.warehouse, compared_, to));
  ZHIYIN_TRY(const Checksums there, checksums_of(target_.warehouse, compared_, to));
  std::map<int, std::int64_t> differing;
  for (std::size_t p = 0; p < to.size(); ++p) {
    if (wanted[p] == there[p]) {
      compared_[p] = to[p];
      checksums_[p] += wanted[p];
    } else {
      differing[static_cast<int>(p)] = kBeforeAll;
    }
  }
  return differing;
}

/// Row by row what is new, by sums what was there; a partition whose sums differ (somebody was
/// erased, say) as a whole.
Result<CopyDigest> Move::copy_events(std::string_view what, double share) {
  CopyDigest out{"events", 0, 0, 0};
  const auto progress = told(fmt::format("{} events", what), share);
  ZHIYIN_TRY(const Sums before, sums_of(target_.warehouse));
  ZHIYIN_TRY(const Sums wanted, sums_of(s_.warehouse));
  std::map<int, std::int64_t> differing;
  for (int p = 0; p < storage::kPartitions; ++p) {
    const auto i = static_cast<std::size_t>(p);
    if (before.rows[i] == wanted.rows[i]) continue;
    differing[p] = before.rows[i].empty() ? kBeforeAll : storage::as_int(before.rows[i][1]);
  }
  ZHIYIN_TRY_VOID(copy_parts(differing, progress, out));
  ZHIYIN_TRY(Sums found, sums_of(target_.warehouse));
  ZHIYIN_TRY(const Sums now, sums_of(s_.warehouse));
  ZHIYIN_TRY(differing, compare_events(found));
  for (int p = 0; p < storage::kPartitions; ++p) {
    const auto i = static_cast<std::size_t>(p);
    // While events come in they differ anyway.
    if (s_.gate.closed() && found.rows[i] != now.rows[i]) differing[p] = kBeforeAll;
  }
  ZHIYIN_TRY_VOID(copy_parts(differing, progress, out));
  if (!differing.empty()) {
    for (const auto& [p, from] : differing) {
      compared_[static_cast<std::size_t>(p)] = from;
      checksums_[static_cast<std::size_t>(p)] = 0;
    }
    ZHIYIN_TRY(found, sums_of(target_.warehouse));
    ZHIYIN_TRY(differing, compare_events(found));
    if (s_.gate.closed() && !differing.empty())
      return fail(ErrorCode::kDataLoss,
                  "warehouse: events of partition {} do not hold what was copied",
                  differing.begin()->first);
  }
  for (int p = 0; p < storage::kPartitions; ++p) {
    const auto i = static_cast<std::size_t>(p);
    if (s_.gate.closed() && found.rows[i] != now.rows[i])
      return fail(ErrorCode::kDataLoss,
                  "warehouse: events of partition {} are not those that were copied", p);
    if (found.rows[i].empty()) continue;
    out.count += storage::as_int(found.rows[i][0]);
    out.digest = out.digest * 1'000'003 + static_cast<std::uint64_t>(checksums_[i]);
    for (const storage::Value& sum : found.rows[i])
      out.digest = out.digest * 1'000'003 + static_cast<std::uint64_t>(storage::as_int(sum));
  }
  return out;
}

Json digests_json(const std::vector<CopyDigest>& digests) {
  Json out = Json::array();
  for (const CopyDigest& d : digests) {
    if (d.count != 0)
      out.push(Json()
                   .set("name", d.name)
                   .set("count", d.count)
                   .set("checksum", fmt::format("{:016x}", d.digest)));
  }
  return out;
}

Json Move::report() const {
  Json streams = Json::array();
  for (std::size_t i = 0; i < logs_.size(); ++i) {
    std::int64_t count = 0;
    for (const CopyDigest& d : log_digests_[i]) count += d.count;
    streams.push(Json()
                     .set("name", name_of(kStreams[i]))
                     .set("count", count)
                     .set("partitions", digests_json(log_digests_[i])));
  }
  return Json()
      .set("from", target_.source_text)
      .set("to", target_.text)
      .set("verified", true)
      .set("stood_still_ms", still_.count() / 1000)
      .set("of_that_ms", laps_)
      .set("log", std::move(streams))
      .set("state", digests_json(state_digests_))
      .set("warehouse", digests_json(warehouse_digests_));
}

}  // namespace

Result<bool> is_empty(storage::State& state) {
  ZHIYIN_TRY(const auto tables, copied_tables({state}));
  for (const auto& table : tables) {
    if (begins_with_rows(table.name)) continue;
    ZHIYIN_TRY(const storage::Rows rows,
               state.query(fmt::format("SELECT 1 FROM \"{}\" LIMIT 1", table.name)));
    if (!rows.rows.empty()) return false;
  }
  return true;
}

Result<Json> move_installation(Services& services, const MoveTarget& target, bool dry_run,
                               const MoveProgress& progress) {
  Move move(services, target, progress);
  return dry_run ? move.look() : move.run();
}

}  // namespace zhiyin::server
