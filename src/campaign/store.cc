#include "campaign/store.h"

#include "campaign/detail/row.h"
#include "delivery/touch.h"

namespace zhiyin::campaign {

using delivery::TouchState;
using detail::StoredCampaign;
using storage::Session;

namespace {

constexpr storage::Migration kMigrations[] = {
    {"campaign-001-campaign",
     "CREATE TABLE campaign ("
     " id TEXT PRIMARY KEY, definition TEXT NOT NULL, version BIGINT NOT NULL, state BIGINT NOT "
     "NULL,"
     " created_at BIGINT NOT NULL, started_at BIGINT, exposed_at BIGINT, finished_at BIGINT,"
     " waiting_until BIGINT, note TEXT NOT NULL, cursor TEXT NOT NULL, is_planned BIGINT NOT NULL,"
     " is_open BIGINT NOT NULL)"},
};

constexpr std::int64_t kAnyVersion = -1;

Progress progress_of(const delivery::TouchCounts& counts) {
  return {counts.total(),
          counts.of(TouchState::kPlanned),
          counts.of(TouchState::kHeldOut),
          counts.of(TouchState::kRefused),
          counts.of(TouchState::kSending),
          counts.of(TouchState::kSent),
          counts.of(TouchState::kFailed),
          counts.of(TouchState::kUnknown),
          counts.of(TouchState::kCancelled)};
}

Result<void> create(Session& session, Campaign campaign, Instant now) {
  campaign.version = 1;
  campaign.state = CampaignState::kDraft;
  campaign.created_at = now;
  return detail::insert(session, {std::move(campaign), {}, false, false});
}

Result<void> replace(Session& session, StoredCampaign stored, Campaign campaign,
                     std::int64_t if_match) {
  const Campaign& old = stored.campaign;
  if (if_match == kAnyVersion && detail::same_definition(old, campaign)) return {};
  if (if_match != kAnyVersion && if_match != old.version) {
    return fail(ErrorCode::kConflict, "campaign: {} is at version {}, not {}", old.id.value,
                old.version, if_match);
  }
  if (old.state != CampaignState::kDraft) {
    return fail(ErrorCode::kConflict, "campaign: {} is {}, only drafts can be changed",
                old.id.value, enum_name(old.state));
  }
  campaign.version = old.version + 1;
  stored.campaign = std::move(campaign);
  return detail::save_definition(session, stored);
}

Result<void> put_in(Session& session, const Campaign& campaign, std::int64_t if_match,
                    Instant now) {
  Result<StoredCampaign> stored = detail::load(session, campaign.id);
  if (stored) return replace(session, std::move(*stored), campaign, if_match);
  if (stored.error().code != ErrorCode::kNotFound) return std::unexpected(stored.error());
  if (if_match > 0) {
    return fail(ErrorCode::kConflict, "campaign: {} does not exist, so it is not at version {}",
                campaign.id.value, if_match);
  }
  return create(session, campaign, now);
}

}  // namespace

std::span<const storage::Migration> migrations() { return kMigrations; }

Result<Campaign> Campaigns::load(Session& session, const CampaignId& id) {
  ZHIYIN_TRY(StoredCampaign stored, detail::load(session, id));
  return std::move(stored.campaign);
}

Result<std::vector<Campaign>> Campaigns::list(const CampaignId& after, std::size_t limit) const {
  std::vector<Campaign> out;
  ZHIYIN_TRY_VOID(state_.read([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(std::vector<StoredCampaign> page, detail::load_page(session, after, limit));
    for (StoredCampaign& stored : page) out.push_back(std::move(stored.campaign));
    return {};
  }));
  return out;
}

Result<std::vector<Campaign>> Campaigns::newest(std::size_t limit) const {
  std::vector<Campaign> out;
  ZHIYIN_TRY_VOID(state_.read([&](Session& session) -> Result<void> {
    out.clear();
    ZHIYIN_TRY(std::vector<StoredCampaign> page, detail::load_newest(session, limit));
    for (StoredCampaign& stored : page) out.push_back(std::move(stored.campaign));
    return {};
  }));
  return out;
}

Result<Campaign> Campaigns::get(const CampaignId& id) const {
  Campaign out;
  ZHIYIN_TRY_VOID(state_.read([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(out, load(session, id));
    ZHIYIN_TRY(const delivery::TouchCounts counts, delivery::SendLedger::count(session, id));
    out.progress = progress_of(counts);
    return {};
  }));
  return out;
}

Result<Campaign> Campaigns::put(Campaign campaign, std::optional<std::int64_t> if_match,
                                Instant now) {
  ZHIYIN_TRY_VOID(validate(campaign));
  ZHIYIN_TRY_VOID(state_.write(
      [&](Session& session) { return put_in(session, campaign, if_match.value_or(0), now); }));
  return get(campaign.id);
}

Result<Campaign> Campaigns::apply(Campaign campaign, Instant now) {
  ZHIYIN_TRY_VOID(validate(campaign));
  ZHIYIN_TRY_VOID(
      state_.write([&](Session& session) { return put_in(session, campaign, kAnyVersion, now); }));
  return get(campaign.id);
}

Result<void> Campaigns::remove(const CampaignId& id) {
  return state_.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(const Campaign campaign, load(session, id));
    if (campaign.state != CampaignState::kDraft) {
      return fail(ErrorCode::kConflict, "campaign: {} is {}, only drafts can be removed", id.value,
                  enum_name(campaign.state));
    }
    ZHIYIN_TRY_VOID(session.execute("DELETE FROM campaign WHERE id = ?1", {id.value}));
    return {};
  });
}

}  // namespace zhiyin::campaign
