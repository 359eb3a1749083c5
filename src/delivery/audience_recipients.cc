#include "delivery/audience_recipients.h"

#include "audience/consent.h"
#include "audience/traits.h"
#include "delivery/delivery_projection.h"

namespace zhiyin::delivery {

namespace {

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
std::optional<IdentityHash> in_contact(std::span<const IdentityHash> identities,
                                       const std::map<IdentityHash, CsTriggers>& contacts,
                                       Instant left) {
  std::optional<IdentityHash> newest;
  for (const IdentityHash& identity : identities) {
    const auto found = contacts.find(identity);
    if (found == contacts.end()) continue;
    for (const auto& [trigger, at] : found->second) {
      if (at <= left) continue;
      newest = identity;
      left = at;
    }
  }
  return newest;
}

std::optional<IdentityHash> follower_of(const audience::Consent& consent) {
  if (!consent.following || consent.identity == IdentityHash{}) return std::nullopt;
  return consent.identity;
}

/// Of those whom no `follow` event told of.
Result<std::map<IdentityHash, CsTriggers>> contacts_of(
    storage::Session& session, std::span<const std::vector<IdentityHash>> identities,
    std::span<const audience::Consent> consents, const AccountId& account) {
  std::vector<IdentityHash> asked;
  for (std::size_t i = 0; i < identities.size(); ++i) {
    if (!follower_of(consents[i]))
      asked.insert(asked.end(), identities[i].begin(), identities[i].end());
  }
  return cs_triggers_of(session, asked, account);
}

/// What is read about one of them, by whoever reads about all.
Result<void> fill(std::vector<IdentityHash> identities, const audience::Consent& consent,
                  const std::map<IdentityHash, CsTriggers>& contacts, Recipient& r) {
  if (identities.empty()) return fail(ErrorCode::kInternal, "{}: has no identity", r.person.value);
  r.identities = std::move(identities);
  r.consent = !consent.withdrawn;
  std::optional<IdentityHash> openid = follower_of(consent);
  // A withdrawal decides by itself; `since` is then its time, not that of their leaving.
  if (!openid)
    openid = in_contact(r.identities, contacts, consent.withdrawn ? Instant{} : consent.since);
  r.has_openid = r.following = openid.has_value();
  r.identity = openid.value_or(r.identities.front());
  return {};
}

Result<void> add_partitions(storage::Vault& vault, std::span<Recipient> recipients) {
  std::vector<IdentityHash> identities;
  identities.reserve(recipients.size());
  for (const Recipient& r : recipients) {
    if (!r.person.empty()) identities.push_back(r.identity);
  }
  ZHIYIN_TRY(const std::vector<int> partitions, vault.partitions(identities));
  auto next = partitions.begin();
  for (Recipient& r : recipients) {
    if (!r.person.empty()) r.partition = *next++;
  }
  return {};
}

}  // namespace

Result<std::vector<Recipient>> AudienceRecipients::find(std::span<const PersonId> people,
                                                        const RecipientQuery& query) const {
  std::vector<Recipient> out;
  // One snapshot for all of it: what the audience's functions read in here, they read there.
  ZHIYIN_TRY_VOID(people_.state().read([&](storage::Session& session) -> Result<void> {
    out.assign(people.size(), {});
    ZHIYIN_TRY(const std::vector<PersonId> now_called, people_.resolve_all(people));
    ZHIYIN_TRY(std::vector<std::vector<IdentityHash>> identities,
               people_.identities_of_all(now_called));
    ZHIYIN_TRY(
        const std::vector<audience::Consent> consents,
        audience::consents_of(session, identities, query.account.value, enum_name(query.purpose)));
    ZHIYIN_TRY(const auto contacts, contacts_of(session, identities, consents, query.account));
    const Instant as_of = clock_.now();
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i].person = now_called[i];
      if (now_called[i].empty()) continue;
      ZHIYIN_TRY_VOID(fill(std::move(identities[i]), consents[i], contacts, out[i]));
      if (!query.with_variables) continue;
      ZHIYIN_TRY(const audience::PersonView view, people_.view(out[i].person));
      out[i].variables = variables_of(view, as_of);
    }
    return query.with_partition ? add_partitions(people_.vault(), out) : Result<void>();
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

Result<std::vector<std::optional<Secret>>> AudienceRecipients::openids(
    std::span<const IdentityHash> identities) const {
  ZHIYIN_TRY(std::vector<std::optional<storage::Identity>> found,
             people_.vault().reveal_all(identities));
  std::vector<std::optional<Secret>> out(found.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (found[i] && found[i]->kind == "openid") out[i] = Secret(std::move(found[i]->value));
  }
  return out;
}

}  // namespace zhiyin::delivery
