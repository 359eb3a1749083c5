#include "audience/live_segments.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "audience/detail/live_profile.h"
#include "audience/detail/member_bitmap.h"
#include "audience/features.h"
#include "audience/interests.h"
#include "audience/recent_people.h"
#include "storage/outbox.h"

namespace zhiyin::audience {
namespace {

using detail::kNever;
using detail::LiveEvent;
using detail::LiveLeaf;
using detail::LivePlan;
using detail::LiveProfile;
using detail::LiveSegment;
using detail::MemberFlips;
using ingest::LoggedEvent;
using storage::Blob;
using storage::Row;
using storage::Rows;
using storage::Session;
using storage::Value;

constexpr std::int64_t kHourUs = 3'600'000'000;
/// A clock that was set back further than this was wrong before: everything is made anew.
constexpr std::int64_t kBackMaxUs = 10 * 60 * 1'000'000LL;
constexpr std::int64_t kDuePerBatch = 5000;
constexpr std::int64_t kSweptPerTick = 2000;
constexpr std::int64_t kSweptPerBatch = 200;
constexpr std::size_t kGroup = 50;
constexpr std::string_view kAccount = "zhiyin";  // own events that are of no account

/// The one row of `live_state`.
struct Clockwork {
  std::int64_t generation = 0;
  std::int64_t now = 0;
  bool sweeping = false;
  std::string swept;
  std::int64_t changes = 0;
  std::int64_t items = 0;
  std::int64_t people = 0;  ///< numbers given to people so far
};

Result<Clockwork> load_clockwork(Session& session) {
  ZHIYIN_TRY(const Rows rows,
             session.query("SELECT generation, now, sweeping, swept, changes, items, people FROM"
                           " live_state WHERE one = 1"));
  const Row& row = rows.rows.at(0);
  return Clockwork{storage::as_int(row[0]),      storage::as_int(row[1]),
                   storage::as_int(row[2]) != 0, std::string(storage::as_text(row[3])),
                   storage::as_int(row[4]),      storage::as_int(row[5]),
                   storage::as_int(row[6])};
}

Result<void> save_clockwork(Session& session, const Clockwork& c) {
  ZHIYIN_TRY_VOID(session.execute(
      "UPDATE live_state SET generation = ?1, now = ?2, sweeping = ?3, swept = ?4,"
      " changes = ?5, items = ?6, people = ?7 WHERE one = 1",
      {c.generation, c.now, std::int64_t{c.sweeping}, c.swept, c.changes, c.items, c.people}));
  return {};
}

Result<LivePlan> load_plan(Session& session, std::int64_t generation) {
  ZHIYIN_TRY(const Rows rows,
             session.query("SELECT l.segment, l.number, l.version, l.filled, s.tree FROM"
                           " live_segment l JOIN segment s ON s.id = l.segment ORDER BY l.number"));
  std::vector<LiveSegment> segments;
  for (const Row& row : rows.rows) {
    LiveSegment segment;
    segment.id = SegmentId(std::string(storage::as_text(row[0])));
    segment.number = storage::as_int(row[1]);
    segment.version = storage::as_int(row[2]);
    segment.filled = storage::as_int(row[3]) != 0;
    ZHIYIN_TRY(segment.tree, SegmentTree::parse_stored(storage::as_text(row[4])));
    segments.push_back(std::move(segment));
  }
  return detail::compile(std::move(segments), generation);
}

Result<std::int64_t> newest_item(Session& session) {
  ZHIYIN_TRY(const Rows rows,
             session.query("SELECT value FROM item_cursor WHERE name = 'changed'"));
  return rows.rows.empty() ? 0 : storage::as_int(rows.rows[0][0]);
}

std::string placeholders(std::size_t rows, std::size_t columns) {
  std::string sql;
  std::size_t n = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    sql += row == 0 ? "(" : ", (";
    for (std::size_t column = 0; column < columns; ++column)
      sql += fmt::format("{}?{}", column == 0 ? "" : ", ", ++n);
    sql += ')';
  }
  return sql;
}

std::string upsert_sql(std::size_t rows) {
  return fmt::format(
      "INSERT INTO live_person(person, number, due, data) VALUES {} ON CONFLICT(person) DO UPDATE"
      " SET due = excluded.due, data = excluded.data",
      placeholders(rows, 4));
}

/// When a scan's answer may change by time alone: never later than it does.
class ScanDue {
 public:
  ScanDue(const LiveLeaf& leaf, const PersonView& view, const TagLookup& tags, std::int64_t now)
      : leaf_(leaf), view_(view), tags_(tags), now_(now) {}

  [[nodiscard]] std::int64_t get() const {
    if (leaf_.decays) return interest_due();
    if (!leaf_.window) return kNever;
    const std::int64_t window = leaf_.window->count();
    for (const Activity& a : view_.activity) {
      const bool matters = leaf_.kinds.empty()
                               ? is_behaviour(a.kind)
                               : std::ranges::find(leaf_.kinds, a.kind) != leaf_.kinds.end();
      if (matters && a.at.us > now_ - window) return a.at.us + window;
    }
    return kNever;
  }

