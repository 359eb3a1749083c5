#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "ingest/projection.h"
#include "storage/state.h"

namespace zhiyin::audience {

/// More identities than any real person has: an edge that would make a person larger is kept, not
/// merged.
inline constexpr std::size_t kIdentitiesPerPersonMax = 200;

/// The id that an identity gives to the person whose earliest it is.
PersonId person_id_of(const storage::IdentityHash& identity);

/// Done by the person: what is done to a person does not make them seen.
inline bool is_own_deed(std::string_view kind) {
  return (!kind.starts_with("touch.") || kind == "touch.clicked") && !ingest::is_segment_kind(kind);
}

/// One identity of a batch: what state knows, and what the batch adds.
struct BatchIdentity {
  bool known = false;  ///< has a row
  bool fresh = false;  ///< became somebody with this batch
  std::string person;  ///< before merges of this batch; empty: new, or erased
  std::int64_t erased_off = 0;
  std::int64_t first_at = 0;  ///< of the row, then with the batch
  bool mentioned = false;     ///< by an event that counts
  bool earlier = false;       ///< the batch moved first_at back

  /// `own`: by `is_own_deed`.
  void mention(std::int64_t at, bool own);
};
struct HashOfIdentity {
  std::size_t operator()(const storage::IdentityHash& h) const noexcept {
    std::size_t word = 0;  // the identity's hash is uniform already
    std::memcpy(&word, h.data(), sizeof word);
    return word;
  }
};
using BatchIdentities = std::unordered_map<storage::IdentityHash, BatchIdentity, HashOfIdentity>;

/// Builds people from events: identities, edges, components, activity, totals, follows, consent,
/// traits. What it ends with depends on the set of events, not on their order. Owned by the
/// pipeline's thread.
class PeopleProjection final : public ingest::EventProjection {
 public:
  Result<void> apply(storage::Session& session,
                     std::span<const ingest::LoggedEvent> events) override;

  /// An identity of the last batch; null when it was not in it. Whoever was moved by the batch is
  /// noted for live segments (`detail::note_moved`).
  [[nodiscard]] const BatchIdentity* of_batch(const storage::IdentityHash& identity) const;

 private:
  BatchIdentities batch_;
};

/// Everything that this part keeps in state (people, segments, cursors).
std::span<const storage::Migration> migrations();

/// Takes an edge away again and splits the person if nothing else holds it together. kNotFound when
/// there is none.
Result<void> remove_edge(storage::Session& session, const storage::IdentityHash& a,
                         const storage::IdentityHash& b);

}  // namespace zhiyin::audience
