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

}  // namespace zhiyin::delivery