 private:
  [[nodiscard]] std::int64_t micro(std::int64_t at) const {
    return interest_micro(std::get<InterestCondition>(leaf_.node.value).tag, view_, tags_, {at});
  }
  /// Without new events an interest only falls, so each comparison is crossed at most twice.
  [[nodiscard]] std::int64_t interest_due() const {
    const std::int64_t end = now_ + (kDecayHours + 1) * kHourUs;
    const std::int64_t most = micro(now_);
    const std::int64_t least = micro(end);
    std::int64_t due = kNever;
    for (const IntCompare& c : leaf_.compare) {
      for (const std::int64_t below : {c.operand, c.operand + 1}) {
        if (most < below || least >= below) continue;
        std::int64_t low = now_;
        std::int64_t high = std::min(end, due);
        if (micro(high) >= below) continue;  // an earlier crossing is known
        while (high - low > 1) {
          const std::int64_t middle = low + (high - low) / 2;
          (micro(middle) < below ? high : low) = middle;
        }
        due = std::min(due, high);
      }
    }
    return due;
  }

  const LiveLeaf& leaf_;
  const PersonView& view_;
  const TagLookup& tags_;
  const std::int64_t now_;
};

Activity activity_of(const Row& row, std::size_t identity) {
  Activity a;
  a.at = {storage::as_int(row[0])};
  a.offset = storage::as_int(row[1]);
  a.partition = static_cast<int>(storage::as_int(row[2]));
  a.kind = storage::as_text(row[3]);
  if (!storage::is_null(row[4]))
    a.item = ingest::ItemRef{std::string(storage::as_text(row[4])),
                             std::string(storage::as_text(row[5]))};
  a.value = storage::as_int(row[6]);
  a.account = storage::as_text(row[7]);
  a.properties = storage::as_text(row[8]);
  a.identity = identity;
  return a;
}

Result<std::vector<Blob>> identities_of(Session& session, const std::string& person) {
  ZHIYIN_TRY(const Rows rows, session.query("SELECT identity FROM identity_person WHERE person = ?1"
                                            " ORDER BY first_at, identity",
                                            {person}));
  std::vector<Blob> list;
  for (const Row& row : rows.rows) list.push_back({std::string(storage::as_text(row[0]))});
  return list;
}

/// The part of a person's history that some leaves look at.
Result<PersonView> history_of(Session& session, const std::string& person, const LivePlan& plan,
                              const std::vector<std::size_t>& leaves, std::int64_t now) {
  std::set<std::string> kinds;
  bool all = false;
  std::int64_t since = now;
  for (const std::size_t i : leaves) {
    const LiveLeaf& leaf = plan.leaves[i];
    kinds.insert(leaf.kinds.begin(), leaf.kinds.end());
    all = all || leaf.kinds.empty();
    std::int64_t from = -kNever;
    if (leaf.window) from = now - leaf.window->count();
    if (leaf.decays) from = now - (kDecayHours + 1) * kHourUs;
    since = std::min(since, from);
  }
  std::string sql =
      "SELECT at, off, part, kind, item_kind, item_id, value, account, properties FROM activity"
      " WHERE identity = ?1 AND at > ?2 AND at <= ?3";
  std::vector<Value> parameters{Blob{}, since, now};
  if (!all) {
    sql += " AND kind IN (";
    for (const std::string& kind : kinds) {
      parameters.emplace_back(kind);
      sql += fmt::format("{}?{}", parameters.size() == 4 ? "" : ", ", parameters.size());
    }
    sql += ")";
  }
  sql += fmt::format(" ORDER BY at, off, part LIMIT {}", kActivityAll);
  PersonView view;
  ZHIYIN_TRY(const auto identities, identities_of(session, person));
  for (std::size_t i = 0; i < identities.size(); ++i) {
    parameters[0] = identities[i];
    view.identities.push_back(storage::from_blob(parameters[0]));
    ZHIYIN_TRY(const Rows rows, session.query(sql, std::span<const Value>(parameters)));
    for (const Row& row : rows.rows) view.activity.push_back(activity_of(row, i));
  }
  if (identities.size() > 1) {
    std::ranges::sort(view.activity, {},
                      [](const Activity& a) { return std::tuple(a.at, a.offset, a.partition); });
  }
  return view;
}

/// What a row of `live_person` is found by.
struct Kept {
  std::int64_t number = 0;    ///< of the person in bitmaps of members; 0: none yet
  std::int64_t due = kNever;  ///< under which the row is found now
};

/// One batch (or tick): the transaction's view of what is kept.
class Step {
 public:
  Step(Session& session, const LivePlan& plan, const TagLookup& tags, Clockwork& clockwork,
       LiveProfile& profile, RecentPeople* recent)
      : session_(session),
        plan_(plan),
        tags_(tags),
        clockwork_(clockwork),
        profile_(profile),
        recent_(recent) {
    for (const LiveSegment& segment : plan.segments) by_number_.emplace(segment.number, &segment);
  }

