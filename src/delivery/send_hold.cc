#include "delivery/send_hold.h"

#include "base/utf8.h"
#include "wechat/error_table.h"

namespace zhiyin::delivery {

namespace {

using storage::as_int;
using storage::as_text;
using storage::Session;

SendHold hold_from(const AccountId& account, const storage::Row& row) {
  SendHold hold{account,
                {as_int(row[0])},
                as_int(row[1]),
                std::string(as_text(row[2])),
                {},
                std::string(as_text(row[4]))};
  if (!storage::is_null(row[3])) hold.released_at = Instant{as_int(row[3])};
  return hold;
}

}  // namespace

bool SendHolds::begins_with(std::int64_t errcode) { return wechat::blocks_account(errcode); }

Result<std::optional<SendHold>> SendHolds::find(Session& session, const AccountId& account) {
  ZHIYIN_TRY(const storage::Rows rows,
             session.query("SELECT since, errcode, error, released_at, released_by FROM send_hold "
                           "WHERE account = ?1 AND released_at IS NULL",
                           {account.value}));
  if (rows.rows.empty()) return std::optional<SendHold>();
  return std::optional(hold_from(account, rows.rows[0]));
}

Result<bool> SendHolds::is_held(Session& session, const AccountId& account) {
  ZHIYIN_TRY(const storage::Rows rows,
             session.query("SELECT 1 FROM send_hold WHERE account = ?1 AND released_at IS NULL",
                           {account.value}));
  return !rows.rows.empty();
}

Result<void> SendHolds::note(Session& session, const AccountId& account, std::int64_t errcode,
                             std::string_view error, Instant now) {
  if (!begins_with(errcode)) return {};
  ZHIYIN_TRY_VOID(session.execute("DELETE FROM send_hold WHERE account = ?1 AND released_at < ?2",
                                  {account.value, (now - kKeep).us}));
  ZHIYIN_TRY(const bool was_held, is_held(session, account));
  if (was_held) return {};
  ZHIYIN_TRY_VOID(
      session.execute("INSERT INTO send_hold (account, since, errcode, error, released_by) "
                      "VALUES (?1, ?2, ?3, ?4, '') ON CONFLICT (account, since) DO UPDATE SET "
                      "errcode = ?3, error = ?4, released_at = NULL, released_by = ''",
                      {account.value, now.us, errcode, utf8::cleaned(error)}));
  return {};
}

Result<bool> SendHolds::release(Session& session, const AccountId& account, std::string_view by,
                                Instant now) {
  ZHIYIN_TRY(const std::int64_t rows,
             session.execute("UPDATE send_hold SET released_at = ?2, released_by = ?3 "
                             "WHERE account = ?1 AND released_at IS NULL",
                             {account.value, now.us, std::string(by)}));
  return rows != 0;
}

Result<std::vector<SendHold>> SendHolds::list(Session& session, const AccountId& account,
                                              std::size_t limit, Instant before) {
  ZHIYIN_TRY(const storage::Rows rows,
             session.query("SELECT since, errcode, error, released_at, released_by FROM send_hold "
                           "WHERE account = ?1 AND since < ?2 ORDER BY since DESC LIMIT ?3",
                           {account.value, before.us, static_cast<std::int64_t>(limit)}));
  std::vector<SendHold> out;
  for (const storage::Row& row : rows.rows) out.push_back(hold_from(account, row));
  return out;
}

}  // namespace zhiyin::delivery
