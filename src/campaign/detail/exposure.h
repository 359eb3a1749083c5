#pragma once

#include <optional>
#include <vector>

#include "campaign/detail/work.h"

namespace zhiyin::campaign::detail {

/// The members of a segment at a campaign's exposure, kept between slices of one run.
struct ExposedMembers {
  CampaignId campaign;
  Instant as_of;
  std::vector<PersonId> people;
};

/// Fixes the audience, a slice at a time: who is eligible is assigned to treatment or holdout, which is
/// stored and never asked again. `members` is a cache.
Result<TickResult> expose(Work& work, std::optional<ExposedMembers>& members);

/// The decision that exposure makes about one person, before anything is written. Pure.
struct Exposed {
  TouchState state = TouchState::kPlanned;
  delivery::Rule rule = delivery::Rule::kNone;
};
Exposed exposed(const delivery::Recipient& recipient, bool held_out);
/// Following and consenting: belongs to the comparison.
bool is_eligible(const delivery::Recipient& recipient);

}  // namespace zhiyin::campaign::detail