  Result<void> run(const PeopleProjection& people, std::span<const LoggedEvent> events,
                   std::int64_t sweep_max) {
    ZHIYIN_TRY_VOID(wake_ahead());
    ZHIYIN_TRY_VOID(read_moved());
    ZHIYIN_TRY_VOID(take_in(people, events));
    ZHIYIN_TRY_VOID(settle_moved());
    ZHIYIN_TRY_VOID(flush());
    ZHIYIN_TRY_VOID(settle_due());
    if (clockwork_.sweeping) ZHIYIN_TRY_VOID(sweep(sweep_max));
    ZHIYIN_TRY_VOID(flush());
    if (recent_ != nullptr) ZHIYIN_TRY_VOID(recent_->memberships_changed(session_, changed_));
    return flips_.write(session_);
  }

 private:
  struct Loaded {
    Kept kept;
    std::string data;
  };
  struct OfPerson {
    bool fresh = true;  ///< nothing was known before this batch
    std::vector<const LoggedEvent*> events;
  };

  /// Events that lay ahead of the clock when they came count from now on.
  Result<void> wake_ahead() {
    ZHIYIN_TRY(const Rows rows,
               session_.query("SELECT DISTINCT ip.person FROM live_ahead a JOIN identity_person ip"
                              " ON ip.identity = a.identity WHERE a.at <= ?1 AND ip.person <> ''",
                              {clockwork_.now}));
    for (const Row& row : rows.rows) {
      const std::string person(storage::as_text(row[0]));
      ZHIYIN_TRY_VOID(detail::note_moved(session_, person, person));
    }
    ZHIYIN_TRY_VOID(session_.execute("DELETE FROM live_ahead WHERE at <= ?1", {clockwork_.now}));
    return {};
  }

  Result<void> read_moved() {
    ZHIYIN_TRY(const Rows rows, session_.query("SELECT person, became FROM live_recheck"));
    if (rows.rows.empty()) return {};
    for (const Row& row : rows.rows)
      moved_.emplace(storage::as_text(row[0]), storage::as_text(row[1]));
    ZHIYIN_TRY_VOID(session_.execute("DELETE FROM live_recheck"));
    return {};
  }

  Result<void> take_in(const PeopleProjection& people, std::span<const LoggedEvent> events) {
    std::unordered_map<std::string_view, OfPerson> by_person;
    for (const LoggedEvent& logged : events) {
      const BatchIdentity* who = people.of_batch(logged.event.identities[0]);
      if (who == nullptr || who->person.empty() || logged.offset <= who->erased_off) continue;
      if (!moved_.empty() && moved_.contains(who->person)) continue;  // made anew, with everything
      // What no condition looks at changes nobody that is known.
      if (!who->fresh && plan_.leaves_of(logged.event.kind).empty()) continue;
      OfPerson& of = by_person[who->person];
      of.fresh = of.fresh && who->fresh;
      of.events.push_back(&logged);
    }
    std::vector<std::pair<std::string_view, const OfPerson*>> order;
    order.reserve(by_person.size());
    for (const auto& [person, of] : by_person) order.emplace_back(person, &of);
    std::ranges::sort(order, {}, [](const auto& e) { return e.first; });
    for (std::size_t begin = 0; begin < order.size(); begin += kGroup) {
      const auto group = std::span(order).subspan(begin, std::min(kGroup, order.size() - begin));
      ZHIYIN_TRY(auto loaded, load(group));
      for (const auto& [person, of] : group)
        ZHIYIN_TRY_VOID(take_in_one(std::string(person), *of, loaded));
    }
    return {};
  }

  template <class Group>
  Result<std::unordered_map<std::string, Loaded>> load(const Group& group) {
    static const std::string sql = [] {
      std::string text = "SELECT person, number, due, data FROM live_person WHERE person IN (";
      for (std::size_t i = 1; i <= kGroup; ++i) text += fmt::format("{}?{}", i == 1 ? "" : ", ", i);
      return text + ")";
    }();
    std::vector<Value> wanted;
    wanted.reserve(kGroup);
    for (const auto& [person, of] : group) {
      if (!of->fresh) wanted.emplace_back(std::string(person));
    }
    std::unordered_map<std::string, Loaded> loaded;
    if (wanted.empty()) return loaded;
    while (wanted.size() < kGroup) wanted.push_back(wanted.back());  // one text for all
    ZHIYIN_TRY(Rows rows, session_.query(sql, std::span<const Value>(wanted)));
    for (Row& row : rows.rows) {
      auto* data = std::get_if<Blob>(&row[3]);
      loaded.emplace(std::string(storage::as_text(row[0])),
                     Loaded{{storage::as_int(row[1]), storage::as_int(row[2])},
                            data == nullptr ? std::string() : std::move(data->bytes)});
    }
    return loaded;
  }

  Result<void> take_in_one(const std::string& person, const OfPerson& of,
                           std::unordered_map<std::string, Loaded>& loaded) {
    Loaded before;
    if (const auto found = loaded.find(person); found != loaded.end())
      before = std::move(found->second);
    if (of.fresh && before.data.empty()) {
      profile_.reset(plan_);
    } else if (!profile_.decode(plan_, before.data)) {
      return make_anew(person, before.kept, profile_.members, {});
    }
    for (const LoggedEvent* logged : of.events) {
      const ingest::Event& e = logged->event;
      ZHIYIN_TRY_VOID(take_event(
          {e.kind, e.account, e.item ? &*e.item : nullptr, ingest::value_of(e), e.occurred_at.us},
          storage::to_blob(e.identities[0])));
    }
    const std::vector<std::int64_t> members = profile_.members;
    return conclude(person, before.kept, members, {}, of.events.back());
  }

