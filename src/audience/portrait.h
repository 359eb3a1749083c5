#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "audience/features.h"
#include "audience/interests.h"
#include "audience/people.h"
#include "audience/response_training.h"
#include "audience/segments.h"
#include "audience/traits.h"
#include "base/json.h"

namespace zhiyin::audience {

struct PortraitIdentity {
  std::string account;
  std::string kind;
  std::string
      value_short;  ///< the first four characters and the length; `erased` when the key is gone
  Instant first_seen;
};

/// Everything that GET /v1/people/{person} shows.
struct Portrait {
  PersonId id;
  std::vector<PortraitIdentity> identities;  ///< earliest first
  Instant first_seen;
  Instant last_seen;
  std::int64_t events = 0;
  std::vector<std::string> following;           ///< accounts
  std::vector<std::optional<double>> features;  ///< in the order of `features()`
  std::vector<Interest> interests;
  std::map<std::string, TraitSetting> traits;
  std::array<double, 24> active_hours{};  ///< shares by hour in UTC+8; sum 1, or all 0
  std::optional<ResponseScore> response;
  std::vector<SegmentId> segments;
};

/// kNotFound when there is no such person. Without `segments` or `scorer` those parts stay empty.
Result<Portrait> portrait(const People& people, const catalogue::Items& items,
                          const Segments* segments, const PersonId& person, Instant as_of,
                          const ResponseScorer* scorer = nullptr);

/// The JSON of docs/api.md.
Json to_json(const Portrait& portrait);

}  // namespace zhiyin::audience
