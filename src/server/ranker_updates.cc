#include "server/ranker_updates.h"

#include <algorithm>
#include <cstring>

#include "base/crypto.h"
#include "recommend/ranker_training.h"
#include "server/ranker_job.h"
#include "server/shown_history.h"

namespace zhiyin::server {
namespace {

using storage::Blob;
using storage::Rows;

constexpr storage::Migration kMigrations[] = {{"recommend-005-online",
                                               "CREATE TABLE recommend_online ("
                                               "  id BIGINT PRIMARY KEY,"
                                               "  version TEXT NOT NULL,"
                                               "  lists BIGINT NOT NULL,"
                                               "  updated_at BIGINT NOT NULL,"
                                               "  finished_until BIGINT NOT NULL,"
                                               "  positions BYTEA NOT NULL,"
                                               "  checksum TEXT NOT NULL,"
                                               "  ranker BYTEA NOT NULL)"}};

/// How far the version in use has learnt on.
struct State {
  std::int64_t lists = 0;
  Instant updated_at{0};
  Instant finished_until{0};       ///< lists shown up to then are learnt
  storage::Positions positions{};  ///< of the stream: what lies before is learnt or of no use
};

std::string bytes_of(const storage::Positions& positions) {
  return {reinterpret_cast<const char*>(positions.data()), sizeof positions};
}

Result<std::optional<State>> state_of(storage::State& state, std::string_view version) {
  ZHIYIN_TRY(const Rows rows,
             state.query("SELECT lists, updated_at, finished_until, positions FROM "
                         "recommend_online WHERE id = 1 AND version = ?1",
                         {std::string(version)}));
  if (rows.rows.empty()) return std::optional<State>();
  const storage::Row& row = rows.rows[0];
  State out{storage::as_int(row[0]), {storage::as_int(row[1])}, {storage::as_int(row[2])}, {}};
  const std::string_view positions = storage::as_text(row[3]);
  if (positions.size() != sizeof out.positions)
    return fail(ErrorCode::kDataLoss, "ranker: the positions of {} are damaged", version);
  std::memcpy(out.positions.data(), positions.data(), positions.size());
  return std::optional(out);
}

Result<void> store(storage::State& state, std::string_view version, const State& at,
                   const std::string& ranker) {
  return state.write([&](storage::Session& db) -> Result<void> {
    ZHIYIN_TRY_VOID(db.execute(
        "INSERT INTO recommend_online (id, version, lists, updated_at, finished_until, positions, "
        "checksum, ranker) VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (id) DO UPDATE SET "
        "version = excluded.version, lists = excluded.lists, updated_at = excluded.updated_at, "
        "finished_until = excluded.finished_until, positions = excluded.positions, "
        "checksum = excluded.checksum, ranker = excluded.ranker",
        {std::string(version), at.lists, at.updated_at.us, at.finished_until.us,
         Blob{bytes_of(at.positions)}, crypto::hex(crypto::sha256(ranker)), Blob{ranker}}));
    return {};
  });
}

/// A version that has learnt nothing since: all that had finished when it was trained is in it.
Result<State> beginning_of(const model::ModelRecord& record, Duration window) {
  const Json* const to = record.window.find("to");
  auto until = to != nullptr ? from_json<Instant>(*to) : Result<Instant>(record.created_at);
  if (!until) return std::unexpected(std::move(until.error()));
  return State{0, {0}, *until - window, {}};
}

Result<recommend::ResponseRanker> ranker_of(Services& s, std::string_view version) {
  ZHIYIN_TRY(const auto learnt, learnt_since(s.state, version));
  if (learnt) return recommend::ResponseRanker(*learnt->ranker);
  ZHIYIN_TRY(const std::string bytes, s.models.load(version));
  return recommend::ResponseRanker::decode(bytes);
}

}  // namespace

std::span<const storage::Migration> ranker_update_migrations() { return kMigrations; }

Result<std::int64_t> lists_since(storage::State& state, std::string_view version) {
  ZHIYIN_TRY(const Rows rows,
             state.query("SELECT lists FROM recommend_online WHERE id = 1 AND version = ?1",
                         {std::string(version)}));
  return rows.rows.empty() ? 0 : storage::as_int(rows.rows[0][0]);
}

Result<std::optional<LearntRanker>> learnt_since(storage::State& state, std::string_view version) {
  ZHIYIN_TRY(const Rows rows,
             state.query("SELECT lists, checksum, ranker FROM recommend_online WHERE id = 1 AND "
                         "version = ?1 AND lists > 0",
                         {std::string(version)}));
  if (rows.rows.empty()) return std::optional<LearntRanker>();
  const std::string_view bytes = storage::as_text(rows.rows[0][2]);
  if (crypto::hex(crypto::sha256(bytes)) != storage::as_text(rows.rows[0][1]))
    return fail(ErrorCode::kDataLoss, "ranker: what {} has learnt since is damaged", version);
  ZHIYIN_TRY(auto ranker, recommend::ResponseRanker::decode(bytes));
  LearntRanker out;
  out.lists = storage::as_int(rows.rows[0][0]);
  out.id = fmt::format("{}+{}", version, out.lists);
  out.ranker = std::make_shared<const recommend::ResponseRanker>(std::move(ranker));
  return std::optional(std::move(out));
}

Result<std::size_t> update_ranker_when_due(Services& s) {
  if (!s.options.boolean("recommend.learn_online")) return std::size_t{0};
  ZHIYIN_TRY(const auto record, s.models.active(recommend::ResponseRanker::kKind));
  if (!record) return std::size_t{0};
  const Instant now = s.clock.now();
  const Duration window = s.options.duration("recommend.attribution");
  ZHIYIN_TRY(auto known, state_of(s.state, record->id));
  if (known && now - known->updated_at < kUpdateEvery) return std::size_t{0};
  if (!known) {
    ZHIYIN_TRY(known, beginning_of(*record, window));
  }
  ZHIYIN_TRY_VOID(s.recommendations.settle());
  ZHIYIN_TRY_VOID(s.settle());
  const Instant finished = now - window;
  ZHIYIN_TRY(ShownHistory history, read_shown_history(s,
                                                      {.after = known->finished_until,
                                                       .as_of = now,
                                                       .from = known->positions,
                                                       .unfinished_after = finished},
                                                      [](const std::string&) { return true; }));
  ZHIYIN_TRY(recommend::ResponseRanker ranker, ranker_of(s, record->id));
  if (history.left_out > 0) {
    // More than fit: the nightly training sees to them.
    known->updated_at = now;
    ZHIYIN_TRY_VOID(store(s.state, record->id, *known, ranker.encode()));
    return std::size_t{0};
  }
  ZHIYIN_TRY(const auto index, s.items.index());
  const std::size_t lists = recommend::learn_on(ranker, std::move(history.lists), history.feedback,
                                                item_facts_in(*index), window, finished);
  known->lists += static_cast<std::int64_t>(lists);
  known->updated_at = now;
  known->finished_until = std::max(known->finished_until, finished);
  known->positions = history.resume;
  ZHIYIN_TRY_VOID(store(s.state, record->id, *known, ranker.encode()));
  if (lists > 0) s.recommendations.forget_model();
  return lists;
}

}  // namespace zhiyin::server
