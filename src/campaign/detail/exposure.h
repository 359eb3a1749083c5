#pragma once

#include <map>
#include <span>
#include <vector>

#include "campaign/detail/work.h"

namespace zhiyin::campaign::detail {

/// The members of segments at the exposure of running campaigns, kept between slices so that the
/// warehouse is asked once. Not thread-safe; the caller forgets what is planned or stopped.
class MembersCache {
 public:
  /// The members, from the cache or the source. Lives until `forget` or the next `get`.
  Result<std::span<const PersonId>> get(const AudienceSource& source, const Campaign& campaign);
  void forget(const CampaignId& campaign) { entries_.erase(campaign); }

 private:
  struct Entry {
    Instant as_of;
    std::vector<PersonId> people;
  };
  std::map<CampaignId, Entry> entries_;
};

/// Fixes the audience, a slice at a time: who is eligible is assigned to treatment or holdout,
/// which is stored and never asked again.
Result<TickResult> expose(Work& work, MembersCache& members);

/// The decision that exposure makes about one person, before anything is written. Pure.
struct Exposed {
  TouchState state = TouchState::kPlanned;
  delivery::Rule rule = delivery::Rule::kNone;
};
Exposed exposed(const delivery::Recipient& recipient, bool held_out);
/// Following and consenting: belongs to the comparison.
bool is_eligible(const delivery::Recipient& recipient);

}  // namespace zhiyin::campaign::detail
