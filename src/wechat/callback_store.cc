#include "wechat/callback_store.h"

#include <algorithm>

#include "base/secret.h"
#include "base/utf8.h"

namespace zhiyin::wechat {
namespace {

using storage::as_int;
using storage::as_text;
using storage::Blob;
using storage::Row;
using storage::Session;
using storage::Value;

// One row per occurrence (d:), with its answer, and one per request that came plain (r:), with the
// occurrence that it belongs to. A reply holds what the operator wrote, so nothing personal lies
// here; keys are hashes. The note says what people may see of it.
constexpr storage::Migration kMigrations[] = {
    {"wechat-002-callback-seen",
     "CREATE TABLE callback_seen (account TEXT NOT NULL, key TEXT NOT NULL, answer TEXT NOT NULL, "
     "at BIGINT NOT NULL, "
     "PRIMARY KEY (account, key));"
     "CREATE INDEX callback_seen_at ON callback_seen (at)"},
    {"wechat-004-callback-last",
     "CREATE TABLE callback_last (account TEXT PRIMARY KEY, at BIGINT NOT NULL)"},
    {"wechat-010-callback-notices",
     "ALTER TABLE callback_seen ADD COLUMN note TEXT;"
     "CREATE TABLE callback_notice (account TEXT NOT NULL, key TEXT NOT NULL, event TEXT NOT NULL, "
     "fields BYTEA NOT NULL, occurred_at BIGINT NOT NULL, at BIGINT NOT NULL, "
     "PRIMARY KEY (account, key));"
     "CREATE INDEX callback_notice_at ON callback_notice (account, at);"
     "CREATE TABLE callback_refused (account TEXT PRIMARY KEY, refusal TEXT NOT NULL, "
     "detail TEXT NOT NULL, at BIGINT NOT NULL)"},
    {"wechat-020-callback-request", "ALTER TABLE callback_seen ADD COLUMN occurrence TEXT"},
};

constexpr std::string_view kNoticeContext = "callback-notice";

std::string occurrence_key(std::string_view dedup_key) { return fmt::format("d:{}", dedup_key); }
std::string request_key(const Callback& c) { return "r:" + c.request_key; }

/// Nothing is written for the bare acknowledgement: most callbacks get it.
std::string written(const Reply& reply) {
  return reply.type == ReplyType::kNone ? std::string() : to_json(reply).dump();
}

Result<Reply> read_reply(std::string_view written) {
  if (written.empty()) return Reply{};
  ZHIYIN_TRY(const Json json, parse_json(written));
  return from_json<Reply>(json);
}

Result<GivenAnswer> given_in(const Row& row) {
  ZHIYIN_TRY(Reply reply, read_reply(as_text(row[0])));
  return GivenAnswer{std::move(reply), Instant{as_int(row[1])}};
}

Result<std::optional<GivenAnswer>> find_occurrence(Session& session, const AccountId& account,
                                                   std::string_view dedup_key) {
  ZHIYIN_TRY(const storage::Rows found,
             session.query("SELECT answer, at FROM callback_seen WHERE account = ?1 AND key = ?2",
                           {Value(account.value), Value(occurrence_key(dedup_key))}));
  if (found.rows.empty()) return std::nullopt;
  ZHIYIN_TRY(GivenAnswer given, given_in(found.rows[0]));
  return given;
}

/// What a request is answered whose address belongs to another occurrence; nothing when it belongs
/// to none or to this one. While the other has no answer yet, this one is acknowledged.
Result<std::optional<GivenAnswer>> find_request(Session& session, const Callback& c) {
  ZHIYIN_TRY(const storage::Rows found,
             session.query("SELECT answer, at, occurrence FROM callback_seen WHERE account = ?1 "
                           "AND key = ?2",
                           {Value(c.account.value), Value(request_key(c))}));
  if (found.rows.empty()) return std::nullopt;
  const Row& row = found.rows[0];
  ZHIYIN_TRY(const GivenAnswer written, given_in(row));
  if (storage::is_null(row[2])) return written;  // of a version that kept the answer here, too
  if (as_text(row[2]) == c.dedup_key) return std::nullopt;
  ZHIYIN_TRY(std::optional<GivenAnswer> other,
             find_occurrence(session, c.account, as_text(row[2])));
  return other ? std::move(*other) : written;
}

Result<std::optional<GivenAnswer>> find_in(Session& session, const Callback& c) {
  ZHIYIN_TRY(std::optional<GivenAnswer> found, find_occurrence(session, c.account, c.dedup_key));
  if (found || !binds_request(c)) return found;
  return find_request(session, c);
}

std::string note_of(const ProcessedCallback& p) {
  constexpr std::size_t kNameBytesMax = 64;
  const Callback& c = *p.callback;
  return Json()
      .set("kind", to_string(c.kind))
      .set("event", utf8::truncate(c.event.empty() ? c.msg_type : c.event, kNameBytesMax))
      .set("sender", c.from_openid.empty() ? std::string() : shortened(c.from_openid))
      .set("decision", p.decision)
      .dump();
}

Result<void> insert(Session& session, const SeenCallback& seen) {
  ZHIYIN_TRY_VOID(session.execute(
      "INSERT INTO callback_seen (account, key, answer, at, note) VALUES (?1, ?2, ?3, ?4, ?5) "
      "ON CONFLICT (account, key) DO NOTHING",
      {Value(seen.account.value), Value(occurrence_key(seen.occurrence)),
       Value(written(seen.given.reply)), Value(seen.given.at.us), Value(seen.note)}));
  return {};
}

}  // namespace

SeenCallback seen_callback(const ProcessedCallback& p, Instant now) {
  return {p.callback->account, p.callback->dedup_key, {p.reply, now}, note_of(p)};
}

Result<void> check(const SeenCallback& seen) {
  if (utf8::is_valid(written(seen.given.reply)) && utf8::is_valid(seen.note)) return {};
  return fail(ErrorCode::kInvalidArgument, "callback: the answer or the event is not UTF-8");
}

bool binds_request(const Callback& callback) { return !callback.request_key.empty(); }

bool keeps_fields(const Callback& c) {
  return c.kind == CallbackKind::kNotice || c.kind == CallbackKind::kMassResult;
}

std::span<const storage::Migration> CallbackStore::migrations() { return kMigrations; }

Result<std::vector<std::optional<GivenAnswer>>> CallbackStore::find(
    std::span<const Callback* const> callbacks) {
  std::vector<std::optional<GivenAnswer>> out;
  if (callbacks.empty()) return out;
  ZHIYIN_TRY_VOID(state_.read([&](Session& session) -> Result<void> {
    out.clear();
    for (const Callback* callback : callbacks) {
      ZHIYIN_TRY(std::optional<GivenAnswer> found, find_in(session, *callback));
      out.push_back(std::move(found));
    }
    return {};
  }));
  return out;
}

Result<std::optional<GivenAnswer>> CallbackStore::find(const Callback& callback) {
  const Callback* one = &callback;
  ZHIYIN_TRY(auto found, find(std::span(&one, 1)));
  return std::move(found.front());
}

Result<std::vector<std::optional<GivenAnswer>>> CallbackStore::admit(
    std::span<const Callback* const> callbacks, Instant now) {
  std::vector<std::optional<GivenAnswer>> out(callbacks.size());
  if (std::ranges::none_of(callbacks, [](const Callback* c) { return binds_request(*c); }))
    return out;
  ZHIYIN_TRY_VOID(state_.write([&](Session& session) -> Result<void> {
    for (std::size_t i = 0; i < callbacks.size(); ++i) {
      const Callback& c = *callbacks[i];
      out[i].reset();
      if (!binds_request(c)) continue;
      ZHIYIN_TRY(
          const std::int64_t is_new,
          session.execute(
              "INSERT INTO callback_seen (account, key, answer, at, occurrence) VALUES "
              "(?1, ?2, '', ?3, ?4) ON CONFLICT (account, key) DO NOTHING",
              {Value(c.account.value), Value(request_key(c)), Value(now.us), Value(c.dedup_key)}));
      if (is_new > 0) continue;
      ZHIYIN_TRY(out[i], find_request(session, c));
    }
    return {};
  }));
  return out;
}

Result<void> CallbackStore::write(std::span<const SeenCallback* const> seen) {
  if (seen.empty()) return {};
  return state_.write([&](Session& session) -> Result<void> {
    for (const SeenCallback* one : seen) ZHIYIN_TRY_VOID(insert(session, *one));
    return {};
  });
}

Result<std::vector<GivenAnswer>> CallbackStore::record(std::span<const ProcessedCallback> processed,
                                                       Instant now) {
  std::vector<GivenAnswer> out;
  if (processed.empty()) return out;
  ZHIYIN_TRY_VOID(state_.write([&](Session& session) -> Result<void> {
    out.clear();
    for (const ProcessedCallback& p : processed) {
      const Callback& c = *p.callback;
      ZHIYIN_TRY(std::optional<GivenAnswer> earlier, find_in(session, c));
      SeenCallback seen = seen_callback(p, now);
      if (earlier) seen.given = std::move(*earlier);
      out.push_back(seen.given);
      ZHIYIN_TRY_VOID(insert(session, seen));
      if (!keeps_fields(c)) continue;
      const std::string fields = vault_.seal_secret(Secret(c.fields.dump()), kNoticeContext);
      ZHIYIN_TRY_VOID(session.execute(
          "INSERT INTO callback_notice (account, key, event, fields, occurred_at, at) VALUES (?1, "
          "?2, ?3, ?4, ?5, ?6) ON CONFLICT (account, key) DO NOTHING",
          {Value(c.account.value), Value(c.dedup_key), Value(c.event), Value(Blob{fields}),
           Value(c.create_time.us), Value(now.us)}));
    }
    return {};
  }));
  return out;
}

Result<GivenAnswer> CallbackStore::record(const Callback& callback, const Reply& reply,
                                          Instant now) {
  const ProcessedCallback one{&callback, reply, {}};
  ZHIYIN_TRY(auto given, record(std::span(&one, 1), now));
  return std::move(given.front());
}

Result<std::int64_t> CallbackStore::trim(Instant now, std::int64_t rows_max) {
  std::int64_t removed = 0;
  ZHIYIN_TRY_VOID(state_.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(removed, session.execute("DELETE FROM callback_seen WHERE at < ?1",
                                        {Value((now - kKeep).us)}));
    ZHIYIN_TRY_VOID(session.execute("DELETE FROM callback_notice WHERE at < ?1",
                                    {Value((now - kKeepNotices).us)}));
    ZHIYIN_TRY(const storage::Rows notices, session.query("SELECT count(*) FROM callback_notice"));
    if (const std::int64_t surplus = as_int(notices.rows[0][0]) - kNoticesMax; surplus > 0) {
      ZHIYIN_TRY(const storage::Rows oldest,
                 session.query("SELECT at FROM callback_notice ORDER BY at LIMIT 1 OFFSET ?1",
                               {Value(surplus - 1)}));
      ZHIYIN_TRY_VOID(
          session.execute("DELETE FROM callback_notice WHERE at <= ?1", {oldest.rows[0][0]}));
    }
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

Result<std::vector<RecentCallback>> CallbackStore::recent(const AccountId& account,
                                                          std::size_t limit,
                                                          const ListPlace& place) {
  ZHIYIN_TRY(const storage::Rows found,
             state_.query(
                 "SELECT note, answer, at, key FROM callback_seen WHERE account = ?1 AND note "
                 "IS NOT NULL AND (at < ?3 OR (at = ?3 AND key > ?4)) ORDER BY at DESC, key "
                 "LIMIT ?2",
                 {Value(account.value), Value(static_cast<std::int64_t>(std::min(limit, kListMax))),
                  Value(place.at.us), Value(place.key)}));
  std::vector<RecentCallback> out;
  for (const Row& row : found.rows) {
    ZHIYIN_TRY(const Json note, parse_json(as_text(row[0])));
    ZHIYIN_TRY(const Reply reply, read_reply(as_text(row[1])));
    const auto text = [&](std::string_view name) { return std::string(note[name].string_or("")); };
    out.push_back({Instant{as_int(row[2])}, text("kind"), text("event"), text("sender"),
                   std::string(enum_name(reply.type)), text("decision"),
                   std::string(as_text(row[3]))});
  }
  return out;
}

Result<std::vector<CallbackNotice>> CallbackStore::notices(const AccountId& account,
                                                           std::size_t limit,
                                                           const ListPlace& place) {
  ZHIYIN_TRY(const storage::Rows found,
             state_.query(
                 "SELECT event, fields, occurred_at, at, key FROM callback_notice WHERE account = "
                 "?1 AND (at < ?3 OR (at = ?3 AND key > ?4)) ORDER BY at DESC, key LIMIT ?2",
                 {Value(account.value), Value(static_cast<std::int64_t>(std::min(limit, kListMax))),
                  Value(place.at.us), Value(place.key)}));
  std::vector<CallbackNotice> out;
  for (const Row& row : found.rows) {
    ZHIYIN_TRY(const Secret plain, vault_.unseal_secret(as_text(row[1]), kNoticeContext));
    ZHIYIN_TRY(Json fields, parse_json(plain.reveal()));
    out.push_back({Instant{as_int(row[3])}, Instant{as_int(row[2])}, std::string(as_text(row[0])),
                   std::move(fields), std::string(as_text(row[4]))});
  }
  return out;
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

Result<void> CallbackStore::note_refusal(const AccountId& account, const CallbackError& error,
                                         Instant now) {
  constexpr std::size_t kDetailBytesMax = 512;
  return state_.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(session.execute(
        "INSERT INTO callback_refused (account, refusal, detail, at) VALUES (?1, ?2, ?3, ?4) ON "
        "CONFLICT (account) DO UPDATE SET refusal = ?2, detail = ?3, at = ?4",
        {Value(account.value), Value(std::string(to_string(error.refusal))),
         Value(std::string(utf8::truncate(error.error.message, kDetailBytesMax))), Value(now.us)}));
    return {};
  });
}

Result<CallbackHealth> CallbackStore::health(const AccountId& account) {
  CallbackHealth health;
  ZHIYIN_TRY_VOID(state_.read([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(
        const storage::Rows last,
        session.query("SELECT at FROM callback_last WHERE account = ?1", {Value(account.value)}));
    if (!last.rows.empty()) health.last_at = Instant{as_int(last.rows[0][0])};
    ZHIYIN_TRY(const storage::Rows refused,
               session.query("SELECT refusal, detail, at FROM callback_refused WHERE account = ?1",
                             {Value(account.value)}));
    if (refused.rows.empty()) return {};
    health.refusal = as_text(refused.rows[0][0]);
    health.detail = as_text(refused.rows[0][1]);
    health.refused_at = Instant{as_int(refused.rows[0][2])};
    return {};
  }));
  return health;
}

}  // namespace zhiyin::wechat
