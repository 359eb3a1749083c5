#include "wechat/callback_store.h"

#include <array>

namespace zhiyin::wechat {
namespace {

using storage::as_int;
using storage::as_text;
using storage::Session;
using storage::Value;

// One row per key: a callback has two, that of the occurrence (d:) and that of the request (r:). A
// reply holds what the operator wrote, so nothing personal lies here; keys are hashes.
constexpr storage::Migration kMigrations[] = {
    {"wechat-002-callback-seen",
     "CREATE TABLE callback_seen (account TEXT NOT NULL, key TEXT NOT NULL, answer TEXT NOT NULL, "
     "at BIGINT NOT NULL, "
     "PRIMARY KEY (account, key));"
     "CREATE INDEX callback_seen_at ON callback_seen (at)"},
    {"wechat-004-callback-last",
     "CREATE TABLE callback_last (account TEXT PRIMARY KEY, at BIGINT NOT NULL)"},
};

std::string occurrence_key(const Callback& c) { return "d:" + c.dedup_key; }
std::string request_key(const Callback& c) { return "r:" + c.request_key; }

Result<std::optional<GivenAnswer>> find_in(Session& session, const Callback& callback) {
  ZHIYIN_TRY(const storage::Rows found,
             session.query("SELECT answer, at FROM callback_seen WHERE account = ?1 AND key IN "
                           "(?2, ?3) ORDER BY key LIMIT 1",
                           {Value(callback.account.value), Value(occurrence_key(callback)),
                            Value(request_key(callback))}));
  if (found.rows.empty()) return std::nullopt;
  ZHIYIN_TRY(const Json json, parse_json(as_text(found.rows[0][0])));
  ZHIYIN_TRY(Reply reply, from_json<Reply>(json));
  return GivenAnswer{std::move(reply), Instant{as_int(found.rows[0][1])}};
}

}  // namespace

std::span<const storage::Migration> CallbackStore::migrations() { return kMigrations; }

Result<std::optional<GivenAnswer>> CallbackStore::find(const Callback& callback) {
  std::optional<GivenAnswer> out;
  ZHIYIN_TRY_VOID(state_.read([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(out, find_in(session, callback));
    return {};
  }));
  return out;
}

Result<GivenAnswer> CallbackStore::record(const Callback& callback, const Reply& reply,
                                          Instant now) {
  GivenAnswer given{reply, now};
  ZHIYIN_TRY_VOID(state_.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(std::optional<GivenAnswer> earlier, find_in(session, callback));
    if (earlier) given = std::move(*earlier);
    const std::string answer = to_json(given.reply).dump();
    for (const std::string& key : {occurrence_key(callback), request_key(callback)}) {
      ZHIYIN_TRY_VOID(session.execute(
          "INSERT INTO callback_seen (account, key, answer, at) VALUES (?1, ?2, ?3, ?4) "
          "ON CONFLICT (account, key) DO NOTHING",
          {Value(callback.account.value), Value(key), Value(answer), Value(given.at.us)}));
    }
    return {};
  }));
  return given;
}

Result<std::int64_t> CallbackStore::trim(Instant now, std::int64_t rows_max) {
  std::int64_t removed = 0;
  ZHIYIN_TRY_VOID(state_.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(removed, session.execute("DELETE FROM callback_seen WHERE at < ?1",
                                        {Value((now - kKeep).us)}));
    ZHIYIN_TRY(const storage::Rows count, session.query("SELECT count(*) FROM callback_seen"));
    const std::int64_t surplus = as_int(count.rows[0][0]) - rows_max;
    if (surplus <= 0) return {};
    ZHIYIN_TRY(const storage::Rows oldest,
               session.query("SELECT at FROM callback_seen ORDER BY at LIMIT 1 OFFSET ?1",
                             {Value(surplus - 1)}));
    ZHIYIN_TRY(const std::int64_t more,
               session.execute("DELETE FROM callback_seen WHERE at <= ?1", {oldest.rows[0][0]}));
    removed += more;
    return {};
  }));
  return removed;
}

Result<void> CallbackStore::note_request(const AccountId& account, Instant now) {
  return state_.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(session.execute(
        "INSERT INTO callback_last (account, at) VALUES (?1, ?2) ON CONFLICT (account) DO UPDATE "
        "SET at = ?2 WHERE callback_last.at < ?2",
        {Value(account.value), Value(now.us)}));
    return {};
  });
}

Result<std::optional<Instant>> CallbackStore::last_request(const AccountId& account) {
  ZHIYIN_TRY(
      const storage::Rows found,
      state_.query("SELECT at FROM callback_last WHERE account = ?1", {Value(account.value)}));
  if (found.rows.empty()) return std::nullopt;
  return Instant{as_int(found.rows[0][0])};
}

}  // namespace zhiyin::wechat
