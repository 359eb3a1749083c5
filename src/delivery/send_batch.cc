#include <cctype>

#include "base/utf8.h"
#include "delivery/content_json.h"
#include "delivery/detail/own_event.h"
#include "delivery/quota_ledger.h"
#include "delivery/touch.h"
#include "storage/in_list.h"

namespace zhiyin::delivery {

using storage::as_int;
using storage::as_text;
using storage::Row;
using storage::Rows;
using storage::Session;

namespace {

constexpr std::string_view kBatchColumns =
    "id, campaign, account, chunk, size, state, content, created_at, due_at, attempt, "
    "is_uncertain, "
    "provider_id, error, quota_period";

Result<SendBatch> batch_from(const Row& row) {
  const auto text = [&](std::size_t i) { return std::string(as_text(row[i])); };
  SendBatch b;
  b.id = text(0);
  b.campaign = CampaignId(text(1));
  b.account = AccountId(text(2));
  b.chunk = as_int(row[3]);
  b.size = as_int(row[4]);
  b.state = static_cast<TouchState>(as_int(row[5]));
  ZHIYIN_TRY(const Json content, parse_json(as_text(row[6])));
  ZHIYIN_TRY(b.content, from_json<Content>(content));
  b.created_at = {as_int(row[7])};
  b.due_at = {as_int(row[8])};
  b.attempt = static_cast<int>(as_int(row[9]));
  b.is_uncertain = as_int(row[10]) != 0;
  b.provider_id = text(11);
  b.error = text(12);
  b.quota_period = as_int(row[13]);
  return b;
}

/// `send success`, however it is spelt.
bool is_success(std::string_view status) {
  std::string plain;
  for (const char c : status) {
    if (c != ' ' && c != '_')
      plain.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  }
  return plain == "sendsuccess";
}

/// The whole job reached nobody: its touches have failed, its call does not count.
Result<void> fail_batch(Session& session, SendBatch batch, std::string_view status, Instant now) {
  if (batch.state == TouchState::kFailed) return {};
  const bool was_counted = batch.state == TouchState::kSent || batch.state == TouchState::kUnknown;
  batch.state = TouchState::kFailed;
  batch.error = std::string(status);
  ZHIYIN_TRY_VOID(SendLedger::put_batch(session, batch));
  if (was_counted) {
    ZHIYIN_TRY_VOID(QuotaLedger::give_back(
        session, {batch.account, ChannelKind::kMass, batch.quota_period}, 1));
  }
  ZHIYIN_TRY(std::vector<Touch> touches, SendLedger::of_batch(session, batch.id));
  std::erase_if(touches, [](const Touch& t) { return t.state == TouchState::kFailed; });
  ZHIYIN_TRY_VOID(session.execute(
      "UPDATE touch SET state = ?2, error = ?3 WHERE batch = ?1 AND batch <> '' AND state <> ?2",
      {batch.id, static_cast<std::int64_t>(TouchState::kFailed), utf8::cleaned(status)}));
  return detail::tell_all(session, touches, enum_name(TouchState::kFailed), now);
}

}  // namespace

Result<void> SendLedger::start_batch(Session& session, std::span<const TouchId> touches,
                                     const SendBatch& batch) {
  constexpr std::size_t kFirst = 5;
  while (!touches.empty()) {
    const std::size_t n = storage::list_size(touches.size());
    std::vector<storage::Value> values = {static_cast<std::int64_t>(TouchState::kSending),
                                          batch.created_at.us, batch.id, batch.quota_period};
    for (const TouchId& id : touches.first(n)) values.emplace_back(id.value);
    ZHIYIN_TRY(const std::int64_t rows,
               session.execute(fmt::format("UPDATE touch SET state = ?1, sent_at = ?2, batch = ?3, "
                                           "quota_period = ?4, attempt = attempt + 1 "
                                           "WHERE id IN ({}) AND state = {}",
                                           storage::placeholders(kFirst, n),
                                           static_cast<int>(TouchState::kPlanned)),
                               std::span<const storage::Value>(values)));
    if (rows != static_cast<std::int64_t>(n))
      return fail(ErrorCode::kConflict, "batch: {} of {} touches are planned", rows, n);
    touches = touches.subspan(n);
  }
  return {};
}

Result<void> SendLedger::end_batch(Session& session, const SendBatch& batch,
                                   std::span<const Touch> touches, Instant now) {
  std::vector<Touch> read;
  if (touches.empty()) {
    ZHIYIN_TRY(read, of_batch(session, batch.id));
    std::erase_if(read, [](const Touch& t) { return t.state != TouchState::kSending; });
    touches = read;
  }
  ZHIYIN_TRY(
      const std::int64_t rows,
      session.execute(
          "UPDATE touch SET state = ?3, provider_id = ?4, error = ?5, is_uncertain = 0 "
          "WHERE batch = ?1 AND batch <> '' AND state = ?2",
          {batch.id, static_cast<std::int64_t>(TouchState::kSending),
           static_cast<std::int64_t>(batch.state), batch.provider_id, utf8::cleaned(batch.error)}));
  if (rows != static_cast<std::int64_t>(touches.size())) {
    // Somebody was erased since, or settled otherwise.
    ZHIYIN_TRY(read, of_batch(session, batch.id));
    std::erase_if(read, [&](const Touch& t) { return t.state != batch.state; });
    touches = read;
  }
  return detail::tell_all(session, touches, enum_name(batch.state), now);
}

Result<void> SendLedger::plan_batch_again(Session& session, const SendBatch& batch,
                                          Instant not_before) {
  ZHIYIN_TRY_VOID(
      session.execute("UPDATE touch SET state = ?3, sent_at = NULL, batch = '', quota_period = 0,"
                      " is_uncertain = 0, provider_id = ?4, error = ?5,"
                      " due_at = CASE WHEN due_at < ?6 THEN ?6 ELSE due_at END"
                      " WHERE batch = ?1 AND batch <> '' AND state = ?2",
                      {batch.id, static_cast<std::int64_t>(TouchState::kSending),
                       static_cast<std::int64_t>(TouchState::kPlanned), batch.provider_id,
                       utf8::cleaned(batch.error), not_before.us}));
  return {};
}

Result<void> SendLedger::put_batch(Session& session, const SendBatch& b) {
  static const std::string kSql = fmt::format(
      "INSERT INTO send_batch ({}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, "
      "?14) ON CONFLICT (id) DO UPDATE SET size = ?5, state = ?6, due_at = ?9, attempt = ?10, "
      "is_uncertain = ?11, provider_id = ?12, error = ?13, quota_period = ?14",
      kBatchColumns);
  ZHIYIN_TRY_VOID(session.execute(
      kSql,
      {b.id, b.campaign.value, b.account.value, b.chunk, b.size, static_cast<std::int64_t>(b.state),
       to_json(b.content).dump(), b.created_at.us, b.due_at.us, std::int64_t{b.attempt},
       std::int64_t{b.is_uncertain}, b.provider_id, utf8::cleaned(b.error), b.quota_period}));
  return {};
}

Result<std::optional<SendBatch>> SendLedger::find_batch(Session& session, std::string_view id) {
  static const std::string kSql =
      fmt::format("SELECT {} FROM send_batch WHERE id = ?1", kBatchColumns);
  ZHIYIN_TRY(const Rows rows, session.query(kSql, {std::string(id)}));
  if (rows.rows.empty()) return std::optional<SendBatch>();
  ZHIYIN_TRY(SendBatch batch, batch_from(rows.rows[0]));
  return std::optional(std::move(batch));
}

Result<std::vector<SendBatch>> SendLedger::batches(Session& session, const CampaignId& campaign) {
  static const std::string kSql =
      fmt::format("SELECT {} FROM send_batch WHERE campaign = ?1 ORDER BY chunk", kBatchColumns);
  ZHIYIN_TRY(const Rows rows, session.query(kSql, {campaign.value}));
  std::vector<SendBatch> out;
  for (const Row& row : rows.rows) {
    ZHIYIN_TRY(SendBatch batch, batch_from(row));
    out.push_back(std::move(batch));
  }
  return out;
}

Result<void> SendLedger::record_mass_result(Session& session, const AccountId& account,
                                            std::string_view msg_id, const MassTotals& totals,
                                            Instant now) {
  ZHIYIN_TRY_VOID(session.execute(
      "INSERT INTO mass_result (account, msg_id, status, total, filtered, sent, failed, at) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (account, msg_id) DO UPDATE SET "
      "status = ?3, total = ?4, filtered = ?5, sent = ?6, failed = ?7, at = ?8",
      {account.value, std::string(msg_id), totals.status, totals.total, totals.filtered,
       totals.sent, totals.failed, now.us}));
  static const std::string kSql = fmt::format(
      "SELECT {} FROM send_batch WHERE account = ?1 AND provider_id = ?2 AND provider_id <> ''",
      kBatchColumns);
  ZHIYIN_TRY(const Rows rows, session.query(kSql, {account.value, std::string(msg_id)}));
  for (const Row& row : rows.rows) {
    ZHIYIN_TRY(const SendBatch batch, batch_from(row));
    ZHIYIN_TRY_VOID(settle_mass_result(session, batch, now));
  }
  return {};
}

Result<void> SendLedger::settle_mass_result(Session& session, const SendBatch& batch, Instant now) {
  ZHIYIN_TRY(const Rows rows,
             session.query("SELECT status FROM mass_result WHERE account = ?1 AND msg_id = ?2",
                           {batch.account.value, batch.provider_id}));
  if (rows.rows.empty() || is_success(as_text(rows.rows[0][0]))) return {};
  return fail_batch(session, batch, as_text(rows.rows[0][0]), now);
}

Result<std::optional<MassTotals>> SendLedger::mass_totals(Session& session,
                                                          const CampaignId& campaign) {
  ZHIYIN_TRY(const Rows rows,
             session.query("SELECT COUNT(*), SUM(r.total), SUM(r.filtered), SUM(r.sent), "
                           "SUM(r.failed) FROM send_batch b JOIN mass_result r "
                           "ON r.account = b.account AND r.msg_id = b.provider_id "
                           "WHERE b.campaign = ?1 AND b.provider_id <> ''",
                           {campaign.value}));
  if (rows.rows.empty() || as_int(rows.rows[0][0]) == 0) return std::optional<MassTotals>();
  const Row& row = rows.rows[0];
  return std::optional(
      MassTotals{"", as_int(row[1]), as_int(row[2]), as_int(row[3]), as_int(row[4])});
}

}  // namespace zhiyin::delivery