  Result<void> take_event(const LiveEvent& event, const Value& identity) {
    if (event.at > clockwork_.now) {
      ZHIYIN_TRY_VOID(session_.execute(
          "INSERT INTO live_ahead(at, identity) VALUES(?1, ?2) ON CONFLICT DO NOTHING",
          {event.at, identity}));
      return {};
    }
    profile_.add(plan_, event, tags_, clockwork_.now);
    return {};
  }

  /// From the whole history. `members`: as kept for this person; `inherited`: of people who became
  /// it.
  Result<void> make_anew(const std::string& person, const Kept& kept,
                         const std::vector<std::int64_t> members,
                         const std::vector<std::int64_t>& inherited) {
    ZHIYIN_TRY(const auto identities, identities_of(session_, person));
    profile_.reset(plan_);
    bool any = false;
    for (const Blob& identity : identities) {
      ZHIYIN_TRY(const Rows rows,
                 session_.query("SELECT at, kind, item_kind, item_id, value, account FROM activity"
                                " WHERE identity = ?1 ORDER BY at LIMIT ?2",
                                {identity, static_cast<std::int64_t>(kActivityAll)}));
      for (const Row& row : rows.rows) {
        ingest::ItemRef item;
        const bool has_item = !storage::is_null(row[2]);
        if (has_item)
          item = {std::string(storage::as_text(row[2])), std::string(storage::as_text(row[3]))};
        ZHIYIN_TRY_VOID(take_event(
            {storage::as_text(row[1]), storage::as_text(row[5]), has_item ? &item : nullptr,
             storage::as_int(row[4]), storage::as_int(row[0])},
            identity));
      }
      any = any || !rows.rows.empty();
      made_anew_rows_ += static_cast<std::int64_t>(rows.rows.size());
    }
    if (any) profile_.forget_scans(plan_);
    return conclude(person, kept, members, inherited, nullptr);
  }

  /// Answers, keeps, tells.
  Result<void> conclude(const std::string& person, const Kept& kept,
                        const std::vector<std::int64_t>& members,
                        const std::vector<std::int64_t>& inherited, const LoggedEvent* cause) {
    ZHIYIN_TRY_VOID(profile_.evaluate(plan_, clockwork_.now,
                                      [&](const auto& leaves) { return scan(person, leaves); }));
    // Found too early it is only looked at once more, which is cheaper than moving it each time.
    const std::int64_t due =
        kept.due <= clockwork_.now ? profile_.due : std::min(kept.due, profile_.due);
    const std::int64_t number = kept.number == 0 ? ++clockwork_.people : kept.number;
    pending_.emplace_back(person);
    pending_.emplace_back(number);
    pending_.emplace_back(due);
    pending_.emplace_back(Blob{profile_.encode(plan_)});
    if (profile_.members != members || !inherited.empty())
      ZHIYIN_TRY_VOID(change(person, number, members, profile_.members, inherited, cause));
    if (pending_.size() == kGroup * 4) return flush();
    return {};
  }

  Result<void> flush() {
    static const std::string full = upsert_sql(kGroup);
    static const std::string one = upsert_sql(1);
    const std::span<const Value> all(pending_);
    if (pending_.size() == kGroup * 4) {
      ZHIYIN_TRY_VOID(session_.execute(full, all));
    } else {
      for (std::size_t i = 0; i < pending_.size(); i += 4)
        ZHIYIN_TRY_VOID(session_.execute(one, all.subspan(i, 4)));
    }
    pending_.clear();
    return {};
  }

  Result<std::vector<LiveProfile::Scanned>> scan(const std::string& person,
                                                 const std::vector<std::size_t>& leaves) {
    ZHIYIN_TRY(const PersonView view, history_of(session_, person, plan_, leaves, clockwork_.now));
    std::vector<LiveProfile::Scanned> found;
    for (const std::size_t i : leaves) {
      const LiveLeaf& leaf = plan_.leaves[i];
      found.push_back({evaluate(leaf.node, view, tags_, {clockwork_.now}),
                       ScanDue(leaf, view, tags_, clockwork_.now).get()});
    }
    return found;
  }

  Result<void> change(const std::string& person, std::int64_t of_person,
                      const std::vector<std::int64_t>& before,
                      const std::vector<std::int64_t>& after,
                      const std::vector<std::int64_t>& inherited, const LoggedEvent* cause) {
    changed_.push_back(person);
    std::vector<std::pair<std::int64_t, std::string_view>> news;
    for (const std::int64_t number : after) {
      if (std::ranges::binary_search(before, number)) continue;
      flips_.add(number, of_person, true);
      if (!std::ranges::binary_search(inherited, number)) news.emplace_back(number, "entered");
    }
    for (const std::int64_t number : before) {
      if (std::ranges::binary_search(after, number)) continue;
      flips_.add(number, of_person, false);
      news.emplace_back(number, "left");
    }
    for (const std::int64_t number : inherited) {
      if (!std::ranges::binary_search(after, number) && !std::ranges::binary_search(before, number))
        news.emplace_back(number, "left");
    }
    std::erase_if(news, [&](const auto& one) {
      const auto segment = by_number_.find(one.first);
      return segment == by_number_.end() || !segment->second->filled;
    });
    if (news.empty()) return {};
    ZHIYIN_TRY(const auto key, key_of(person, cause));
    if (!key) return {};
    for (const auto& [number, what] : news)
      ZHIYIN_TRY_VOID(tell(*by_number_.at(number), person, what, *key));
    return {};
  }

