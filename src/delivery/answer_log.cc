#include "delivery/answer_log.h"

#include <algorithm>

#include "wechat/reply.h"

namespace zhiyin::delivery {
namespace {

using storage::as_int;
using storage::as_text;
using storage::Blob;
using storage::Session;
using storage::Value;

constexpr std::string_view kContext = "late-answer";

template <class T>
Value sealed(const storage::Vault& vault, const std::optional<T>& value) {
  if (!value) return {};
  return Blob{vault.seal_secret(Secret(to_json(*value).dump()), kContext)};
}

template <class T>
Result<T> unsealed(const storage::Vault& vault, const Value& cell) {
  ZHIYIN_TRY(const Secret text, vault.unseal_secret(as_text(cell), kContext));
  ZHIYIN_TRY(const Json json, parse_json(text.reveal()));
  return from_json<T>(json);
}

}  // namespace

AnswerLog::AnswerLog(storage::State& state, const storage::Vault& vault, std::string owner, Now now)
    : state_(state), vault_(vault), owner_(std::move(owner)), now_(std::move(now)) {}

Result<Instant> AnswerLog::now(Session& session) const {
  return now_ ? now_(session) : session.now();
}

Result<void> AnswerLog::together(const std::function<Result<void>(Session&)>& work) {
  return state_.write(work);
}

Result<std::optional<SharedAnswer>> AnswerLog::read(Session& session, const AccountId& account,
                                                    std::string_view key) const {
  ZHIYIN_TRY(const storage::Rows found,
             session.query("SELECT a.person, a.token, a.decision, a.reason, a.callbacks, "
                           "a.opened_at, a.decided_at, a.answered_at, a.answer, a.owner, "
                           "d.lives_until FROM late_answer a LEFT JOIN answer_desk d ON d.owner = "
                           "a.owner WHERE a.account = ?1 AND a.key = ?2",
                           {Value(account.value), Value(std::string(key))}));
  if (found.rows.empty()) return std::nullopt;
  const storage::Row& row = found.rows[0];
  SharedAnswer out;
  out.record = {account,
                std::string(key),
                std::string(as_text(row[0])),
                std::string(as_text(row[1])),
                static_cast<AnswerDecision>(as_int(row[2])),
                std::string(as_text(row[3])),
                static_cast<int>(as_int(row[4])),
                {as_int(row[5])},
                {as_int(row[6])},
                {},
                {}};
  if (!storage::is_null(row[7])) out.record.answered_at = Instant{as_int(row[7])};
  if (!storage::is_null(row[8])) {
    ZHIYIN_TRY(out.record.reply, unsealed<wechat::Reply>(vault_, row[8]));
  }
  out.owner = as_text(row[9]);
  if (out.owner == owner_) return out;
  ZHIYIN_TRY(const Instant time, now(session));
  out.owner_lives = !storage::is_null(row[10]) && as_int(row[10]) > time.us;
  return out;
}

Result<void> AnswerLog::write(Session& session, const SharedAnswer& shared) const {
  const AnswerRecord& r = shared.record;
  const Value answered = r.answered_at ? Value(r.answered_at->us) : Value();
  // An answer that was fetched is kept for that message, whatever is written about this one.
  ZHIYIN_TRY_VOID(session.execute(
      "INSERT INTO late_answer (account, key, owner, person, token, decision, reason, callbacks, "
      "opened_at, decided_at, answered_at, answer, question) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, "
      "?8, ?9, ?10, ?11, ?12, ?13) ON CONFLICT (account, key) DO UPDATE SET owner = "
      "excluded.owner, decision = excluded.decision, reason = excluded.reason, callbacks = "
      "excluded.callbacks, decided_at = excluded.decided_at, answered_at = excluded.answered_at, "
      "answer = CASE WHEN late_answer.fetched_by IS NULL THEN excluded.answer ELSE "
      "late_answer.answer END, question = CASE WHEN excluded.answered_at IS NULL THEN "
      "COALESCE(excluded.question, late_answer.question) END",
      {Value(r.account.value), Value(r.key), Value(shared.owner), Value(r.person), Value(r.token),
       Value(static_cast<std::int64_t>(r.decision)), Value(r.reason),
       Value(static_cast<std::int64_t>(r.callbacks)), Value(r.opened_at.us), Value(r.decided_at.us),
       answered, sealed(vault_, r.reply),
       r.answered_at ? Value() : sealed(vault_, shared.question)}));
  return {};
}

Result<void> AnswerLog::live(Session& session, Duration lease) const {
  ZHIYIN_TRY(const Instant time, now(session));
  ZHIYIN_TRY_VOID(session.execute(
      "INSERT INTO answer_desk (owner, lives_until) VALUES (?1, ?2) ON CONFLICT (owner) DO UPDATE "
      "SET lives_until = excluded.lives_until",
      {Value(owner_), Value((time + lease).us)}));
  return {};
}

Result<void> AnswerLog::leave() {
  return state_.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(session.execute("DELETE FROM answer_desk WHERE owner = ?1", {Value(owner_)}));
    return {};
  });
}

