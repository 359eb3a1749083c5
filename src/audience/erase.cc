#include "audience/erase.h"

#include <algorithm>
#include <map>

#include "audience/live_segments.h"
#include "audience/people_projection.h"
#include "base/crypto.h"

namespace zhiyin::audience {
namespace {

using storage::Session;
using storage::to_blob;

/// Deletes the rows of one identity and leaves the mark that it was erased.
Result<void> erase_rows(Session& session, const IdentityHash& identity, std::int64_t changed,
                        ErasureCertificate& out) {
  const storage::Blob key = to_blob(identity);
  ZHIYIN_TRY(const auto last,
             session.query("SELECT MAX(off) FROM activity WHERE identity = ?1", {key}));
  ZHIYIN_TRY(const auto activity,
             session.execute("DELETE FROM activity WHERE identity = ?1", {key}));
  out.activity += activity;
  for (const std::string_view sql : {"DELETE FROM follow_state WHERE identity = ?1",
                                     "DELETE FROM consent_mark WHERE identity = ?1",
                                     "DELETE FROM trait_queue WHERE identity = ?1",
                                     "DELETE FROM identity_edge WHERE a = ?1 OR b = ?1",
                                     "DELETE FROM person WHERE identity = ?1"}) {
    ZHIYIN_TRY(const auto deleted, session.execute(sql, {key}));
    out.other += deleted;
  }
  ZHIYIN_TRY_VOID(
      session.execute("UPDATE identity_person SET person = '', first_at = 0, removed_events = 0,"
                      " removed_last_at = 0, changed = ?3, erased_off = CASE WHEN ?2 > erased_off "
                      "THEN ?2 ELSE erased_off END WHERE identity = ?1",
                      {key, storage::as_int(last.rows.at(0).at(0)), changed}));
  return {};
}

std::string digest_of(const ErasureCertificate& c) {
  std::string lines =
      fmt::format("{}\n{}\n{} {}\n", c.person.value, format_utc(c.at), c.activity, c.other);
  for (const std::string& identity : c.identities) lines += identity + "\n";
  return crypto::hex(crypto::sha256(lines));
}

}  // namespace

Json to_json(const ErasureCertificate& c) {
  Json identities = Json::array();
  for (const std::string& identity : c.identities) identities.push(identity);
  return Json::object()
      .set("person", c.person.value)
      .set("identities", std::move(identities))
      .set("activity", c.activity)
      .set("other", c.other)
      .set("at", zhiyin::to_json(c.at))
      .set("digest", c.digest);
}

Result<std::int64_t> remove_activity(Session& session, const std::string& kind, Instant before,
                                     std::int64_t limit, RecentPeople* recent) {
  ZHIYIN_TRY(const auto rows, session.query("SELECT identity, at, off, part FROM activity"
                                            " WHERE kind = ?1 AND at < ?2 LIMIT ?3",
                                            {kind, before.us, limit}));
  struct Removed {
    std::int64_t events = 0;
    std::int64_t last_at = 0;
  };
  std::map<IdentityHash, Removed> removed;
  const bool own = is_own_deed(kind);
  for (const auto& row : rows.rows) {
    ZHIYIN_TRY_VOID(session.execute(
        "DELETE FROM activity WHERE identity = ?1 AND at = ?2 AND off = ?3 AND part = ?4",
        std::span<const storage::Value>(row)));
    Removed& r = removed[storage::from_blob(row[0])];
    ++r.events;
    if (own) r.last_at = std::max(r.last_at, storage::as_int(row[1]));
  }
  for (const auto& [identity, r] : removed) {
    ZHIYIN_TRY_VOID(session.execute(
        "UPDATE identity_person SET removed_events = removed_events + ?2, removed_last_at ="
        " CASE WHEN ?3 > removed_last_at THEN ?3 ELSE removed_last_at END WHERE identity = ?1",
        {to_blob(identity), r.events, r.last_at}));
  }
  if (recent != nullptr) {
    std::vector<IdentityHash> identities;
    for (const auto& [identity, r] : removed) identities.push_back(identity);
    ZHIYIN_TRY_VOID(recent->changed(session, identities));
  }
  return static_cast<std::int64_t>(rows.rows.size());
}

Result<ErasureCertificate> erase(const People& people, const PersonId& person, Instant now,
                                 RecentPeople* recent) {
  ZHIYIN_TRY(const PersonId known, people.resolve(person.value));
  ZHIYIN_TRY(const auto identities, people.identities(known));
  // Keys first: after a crash in between, the person is still found and the call can be repeated.
  ZHIYIN_TRY_VOID(people.vault().erase(identities));
  ErasureCertificate certificate;
  ZHIYIN_TRY_VOID(people.state().write([&](Session& session) -> Result<void> {
    certificate = {known, {}, 0, 0, now, {}};
    ZHIYIN_TRY(
        const auto number,
        session.query(
            "UPDATE people_cursor SET value = value + 1 WHERE name = 'changed' RETURNING value"));
    for (const IdentityHash& identity : identities) {
      certificate.identities.push_back(storage::to_hex(identity));
      ZHIYIN_TRY_VOID(
          erase_rows(session, identity, storage::as_int(number.rows.at(0).at(0)), certificate));
    }
    ZHIYIN_TRY_VOID(forget_live(session, known));
    if (recent != nullptr) ZHIYIN_TRY_VOID(recent->changed(session, identities));
    return {};
  }));
  certificate.digest = digest_of(certificate);
  return certificate;
}

}  // namespace zhiyin::audience
