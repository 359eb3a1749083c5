#include "delivery/grants.h"

namespace zhiyin::delivery {
namespace {

using storage::Session;
using storage::Value;

std::vector<Value> key_of(const GrantHolder& holder, std::string_view template_id) {
  return {storage::to_blob(holder.identity), holder.account.value, std::string(template_id)};
}

}  // namespace

std::string once_grant(std::string_view template_id, std::int64_t scene) {
  return fmt::format("once:{}:{}", template_id, scene);
}

Result<void> Grants::add(Session& session, const GrantHolder& holder, std::string_view template_id,
                         Instant at) {
  std::vector<Value> values = key_of(holder, template_id);
  values.emplace_back(at.us);
  ZHIYIN_TRY_VOID(
      session.execute("INSERT INTO message_grant (identity, account, template, remaining, at) "
                      "VALUES (?1, ?2, ?3, 1, ?4) ON CONFLICT (identity, account, template) "
                      "DO UPDATE SET remaining = message_grant.remaining + 1, at = ?4 "
                      "WHERE message_grant.at <= ?4 OR message_grant.remaining > 0",
                      values));
  return {};
}

Result<void> Grants::revoke(Session& session, const GrantHolder& holder,
                            std::string_view template_id, Instant at) {
  std::vector<Value> values = key_of(holder, template_id);
  values.emplace_back(at.us);
  ZHIYIN_TRY_VOID(
      session.execute("INSERT INTO message_grant (identity, account, template, remaining, at) "
                      "VALUES (?1, ?2, ?3, 0, ?4) ON CONFLICT (identity, account, template) "
                      "DO UPDATE SET remaining = 0, at = ?4 WHERE message_grant.at <= ?4",
                      values));
  return {};
}

Result<bool> Grants::take(Session& session, const GrantHolder& holder, std::string_view template_id,
                          bool keeps) {
  std::vector<Value> values = key_of(holder, template_id);
  values.emplace_back(std::int64_t{keeps ? 0 : 1});
  ZHIYIN_TRY(const std::int64_t rows,
             session.execute("UPDATE message_grant SET remaining = remaining - ?4 WHERE identity = "
                             "?1 AND account = ?2 AND template = ?3 AND remaining > 0",
                             values));
  return rows > 0;
}

Result<void> Grants::give_back(Session& session, const GrantHolder& holder,
                               std::string_view template_id) {
  ZHIYIN_TRY_VOID(
      session.execute("UPDATE message_grant SET remaining = remaining + 1 WHERE "
                      "identity = ?1 AND account = ?2 AND template = ?3",
                      key_of(holder, template_id)));
  return {};
}

Result<void> Grants::exhaust(Session& session, const GrantHolder& holder,
                             std::string_view template_id) {
  ZHIYIN_TRY_VOID(
      session.execute("UPDATE message_grant SET remaining = 0 WHERE identity = ?1 AND "
                      "account = ?2 AND template = ?3",
                      key_of(holder, template_id)));
  return {};
}

Result<std::vector<Grant>> Grants::list(Session& session, const GrantHolder& holder) {
  ZHIYIN_TRY(const storage::Rows rows,
             session.query("SELECT template, remaining, at FROM message_grant WHERE identity = ?1 "
                           "AND account = ?2 ORDER BY template",
                           {storage::to_blob(holder.identity), holder.account.value}));
  std::vector<Grant> out;
  for (const storage::Row& row : rows.rows) {
    out.push_back({std::string(storage::as_text(row[0])), storage::as_int(row[1]),
                   Instant{storage::as_int(row[2])}});
  }
  return out;
}

}  // namespace zhiyin::delivery
