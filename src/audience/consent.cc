#include "audience/consent.h"

namespace zhiyin::audience {
namespace {

using storage::Row;
using storage::Rows;

Result<Consent> consent_in(storage::Session& session, const PersonId& person,
                           const std::string& account, const std::string& purpose) {
  Consent consent;
  ZHIYIN_TRY(const Rows follows,
             session.query("SELECT f.identity, f.following, f.at FROM identity_person ip"
                           " JOIN follow_state f ON f.identity = ip.identity"
                           " WHERE ip.person = ?1 AND f.account = ?2"
                           " ORDER BY f.following DESC, f.at DESC, f.identity LIMIT 1",
                           {person.value, account}));
  for (const Row& row : follows.rows) {
    consent.following = storage::as_int(row[1]) != 0;
    consent.since = {storage::as_int(row[2])};
    if (consent.following) consent.identity = storage::from_blob(row[0]);
  }
  ZHIYIN_TRY(const Rows marks,
             session.query(
                 "SELECT c.withdrawn, c.at FROM identity_person ip"
                 " JOIN consent_mark c ON c.identity = ip.identity"
                 " WHERE ip.person = ?1 AND c.account = ?2 AND (c.purpose = ?3 OR c.purpose = '*')"
                 " ORDER BY c.at DESC, c.withdrawn DESC LIMIT 1",
                 {person.value, account, purpose}));
  for (const Row& row : marks.rows) {
    consent.withdrawn = storage::as_int(row[0]) != 0;
    if (consent.withdrawn) consent.since = {storage::as_int(row[1])};
  }
  if (consent.withdrawn || !consent.following) return consent;
  // What somebody else said who was later taken for the same person does not undo the word of the
  // one who is sent to.
  ZHIYIN_TRY(
      const Rows own,
      session.query("SELECT withdrawn, at FROM consent_mark WHERE identity = ?1 AND account = ?2"
                    " AND (purpose = ?3 OR purpose = '*')"
                    " ORDER BY at DESC, withdrawn DESC LIMIT 1",
                    {storage::to_blob(consent.identity), account, purpose}));
  for (const Row& row : own.rows) {
    consent.withdrawn = storage::as_int(row[0]) != 0;
    if (consent.withdrawn) consent.since = {storage::as_int(row[1])};
  }
  return consent;
}

}  // namespace

Result<std::vector<Consent>> consents_of(storage::Session& session,
                                         std::span<const PersonId> people, std::string_view account,
                                         std::string_view purpose) {
  const std::string account_text(account);
  const std::string purpose_text(purpose);
  std::vector<Consent> list;
  list.reserve(people.size());
  for (const PersonId& person : people) {
    if (person.empty()) {  // the empty id stands for the erased
      list.emplace_back();
      continue;
    }
    ZHIYIN_TRY(auto consent, consent_in(session, person, account_text, purpose_text));
    list.push_back(consent);
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
