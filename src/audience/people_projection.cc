#include "audience/people_projection.h"

#include <algorithm>
#include <map>
#include <set>

#include "audience/detail/identity_graph.h"
#include "audience/traits.h"

namespace zhiyin::audience {
namespace {

using ingest::Event;
using ingest::LoggedEvent;
using storage::Blob;
using storage::Row;
using storage::Rows;
using storage::Session;
using storage::to_blob;
using storage::Value;

using Touched = BatchIdentity;
using Identities = BatchIdentities;

using Ordered = std::vector<std::pair<const IdentityHash, Touched>*>;

/// Ordered for writing: neighbours in the table are written together.
Ordered sorted(Identities& identities) {
  Ordered list;
  list.reserve(identities.size());
  for (auto& entry : identities) list.push_back(&entry);
  std::ranges::sort(list, {}, [](const auto* e) { return e->first; });
  return list;
}

constexpr std::size_t kLookupWidth = 50;

const std::string& lookup_sql() {
  static const std::string sql = [] {
    std::string places;
    for (std::size_t i = 1; i <= kLookupWidth; ++i)
      places += fmt::format("{}?{}", i == 1 ? "" : ", ", i);
    return fmt::format(
        "SELECT identity, person, first_at, erased_off FROM identity_person WHERE identity IN ({})",
        places);
  }();
  return sql;
}

Result<void> load(Session& session, const Ordered& list, Identities& identities) {
  for (std::size_t begin = 0; begin < list.size(); begin += kLookupWidth) {
    std::vector<Value> wanted;
    for (std::size_t i = 0; i < kLookupWidth;
         ++i) {  // the rest repeats the last, so that the text stays one
      wanted.emplace_back(to_blob(list[std::min(begin + i, list.size() - 1)]->first));
    }
    ZHIYIN_TRY(const Rows rows, session.query(lookup_sql(), wanted));
    for (const Row& row : rows.rows) {
      Touched& t = identities[storage::from_blob(row[0])];
      t.known = true;
      t.person = std::string(storage::as_text(row[1]));
      t.first_at = storage::as_int(row[2]);
      t.erased_off = storage::as_int(row[3]);
    }
  }
  return {};
}

/// Who is known already has a row that changes only when somebody was there earlier than thought:
/// one page less to write for each event.
Result<void> write_identity(Session& session, const IdentityHash& identity, Touched& t,
                            ChangeNumber& changed) {
  const Blob key = to_blob(identity);
  if (!t.person.empty()) {
    if (!t.earlier) return {};
    ZHIYIN_TRY_VOID(session.execute("UPDATE identity_person SET first_at = ?2 WHERE identity = ?1",
                                    {key, t.first_at}));
    return {};
  }
  const std::string person = person_id_of(identity).value;
  t.person = person;
  t.fresh = true;
  ZHIYIN_TRY(const std::int64_t number, changed.get());
  ZHIYIN_TRY_VOID(
      session.execute("INSERT INTO person(id, identity, current) VALUES(?1, ?2, 1)"
                      " ON CONFLICT(id) DO UPDATE SET current = 1",
                      {person, key}));
  ZHIYIN_TRY_VOID(session.execute(
      "INSERT INTO identity_person(identity, person, first_at, removed_events, removed_last_at,"
      " erased_off, changed) VALUES(?1, ?2, ?3, 0, 0, ?4, ?5) ON CONFLICT(identity) DO UPDATE SET"
      " person = excluded.person, first_at = excluded.first_at, changed = excluded.changed",
      {key, person, t.first_at, t.erased_off, number}));
  return {};
}

Result<void> write_identities(Session& session, const Ordered& list, ChangeNumber& changed) {
  for (auto* entry : list) {
    if (entry->second.mentioned)
      ZHIYIN_TRY_VOID(write_identity(session, entry->first, entry->second, changed));
  }
  return {};
}

/// A late event can make another identity the earliest of its person.
Result<void> settle_earlier(Session& session, const Ordered& list, ChangeNumber& changed) {
  for (const auto* entry : list) {
    if (!entry->second.earlier) continue;
    ZHIYIN_TRY(const Rows rows,
               session.query("SELECT person FROM identity_person WHERE identity = ?1",
                             {to_blob(entry->first)}));
    const std::string person(storage::as_text(rows.rows.at(0).at(0)));
    ZHIYIN_TRY_VOID(settle(session, std::span(&person, 1), changed));
  }
  return {};
}

Result<void> write_edges(Session& session, std::span<const LoggedEvent* const> events,
                         ChangeNumber& changed) {
  std::map<std::pair<IdentityHash, IdentityHash>, Edge> edges;
  for (const LoggedEvent* logged : events) {
    const Event& e = logged->event;
    for (std::size_t i = 1; i < e.identities.size(); ++i) {
      const Edge edge{e.identities[0], e.identities[i], e.source, e.occurred_at.us};
      const auto [place, added] = edges.try_emplace(std::minmax(edge.a, edge.b), edge);
      if (!added &&
          std::tie(edge.at, edge.source) < std::tie(place->second.at, place->second.source)) {
        place->second = edge;
      }
    }
  }
  for (const auto& [ends, edge] : edges) ZHIYIN_TRY_VOID(add_edge(session, edge, changed));
  return {};
}

Value optional_text(std::string_view text) {
  return text.empty() ? Value() : Value(std::string(text));
}

constexpr std::size_t kActivityColumns = 10;
constexpr std::size_t kActivityRows = 20;  // of one statement

std::string activity_sql(std::size_t rows) {
  std::string sql =
      "INSERT INTO activity(identity, at, off, part, kind, item_kind, item_id, value, account,"
      " properties) VALUES";
  for (std::size_t i = 0; i < rows * kActivityColumns; ++i) {
    const bool first = i % kActivityColumns == 0;
    sql += fmt::format("{}?{}{}",
                       !first   ? ", "
                       : i == 0 ? "("
                                : ", (",
                       i + 1, i % kActivityColumns == kActivityColumns - 1 ? ")" : "");
  }
  return sql + " ON CONFLICT DO NOTHING";
}

void add_activity(const LoggedEvent& logged, std::vector<Value>& row) {
  const Event& e = logged.event;
  row.emplace_back(to_blob(e.identities[0]));
  row.emplace_back(e.occurred_at.us);
  row.emplace_back(logged.offset);
  row.emplace_back(std::int64_t{logged.partition});
  row.emplace_back(e.kind);
  row.push_back(e.item ? Value(e.item->kind) : Value());
  row.push_back(e.item ? Value(e.item->id) : Value());
  row.emplace_back(ingest::value_of(e));
  row.emplace_back(e.account);
  row.push_back(optional_text(e.properties));
}

Result<void> write_activity(Session& session, std::span<const LoggedEvent* const> events) {
  static const std::string one = activity_sql(1);
  static const std::string full = activity_sql(kActivityRows);
  std::vector<const LoggedEvent*> order(events.begin(), events.end());
  std::ranges::sort(order, {}, [](const LoggedEvent* l) {
    return std::tie(l->event.identities[0], l->event.occurred_at, l->offset, l->partition);
  });
  std::vector<Value> rows;
  rows.reserve(kActivityRows * kActivityColumns);
  for (std::size_t i = 0; i < order.size();) {
    const std::size_t n = order.size() - i >= kActivityRows ? kActivityRows : 1;
    rows.clear();
    for (const LoggedEvent* logged : std::span(order).subspan(i, n)) add_activity(*logged, rows);
    ZHIYIN_TRY_VOID(session.execute(n == 1 ? one : full, std::span<const Value>(rows)));
    i += n;
  }
  return {};
}

/// By time. Of one moment what forbids sending counts: the place in the log is no argument, since a
/// retry can change it.
struct Mark {
  Instant at;
  bool off = false;
  std::int64_t offset = 0;
  auto operator<=>(const Mark&) const = default;
};

Result<void> write_follows(Session& session, std::span<const LoggedEvent* const> events) {
  std::map<std::pair<IdentityHash, std::string_view>, Mark> newest;
  for (const LoggedEvent* logged : events) {
    const Event& e = logged->event;
    if (e.kind != "follow" && e.kind != "unfollow") continue;
    Mark& mark = newest[{e.identities[0], e.account}];
    mark = std::max(mark, Mark{e.occurred_at, e.kind == "unfollow", logged->offset});
  }
  for (const auto& [key, mark] : newest) {
    ZHIYIN_TRY_VOID(session.execute(
        "INSERT INTO follow_state(identity, account, following, at, off) VALUES(?1, ?2, ?3, ?4, ?5)"
        " ON CONFLICT(identity, account) DO UPDATE SET following = excluded.following, at = "
        "excluded.at,"
        " off = excluded.off WHERE excluded.at > follow_state.at"
        " OR (excluded.at = follow_state.at AND excluded.following < follow_state.following)",
        {to_blob(key.first), std::string(key.second), std::int64_t{!mark.off}, mark.at.us,
         mark.offset}));
  }
  return {};
}

/// The purpose that a consent event names; `*` stands for all of them.
std::string purpose_of(const Event& e) {
  constexpr std::size_t kPurposeBytesMax = 64;
  if (e.properties.empty()) return "*";
  const auto json = parse_json(e.properties);
  if (!json) return "*";
  const std::string_view purpose = (*json)["purpose"].string_or("*");
  return purpose.empty() || purpose.size() > kPurposeBytesMax ? "*" : std::string(purpose);
}

Result<void> write_consents(Session& session, std::span<const LoggedEvent* const> events) {
  for (const LoggedEvent* logged : events) {
    const Event& e = logged->event;
    if (e.kind != "consent.withdraw" && e.kind != "consent.grant") continue;
    ZHIYIN_TRY_VOID(session.execute(
        "INSERT INTO consent_mark(identity, account, purpose, withdrawn, at, off) VALUES(?1, ?2, "
        "?3, ?4, ?5, ?6)"
        " ON CONFLICT(identity, account, purpose) DO UPDATE SET withdrawn = excluded.withdrawn, at "
        "= excluded.at,"
        " off = excluded.off WHERE excluded.at > consent_mark.at"
        " OR (excluded.at = consent_mark.at AND excluded.withdrawn > consent_mark.withdrawn)",
        {to_blob(e.identities[0]), e.account, purpose_of(e),
         std::int64_t{e.kind == "consent.withdraw"}, e.occurred_at.us, logged->offset}));
  }
  return {};
}

Result<void> write_traits(Session& session, std::span<const LoggedEvent* const> events) {
  std::vector<Row> rows;
  std::map<std::string, std::int64_t> names;
  for (const LoggedEvent* logged : events) {
    const Event& e = logged->event;
    if (e.kind != "trait.set") continue;
    for (TraitSetting& t : trait_settings(e.properties)) {
      ++names[t.name];
      rows.push_back({to_blob(e.identities[0]), t.name, std::int64_t{logged->partition},
                      logged->offset, e.occurred_at.us,
                      t.text ? Value(std::move(*t.text)) : Value(),
                      t.number ? Value(*t.number) : Value()});
    }
  }
  if (rows.empty()) return {};
  ZHIYIN_TRY(const Rows taken,
             session.query(
                 "UPDATE people_cursor SET value = value + ?1 WHERE name = 'trait' RETURNING value",
                 {static_cast<std::int64_t>(rows.size())}));
  std::int64_t seq =
      storage::as_int(taken.rows.at(0).at(0)) - static_cast<std::int64_t>(rows.size());
  for (Row& row : rows) {
    row.emplace_back(++seq);
    ZHIYIN_TRY_VOID(
        session.execute("INSERT INTO trait_queue(identity, name, part, off, at, text, number, seq)"
                        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                        row));
  }
  for (const auto& [name, n] : names) {
    ZHIYIN_TRY_VOID(
        session.execute("INSERT INTO trait_name(name, n) VALUES(?1, ?2)"
                        " ON CONFLICT(name) DO UPDATE SET n = trait_name.n + excluded.n",
                        {name, n}));
  }
  return {};
}

}  // namespace

void BatchIdentity::mention(std::int64_t at, bool own) {
  const bool first = person.empty() && !mentioned;
  mentioned = true;
  if (!own && !first) return;
  earlier = earlier || (!person.empty() && at < first_at);
  first_at = first ? at : std::min(first_at, at);
}

const BatchIdentity* PeopleProjection::of_batch(const IdentityHash& identity) const {
  const auto found = batch_.find(identity);
  return found == batch_.end() ? nullptr : &found->second;
}

Result<void> PeopleProjection::apply(Session& session, std::span<const LoggedEvent> events) {
  Identities& identities = batch_;
  identities.clear();
  for (const LoggedEvent& logged : events) {
    for (const IdentityHash& identity : logged.event.identities) identities.try_emplace(identity);
  }
  const Ordered list = sorted(identities);
  ZHIYIN_TRY_VOID(load(session, list, identities));

  std::vector<const LoggedEvent*> counted;
  counted.reserve(events.size());
  for (const LoggedEvent& logged : events) {
    const Touched& key = identities[logged.event.identities[0]];
    const bool own = is_own_deed(logged.event.kind);
    // What was erased stays erased when the log is read again, and when news of ours about the
    // person were under way. Who does something is somebody new.
    if (logged.offset <= key.erased_off) continue;
    if (!own && key.known && key.person.empty() && !key.mentioned) continue;
    counted.push_back(&logged);
    for (const IdentityHash& identity : logged.event.identities)
      identities[identity].mention(logged.event.occurred_at.us, own);
  }

  ChangeNumber changed(session);
  ZHIYIN_TRY_VOID(write_identities(session, list, changed));
  ZHIYIN_TRY_VOID(write_edges(session, counted, changed));
  ZHIYIN_TRY_VOID(settle_earlier(session, list, changed));
  ZHIYIN_TRY_VOID(write_activity(session, counted));
  ZHIYIN_TRY_VOID(write_follows(session, counted));
  ZHIYIN_TRY_VOID(write_consents(session, counted));
  return write_traits(session, counted);
}

}  // namespace zhiyin::audience
