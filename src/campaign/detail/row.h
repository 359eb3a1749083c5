#pragma once

#include "campaign/campaign.h"
#include "storage/state.h"

namespace zhiyin::campaign::detail {

/// A row of table `campaign`: the campaign and how far its run has come.
struct StoredCampaign {
  Campaign campaign;
  std::string cursor;       ///< the last person of the audience that was decided on
  bool is_planned = false;  ///< the whole audience was
  bool is_open = false;     ///< started, and something may be left to do
};

/// Whether operators wrote the same. Pure.
bool same_definition(const Campaign& a, const Campaign& b);

/// kNotFound when there is none.
Result<StoredCampaign> load(storage::Session& session, const CampaignId& id);
/// In order of id, after `after`.
Result<std::vector<StoredCampaign>> load_page(storage::Session& session, const CampaignId& after,
                                              std::size_t limit);
/// Running and paused ones, then those that ended, each newest first; no drafts.
Result<std::vector<StoredCampaign>> load_newest(storage::Session& session, std::size_t limit);
/// Ids of those with something left to do.
Result<std::vector<CampaignId>> open_ids(storage::Session& session);
Result<void> insert(storage::Session& session, const StoredCampaign& row);
/// Replaces the definition and version; the run stays as it is.
Result<void> save_definition(storage::Session& session, const StoredCampaign& row);
/// Replaces everything about the run; the definition stays as it is.
Result<void> save_run(storage::Session& session, const StoredCampaign& row);

}  // namespace zhiyin::campaign::detail