  /// Under which identity, and in which partition, a person's news are told.
  struct Key {
    IdentityHash identity{};
    int partition = 0;
  };
  /// Nothing when the person has no identity.
  Result<std::optional<Key>> key_of(const std::string& person, const LoggedEvent* cause) {
    Key key;
    // The id is made from the earliest identity, so one that makes it needs no looking up.
    if (cause != nullptr && person_id_of(cause->event.identities[0]).value == person) {
      key.identity = cause->event.identities[0];
    } else {
      ZHIYIN_TRY(const auto identities, identities_of(session_, person));
      if (identities.empty()) return std::optional<Key>();
      key.identity = storage::from_blob(identities.front());
    }
    if (cause != nullptr) {
      key.partition = cause->partition;
      return std::optional(key);
    }
    ZHIYIN_TRY(const Rows rows,
               session_.query("SELECT part FROM activity WHERE identity = ?1 LIMIT 1",
                              {storage::to_blob(key.identity)}));
    if (!rows.rows.empty()) key.partition = static_cast<int>(storage::as_int(rows.rows[0][0]));
    return std::optional(key);
  }

  /// The id names segment, person and change, so that a relay that repeats tells it once.
  Result<void> tell(const LiveSegment& segment, const std::string& person, std::string_view what,
                    const Key& key) {
    const std::string& id = segment.id.value;
    ingest::Event event;
    event.event_id = ingest::own_event_id(++clockwork_.changes,
                                          fmt::format("{}.{}.{}", id.substr(0, 40), person, what));
    event.account = kAccount;
    event.identities = {key.identity};
    event.kind = fmt::format("segment.{}", what);
    event.item = ingest::ItemRef{"segment", id};
    event.properties = Json::object().set("segment", id).set("version", segment.version).dump();
    event.occurred_at = {clockwork_.now};
    event.received_at = {clockwork_.now};
    event.source = "own";
    return storage::Outbox::put(session_, storage::Stream::kEvents,
                                {key.partition, ingest::encode_event(event)});
  }

  /// Where a person's identities are in the end.
  std::string end_of(std::string person) const {
    for (std::size_t i = 0; i <= moved_.size(); ++i) {
      const auto next = moved_.find(person);
      if (next == moved_.end() || next->second == person) break;
      person = next->second;
    }
    return person;
  }

  Result<Loaded> load_one(const std::string& person) {
    ZHIYIN_TRY(
        const Rows rows,
        session_.query("SELECT number, due, data FROM live_person WHERE person = ?1", {person}));
    if (rows.rows.empty()) return Loaded{};
    const Row& row = rows.rows[0];
    return Loaded{{storage::as_int(row[0]), storage::as_int(row[1])},
                  std::string(storage::as_text(row[2]))};
  }

  /// Merges, splits and erasures.
  Result<void> settle_moved() {
    if (moved_.empty()) return {};
    ZHIYIN_TRY_VOID(flush());
    std::set<std::string> touched;
    std::map<std::string, std::set<std::int64_t>> inherited;
    std::set<std::string> gone;
    for (const auto& [person, became] : moved_) touched.insert({person, end_of(person)});
    touched.erase("");
    for (const std::string& person : touched) {
      ZHIYIN_TRY(const auto identities, identities_of(session_, person));
      if (!identities.empty()) continue;
      gone.insert(person);
      ZHIYIN_TRY(const Loaded before, load_one(person));
      for (const std::int64_t number : LiveProfile::members_of(before.data)) {
        flips_.add(number, before.kept.number, false);
        if (const std::string end = end_of(person); !end.empty() && end != person)
          inherited[end].insert(number);
      }
      changed_.push_back(person);
      ZHIYIN_TRY_VOID(session_.execute("DELETE FROM live_person WHERE person = ?1", {person}));
    }
    for (const std::string& person : touched) {
      if (gone.contains(person)) continue;
      ZHIYIN_TRY(const Loaded before, load_one(person));
      const auto& of_others = inherited[person];
      ZHIYIN_TRY_VOID(make_anew(person, before.kept, LiveProfile::members_of(before.data),
                                {of_others.begin(), of_others.end()}));
    }
    return {};
  }

  Result<void> settle_due() {
    ZHIYIN_TRY(const Rows rows,
               session_.query("SELECT person, number, due, data FROM live_person WHERE due <= ?1"
                              " ORDER BY due LIMIT ?2",
                              {clockwork_.now, kDuePerBatch}));
    for (const Row& row : rows.rows) {
      const std::string person(storage::as_text(row[0]));
      const Kept kept{storage::as_int(row[1]), storage::as_int(row[2])};
      const bool known = profile_.decode(plan_, storage::as_text(row[3]));
      const std::vector<std::int64_t> members = profile_.members;
      if (known) {
        ZHIYIN_TRY_VOID(conclude(person, kept, members, {}, nullptr));
      } else {
        ZHIYIN_TRY_VOID(make_anew(person, kept, members, {}));
      }
    }
    return {};
  }

