#include "delivery/holdout.h"

#include "statistics/assignment.h"
#include "storage/in_list.h"

namespace zhiyin::delivery {

namespace {

constexpr std::size_t kRowsMax = 32;  // of a statement

/// Some of the page had their place already: it stands, whatever was just computed. `out` ends with
/// the page.
Result<void> read_back(storage::Session& session, const CampaignId& campaign,
                       std::span<const Candidate> page, std::vector<bool>& out) {
  for (std::size_t i = 0; i < page.size(); ++i) {
    ZHIYIN_TRY(const storage::Rows rows,
               session.query("SELECT held_out FROM holdout WHERE campaign = ?1 AND person = ?2",
                             {campaign.value, page[i].person.value}));
    out[out.size() - page.size() + i] = !rows.rows.empty() && storage::as_int(rows.rows[0][0]) != 0;
  }
  return {};
}

}  // namespace

bool Holdout::would_hold_out(const CampaignId& campaign, const PersonId& person, double share) {
  return statistics::is_held_out(campaign.value, person.value, share);
}

Result<std::vector<bool>> Holdout::assign(storage::Session& session, const CampaignId& campaign,
                                          std::span<const Candidate> people, double share,
                                          Instant now) {
  constexpr std::size_t kColumns = 5;
  std::vector<bool> out;
  out.reserve(people.size());
  for (std::span<const Candidate> left = people; !left.empty();) {
    const std::span<const Candidate> page = left.first(storage::list_size(left.size(), kRowsMax));
    std::vector<storage::Value> values;
    for (const Candidate& one : page) {
      out.push_back(would_hold_out(campaign, one.person, share));
      values.insert(values.end(), {campaign.value, one.person.value, storage::to_blob(one.identity),
                                   std::int64_t{out.back()}, now.us});
    }
    ZHIYIN_TRY(
        const std::int64_t added,
        session.execute(
            fmt::format("INSERT INTO holdout (campaign, person, identity, held_out, assigned_at)"
                        " VALUES {} ON CONFLICT (campaign, person) DO NOTHING",
                        storage::rows_of_placeholders(page.size(), kColumns)),
            std::span<const storage::Value>(values)));
    if (added != static_cast<std::int64_t>(page.size())) {
      ZHIYIN_TRY_VOID(read_back(session, campaign, page, out));
    }
    left = left.subspan(page.size());
  }
  return out;
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
