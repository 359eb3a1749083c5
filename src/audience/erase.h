#pragma once

#include <string>
#include <vector>

#include "audience/people.h"
#include "audience/recent_people.h"
#include "base/json.h"

namespace zhiyin::audience {

/// Proof of what was erased. Holds hashes only.
struct ErasureCertificate {
  PersonId person;
  std::vector<std::string> identities;  ///< hex of the hashes
  std::int64_t activity = 0;            ///< rows deleted
  std::int64_t other = 0;  ///< totals, follows, consent marks, traits and edges deleted
  Instant at;
  std::string digest;  ///< hex SHA-256 of the lines above
};
Json to_json(const ErasureCertificate& certificate);

/// Forgets a person for good: drops the keys of all identities (what was sealed in the log is lost
/// with them) and deletes their rows from state. The warehouse keeps events by hash only; after the
/// next `sync_people` they belong to nobody, also when the identity comes back. May be repeated
/// after a crash. `recent` (null: there are none) forgets the person, too.
Result<ErasureCertificate> erase(const People& people, const PersonId& person, Instant now,
                                 RecentPeople* recent);

/// Removes at most `limit` events of a kind that occurred before `before` from what is kept of
/// people, within the caller's transaction; their totals keep counting them. Returns how many.
/// `recent` as above.
Result<std::int64_t> remove_activity(storage::Session& session, const std::string& kind,
                                     Instant before, std::int64_t limit, RecentPeople* recent);

}  // namespace zhiyin::audience
