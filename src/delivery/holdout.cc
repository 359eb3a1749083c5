#include "delivery/holdout.h"

#include "statistics/assignment.h"

namespace zhiyin::delivery {

bool Holdout::would_hold_out(const CampaignId& campaign, const PersonId& person, double share) {
  return statistics::is_held_out(campaign.value, person.value, share);
}

Result<bool> Holdout::assign(storage::Session& session, const CampaignId& campaign,
                             const PersonId& person, const storage::IdentityHash& identity,
                             double share, Instant now) {
  const bool held_out = would_hold_out(campaign, person, share);
  ZHIYIN_TRY(
      const std::int64_t added,
      session.execute("INSERT INTO holdout (campaign, person, identity, held_out, assigned_at)"
                      " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (campaign, person) DO NOTHING",
                      {campaign.value, person.value, storage::to_blob(identity),
                       std::int64_t{held_out}, now.us}));
  if (added == 1) return held_out;
  ZHIYIN_TRY(const storage::Rows rows,
             session.query("SELECT held_out FROM holdout WHERE campaign = ?1 AND person = ?2",
                           {campaign.value, person.value}));
  return !rows.rows.empty() && storage::as_int(rows.rows[0][0]) != 0;
}

Result<std::vector<Assignment>> Holdout::list(storage::Session& session, const CampaignId& campaign,
                                              const PersonId& after, std::size_t limit) {
  ZHIYIN_TRY(const storage::Rows rows,
             session.query("SELECT person, identity, held_out FROM holdout WHERE campaign = ?1 "
                           "AND person > ?2 ORDER BY person LIMIT ?3",
                           {campaign.value, after.value, static_cast<std::int64_t>(limit)}));
  std::vector<Assignment> out;
  out.reserve(rows.rows.size());
  for (const storage::Row& row : rows.rows) {
    out.push_back({PersonId(std::string(storage::as_text(row[0]))), storage::from_blob(row[1]),
                   storage::as_int(row[2]) != 0});
  }
  return out;
}

}  // namespace zhiyin::delivery
