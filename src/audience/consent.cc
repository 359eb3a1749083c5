#include "audience/consent.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "storage/in_list.h"

namespace zhiyin::audience {
namespace {

using storage::Row;

struct Follow {
  IdentityHash identity{};
  bool following = false;
  Instant at;
};
struct Mark {
  IdentityHash identity{};
  bool withdrawn = false;
  Instant at;
};
struct Known {
  std::optional<Follow> follow;  ///< the one that decides
  std::vector<Mark> marks;       ///< on the purpose or on all
};
/// Following decides over not following, then the newest.
bool decides(const Follow& a, const Follow& b) {
  if (a.following != b.following) return a.following;
  return a.at != b.at ? a.at > b.at : a.identity < b.identity;
}

/// Whose identities they are: places in a list of people, ascending by identity. Two of the list
/// may be one person by now.
using Owners = std::vector<std::pair<IdentityHash, std::size_t>>;

Owners owners_of(std::span<const std::vector<IdentityHash>> people) {
  Owners out;
  for (std::size_t i = 0; i < people.size(); ++i) {
    for (const IdentityHash& identity : people[i]) out.emplace_back(identity, i);
  }
  std::ranges::sort(out);
  return out;
}

std::vector<storage::Value> identities_in(const Owners& owners) {
  std::vector<storage::Value> out;
  out.reserve(owners.size());
  for (std::size_t i = 0; i < owners.size(); ++i) {
    if (i == 0 || owners[i].first != owners[i - 1].first)
      out.emplace_back(storage::to_blob(owners[i].first));
  }
  return out;
}

/// What is known of each owner of `identity`.
template <class Add>
void for_owners(const Owners& owners, const IdentityHash& identity, std::vector<Known>& known,
                Add add) {
  for (auto at = std::ranges::lower_bound(owners, std::pair(identity, std::size_t{0}));
       at != owners.end() && at->first == identity; ++at)
    add(known[at->second]);
}

Result<void> read_follows(storage::Session& session, const Owners& owners,
                          std::span<const storage::Value> identities, std::string_view account,
                          std::vector<Known>& known) {
  const storage::Value first[] = {std::string(account)};
  return storage::query_in_lists(
      session,
      "SELECT identity, following, at FROM follow_state WHERE account = ?1 AND identity IN ({})",
      first, identities, [&](const Row& row) {
        const Follow follow{
            storage::from_blob(row[0]), storage::as_int(row[1]) != 0, {storage::as_int(row[2])}};
        for_owners(owners, follow.identity, known, [&](Known& one) {
          if (!one.follow || decides(follow, *one.follow)) one.follow = follow;
        });
      });
}

Result<void> read_marks(storage::Session& session, const Owners& owners,
                        std::span<const storage::Value> identities, std::string_view account,
                        std::string_view purpose, std::vector<Known>& known) {
  const storage::Value first[] = {std::string(account), std::string(purpose)};
  return storage::query_in_lists(
      session,
      "SELECT identity, withdrawn, at FROM consent_mark WHERE account = ?1"
      " AND (purpose = ?2 OR purpose = '*') AND identity IN ({})",
      first, identities, [&](const Row& row) {
        const Mark mark{
            storage::from_blob(row[0]), storage::as_int(row[1]) != 0, {storage::as_int(row[2])}};
        for_owners(owners, mark.identity, known, [&](Known& one) { one.marks.push_back(mark); });
      });
}

/// The newest word; of one moment a withdrawal. Those of `identity` only, where one is given.
std::optional<Mark> newest(const std::vector<Mark>& marks,
                           const std::optional<IdentityHash>& identity) {
  std::optional<Mark> out;
  for (const Mark& mark : marks) {
    if (identity && mark.identity != *identity) continue;
    if (!out || mark.at > out->at || (mark.at == out->at && mark.withdrawn)) out = mark;
  }
  return out;
}

void weigh(const std::optional<Mark>& mark, Consent& consent) {
  if (!mark) return;
  consent.withdrawn = mark->withdrawn;
  if (mark->withdrawn) consent.since = mark->at;
}

Consent consent_from(const Known& known) {
  Consent consent;
  if (known.follow) {
    consent.following = known.follow->following;
    consent.since = known.follow->at;
    if (consent.following) consent.identity = known.follow->identity;
  }
  weigh(newest(known.marks, {}), consent);
  // What somebody else said who was later taken for the same person does not undo the word of the
  // one who is sent to.
  if (consent.allows()) weigh(newest(known.marks, consent.identity), consent);
  return consent;
}

}  // namespace

Result<std::vector<Consent>> consents_of(storage::Session& session,
                                         std::span<const std::vector<IdentityHash>> people,
                                         std::string_view account, std::string_view purpose) {
  const Owners owners = owners_of(people);
  const std::vector<storage::Value> identities = identities_in(owners);
  std::vector<Known> known(people.size());
  ZHIYIN_TRY_VOID(read_follows(session, owners, identities, account, known));
  ZHIYIN_TRY_VOID(read_marks(session, owners, identities, account, purpose, known));
  std::vector<Consent> list;
  list.reserve(people.size());
  for (const Known& one : known) list.push_back(consent_from(one));
  return list;
}

Result<Consent> consent_of(storage::State& state, const PersonId& person, std::string_view account,
                           std::string_view purpose) {
  Consent consent;
  ZHIYIN_TRY_VOID(state.read([&](storage::Session& session) -> Result<void> {
    std::vector<IdentityHash> identities;
    ZHIYIN_TRY(
        const storage::Rows rows,
        session.query("SELECT identity FROM identity_person WHERE person = ?1", {person.value}));
    for (const Row& row : rows.rows) identities.push_back(storage::from_blob(row[0]));
    ZHIYIN_TRY(const auto list, consents_of(session, std::span(&identities, 1), account, purpose));
    consent = list.front();
    return {};
  }));
  return consent;
}

}  // namespace zhiyin::audience