Result<std::vector<LeftAnswer>> AnswerLog::left(Instant now_here) {
  std::vector<LeftAnswer> out;
  ZHIYIN_TRY_VOID(state_.read([&](Session& session) -> Result<void> {
    out.clear();
    ZHIYIN_TRY(const Instant time, now(session));
    ZHIYIN_TRY(
        const storage::Rows found,
        session.query("SELECT a.account, a.key, a.person, a.token, a.decision, a.reason, "
                      "a.callbacks, a.opened_at, a.decided_at, a.question FROM late_answer a LEFT "
                      "JOIN answer_desk d ON d.owner = a.owner WHERE a.question IS NOT NULL AND "
                      "a.opened_at > ?1 AND a.owner <> ?2 AND (d.lives_until IS NULL OR "
                      "d.lives_until <= ?3) ORDER BY a.opened_at LIMIT ?4",
                      {Value((now_here - kKeep).us), Value(owner_), Value(time.us),
                       Value(static_cast<std::int64_t>(kLeftMax))}));
    for (const storage::Row& row : found.rows) {
      LeftAnswer one;
      one.record.account = AccountId(std::string(as_text(row[0])));
      one.record.key = as_text(row[1]);
      one.record.person = as_text(row[2]);
      one.record.token = as_text(row[3]);
      one.record.decision = static_cast<AnswerDecision>(as_int(row[4]));
      one.record.reason = as_text(row[5]);
      one.record.callbacks = static_cast<int>(as_int(row[6]));
      one.record.opened_at = {as_int(row[7])};
      one.record.decided_at = {as_int(row[8])};
      ZHIYIN_TRY(one.question, unsealed<LateQuestion>(vault_, row[9]));
      out.push_back(std::move(one));
    }
    return {};
  }));
  return out;
}

Result<std::optional<wechat::Reply>> AnswerLog::take(const AccountId& account,
                                                     std::string_view person,
                                                     std::string_view token, std::string_view by,
                                                     Instant now) {
  std::optional<wechat::Reply> out;
  ZHIYIN_TRY_VOID(state_.write([&](Session& session) -> Result<void> {
    out.reset();
    ZHIYIN_TRY(
        const storage::Rows again,
        session.query("SELECT answer FROM late_answer WHERE account = ?1 AND person = ?2 "
                      "AND fetched_by = ?3 AND answer IS NOT NULL",
                      {Value(account.value), Value(std::string(person)), Value(std::string(by))}));
    if (!again.rows.empty()) {
      ZHIYIN_TRY(out, unsealed<wechat::Reply>(vault_, again.rows[0][0]));
      return {};
    }
    ZHIYIN_TRY(
        const storage::Rows found,
        session.query("SELECT key, answer FROM late_answer WHERE account = ?1 AND person = ?2 AND "
                      "(token = ?3 OR CAST(?4 AS BIGINT) = 1) AND decision IN (3, 4) AND answer IS "
                      "NOT NULL AND fetched_by IS NULL AND "
                      "opened_at > ?5 ORDER BY opened_at DESC LIMIT 1",
                      {Value(account.value), Value(std::string(person)), Value(std::string(token)),
                       Value(static_cast<std::int64_t>(token.empty())), Value((now - kKeep).us)}));
    if (found.rows.empty()) return {};
    ZHIYIN_TRY(out, unsealed<wechat::Reply>(vault_, found.rows[0][1]));
    ZHIYIN_TRY_VOID(session.execute(
        "UPDATE late_answer SET decision = ?1, decided_at = ?2, fetched_by = ?5 WHERE account = "
        "?3 AND key = ?4",
        {Value(static_cast<std::int64_t>(AnswerDecision::kFetched)), Value(now.us),
         Value(account.value), found.rows[0][0], Value(std::string(by))}));
    return {};
  }));
  return out;
}

