#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "base/time.h"
#include "storage/state.h"
#include "storage/vault.h"

namespace zhiyin::delivery {

/// A person's place in a campaign's comparison, fixed at first exposure.
struct Assignment {
  PersonId person;                   ///< as it was then
  storage::IdentityHash identity{};  ///< finds the person again after merges
  bool held_out = false;
};

/// Somebody who is to have a place in it.
struct Candidate {
  PersonId person;
  storage::IdentityHash identity{};
};

/// Who was held out of a campaign: by assignment hash version 2 of the person's id with the
/// campaign's id as seed, stored, never recomputed. Stateless.
class Holdout {
 public:
  /// What `assign` would say of somebody new. Pure.
  static bool would_hold_out(const CampaignId& campaign, const PersonId& person, double share);

  /// Whether they are held out, in their order: by the stored assignment of each, or a new one.
  static Result<std::vector<bool>> assign(storage::Session& session, const CampaignId& campaign,
                                          std::span<const Candidate> people, double share,
                                          Instant now);

  /// In order of person, after `after`.
  static Result<std::vector<Assignment>> list(storage::Session& session, const CampaignId& campaign,
                                              const PersonId& after, std::size_t limit);
};

}  // namespace zhiyin::delivery
