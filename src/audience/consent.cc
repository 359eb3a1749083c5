#include "audience/consent.h"

#include <optional>
#include <string>
#include <unordered_map>

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
using KnownByPerson = std::unordered_map<std::string, Known>;

/// Following decides over not following, then the newest.
bool decides(const Follow& a, const Follow& b) {
  if (a.following != b.following) return a.following;
  return a.at != b.at ? a.at > b.at : a.identity < b.identity;
}

std::string person_in(const Row& row) { return std::string(storage::as_text(row[0])); }

Result<void> read_follows(storage::Session& session, std::span<const storage::Value> people,
                          std::string_view account, KnownByPerson& known) {
  const storage::Value first[] = {std::string(account)};
  return storage::query_in_lists(
      session,
      "SELECT ip.person, f.identity, f.following, f.at FROM identity_person ip"
      " JOIN follow_state f ON f.identity = ip.identity AND f.account = ?1"
      " WHERE ip.person IN ({})",
      first, people, [&](const Row& row) {
        const Follow follow{
            storage::from_blob(row[1]), storage::as_int(row[2]) != 0, {storage::as_int(row[3])}};
        std::optional<Follow>& best = known[person_in(row)].follow;
        if (!best || decides(follow, *best)) best = follow;
      });
}

Result<void> read_marks(storage::Session& session, std::span<const storage::Value> people,
                        std::string_view account, std::string_view purpose, KnownByPerson& known) {
  const storage::Value first[] = {std::string(account), std::string(purpose)};
  return storage::query_in_lists(
      session,
      "SELECT ip.person, c.identity, c.withdrawn, c.at FROM identity_person ip"
      " JOIN consent_mark c ON c.identity = ip.identity AND c.account = ?1"
      " AND (c.purpose = ?2 OR c.purpose = '*') WHERE ip.person IN ({})",
      first, people, [&](const Row& row) {
        known[person_in(row)].marks.push_back(
            {storage::from_blob(row[1]), storage::as_int(row[2]) != 0, {storage::as_int(row[3])}});
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
                                         std::span<const PersonId> people, std::string_view account,
                                         std::string_view purpose) {
  std::vector<storage::Value> ids;
  ids.reserve(people.size());
  for (const PersonId& person : people) {
    if (!person.empty()) ids.emplace_back(person.value);  // the empty id stands for the erased
  }
  KnownByPerson known;
  ZHIYIN_TRY_VOID(read_follows(session, ids, account, known));
  ZHIYIN_TRY_VOID(read_marks(session, ids, account, purpose, known));
  std::vector<Consent> list;
  list.reserve(people.size());
  for (const PersonId& person : people) {
    const auto found = known.find(person.value);
    list.push_back(found == known.end() ? Consent() : consent_from(found->second));
  }
  return list;
}

Result<Consent> consent_of(storage::State& state, const PersonId& person, std::string_view account,
                           std::string_view purpose) {
  Consent consent;
  ZHIYIN_TRY_VOID(state.read([&](storage::Session& session) -> Result<void> {
    ZHIYIN_TRY(const auto list, consents_of(session, std::span(&person, 1), account, purpose));
    consent = list.front();
    return {};
  }));
  return consent;
}

}  // namespace zhiyin::audience
