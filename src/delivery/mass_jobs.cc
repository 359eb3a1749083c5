#include "delivery/mass_jobs.h"

namespace zhiyin::delivery {

using storage::as_int;
using storage::as_text;

Result<std::vector<MassJob>> recent_mass_jobs(storage::Session& session,
                                              const std::optional<AccountId>& account,
                                              std::size_t limit) {
  ZHIYIN_TRY(
      const storage::Rows rows,
      session.query("SELECT b.id, b.campaign, b.account, b.size, b.state, b.attempt, "
                    "b.is_uncertain, b.provider_id, b.error, b.created_at, r.status, r.sent, "
                    "r.failed, r.filtered FROM send_batch b LEFT JOIN mass_result r "
                    "ON r.account = b.account AND r.msg_id = b.provider_id AND b.provider_id <> '' "
                    "WHERE b.account = ?1 OR CAST(?2 AS BIGINT) = 1 "
                    "ORDER BY b.created_at DESC, b.id LIMIT ?3",
                    {account ? account->value : std::string(), std::int64_t{!account},
                     static_cast<std::int64_t>(limit)}));
  std::vector<MassJob> out;
  for (const storage::Row& row : rows.rows) {
    MassJob job;
    job.id = as_text(row[0]);
    job.campaign = CampaignId(std::string(as_text(row[1])));
    job.account = AccountId(std::string(as_text(row[2])));
    job.size = as_int(row[3]);
    job.state = static_cast<TouchState>(as_int(row[4]));
    job.attempt = static_cast<int>(as_int(row[5]));
    job.is_uncertain = as_int(row[6]) != 0;
    job.provider_id = as_text(row[7]);
    job.error = as_text(row[8]);
    job.created_at = {as_int(row[9])};
    job.status = as_text(row[10]);
    job.delivered = as_int(row[11]);
    job.failed = as_int(row[12]);
    job.filtered = as_int(row[13]);
    out.push_back(std::move(job));
  }
  return out;
}

Result<std::vector<SilentJob>> silent_mass_jobs(storage::Session& session, Instant from,
                                                Instant until, std::size_t limit) {
  ZHIYIN_TRY(
      const storage::Rows rows,
      session.query("SELECT b.account, b.provider_id FROM send_batch b WHERE b.state = ?1 "
                    "AND b.created_at >= ?2 AND b.created_at < ?3 AND b.provider_id <> '' AND NOT "
                    "EXISTS (SELECT 1 FROM mass_result r WHERE r.account = b.account AND r.msg_id "
                    "= b.provider_id) ORDER BY b.created_at, b.id LIMIT ?4",
                    {static_cast<std::int64_t>(TouchState::kSent), from.us, until.us,
                     static_cast<std::int64_t>(limit)}));
  std::vector<SilentJob> out;
  for (const storage::Row& row : rows.rows) {
    out.push_back({AccountId(std::string(as_text(row[0]))), std::string(as_text(row[1]))});
  }
  return out;
}

Result<void> ask_about_mass_job(storage::State& state, const wechat::Accounts& accounts,
                                wechat::OfficialAccountApi& api, const SilentJob& job,
                                Instant now) {
  const Result<wechat::Account> account = accounts.get(job.account);
  if (!account) {
    return account.error().code == ErrorCode::kNotFound ? Result<void>()
                                                        : std::unexpected(account.error());
  }
  const auto status = api.mass_status_and_wait(wechat::api_account(*account), job.msg_id);
  if (!status) return std::unexpected(status.error().error());
  if (*status != wechat::MassStatus::kFailed) return {};
  MassTotals totals;
  totals.status = "send fail";
  return state.write([&](storage::Session& session) {
    return SendLedger::record_mass_result(session, job.account, job.msg_id, totals, now);
  });
}

}  // namespace zhiyin::delivery