  /// Goes on with looking at everyone, a few people each time.
  Result<void> sweep(std::int64_t people_max) {
    constexpr std::int64_t kRowsPerStep = 200'000;
    ZHIYIN_TRY_VOID(flush());
    ZHIYIN_TRY(const Rows rows,
               session_.query("SELECT p.id, l.number, l.due, l.data FROM person p LEFT JOIN"
                              " live_person l ON l.person = p.id WHERE p.id > ?1 AND p.current = 1"
                              " ORDER BY p.id LIMIT ?2",
                              {clockwork_.swept, people_max}));
    made_anew_rows_ = 0;
    for (const Row& row : rows.rows) {
      const std::string person(storage::as_text(row[0]));
      clockwork_.swept = person;
      if (!profile_.decode(plan_, storage::as_text(row[3]))) {
        const std::vector<std::int64_t> members = profile_.members;
        const Kept kept{storage::as_int(row[1], 0), storage::as_int(row[2], kNever)};
        ZHIYIN_TRY_VOID(make_anew(person, kept, members, {}));
      }
      if (made_anew_rows_ > kRowsPerStep) return {};
    }
    if (static_cast<std::int64_t>(rows.rows.size()) == people_max) return {};
    clockwork_.sweeping = false;
    ZHIYIN_TRY(const auto filled,
               session_.execute("UPDATE live_segment SET filled = 1 WHERE filled = 0"));
    if (filled > 0 && recent_ != nullptr) ZHIYIN_TRY_VOID(recent_->live_segments_changed(session_));
    return {};
  }

  Session& session_;
  const LivePlan& plan_;
  const TagLookup& tags_;
  Clockwork& clockwork_;
  LiveProfile& profile_;
  RecentPeople* const recent_;
  std::vector<std::string> changed_;  ///< people whose segments are others now
  std::unordered_map<std::int64_t, const LiveSegment*> by_number_;
  std::unordered_map<std::string, std::string> moved_;
  std::vector<Value> pending_;
  MemberFlips flips_;
  std::int64_t made_anew_rows_ = 0;
};

/// How much of all ids lies up to this one: people are looked at in their order, and ids are
/// hashes.
double share_up_to(std::string_view person) {
  constexpr std::string_view kDigits = "234567abcdefghijklmnopqrstuvwxyz";  // as texts are ordered
  constexpr std::size_t kPrefix = 2;
  double share = 0;
  double scale = 1.0 / static_cast<double>(kDigits.size());
  for (const char c : person.substr(std::min(kPrefix, person.size())).substr(0, 3)) {
    const std::size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) break;
    share += static_cast<double>(digit) * scale;
    scale /= static_cast<double>(kDigits.size());
  }
  return share;
}

/// In front of a place among the members: no id begins like that.
constexpr char kPlace = '@';

/// The place that `after` names: the `next` of a page, or a person's id.
Result<std::int64_t> number_after(Session& session, std::string_view after) {
  if (after.empty()) return 0;
  std::int64_t number = 0;
  if (after.front() == kPlace) {
    const char* const end = after.data() + after.size();
    const auto [stop, error] = std::from_chars(after.data() + 1, end, number);
    if (error != std::errc() || stop != end || number < 0)
      return fail_field("after", "is not the `next` of an earlier page");
    return number;
  }
  ZHIYIN_TRY(const Rows rows, session.query("SELECT number FROM live_person WHERE person = ?1",
                                            {std::string(after)}));
  if (rows.rows.empty())
    return fail_field("after", "nobody of this id is known; begin with the first page");
  return storage::as_int(rows.rows[0][0]);
}

/// In the order of `numbers`.
Result<std::vector<PersonId>> people_of(Session& session, std::span<const std::int64_t> numbers) {
  std::vector<PersonId> people;
  for (const std::int64_t number : numbers) {
    ZHIYIN_TRY(const Rows rows,
               session.query("SELECT person FROM live_person WHERE number = ?1", {number}));
    if (!rows.rows.empty()) people.emplace_back(std::string(storage::as_text(rows.rows[0][0])));
  }
  return people;
}

/// Everyone is to be looked at again.
void begin_sweep(Clockwork& c) {
  ++c.generation;
  c.sweeping = true;
  c.swept.clear();
}

/// Without live segments nothing is kept of anybody.
Result<void> forget_all_without_segments(Session& session) {
  for (const std::string_view table :
       {"live_person", "live_member", "live_ahead", "live_recheck"}) {
    ZHIYIN_TRY_VOID(session.execute(
        fmt::format("DELETE FROM {} WHERE NOT EXISTS (SELECT 1 FROM live_segment)", table)));
  }
  return {};
}

}  // namespace

struct LiveSegments::Inner {
  const PeopleProjection& people;
  const catalogue::Items& items;
  RecentPeople* const recent;
  LivePlan plan;
  std::int64_t plan_of = -1;  ///< the generation for which it may be used again
  bool plan_sweeping = false;
  LiveProfile profile;

