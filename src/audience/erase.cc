#include "audience/erase.h"

#include "audience/live_segments.h"
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
  ZHIYIN_TRY_VOID(session.execute(
      "UPDATE identity_person SET person = '', first_at = 0, last_at = 0, events = 0, changed = ?3,"
      " erased_off = CASE WHEN ?2 > erased_off THEN ?2 ELSE erased_off END WHERE identity = ?1",
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

Result<ErasureCertificate> erase(const People& people, const PersonId& person, Instant now) {
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
    return {};
  }));
  certificate.digest = digest_of(certificate);
  return certificate;
}

}  // namespace zhiyin::audience
