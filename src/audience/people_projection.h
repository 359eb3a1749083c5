#pragma once

#include <span>
#include <string>

#include "ingest/projection.h"
#include "storage/state.h"

namespace zhiyin::audience {

/// More identities than any real person has: an edge that would make a person larger is kept, not
/// merged.
inline constexpr std::size_t kIdentitiesPerPersonMax = 200;

/// The id that an identity gives to the person whose earliest it is.
PersonId person_id_of(const storage::IdentityHash& identity);

/// Builds people from events: identities, edges, components, activity, totals, follows, consent,
/// traits. What it ends with depends on the set of events, not on their order. Owned by the
/// pipeline's thread.
class PeopleProjection final : public ingest::EventProjection {
 public:
  Result<void> apply(storage::Session& session,
                     std::span<const ingest::LoggedEvent> events) override;
};

/// Everything that this part keeps in state (people, segments, cursors).
std::span<const storage::Migration> migrations();

/// Takes an edge away again and splits the person if nothing else holds it together. kNotFound when
/// there is none.
Result<void> remove_edge(storage::Session& session, const storage::IdentityHash& a,
                         const storage::IdentityHash& b);

}  // namespace zhiyin::audience
