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

Value sealed(const storage::Vault& vault, const std::optional<wechat::Reply>& reply) {
  if (!reply) return {};
  return Blob{vault.seal_secret(Secret(to_json(*reply).dump()), kContext)};
}

Result<wechat::Reply> unsealed(const storage::Vault& vault, const Value& cell) {
  ZHIYIN_TRY(const Secret text, vault.unseal_secret(as_text(cell), kContext));
  ZHIYIN_TRY(const Json json, parse_json(text.reveal()));
  return from_json<wechat::Reply>(json);
}

}  // namespace

Result<std::vector<bool>> AnswerLog::record(std::span<const AnswerRecord> records) {
  std::vector<bool> ours;
  if (records.empty()) return ours;
  ZHIYIN_TRY_VOID(state_.write([&](Session& session) -> Result<void> {
    ours.clear();
    for (const AnswerRecord& r : records) {
      const Value answered = r.answered_at ? Value(r.answered_at->us) : Value();
      ZHIYIN_TRY(
          const std::int64_t written,
          session.execute(
              "INSERT INTO late_answer (account, key, owner, person, token, decision, reason, "
              "callbacks, opened_at, decided_at, answered_at, answer) VALUES (?1, ?2, ?3, ?4, ?5, "
              "?6, "
              "?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT (account, key) DO UPDATE SET decision = "
              "excluded.decision, reason = excluded.reason, callbacks = excluded.callbacks, "
              "decided_at "
              "= excluded.decided_at, answered_at = excluded.answered_at, answer = excluded.answer "
              "WHERE late_answer.owner = excluded.owner",
              {Value(r.account.value), Value(r.key), Value(owner_), Value(r.person), Value(r.token),
               Value(static_cast<std::int64_t>(r.decision)), Value(r.reason),
               Value(static_cast<std::int64_t>(r.callbacks)), Value(r.opened_at.us),
               Value(r.decided_at.us), answered, sealed(vault_, r.reply)}));
      ours.push_back(written > 0);
    }
    return {};
  }));
  return ours;
}

Result<std::optional<wechat::Reply>> AnswerLog::take(const AccountId& account,
                                                     std::string_view person,
                                                     std::string_view token, Instant now) {
  std::optional<wechat::Reply> out;
  ZHIYIN_TRY_VOID(state_.write([&](Session& session) -> Result<void> {
    out.reset();
    ZHIYIN_TRY(
        const storage::Rows found,
        session.query("SELECT key, answer FROM late_answer WHERE account = ?1 AND person = ?2 AND "
                      "(token = ?3 OR CAST(?4 AS BIGINT) = 1) AND decision IN (3, 4) AND answer IS "
                      "NOT NULL AND "
                      "opened_at > ?5 ORDER BY opened_at DESC LIMIT 1",
                      {Value(account.value), Value(std::string(person)), Value(std::string(token)),
                       Value(static_cast<std::int64_t>(token.empty())), Value((now - kKeep).us)}));
    if (found.rows.empty()) return {};
    ZHIYIN_TRY(out, unsealed(vault_, found.rows[0][1]));
    ZHIYIN_TRY_VOID(session.execute(
        "UPDATE late_answer SET decision = ?1, decided_at = ?2, answer = NULL WHERE account = ?3 "
        "AND key = ?4",
        {Value(static_cast<std::int64_t>(AnswerDecision::kFetched)), Value(now.us),
         Value(account.value), found.rows[0][0]}));
    return {};
  }));
  return out;
}

Result<std::vector<AnswerRecord>> AnswerLog::list(const AccountId& account, std::size_t limit) {
  ZHIYIN_TRY(const storage::Rows found,
             state_.query("SELECT key, decision, reason, callbacks, opened_at, decided_at, "
                          "answered_at FROM late_answer WHERE account = ?1 ORDER BY opened_at "
                          "DESC, key LIMIT ?2",
                          {Value(account.value),
                           Value(static_cast<std::int64_t>(std::min(limit, kListMax)))}));
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
    return {};
  }));
  return removed;
}

}  // namespace zhiyin::delivery
