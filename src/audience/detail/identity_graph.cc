#include "audience/detail/identity_graph.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "audience/live_segments.h"
#include "audience/people_projection.h"
#include "base/crypto.h"

namespace zhiyin::audience {
namespace {

using storage::Row;
using storage::Rows;
using storage::Session;
using storage::to_blob;

struct Member {
  std::int64_t first_at = 0;
  IdentityHash identity{};
  auto operator<=>(const Member&) const = default;
};

Result<std::string> person_of(Session& session, const IdentityHash& identity) {
  ZHIYIN_TRY(
      const Rows rows,
      session.query("SELECT person FROM identity_person WHERE identity = ?1", {to_blob(identity)}));
  if (rows.rows.empty())
    return fail(ErrorCode::kNotFound, "identity {}: unknown", storage::to_hex(identity));
  return std::string(storage::as_text(rows.rows[0][0]));
}

Result<std::vector<Member>> members_of(Session& session, const std::string& person) {
  ZHIYIN_TRY(
      const Rows rows,
      session.query("SELECT first_at, identity FROM identity_person WHERE person = ?1", {person}));
  std::vector<Member> members;
  for (const Row& row : rows.rows)
    members.push_back({storage::as_int(row[0]), storage::from_blob(row[1])});
  return members;
}

/// Whether the id is a person's now follows from whether it still has identities.
Result<void> refresh_current(Session& session, const std::string& person) {
  ZHIYIN_TRY_VOID(session.execute(
      "UPDATE person SET current = CASE WHEN EXISTS"
      " (SELECT 1 FROM identity_person WHERE person = ?1) THEN 1 ELSE 0 END WHERE id = ?1",
      {person}));
  return {};
}

/// Gives these members to the person of the earliest of them.
Result<void> assign(Session& session, std::span<const Member> members, ChangeNumber& changed) {
  const std::string target = person_id_of(std::ranges::min(members).identity).value;
  for (const Member& m : members) {
    ZHIYIN_TRY(const std::string old, person_of(session, m.identity));
    if (old == target) continue;
    ZHIYIN_TRY(const std::int64_t number, changed.get());
    ZHIYIN_TRY_VOID(
        session.execute("UPDATE identity_person SET person = ?2, changed = ?3 WHERE identity = ?1",
                        {to_blob(m.identity), target, number}));
    ZHIYIN_TRY_VOID(detail::note_moved(session, old, target));
    ZHIYIN_TRY_VOID(detail::note_moved(session, target, target));
    ZHIYIN_TRY_VOID(refresh_current(session, old));
  }
  return refresh_current(session, target);
}

Result<EdgeState> keep_edge(Session& session, const IdentityHash& low, const IdentityHash& high,
                            const Edge& edge) {
  // The earliest report stays; of two at one moment the smaller source, so that order does not
  // matter.
  ZHIYIN_TRY(const Rows rows,
             session.query(
                 "INSERT INTO identity_edge(a, b, source, at, state) VALUES(?1, ?2, ?3, ?4, 1)"
                 " ON CONFLICT(a, b) DO UPDATE SET"
                 " source = CASE WHEN excluded.at < identity_edge.at"
                 "   OR (excluded.at = identity_edge.at AND excluded.source < identity_edge.source)"
                 "   THEN excluded.source ELSE identity_edge.source END,"
                 " at = CASE WHEN excluded.at < identity_edge.at THEN excluded.at ELSE "
                 "identity_edge.at END"
                 " RETURNING state",
                 {to_blob(low), to_blob(high), edge.source, edge.at}));
  return static_cast<EdgeState>(storage::as_int(rows.rows.at(0).at(0)));
}

Result<void> mark_edge(Session& session, const IdentityHash& low, const IdentityHash& high,
                       EdgeState state) {
  ZHIYIN_TRY_VOID(session.execute("UPDATE identity_edge SET state = ?3 WHERE a = ?1 AND b = ?2",
                                  {to_blob(low), to_blob(high), static_cast<std::int64_t>(state)}));
  return {};
}

/// Those that merged edges connect with `start`.
Result<std::set<IdentityHash>> reachable(Session& session, const IdentityHash& start) {
  std::set<IdentityHash> seen{start};
  std::vector<IdentityHash> open{start};
  while (!open.empty()) {
    const storage::Blob at = to_blob(open.back());
    open.pop_back();
    ZHIYIN_TRY(const Rows rows,
               session.query("SELECT b FROM identity_edge WHERE a = ?1 AND state = 1"
                             " UNION SELECT a FROM identity_edge WHERE b = ?1 AND state = 1",
                             {at}));
    for (const Row& row : rows.rows) {
      const IdentityHash next = storage::from_blob(row[0]);
      if (seen.insert(next).second) open.push_back(next);
    }
  }
  return seen;
}

}  // namespace

Result<std::int64_t> ChangeNumber::get() {
  if (!number_) {
    ZHIYIN_TRY(
        const Rows rows,
        session_.query(
            "UPDATE people_cursor SET value = value + 1 WHERE name = 'changed' RETURNING value"));
    number_ = storage::as_int(rows.rows.at(0).at(0));
  }
  return *number_;
}

Result<void> settle(Session& session, std::span<const std::string> people, ChangeNumber& changed) {
  std::vector<Member> members;
  for (const std::string& person : people) {
    ZHIYIN_TRY(const auto some, members_of(session, person));
    members.insert(members.end(), some.begin(), some.end());
  }
  if (members.empty()) return {};
  return assign(session, members, changed);
}

Result<void> add_edge(Session& session, const Edge& edge, ChangeNumber& changed) {
  const auto& [low, high] = std::minmax(edge.a, edge.b);
  if (low == high) return {};
  ZHIYIN_TRY(const EdgeState state, keep_edge(session, low, high, edge));
  if (state == EdgeState::kRemoved) return {};
  ZHIYIN_TRY(std::string a, person_of(session, low));
  ZHIYIN_TRY(std::string b, person_of(session, high));
  if (a == b) return {};
  ZHIYIN_TRY(const auto of_a, members_of(session, a));
  ZHIYIN_TRY(const auto of_b, members_of(session, b));
  if (of_a.size() + of_b.size() > kIdentitiesPerPersonMax)
    return mark_edge(session, low, high, EdgeState::kTooLarge);
  ZHIYIN_TRY_VOID(mark_edge(session, low, high, EdgeState::kMerged));
  const std::string both[] = {std::move(a), std::move(b)};
  return settle(session, both, changed);
}

Result<void> remove_edge(Session& session, const IdentityHash& a, const IdentityHash& b) {
  const auto& [low, high] = std::minmax(a, b);
  ZHIYIN_TRY(
      const auto removed,
      session.execute("UPDATE identity_edge SET state = 2 WHERE a = ?1 AND b = ?2 AND state <> 2",
                      {to_blob(low), to_blob(high)}));
  if (removed == 0) {
    return fail(ErrorCode::kNotFound, "edge {} {}: does not exist", storage::to_hex(low),
                storage::to_hex(high));
  }
  ZHIYIN_TRY(const std::string person, person_of(session, low));
  ZHIYIN_TRY(const auto members, members_of(session, person));
  ZHIYIN_TRY(const auto with_low, reachable(session, low));
  std::vector<Member> near;
  std::vector<Member> far;
  for (const Member& m : members) (with_low.contains(m.identity) ? near : far).push_back(m);
  if (near.empty() || far.empty()) return {};
  ChangeNumber changed(session);
  ZHIYIN_TRY_VOID(assign(session, far, changed));
  return assign(session, near, changed);
}

PersonId person_id_of(const IdentityHash& identity) {
  const std::string_view bytes(reinterpret_cast<const char*>(identity.data()), identity.size());
  constexpr std::size_t kIdCharacters = 26;
  return PersonId("p_" + crypto::base32(crypto::sha256(bytes)).substr(0, kIdCharacters));
}

}  // namespace zhiyin::audience
