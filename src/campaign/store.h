#pragma once

#include <optional>
#include <span>
#include <vector>

#include "campaign/campaign.h"
#include "storage/state.h"

namespace zhiyin::campaign {

std::span<const storage::Migration> migrations();

/// Campaigns in state. Thread-safe.
class Campaigns {
 public:
  explicit Campaigns(storage::State& state) : state_(state) {}

  /// In order of id, after `after`; without progress.
  [[nodiscard]] Result<std::vector<Campaign>> list(const CampaignId& after,
                                                   std::size_t limit) const;
  /// Running and paused ones, then those that ended, each by start, newest first; no drafts.
  /// Without progress.
  [[nodiscard]] Result<std::vector<Campaign>> newest(std::size_t limit) const;
  /// With progress. kNotFound.
  [[nodiscard]] Result<Campaign> get(const CampaignId& id) const;
  /// Creates (`if_match` absent or 0) or replaces a draft. kConflict when the stored version is not
  /// `if_match`, when it exists and no `if_match` came, or when it is no draft any more. Checks
  /// with `validate`. Read-only members of `campaign` are ignored.
  [[nodiscard]] Result<Campaign> put(Campaign campaign, std::optional<std::int64_t> if_match,
                                     Instant now);
  /// As `put` with whatever version is there; an equal definition changes nothing, in any state.
  /// For `zhiyin campaign apply FILE`.
  [[nodiscard]] Result<Campaign> apply(Campaign campaign, Instant now);
  /// Drafts only; kConflict otherwise (what was sent must stay explainable).
  [[nodiscard]] Result<void> remove(const CampaignId& id);

  /// Within a transaction of the caller: without progress.
  static Result<Campaign> load(storage::Session& session, const CampaignId& id);

 private:
  storage::State& state_;
};

}  // namespace zhiyin::campaign
