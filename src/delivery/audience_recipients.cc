#include "delivery/audience_recipients.h"

#include "audience/consent.h"
#include "audience/traits.h"
#include "delivery/delivery_projection.h"

namespace zhiyin::delivery {

namespace {

/// Who they are today; nobody where a person is unknown.
Result<std::vector<PersonId>> resolve_all(const audience::People& people,
                                          std::span<const PersonId> refs) {
  std::vector<PersonId> out;
  out.reserve(refs.size());
  for (const PersonId& ref : refs) {
    Result<PersonId> person = people.resolve(ref.value);
    if (!person && person.error().code != ErrorCode::kNotFound) {
      return std::unexpected(std::move(person.error()));
    }
    out.push_back(person ? std::move(*person) : PersonId());
  }
  return out;
}

std::map<std::string, std::string> variables_of(const audience::PersonView& view, Instant as_of) {
  std::map<std::string, std::string> out;
  for (const auto& [name, trait] : audience::traits_of(view, as_of)) {
    if (trait.text && !trait.text->empty()) {
      out[name] = *trait.text;
    } else if (trait.number) {
      out[name] = trait.value.dump();
    }
  }
  return out;
}

/// The identity that was in contact with the account last, if any was after `left`.
Result<std::optional<IdentityHash>> in_contact(storage::State& state,
                                               std::span<const IdentityHash> identities,
                                               const AccountId& account, Instant left) {
  std::optional<IdentityHash> newest;
  ZHIYIN_TRY_VOID(state.read([&](storage::Session& session) -> Result<void> {
    newest.reset();
    Instant newest_at = left;
    for (const IdentityHash& identity : identities) {
      ZHIYIN_TRY(const CsTriggers triggers, cs_triggers(session, identity, account));
      for (const auto& [trigger, at] : triggers) {
        if (at <= newest_at) continue;
        newest = identity;
        newest_at = at;
      }
    }
    return {};
  }));
  return newest;
}

Result<void> fill(const audience::People& people, const audience::Consent& consent,
                  const RecipientQuery& query, Instant as_of, Recipient& r) {
  ZHIYIN_TRY(r.identities, people.identities(r.person));
  if (r.identities.empty())
    return fail(ErrorCode::kInternal, "{}: has no identity", r.person.value);
  r.consent = !consent.withdrawn;
  std::optional<IdentityHash> openid;
  if (consent.following && consent.identity != IdentityHash{}) openid = consent.identity;
  if (!openid) {
    // A withdrawal decides by itself; `since` is then its time, not that of their leaving.
    const Instant left = consent.withdrawn ? Instant{} : consent.since;
    ZHIYIN_TRY(openid, in_contact(people.state(), r.identities, query.account, left));
  }
  r.has_openid = r.following = openid.has_value();
  r.identity = openid.value_or(r.identities.front());
  if (query.with_partition) {
    ZHIYIN_TRY(r.partition, people.vault().partition(r.identity));
  }
  if (!query.with_variables) return {};
  ZHIYIN_TRY(const audience::PersonView view, people.view(r.person));
  r.variables = variables_of(view, as_of);
  return {};
}

}  // namespace

Result<std::vector<Recipient>> AudienceRecipients::find(std::span<const PersonId> people,
                                                        const RecipientQuery& query) const {
  std::vector<Recipient> out;
  // One snapshot for all of it: what the audience's functions read in here, they read there.
  ZHIYIN_TRY_VOID(people_.state().read([&](storage::Session& session) -> Result<void> {
    out.assign(people.size(), {});
    ZHIYIN_TRY(const std::vector<PersonId> now_called, resolve_all(people_, people));
    ZHIYIN_TRY(
        const std::vector<audience::Consent> consents,
        audience::consents_of(session, now_called, query.account.value, enum_name(query.purpose)));
    const Instant as_of = clock_.now();
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i].person = now_called[i];
      if (!now_called[i].empty()) ZHIYIN_TRY_VOID(fill(people_, consents[i], query, as_of, out[i]));
    }
    return {};
  }));
  return out;
}

Result<Recipient> AudienceRecipients::by_openid(std::string_view openid,
                                                const RecipientQuery& query) const {
  const storage::Identity identity{query.account.value, "openid", std::string(openid)};
  const Result<PersonId> person =
      people_.resolve(fmt::format("openid:{}:{}", query.account.value, openid));
  if (!person && person.error().code != ErrorCode::kNotFound)
    return std::unexpected(person.error());
  Recipient out;
  if (person) {
    ZHIYIN_TRY(std::vector<Recipient> found, find(std::span(&*person, 1), query));
    out = std::move(found.front());
  }
  out.identity = people_.vault().hash(identity);
  out.partition = storage::partition_of(identity.account, identity.kind, identity.value);
  out.has_openid = true;
  if (out.person.empty()) out.identities = {out.identity};
  return out;
}

Result<Secret> AudienceRecipients::openid(const IdentityHash& identity) const {
  ZHIYIN_TRY(storage::Identity found, people_.vault().reveal(identity));
  if (found.kind != "openid") return fail(ErrorCode::kNotFound, "recipient: has no openid");
  return Secret(std::move(found.value));
}

}  // namespace zhiyin::delivery
