#include "audience/people.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <unordered_map>

#include "audience/identity_ref.h"
#include "audience/people_projection.h"
#include "storage/in_list.h"

namespace zhiyin::audience {
namespace {

using storage::Row;
using storage::Rows;
using storage::Session;
using storage::to_blob;

constexpr std::size_t kHexBytes = 32;
constexpr std::size_t kPageMax = 1000;

std::string text_of(const storage::Value& v) { return std::string(storage::as_text(v)); }

std::unexpected<Error> nobody(std::string_view ref) {
  return fail(ErrorCode::kNotFound, "person {}: does not exist", ref.substr(0, 40));
}

/// The one column of the one row; kNotFound otherwise, or when it is empty (erased).
Result<PersonId> one_person(const Result<Rows>& rows, std::string_view ref) {
  if (!rows) return std::unexpected(rows.error());
  if (rows->rows.empty() || storage::as_text(rows->rows[0][0]).empty()) return nobody(ref);
  return PersonId(text_of(rows->rows[0][0]));
}

Result<PersonId> person_of_identity(Session& session, const IdentityHash& identity) {
  return one_person(
      session.query("SELECT person FROM identity_person WHERE identity = ?1", {to_blob(identity)}),
      storage::to_hex(identity));
}

/// Also for an id that was a person's before a merge.
Result<PersonId> person_of_id(Session& session, std::string_view id) {
  return one_person(
      session.query(
          "SELECT ip.person FROM person p JOIN identity_person ip ON ip.identity = p.identity"
          " WHERE p.id = ?1",
          {std::string(id)}),
      id);
}

Result<std::vector<IdentityHash>> identities_of(Session& session, const PersonId& person) {
  ZHIYIN_TRY(
      const Rows rows,
      session.query(
          "SELECT identity FROM identity_person WHERE person = ?1 ORDER BY first_at, identity",
          {person.value}));
  std::vector<IdentityHash> list;
  for (const Row& row : rows.rows) list.push_back(storage::from_blob(row[0]));
  return list;
}

Activity activity_of(Row& row, std::size_t identity) {
  Activity a;
  a.at = {storage::as_int(row[0])};
  a.offset = storage::as_int(row[1]);
  a.partition = static_cast<int>(storage::as_int(row[2]));
  const auto take = [](storage::Value& v) {
    auto* text = std::get_if<std::string>(&v);
    return text == nullptr ? std::string() : std::move(*text);
  };
  a.kind = take(row[3]);
  if (!storage::is_null(row[4])) a.item = ingest::ItemRef{take(row[4]), take(row[5])};
  a.value = storage::as_int(row[6]);
  a.account = take(row[7]);
  a.properties = take(row[8]);
  a.identity = identity;
  return a;
}

auto place_of(const Activity& a) { return std::tuple(a.at, a.offset, a.partition); }

/// The newest `limit` events of one identity before `before`, newest first.
Result<void> read_activity(Session& session, const IdentityHash& identity, std::size_t number,
                           const std::tuple<Instant, std::int64_t, int>& before, std::size_t limit,
                           std::vector<Activity>& out) {
  const auto& [at, offset, partition] = before;
  ZHIYIN_TRY(
      Rows rows,
      session.query(
          "SELECT at, off, part, kind, item_kind, item_id, value, account, properties FROM activity"
          " WHERE identity = ?1 AND (at, off, part) < (?2, ?3, ?4) ORDER BY at DESC, off DESC, "
          "part DESC LIMIT ?5",
          {to_blob(identity), at.us, offset, std::int64_t{partition},
           static_cast<std::int64_t>(limit)}));
  for (Row& row : rows.rows) out.push_back(activity_of(row, number));
  return {};
}

constexpr std::int64_t kFar = std::int64_t{1} << 62;
const std::tuple<Instant, std::int64_t, int> kEnd{{kFar}, kFar, 1 << 30};

/// Newest first.
Result<std::vector<Activity>> newest_activity(Session& session,
                                              std::span<const IdentityHash> identities,
                                              const std::tuple<Instant, std::int64_t, int>& before,
                                              std::size_t limit) {
  std::vector<Activity> list;
  for (std::size_t i = 0; i < identities.size(); ++i) {
    ZHIYIN_TRY_VOID(read_activity(session, identities[i], i, before, limit, list));
  }
  if (identities.size() > 1) std::ranges::sort(list, std::greater(), place_of);
  if (list.size() > limit) list.resize(limit);
  return list;
}

Result<PersonView> view_of(Session& session, const PersonId& person, std::size_t activity_max) {
  PersonView view;
  view.id = person;
  ZHIYIN_TRY(view.identities, identities_of(session, person));
  ZHIYIN_TRY(view.activity, newest_activity(session, view.identities, kEnd, activity_max));
  std::ranges::reverse(view.activity);
  return view;
}

Result<std::vector<PersonId>> ids_after(Session& session, const PersonId& after,
                                        std::size_t limit) {
  ZHIYIN_TRY(
      const Rows rows,
      session.query("SELECT id FROM person WHERE id > ?1 AND current = 1 ORDER BY id LIMIT ?2",
                    {after.value, static_cast<std::int64_t>(limit)}));
  std::vector<PersonId> list;
  for (const Row& row : rows.rows) list.emplace_back(text_of(row[0]));
  return list;
}

/// Adds what `activity` holds of an identity.
Result<void> add_activity(Session& session, const storage::Value& identity, PersonSummary& out) {
  ZHIYIN_TRY(const Rows rows, session.query("SELECT kind, COUNT(*), MAX(at) FROM activity"
                                            " WHERE identity = ?1 GROUP BY kind",
                                            {identity}));
  for (const Row& row : rows.rows) {
    out.events += storage::as_int(row[1]);
    if (is_own_deed(storage::as_text(row[0])))
      out.last_seen = std::max(out.last_seen, Instant{storage::as_int(row[2])});
  }
  return {};
}

Result<std::optional<PersonSummary>> summary_of(Session& session, const PersonId& person) {
  ZHIYIN_TRY(const Rows identities,
             session.query("SELECT identity, first_at, removed_events, removed_last_at FROM"
                           " identity_person WHERE person = ?1 ORDER BY first_at",
                           {person.value}));
  if (identities.rows.empty()) return std::optional<PersonSummary>();
  PersonSummary summary{.id = person};
  summary.first_seen = summary.last_seen = {storage::as_int(identities.rows.front()[1])};
  for (const Row& row : identities.rows) {
    summary.events += storage::as_int(row[2]);
    summary.last_seen = std::max(
        {summary.last_seen, Instant{storage::as_int(row[1])}, Instant{storage::as_int(row[3])}});
    ZHIYIN_TRY_VOID(add_activity(session, row[0], summary));
  }
  ZHIYIN_TRY(const Rows follows,
             session.query("SELECT DISTINCT f.account FROM identity_person ip JOIN follow_state f"
                           " ON f.identity = ip.identity WHERE ip.person = ?1 AND f.following = 1"
                           " ORDER BY f.account",
                           {person.value}));
  for (const Row& follow : follows.rows) summary.following.push_back(text_of(follow[0]));
  return std::optional(std::move(summary));
}

/// `AT:OFFSET:PARTITION`.
Result<std::tuple<Instant, std::int64_t, int>> parse_place(std::string_view text) {
  if (text.empty()) return kEnd;
  std::int64_t parts[3] = {};
  const char* next = text.data();
  const char* const end = text.data() + text.size();
  for (std::size_t i = 0; i < 3; ++i) {
    const auto [stop, error] = std::from_chars(next, end, parts[i]);
    const bool separated = i == 2 ? stop == end : (stop != end && *stop == ':');
    if (error != std::errc() || !separated)
      return fail_field("after", "is not the `next` of an earlier page");
    next = stop + 1;
  }
  return std::tuple(Instant{parts[0]}, parts[1], static_cast<int>(parts[2]));
}

std::vector<storage::Value> id_values(std::span<const PersonId> people) {
  std::vector<storage::Value> values;
  values.reserve(people.size());
  for (const PersonId& person : people) {
    if (!person.empty()) values.emplace_back(person.value);  // the empty id stands for the erased
  }
  return values;
}

Result<PersonId> person_of_ref(Session& session, const storage::Vault& vault,
                               std::string_view ref) {
  if (ref.starts_with("p_")) return person_of_id(session, ref);
  if (ref.size() == kHexBytes && ref.find(':') == std::string_view::npos) {
    ZHIYIN_TRY(const auto hash, storage::identity_hash_from_hex(ref));
    return person_of_identity(session, hash);
  }
  ZHIYIN_TRY(const auto identity, parse_identity(ref));
  return person_of_identity(session, vault.hash(identity));
}

/// Runs `work(session)` on a snapshot and hands on what it returns.
template <class Work>
auto on_snapshot(storage::State& state, Work work) -> decltype(work(std::declval<Session&>())) {
  using Out = decltype(work(std::declval<Session&>()));
  std::optional<Out> out;
  ZHIYIN_TRY_VOID(state.read([&](Session& session) -> Result<void> {
    out = work(session);
    if (!*out) return std::unexpected(out->error());
    return {};
  }));
  return std::move(*out);
}

}  // namespace

Result<PersonId> People::resolve(std::string_view ref) const {
  return on_snapshot(state_, [&](Session& session) { return person_of_ref(session, vault_, ref); });
}

Result<PersonView> People::view_of(std::string_view ref, std::size_t activity_max) const {
  return on_snapshot(state_, [&](Session& session) -> Result<PersonView> {
    ZHIYIN_TRY(const PersonId person, person_of_ref(session, vault_, ref));
    return audience::view_of(session, person, activity_max);
  });
}

Result<std::vector<PersonView>> People::views_of(std::span<const PersonId> people,
                                                 std::size_t activity_max) const {
  return on_snapshot(state_, [&](Session& session) -> Result<std::vector<PersonView>> {
    std::vector<PersonView> list;
    list.reserve(people.size());
    for (const PersonId& person : people) {
      const auto now = person_of_id(session, person.value);
      if (!now && now.error().code == ErrorCode::kNotFound) continue;
      if (!now) return std::unexpected(now.error());
      ZHIYIN_TRY(auto view, audience::view_of(session, *now, activity_max));
      list.push_back(std::move(view));
    }
    return list;
  });
}

Result<PersonId> People::of_identity(const IdentityHash& identity) const {
  return on_snapshot(state_,
                     [&](Session& session) { return person_of_identity(session, identity); });
}

Result<std::vector<IdentityHash>> People::identities(const PersonId& person) const {
  return on_snapshot(state_, [&](Session& session) -> Result<std::vector<IdentityHash>> {
    ZHIYIN_TRY(const PersonId now, person_of_id(session, person.value));
    return identities_of(session, now);
  });
}

Result<std::vector<PersonId>> People::resolve_all(std::span<const PersonId> people) const {
  return on_snapshot(state_, [&](Session& session) -> Result<std::vector<PersonId>> {
    std::unordered_map<std::string, std::string> today;
    ZHIYIN_TRY_VOID(storage::query_in_lists(
        session,
        "SELECT p.id, ip.person FROM person p JOIN identity_person ip ON ip.identity = p.identity"
        " WHERE p.id IN ({})",
        {}, id_values(people),
        [&](storage::Row& row) { today[text_of(row[0])] = text_of(row[1]); }));
    std::vector<PersonId> list;
    list.reserve(people.size());
    for (const PersonId& person : people) {
      const auto found = today.find(person.value);
      list.push_back(found == today.end() ? PersonId() : PersonId(found->second));
    }
    return list;
  });
}

Result<std::vector<std::vector<IdentityHash>>> People::identities_of_all(
    std::span<const PersonId> people) const {
  using Placed = std::pair<std::int64_t, IdentityHash>;  // in the order of `identities_of`
  return on_snapshot(
      state_, [&](Session& session) -> Result<std::vector<std::vector<IdentityHash>>> {
        std::unordered_map<std::string, std::vector<Placed>> by_person;
        ZHIYIN_TRY_VOID(storage::query_in_lists(
            session, "SELECT person, first_at, identity FROM identity_person WHERE person IN ({})",
            {}, id_values(people), [&](const Row& row) {
              by_person[text_of(row[0])].emplace_back(storage::as_int(row[1]),
                                                      storage::from_blob(row[2]));
            }));
        for (auto& [person, placed] : by_person) {
          std::ranges::sort(placed);
          placed.erase(std::ranges::unique(placed).begin(), placed.end());
        }
        std::vector<std::vector<IdentityHash>> lists(people.size());
        for (std::size_t i = 0; i < people.size(); ++i) {
          const auto found = by_person.find(people[i].value);
          if (people[i].empty() || found == by_person.end()) continue;
          for (const Placed& placed : found->second) lists[i].push_back(placed.second);
        }
        return lists;
      });
}

Result<PersonView> People::view(const PersonId& person, std::size_t activity_max) const {
  return on_snapshot(state_, [&](Session& session) -> Result<PersonView> {
    ZHIYIN_TRY(const PersonId now, person_of_id(session, person.value));
    return audience::view_of(session, now, activity_max);
  });
}

Result<Identity> People::reveal(const PersonId& person, std::string_view account,
                                std::string_view kind) const {
  ZHIYIN_TRY(const auto hashes, identities(person));
  for (const IdentityHash& hash : hashes) {
    auto identity = vault_.reveal(hash);
    if (!identity && identity.error().code != ErrorCode::kNotFound) return identity;
    if (identity && identity->account == account && identity->kind == kind) return identity;
  }
  return fail(ErrorCode::kNotFound, "person {}: has no {} on account {}", person.value, kind,
              account);
}

Result<std::vector<PersonId>> People::list(const PersonId& after, std::size_t limit) const {
  return on_snapshot(state_, [&](Session& session) { return ids_after(session, after, limit); });
}

Result<std::int64_t> People::count() const {
  ZHIYIN_TRY(const Rows rows, state_.query("SELECT COUNT(*) FROM person WHERE current = 1"));
  return storage::as_int(rows.rows.at(0).at(0));
}

Result<std::vector<PersonView>> People::views(const PersonId& after, std::size_t limit,
                                              std::size_t activity_max) const {
  return on_snapshot(state_, [&](Session& session) -> Result<std::vector<PersonView>> {
    ZHIYIN_TRY(const auto ids, ids_after(session, after, limit));
    std::vector<PersonView> list;
    list.reserve(ids.size());
    for (const PersonId& id : ids) {
      ZHIYIN_TRY(auto view, audience::view_of(session, id, activity_max));
      list.push_back(std::move(view));
    }
    return list;
  });
}

Result<std::vector<PersonSummary>> People::summaries(std::span<const PersonId> people) const {
  return on_snapshot(state_, [&](Session& session) -> Result<std::vector<PersonSummary>> {
    std::vector<PersonSummary> list;
    for (const PersonId& person : people) {
      ZHIYIN_TRY(auto summary, summary_of(session, person));
      if (summary) list.push_back(std::move(*summary));
    }
    return list;
  });
}

Result<ActivityPage> People::events(const PersonId& person, std::string_view after,
                                    std::size_t limit) const {
  if (limit < 1 || limit > kPageMax)
    return fail_field("limit", "{} is not between 1 and {}", limit, kPageMax);
  ZHIYIN_TRY(const auto before, parse_place(after));
  return on_snapshot(state_, [&](Session& session) -> Result<ActivityPage> {
    ZHIYIN_TRY(const PersonId now, person_of_id(session, person.value));
    ZHIYIN_TRY(const auto hashes, identities_of(session, now));
    ActivityPage page;
    ZHIYIN_TRY(page.activity, newest_activity(session, hashes, before, limit + 1));
    if (page.activity.size() > limit) {
      page.activity.resize(limit);
      const Activity& last = page.activity.back();
      page.next = fmt::format("{}:{}:{}", last.at.us, last.offset, last.partition);
    }
    return page;
  });
}

Result<std::int64_t> People::followers() const {
  ZHIYIN_TRY(
      const Rows rows,
      state_.query("SELECT COUNT(DISTINCT ip.person) FROM follow_state f JOIN identity_person ip"
                   " ON ip.identity = f.identity WHERE f.following = 1 AND ip.person <> ''"));
  return storage::as_int(rows.rows.at(0).at(0));
}

Result<std::vector<std::string>> People::trait_names(std::size_t limit) const {
  ZHIYIN_TRY(const Rows rows,
             state_.query("SELECT name FROM trait_name ORDER BY n DESC, name LIMIT ?1",
                          {static_cast<std::int64_t>(limit)}));
  std::vector<std::string> names;
  for (const Row& row : rows.rows) names.push_back(text_of(row[0]));
  return names;
}

}  // namespace zhiyin::audience