  Result<void> step(Session& session, std::span<const LoggedEvent> events, std::int64_t now,
                    bool is_tick) {
    ZHIYIN_TRY(Clockwork clockwork, load_clockwork(session));
    if (clockwork.generation == 0) return {};
    const std::int64_t committed = clockwork.generation;
    if (is_tick) ZHIYIN_TRY_VOID(look_around(session, clockwork, now));
    if (plan_of != clockwork.generation || plan_sweeping != clockwork.sweeping) {
      ZHIYIN_TRY(plan, load_plan(session, clockwork.generation));
      plan_sweeping = clockwork.sweeping;
      // A generation that this transaction makes may come to nothing, and be another's then.
      plan_of = clockwork.generation == committed ? committed : -1;
    }
    clockwork.now = std::max(clockwork.now, now);
    if (!plan.segments.empty()) {
      std::shared_ptr<const catalogue::ItemIndex> index;
      if (plan.uses_tags) {
        ZHIYIN_TRY(const std::int64_t newest, newest_item(session));
        ZHIYIN_TRY(index, items.index(newest));  // another process may have changed them
      }
      const TagLookup tags = [&](const ingest::ItemRef& ref) {
        return index ? index->tags(ref) : std::span<const catalogue::ItemTag>();
      };
      Step step(session, plan, tags, clockwork, profile, recent);
      ZHIYIN_TRY_VOID(step.run(people, events, is_tick ? kSweptPerTick : kSweptPerBatch));
    }
    return save_clockwork(session, clockwork);
  }

  /// What a tick may find: that the clock was set back, and that items have other tags.
  static Result<void> look_around(Session& session, Clockwork& clockwork, std::int64_t now) {
    if (now < clockwork.now - kBackMaxUs) {
      clockwork.now = now;
      begin_sweep(clockwork);
    }
    ZHIYIN_TRY(const std::int64_t newest, newest_item(session));
    if (newest == clockwork.items || clockwork.sweeping) return {};
    ZHIYIN_TRY(const LivePlan plan, load_plan(session, clockwork.generation));
    clockwork.items = newest;
    if (plan.uses_tags) begin_sweep(clockwork);
    return {};
  }
};

LiveSegments::LiveSegments(const PeopleProjection& people, const catalogue::Items& items,
                           RecentPeople* recent)
    : inner_(std::make_unique<Inner>(people, items, recent)) {}
LiveSegments::~LiveSegments() = default;

Result<void> LiveSegments::apply(Session& session, std::span<const LoggedEvent> events) {
  std::int64_t now = 0;
  for (const LoggedEvent& e : events) now = std::max(now, e.event.received_at.us);
  return inner_->step(session, events, now, false);
}

Result<void> LiveSegments::tick(Session& session, Instant now) {
  return inner_->step(session, {}, now.us, true);
}

Result<std::optional<LiveCount>> live_count(Session& session, const SegmentId& segment,
                                            Instant now) {
  ZHIYIN_TRY(const Rows rows,
             session.query("SELECT l.filled, l.members, s.now, (SELECT MIN(due) FROM live_person),"
                           " s.swept FROM live_segment l, live_state s WHERE l.segment = ?1",
                           {segment.value}));
  if (rows.rows.empty()) return std::optional<LiveCount>();
  const Row& row = rows.rows[0];
  const Instant then{storage::as_int(row[2])};
  const bool waits = storage::as_int(row[3], kNever) <= now.us;
  const bool filled = storage::as_int(row[0]) != 0;
  return std::optional(LiveCount{filled, storage::as_int(row[1]),
                                 waits ? then : std::max(then, now),
                                 filled ? 1 : share_up_to(storage::as_text(row[4]))});
}

Result<LiveMembers> live_members(Session& session, const SegmentId& segment, std::string_view after,
                                 std::size_t limit) {
  ZHIYIN_TRY(const std::int64_t from, number_after(session, after));
  ZHIYIN_TRY(const Rows known,
             session.query("SELECT number FROM live_segment WHERE segment = ?1", {segment.value}));
  LiveMembers page;
  if (known.rows.empty()) return page;
  ZHIYIN_TRY(auto numbers,
             detail::members_after(session, storage::as_int(known.rows[0][0]), from, limit + 1));
  if (numbers.size() > limit) {
    numbers.resize(limit);
    page.next = fmt::format("{}{}", kPlace, limit == 0 ? from : numbers.back());
  }
  ZHIYIN_TRY(page.people, people_of(session, numbers));
  return page;
}

Result<LiveNumbers> live_numbers_of(Session& session, const PersonId& person) {
  ZHIYIN_TRY(const Rows kept,
             session.query("SELECT data FROM live_person WHERE person = ?1", {person.value}));
  if (kept.rows.empty()) return LiveNumbers();
  return LiveProfile::members_of(storage::as_text(kept.rows[0][0]));
}

Result<std::vector<LiveName>> filled_live_names(Session& session) {
  ZHIYIN_TRY(const Rows rows,
             session.query("SELECT segment, number FROM live_segment WHERE filled = 1"
                           " ORDER BY segment"));
  std::vector<LiveName> list;
  for (const Row& row : rows.rows)
    list.push_back({SegmentId(std::string(storage::as_text(row[0]))), storage::as_int(row[1])});
  return list;
}

