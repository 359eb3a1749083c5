#include "delivery/touch.h"

#include <algorithm>
#include <set>

#include "base/crypto.h"
#include "base/utf8.h"
#include "delivery/detail/own_event.h"
#include "delivery/detail/rows.h"
#include "storage/in_list.h"

namespace zhiyin::delivery {

using storage::as_int;
using storage::as_text;
using storage::Row;
using storage::Rows;
using storage::Session;
using storage::Value;

namespace detail {

namespace {

std::optional<Instant> instant_from(const Value& v) {
  if (storage::is_null(v)) return std::nullopt;
  return Instant{as_int(v)};
}

}  // namespace

Value instant_or_null(const std::optional<Instant>& t) { return t ? Value(t->us) : Value(); }

Touch touch_from(const Row& row) {
  const auto text = [&](std::size_t i) { return std::string(as_text(row[i])); };
  Touch t;
  t.id = TouchId(text(0));
  t.campaign = CampaignId(text(1));
  t.person = PersonId(text(2));
  t.identity = storage::from_blob(row[3]);
  t.partition = static_cast<int>(as_int(row[4]));
  t.account = AccountId(text(5));
  t.channel = static_cast<ChannelKind>(as_int(row[6]));
  t.state = static_cast<TouchState>(as_int(row[7]));
  t.rule = static_cast<Rule>(as_int(row[8]));
  t.is_test = as_int(row[9]) != 0;
  t.decided_at = {as_int(row[10])};
  t.due_at = {as_int(row[11])};
  t.sent_at = instant_from(row[12]);
  t.clicked_at = instant_from(row[13]);
  t.idempotency_key = text(14);
  t.provider_id = text(15);
  t.error = text(16);
  t.attempt = static_cast<int>(as_int(row[17]));
  t.is_uncertain = as_int(row[18]) != 0;
  t.batch = text(19);
  t.quota_period = as_int(row[20]);
  t.template_id = text(21);
  return t;
}

std::vector<Touch> touches_from(const Rows& rows) {
  std::vector<Touch> out;
  out.reserve(rows.rows.size());
  for (const Row& row : rows.rows) out.push_back(touch_from(row));
  return out;
}

}  // namespace detail

namespace {

using detail::instant_or_null;
using detail::kTouchColumns;

/// Behind the touch whose id is ?3, in the order of people: that in which a campaign's touches were
/// written, so that those of a page lie together.
constexpr std::string_view kAfter =
    "(person, id) > (COALESCE((SELECT a.person FROM touch a WHERE a.id = ?3), ''), ?3)";

/// What is told about a state; nothing while it is not settled. Test sends are nobody's touches.
std::string_view told_as(const Touch& touch) {
  if (touch.is_test) return {};
  switch (touch.state) {
    case TouchState::kRefused:
      return "refused";
    case TouchState::kHeldOut:
      return "held_out";
    case TouchState::kSent:
      return "sent";
    case TouchState::kFailed:
      return "failed";
    case TouchState::kUnknown:
      return "unknown";
    case TouchState::kPlanned:
    case TouchState::kSending:
    case TouchState::kCancelled:
      break;
  }
  return {};
}

Result<void> tell_state(Session& session, const Touch& touch, Instant now) {
  const std::string_view what = told_as(touch);
  if (what.empty()) return {};
  return detail::tell(session, touch, what, now, now);
}

/// In the order of the columns.
void append_values(const Touch& t, std::vector<Value>& out) {
  out.insert(out.end(), {t.id.value,
                         t.campaign.value,
                         t.person.value,
                         storage::to_blob(t.identity),
                         std::int64_t{t.partition},
                         t.account.value,
                         static_cast<std::int64_t>(t.channel),
                         static_cast<std::int64_t>(t.state),
                         static_cast<std::int64_t>(t.rule),
                         std::int64_t{t.is_test},
                         t.decided_at.us,
                         t.due_at.us,
                         instant_or_null(t.sent_at),
                         instant_or_null(t.clicked_at),
                         t.idempotency_key,
                         t.provider_id,
                         utf8::cleaned(t.error),
                         std::int64_t{t.attempt},
                         std::int64_t{t.is_uncertain},
                         t.batch,
                         t.quota_period,
                         t.template_id});
}

/// Which of them were not there yet; by one statement.
Result<std::vector<bool>> insert(Session& session, std::span<const Touch> touches) {
  constexpr std::size_t kColumns = 22;
  std::vector<Value> values;
  values.reserve(touches.size() * kColumns);
  for (const Touch& touch : touches) append_values(touch, values);
  ZHIYIN_TRY(const Rows rows,
             session.query(fmt::format("INSERT INTO touch ({}) VALUES {} "
                                       "ON CONFLICT (idempotency_key) DO NOTHING RETURNING id",
                                       kTouchColumns,
                                       storage::rows_of_placeholders(touches.size(), kColumns)),
                           std::span<const Value>(values)));
  std::set<std::string_view> added;
  for (const Row& row : rows.rows) added.insert(as_text(row[0]));
  std::vector<bool> out;
  for (const Touch& touch : touches) out.push_back(added.contains(touch.id.value));
  return out;
}

/// What the caps count, of as many identities as a list has places.
Result<Rows> sent_to(Session& session, std::span<const IdentityHash> identities, Instant now) {
  constexpr Duration kLook = std::chrono::hours(24 * 62);  // any rolling month and calendar month
  constexpr Duration kPlannedAhead = std::chrono::hours(24 * 366);  // what waited longest
  constexpr std::size_t kFirst = 6;
  std::vector<Value> values = {(now - kLook).us, static_cast<std::int64_t>(TouchState::kSending),
                               static_cast<std::int64_t>(TouchState::kSent),
                               static_cast<std::int64_t>(TouchState::kUnknown),
                               (now - kLook - kPlannedAhead).us};
  for (const IdentityHash& identity : identities) values.emplace_back(storage::to_blob(identity));
  return session.query(fmt::format("SELECT identity, sent_at, channel, account, is_test FROM touch "
                                   "WHERE identity IN ({}) AND decided_at > ?5 AND sent_at > ?1 "
                                   "AND state IN (?2, ?3, ?4)",
                                   storage::placeholders(kFirst, identities.size())),
                       std::span<const Value>(values));
}

}  // namespace

std::int64_t TouchCounts::of(TouchState state) const {
  const auto found = states.find(state);
  return found == states.end() ? 0 : found->second;
}

std::int64_t TouchCounts::total() const {
  std::int64_t sum = 0;
  for (const auto& [state, n] : states) sum += n;
  return sum;
}

TouchId touch_id(const CampaignId& campaign, const IdentityHash& identity) {
  std::string key = campaign.value;
  key.push_back('\0');
  key.append(identity.begin(), identity.end());
  return TouchId("t_" + crypto::base32(crypto::sha256(key).substr(0, 16)));
}

Result<bool> SendLedger::add(Session& session, const Touch& t) {
  ZHIYIN_TRY(const std::vector<bool> added, insert(session, std::span(&t, 1)));
  if (!added.front()) return false;
  ZHIYIN_TRY_VOID(tell_state(session, t, t.decided_at));
  return true;
}

Result<void> SendLedger::add_all(Session& session, std::span<const Touch> touches) {
  constexpr std::size_t kRowsMax = 32;  // of a statement
  std::map<std::pair<std::string_view, Instant>, std::vector<Touch>> told;
  for (std::span<const Touch> left = touches; !left.empty();) {
    const std::span<const Touch> page = left.first(storage::list_size(left.size(), kRowsMax));
    ZHIYIN_TRY(const std::vector<bool> added, insert(session, page));
    for (std::size_t i = 0; i < page.size(); ++i) {
      const std::string_view what = told_as(page[i]);
      if (added[i] && !what.empty()) told[{what, page[i].decided_at}].push_back(page[i]);
    }
    left = left.subspan(page.size());
  }
  for (const auto& [event, list] : told)
    ZHIYIN_TRY_VOID(detail::tell_all(session, list, event.first, event.second));
  return {};
}

Result<void> SendLedger::update(Session& session, const Touch& t, Instant now,
                                std::optional<TouchState> expected) {
  ZHIYIN_TRY(
      const std::int64_t rows,
      session.execute(
          "UPDATE touch SET state = ?2, rule = ?3, due_at = ?4, sent_at = ?5, provider_id = ?6,"
          " error = ?7, attempt = ?8, is_uncertain = ?9, batch = ?10, quota_period = ?11 "
          "WHERE id = ?1 AND (?12 = 0 OR state = ?12)",
          {t.id.value, static_cast<std::int64_t>(t.state), static_cast<std::int64_t>(t.rule),
           t.due_at.us, instant_or_null(t.sent_at), t.provider_id, utf8::cleaned(t.error),
           std::int64_t{t.attempt}, std::int64_t{t.is_uncertain}, t.batch, t.quota_period,
           expected ? static_cast<std::int64_t>(*expected) : std::int64_t{0}}));
  if (rows == 0 && expected) {
    return fail(ErrorCode::kConflict, "touch: {} is no longer {}", t.id.value,
                enum_name(*expected));
  }
  if (rows == 0) return fail(ErrorCode::kNotFound, "touch: {} does not exist", t.id.value);
  return tell_state(session, t, now);
}

Result<std::optional<Touch>> SendLedger::find(Session& session, const TouchId& id) {
  static const std::string kSql = fmt::format("SELECT {} FROM touch WHERE id = ?1", kTouchColumns);
  ZHIYIN_TRY(const Rows rows, session.query(kSql, {id.value}));
  if (rows.rows.empty()) return std::optional<Touch>();
  return std::optional(detail::touch_from(rows.rows[0]));
}

Result<std::vector<Touch>> SendLedger::list(Session& session, const CampaignId& campaign,
                                            TouchState state, std::string_view after,
                                            std::size_t limit) {
  static const std::string kSql = fmt::format(
      "SELECT {} FROM touch WHERE campaign = ?1 AND state = ?2 AND is_test = 0 AND {} "
      "ORDER BY person, id LIMIT ?4",
      kTouchColumns, kAfter);
  ZHIYIN_TRY(const Rows rows,
             session.query(kSql, {campaign.value, static_cast<std::int64_t>(state),
                                  std::string(after), static_cast<std::int64_t>(limit)}));
  return detail::touches_from(rows);
}

Result<std::vector<Touch>> SendLedger::list_due(Session& session, const CampaignId& campaign,
                                                Instant now, std::string_view after,
                                                std::size_t limit) {
  static const std::string kSql = fmt::format(
      "SELECT {} FROM touch WHERE campaign = ?1 AND state = ?2 AND is_test = 0 AND {} "
      "AND due_at <= ?4 ORDER BY person, id LIMIT ?5",
      kTouchColumns, kAfter);
  ZHIYIN_TRY(const Rows rows,
             session.query(kSql, {campaign.value, static_cast<std::int64_t>(TouchState::kPlanned),
                                  std::string(after), now.us, static_cast<std::int64_t>(limit)}));
  return detail::touches_from(rows);
}

Result<std::optional<Instant>> SendLedger::next_due(Session& session, const CampaignId& campaign) {
  ZHIYIN_TRY(const Rows rows,
             session.query("SELECT MIN(due_at) FROM touch WHERE campaign = ?1 AND state = ?2 "
                           "AND is_test = 0",
                           {campaign.value, static_cast<std::int64_t>(TouchState::kPlanned)}));
  if (rows.rows.empty() || storage::is_null(rows.rows[0][0])) return std::optional<Instant>();
  return std::optional(Instant{as_int(rows.rows[0][0])});
}

Result<std::int64_t> SendLedger::count_due(Session& session, const CampaignId& campaign,
                                           Instant now) {
  ZHIYIN_TRY(
      const Rows rows,
      session.query("SELECT COUNT(*) FROM touch WHERE campaign = ?1 AND state = ?2 "
                    "AND is_test = 0 AND due_at <= ?3",
                    {campaign.value, static_cast<std::int64_t>(TouchState::kPlanned), now.us}));
  return rows.rows.empty() ? 0 : as_int(rows.rows[0][0]);
}

Result<std::vector<Touch>> SendLedger::open_tests(Session& session, std::size_t limit) {
  static const std::string kSql =
      fmt::format("SELECT {} FROM touch WHERE is_test = 1 AND state = ?1 LIMIT ?2", kTouchColumns);
  ZHIYIN_TRY(const Rows rows, session.query(kSql, {static_cast<std::int64_t>(TouchState::kSending),
                                                   static_cast<std::int64_t>(limit)}));
  return detail::touches_from(rows);
}

Result<std::vector<Touch>> SendLedger::of_identities(Session& session,
                                                     std::span<const IdentityHash> identities,
                                                     std::size_t limit, const TouchPlace& after) {
  static const std::string kSql = fmt::format(
      "SELECT {} FROM touch WHERE identity = ?1 AND (decided_at < ?3 OR (decided_at = ?3"
      " AND id > ?4)) ORDER BY decided_at DESC, id LIMIT ?2",
      kTouchColumns);
  std::vector<Touch> out;
  for (const IdentityHash& identity : identities) {
    ZHIYIN_TRY(const Rows rows,
               session.query(kSql, {storage::to_blob(identity), static_cast<std::int64_t>(limit),
                                    after.decided_at.us, after.id.value}));
    for (Touch& touch : detail::touches_from(rows)) out.push_back(std::move(touch));
  }
  std::ranges::sort(out, [](const Touch& a, const Touch& b) {
    return a.decided_at != b.decided_at ? a.decided_at > b.decided_at : a.id < b.id;
  });
  if (out.size() > limit) out.resize(limit);
  return out;
}

Result<std::vector<Touch>> SendLedger::of_batch(Session& session, std::string_view batch) {
  static const std::string kSql = fmt::format(
      "SELECT {} FROM touch WHERE batch = ?1 AND batch <> '' ORDER BY person, id", kTouchColumns);
  ZHIYIN_TRY(const Rows rows, session.query(kSql, {std::string(batch)}));
  return detail::touches_from(rows);
}

Result<TouchCounts> SendLedger::count(Session& session, const CampaignId& campaign) {
  ZHIYIN_TRY(const Rows rows,
             session.query("SELECT state, rule, COUNT(*), COUNT(clicked_at) FROM touch "
                           "WHERE campaign = ?1 AND is_test = 0 GROUP BY state, rule",
                           {campaign.value}));
  TouchCounts counts;
  for (const Row& row : rows.rows) {
    const auto state = static_cast<TouchState>(as_int(row[0]));
    counts.states[state] += as_int(row[2]);
    if (state == TouchState::kRefused)
      counts.refused[static_cast<Rule>(as_int(row[1]))] += as_int(row[2]);
    counts.clicked += as_int(row[3]);
  }
  return counts;
}

Result<std::int64_t> SendLedger::cancel_planned(Session& session, const CampaignId& campaign,
                                                std::string_view reason, std::size_t limit) {
  return session.execute(
      "UPDATE touch SET state = ?3, error = ?4 WHERE id IN (SELECT id FROM touch "
      "WHERE campaign = ?1 AND state = ?2 AND is_test = 0 ORDER BY person, id LIMIT ?5)",
      {campaign.value, static_cast<std::int64_t>(TouchState::kPlanned),
       static_cast<std::int64_t>(TouchState::kCancelled), std::string(reason),
       static_cast<std::int64_t>(limit)});
}

Result<TouchHistory> SendLedger::history(Session& session, std::span<const IdentityHash> identities,
                                         const AccountId& account, Instant now) {
  ZHIYIN_TRY(std::vector<TouchHistory> one,
             histories(session, std::span(&identities, 1), account, now));
  return std::move(one.front());
}

Result<std::vector<TouchHistory>> SendLedger::histories(
    Session& session, std::span<const std::span<const IdentityHash>> people,
    const AccountId& account, Instant now) {
  std::vector<TouchHistory> out(people.size());
  // Two of them may be one person by now: an identity may stand for several.
  std::vector<std::pair<IdentityHash, std::size_t>> owners;
  for (std::size_t i = 0; i < people.size(); ++i) {
    for (const IdentityHash& identity : people[i]) owners.emplace_back(identity, i);
  }
  std::ranges::sort(owners);
  std::vector<IdentityHash> identities;
  for (const auto& [identity, owner] : owners) {
    if (identities.empty() || identities.back() != identity) identities.push_back(identity);
  }
  const auto add = [&](const Row& row) {
    const Instant at = std::min(Instant{as_int(row[1])}, now);
    const auto channel = static_cast<ChannelKind>(as_int(row[2]));
    const bool is_of_account = as_text(row[3]) == account.value;
    const bool is_test = as_int(row[4]) != 0;
    const IdentityHash identity = storage::from_blob(row[0]);
    for (auto owner = std::ranges::lower_bound(owners, std::pair(identity, std::size_t{0}));
         owner != owners.end() && owner->first == identity; ++owner) {
      TouchHistory& history = out[owner->second];
      if (!is_test) history.all.push_back(at);
      if (!is_of_account) continue;
      if (channel == ChannelKind::kMass && !is_test) history.mass.push_back(at);
      if (channel == ChannelKind::kCustomerService) history.cs.push_back(at);
      if (channel == ChannelKind::kWecomTask) history.wecom.push_back(at);
    }
  };
  for (std::span<const IdentityHash> left = identities; !left.empty();) {
    const std::size_t n = storage::list_size(left.size());
    ZHIYIN_TRY(const Rows rows, sent_to(session, left.first(n), now));
    for (const Row& row : rows.rows) add(row);
    left = left.subspan(n);
  }
  for (TouchHistory& history : out) {
    for (std::vector<Instant>* list : {&history.all, &history.mass, &history.cs, &history.wecom}) {
      std::ranges::sort(*list);
    }
  }
  return out;
}

Result<void> SendLedger::refuse_all(Session& session, std::span<const Touch> touches, Instant now) {
  std::map<std::pair<Rule, std::string>, std::vector<const Touch*>> by_reason;
  for (const Touch& touch : touches)
    by_reason[{touch.rule, utf8::cleaned(touch.error)}].push_back(&touch);
  constexpr std::size_t kFirst = 4;
  for (const auto& [reason, list] : by_reason) {
    for (std::span<const Touch* const> left = list; !left.empty();) {
      const std::size_t n = storage::list_size(left.size());
      std::vector<Value> values = {static_cast<std::int64_t>(TouchState::kRefused),
                                   static_cast<std::int64_t>(reason.first), reason.second};
      for (const Touch* touch : left.first(n)) values.emplace_back(touch->id.value);
      ZHIYIN_TRY(
          const std::int64_t rows,
          session.execute(
              fmt::format("UPDATE touch SET state = ?1, rule = ?2, error = ?3 WHERE id IN ({}) AND "
                          "state = {}",
                          storage::placeholders(kFirst, n), static_cast<int>(TouchState::kPlanned)),
              std::span<const Value>(values)));
      if (rows != static_cast<std::int64_t>(n))
        return fail(ErrorCode::kConflict, "touches: {} of {} are planned", rows, n);
      left = left.subspan(n);
    }
  }
  return detail::tell_all(session, touches, "refused", now);
}

}  // namespace zhiyin::delivery
