#include "server/session_feedback.h"

namespace zhiyin::server {
namespace {

constexpr storage::Migration kMigrations[] = {
    {"recommend-004-sessions",
     "CREATE TABLE recommend_session ("
     "  session TEXT NOT NULL,"
     "  item_kind TEXT NOT NULL,"
     "  item_id TEXT NOT NULL,"
     "  kind TEXT NOT NULL,"
     "  value BIGINT NOT NULL,"
     "  at BIGINT NOT NULL,"
     "  PRIMARY KEY (session, item_kind, item_id, kind)) /*clustered*/;"
     "CREATE INDEX recommend_session_at ON recommend_session (at)"}};

constexpr std::string_view kPrefix = "session:";

}  // namespace

std::span<const storage::Migration> session_feedback_migrations() { return kMigrations; }

std::string session_name(std::string_view session) { return fmt::format("{}{}", kPrefix, session); }
bool is_session(std::string_view name) { return name.starts_with(kPrefix); }

Result<void> note(storage::GroupedWrites& writes, const SessionFeedback& act) {
  return writes.write([act](storage::Session& db) -> Result<void> {
    ZHIYIN_TRY_VOID(db.execute(
        "INSERT INTO recommend_session (session, item_kind, item_id, kind, value, at) VALUES (?1, "
        "?2, ?3, ?4, ?5, ?6) ON CONFLICT (session, item_kind, item_id, kind) DO UPDATE SET value = "
        "excluded.value",
        {act.session, act.item.kind, act.item.id, act.kind, act.value, act.at.us}));
    return {};
  });
}

recommend::RowSource session_rows(storage::State& state, Instant after, Instant as_of) {
  return [&state, after, as_of](
             const std::function<void(const recommend::InteractionRow&)>& take) -> Result<void> {
    constexpr std::int64_t kPage = 20'000;
    std::string last[4];
    while (true) {
      ZHIYIN_TRY(const storage::Rows page,
                 state.query("SELECT session, item_kind, item_id, kind, value, at FROM "
                             "recommend_session WHERE (session, item_kind, item_id, kind) > (?1, "
                             "?2, ?3, ?4) AND at > ?5 AND at <= ?6 ORDER BY session, item_kind, "
                             "item_id, kind LIMIT ?7",
                             {last[0], last[1], last[2], last[3], after.us, as_of.us, kPage}));
      for (const storage::Row& row : page.rows) {
        const std::string person = session_name(storage::as_text(row[0]));
        take({person,
              {std::string(storage::as_text(row[1])), std::string(storage::as_text(row[2]))},
              storage::as_text(row[3]),
              storage::as_int(row[4]),
              {storage::as_int(row[5])}});
      }
      if (static_cast<std::int64_t>(page.rows.size()) < kPage) return {};
      for (std::size_t i = 0; i < 4; ++i) last[i] = storage::as_text(page.rows.back()[i]);
    }
  };
}

Result<void> trim_session_feedback(storage::State& state, Instant now) {
  return state.write([&](storage::Session& db) -> Result<void> {
    ZHIYIN_TRY_VOID(
        db.execute("DELETE FROM recommend_session WHERE at < ?1", {(now - kSessionsKept).us}));
    return {};
  });
}

}  // namespace zhiyin::server