std::vector<SegmentId> segments_of_numbers(std::span<const std::int64_t> numbers,
                                           std::span<const LiveName> filled) {
  std::vector<SegmentId> list;
  for (const LiveName& one : filled) {
    if (std::ranges::binary_search(numbers, one.number)) list.push_back(one.segment);
  }
  return list;
}

Result<std::vector<SegmentId>> live_segments_of(Session& session, const PersonId& person) {
  ZHIYIN_TRY(const auto numbers, live_numbers_of(session, person));
  if (numbers.empty()) return std::vector<SegmentId>();
  ZHIYIN_TRY(const auto filled, filled_live_names(session));
  return segments_of_numbers(numbers, filled);
}

Result<std::vector<SegmentId>> filled_live_segments(Session& session) {
  ZHIYIN_TRY(const auto filled, filled_live_names(session));
  std::vector<SegmentId> list;
  for (const LiveName& one : filled) list.push_back(one.segment);
  return list;
}

Result<bool> tick_due(Session& session, Instant now) {
  ZHIYIN_TRY(const Clockwork clockwork, load_clockwork(session));
  if (clockwork.generation == 0) return false;
  ZHIYIN_TRY(const Rows any, session.query("SELECT 1 FROM live_segment LIMIT 1"));
  if (any.rows.empty()) return false;
  if (clockwork.sweeping || now.us < clockwork.now - kBackMaxUs) return true;
  ZHIYIN_TRY(const std::int64_t newest, newest_item(session));
  if (newest != clockwork.items) return true;
  ZHIYIN_TRY(const Rows due,
             session.query("SELECT 1 FROM live_recheck UNION ALL SELECT 1 FROM live_ahead WHERE at"
                           " <= ?1 UNION ALL SELECT 1 FROM live_person WHERE due <= ?1 LIMIT 1",
                           {now.us}));
  return !due.rows.empty();
}

Result<void> set_live(Session& session, const SegmentId& segment, std::int64_t version, bool live,
                      bool changed) {
  ZHIYIN_TRY(const Rows known,
             session.query("SELECT number FROM live_segment WHERE segment = ?1", {segment.value}));
  if (!live && known.rows.empty()) return {};
  if (live && !known.rows.empty() && !changed) return {};
  ZHIYIN_TRY(Clockwork clockwork, load_clockwork(session));
  if (!live) {
    ZHIYIN_TRY_VOID(
        session.execute("DELETE FROM live_member WHERE number = ?1", {known.rows[0][0]}));
    ZHIYIN_TRY_VOID(
        session.execute("DELETE FROM live_segment WHERE segment = ?1", {segment.value}));
    ZHIYIN_TRY_VOID(forget_all_without_segments(session));
  } else if (known.rows.empty()) {
    ZHIYIN_TRY(const Rows n, session.query("SELECT COUNT(*) FROM live_segment"));
    if (storage::as_int(n.rows.at(0).at(0)) >= static_cast<std::int64_t>(kLiveSegmentsMax)) {
      return fail(ErrorCode::kLimitReached, "live: there are {} live segments already",
                  kLiveSegmentsMax);
    }
    ZHIYIN_TRY(const Rows number,
               session.query(
                   "UPDATE live_state SET numbers = numbers + 1 WHERE one = 1 RETURNING numbers"));
    ZHIYIN_TRY_VOID(
        session.execute("INSERT INTO live_segment(segment, number, version, members, filled) "
                        "VALUES(?1, ?2, ?3, 0, 0)",
                        {segment.value, number.rows.at(0).at(0), version}));
  } else {
    ZHIYIN_TRY_VOID(
        session.execute("UPDATE live_segment SET version = ?2, filled = 0 WHERE segment = ?1",
                        {segment.value, version}));
  }
  ZHIYIN_TRY(clockwork.items, newest_item(session));
  begin_sweep(clockwork);
  return save_clockwork(session, clockwork);
}

Result<void> forget_live(Session& session, const PersonId& person) {
  ZHIYIN_TRY(
      const Rows rows,
      session.query("SELECT number, data FROM live_person WHERE person = ?1", {person.value}));
  if (!rows.rows.empty()) {
    MemberFlips flips;
    for (const std::int64_t number : LiveProfile::members_of(storage::as_text(rows.rows[0][1])))
      flips.add(number, storage::as_int(rows.rows[0][0]), false);
    ZHIYIN_TRY_VOID(flips.write(session));
    ZHIYIN_TRY_VOID(session.execute("DELETE FROM live_person WHERE person = ?1", {person.value}));
  }
  return detail::note_moved(session, person.value, "");
}

Result<void> detail::note_moved(Session& session, const std::string& from, const std::string& to) {
  ZHIYIN_TRY_VOID(session.execute(
      "INSERT INTO live_recheck(person, became) SELECT CAST(?1 AS TEXT), CAST(?2 AS TEXT)"
      " WHERE EXISTS (SELECT 1 FROM live_segment) ON CONFLICT(person) DO UPDATE SET"
      " became = excluded.became",
      {from, to}));
  return {};
}

}  // namespace zhiyin::audience