Result<std::optional<std::string>> AnswerLog::promised(const AccountId& account,
                                                       std::string_view person,
                                                       std::string_view token, Instant now_here) {
  std::optional<std::string> out;
  ZHIYIN_TRY_VOID(state_.read([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(const Instant time, now(session));
    ZHIYIN_TRY(
        const storage::Rows found,
        session.query(
            "SELECT a.token FROM late_answer a JOIN answer_desk d ON d.owner = a.owner WHERE "
            "a.account = ?1 AND a.person = ?2 AND (a.token = ?3 OR CAST(?4 AS BIGINT) = 1) AND "
            "a.decision IN (3, 4) AND a.answered_at IS NULL AND a.opened_at > ?5 AND "
            "d.lives_until > ?6 ORDER BY a.opened_at DESC LIMIT 1",
            {Value(account.value), Value(std::string(person)), Value(std::string(token)),
             Value(static_cast<std::int64_t>(token.empty())), Value((now_here - kKeep).us),
             Value(time.us)}));
    if (!found.rows.empty()) out = as_text(found.rows[0][0]);
    return {};
  }));
  return out;
}

Result<std::vector<AnswerRecord>> AnswerLog::list(const AccountId& account, std::size_t limit,
                                                  const wechat::ListPlace& place) {
  ZHIYIN_TRY(const storage::Rows found,
             state_.query(
                 "SELECT key, decision, reason, callbacks, opened_at, decided_at, "
                 "answered_at FROM late_answer WHERE account = ?1 AND (opened_at < ?3 OR "
                 "(opened_at = ?3 AND key > ?4)) ORDER BY opened_at DESC, key LIMIT ?2",
                 {Value(account.value), Value(static_cast<std::int64_t>(std::min(limit, kListMax))),
                  Value(place.at.us), Value(place.key)}));
  std::vector<AnswerRecord> out;
  for (const storage::Row& row : found.rows) {
    AnswerRecord r;
    r.account = account;
    r.key = as_text(row[0]);
    r.decision = static_cast<AnswerDecision>(as_int(row[1]));
    r.reason = as_text(row[2]);
    r.callbacks = static_cast<int>(as_int(row[3]));
    r.opened_at = {as_int(row[4])};
    r.decided_at = {as_int(row[5])};
    if (!storage::is_null(row[6])) r.answered_at = Instant{as_int(row[6])};
    out.push_back(std::move(r));
  }
  return out;
}

Result<std::int64_t> AnswerLog::trim(Instant now) {
  std::int64_t removed = 0;
  ZHIYIN_TRY_VOID(state_.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(removed, session.execute("DELETE FROM late_answer WHERE opened_at <= ?1",
                                        {Value((now - kKeep).us)}));
    ZHIYIN_TRY(const Instant time, this->now(session));
    ZHIYIN_TRY_VOID(session.execute("DELETE FROM answer_desk WHERE lives_until < ?1",
                                    {Value((time - kKeep).us)}));
    return {};
  }));
  return removed;
}

}  // namespace zhiyin::delivery
