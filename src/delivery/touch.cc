#include "delivery/touch.h"

#include <algorithm>

#include "base/crypto.h"
#include "base/utf8.h"
#include "delivery/detail/own_event.h"
#include "delivery/detail/rows.h"

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
  static const std::string kSql = fmt::format(
      "INSERT INTO touch ({}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, "
      "?15, ?16, ?17, ?18, ?19, ?20, ?21) ON CONFLICT (idempotency_key) DO NOTHING",
      kTouchColumns);
  ZHIYIN_TRY(const std::int64_t added, session.execute(kSql, {t.id.value,
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
                                                              t.quota_period}));
  if (added == 0) return false;
  ZHIYIN_TRY_VOID(tell_state(session, t, t.decided_at));
  return true;
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
      "SELECT {} FROM touch WHERE campaign = ?1 AND state = ?2 AND id > ?3 AND is_test = 0 "
      "ORDER BY id LIMIT ?4",
      kTouchColumns);
  ZHIYIN_TRY(const Rows rows,
             session.query(kSql, {campaign.value, static_cast<std::int64_t>(state),
                                  std::string(after), static_cast<std::int64_t>(limit)}));
  return detail::touches_from(rows);
}

Result<std::vector<Touch>> SendLedger::list_due(Session& session, const CampaignId& campaign,
                                                Instant now, std::string_view after,
                                                std::size_t limit) {
  static const std::string kSql = fmt::format(
      "SELECT {} FROM touch WHERE campaign = ?1 AND state = ?2 AND id > ?3 AND is_test = 0 "
      "AND due_at <= ?4 ORDER BY id LIMIT ?5",
      kTouchColumns);
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
      "SELECT {} FROM touch WHERE batch = ?1 AND batch <> '' ORDER BY id", kTouchColumns);
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
      "WHERE campaign = ?1 AND state = ?2 AND is_test = 0 ORDER BY id LIMIT ?5)",
      {campaign.value, static_cast<std::int64_t>(TouchState::kPlanned),
       static_cast<std::int64_t>(TouchState::kCancelled), std::string(reason),
       static_cast<std::int64_t>(limit)});
}

Result<TouchHistory> SendLedger::history(Session& session, std::span<const IdentityHash> identities,
                                         const AccountId& account, Instant now) {
  constexpr Duration kLook = std::chrono::hours(24 * 62);  // any rolling month and calendar month
  TouchHistory out;
  for (const IdentityHash& identity : identities) {
    ZHIYIN_TRY(const Rows rows,
               session.query("SELECT sent_at, channel, account, is_test FROM touch "
                             "WHERE identity = ?1 AND sent_at > ?2 AND state IN (?3, ?4, ?5)",
                             {storage::to_blob(identity), (now - kLook).us,
                              static_cast<std::int64_t>(TouchState::kSending),
                              static_cast<std::int64_t>(TouchState::kSent),
                              static_cast<std::int64_t>(TouchState::kUnknown)}));
    for (const Row& row : rows.rows) {
      const Instant at = std::min(Instant{as_int(row[0])}, now);
      const bool is_test = as_int(row[3]) != 0;
      if (!is_test) out.all.push_back(at);
      if (as_text(row[2]) != account.value) continue;
      const auto channel = static_cast<ChannelKind>(as_int(row[1]));
      if (channel == ChannelKind::kMass && !is_test) out.mass.push_back(at);
      if (channel == ChannelKind::kCustomerService) out.cs.push_back(at);
    }
  }
  for (std::vector<Instant>* list : {&out.all, &out.mass, &out.cs}) {
    std::sort(list->begin(), list->end());
  }
  return out;
}

}  // namespace zhiyin::delivery
