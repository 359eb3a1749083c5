#include "delivery/delivery_projection.h"

#include <algorithm>

#include "base/json.h"
#include "delivery/detail/own_event.h"
#include "delivery/detail/rows.h"
#include "delivery/grants.h"
#include "delivery/quota_ledger.h"
#include "storage/in_list.h"
#include "wechat/account.h"

namespace zhiyin::delivery {

using ingest::Event;
using storage::Session;

namespace {

constexpr std::string_view kPlatform = "wechat";  // source of what came through the callback

std::optional<CsTrigger> trigger_of(std::string_view kind) {
  if (kind == "message") return CsTrigger::kMessage;
  if (kind == "menu_click") return CsTrigger::kMenu;
  if (kind == "follow") return CsTrigger::kFollow;
  if (kind == "scan") return CsTrigger::kScan;
  if (kind == "wechat.user_enter_tempsession") return CsTrigger::kEnter;
  return std::nullopt;
}

Result<void> open_window(Session& session, const Event& event, CsTrigger trigger) {
  ZHIYIN_TRY_VOID(session.execute(
      "INSERT INTO cs_trigger (identity, account, kind, at) VALUES (?1, ?2, ?3, ?4) "
      "ON CONFLICT (identity, account, kind) DO UPDATE SET at = ?4 WHERE cs_trigger.at < ?4",
      {storage::to_blob(event.identities.front()), event.account,
       static_cast<std::int64_t>(trigger), event.occurred_at.us}));
  return {};
}

Json properties_of(const Event& event) {
  if (event.properties.empty()) return {};
  return parse_json(event.properties).value_or(Json());
}

/// A number or a text, as text: job ids come as either.
std::string text_of(const Json& json) {
  if (const std::int64_t* number = json.if_int()) return std::to_string(*number);
  return std::string(json.string_or(""));
}

std::optional<Touch> first_of(std::vector<Touch> touches) {
  if (touches.empty()) return std::nullopt;
  return std::move(touches.front());
}

/// The touch that led to a click: the one it names, or else what the campaign sent to one of the
/// event's identities.
Result<std::optional<Touch>> clicked_touch(Session& session, const Event& event,
                                           const Json& properties) {
  const std::string_view id = properties["touch"].string_or("");
  if (!id.empty()) return SendLedger::find(session, TouchId(std::string(id)));
  const std::string_view campaign = properties["campaign"].string_or("");
  if (campaign.empty()) return std::optional<Touch>();
  for (const IdentityHash& identity : event.identities) {
    ZHIYIN_TRY(std::optional<Touch> touch,
               SendLedger::find(session, touch_id(CampaignId(std::string(campaign)), identity)));
    if (touch) return touch;
  }
  return std::optional<Touch>();
}

bool may_be_clicked(const Touch& touch) {
  return touch.state == TouchState::kSending || touch.state == TouchState::kSent ||
         touch.state == TouchState::kUnknown;
}

Result<void> mark_click(Session& session, const Event& event) {
  const Json properties = properties_of(event);
  ZHIYIN_TRY(const std::optional<Touch> touch, clicked_touch(session, event, properties));
  if (!touch || !may_be_clicked(*touch)) return {};
  // The earliest click counts, whichever arrives first; it is told once.
  if (touch->clicked_at && *touch->clicked_at <= event.occurred_at) return {};
  ZHIYIN_TRY_VOID(session.execute("UPDATE touch SET clicked_at = ?2 WHERE id = ?1",
                                  {touch->id.value, event.occurred_at.us}));
  if (touch->is_test || touch->clicked_at) return {};
  return detail::tell(session, *touch, "clicked", event.occurred_at, event.received_at);
}

bool is_success(std::string_view status) { return status == "success"; }

/// The template touch that the platform's job id names; else the newest of that person whose call
/// got no answer.
Result<std::optional<Touch>> template_touch(Session& session, const Event& event,
                                            std::string_view provider_id) {
  static const std::string kByProvider = fmt::format(
      "SELECT {} FROM touch WHERE identity = ?1 AND account = ?2 AND channel = ?3 "
      "AND provider_id = ?4 LIMIT 1",
      detail::kTouchColumns);
  static const std::string kUnanswered = fmt::format(
      "SELECT {} FROM touch WHERE identity = ?1 AND account = ?2 AND channel = ?3 "
      "AND provider_id = '' AND state IN (?4, ?5) ORDER BY sent_at DESC LIMIT 1",
      detail::kTouchColumns);
  const storage::Value identity = storage::to_blob(event.identities.front());
  const auto channel = static_cast<std::int64_t>(ChannelKind::kTemplate);
  ZHIYIN_TRY(storage::Rows rows, session.query(kByProvider, {identity, event.account, channel,
                                                             std::string(provider_id)}));
  if (rows.rows.empty()) {
    ZHIYIN_TRY(rows, session.query(kUnanswered, {identity, event.account, channel,
                                                 static_cast<std::int64_t>(TouchState::kUnknown),
                                                 static_cast<std::int64_t>(TouchState::kSending)}));
  }
  return first_of(detail::touches_from(rows));
}

Result<void> settle_template(Session& session, const Event& event) {
  const Json properties = properties_of(event);
  const std::string provider_id = text_of(properties["msg_id"]);
  const std::string_view status = properties["status"].string_or("");
  if (provider_id.empty() || status.empty()) return {};
  ZHIYIN_TRY(std::optional<Touch> touch, template_touch(session, event, provider_id));
  if (!touch) return {};
  const TouchState now_known = is_success(status) ? TouchState::kSent : TouchState::kFailed;
  if (touch->state == now_known) return {};
  if (touch->state == TouchState::kSending) {
    // The call's own answer is still out (or never came): the job's word settles it here.
    ZHIYIN_TRY_VOID(
        QuotaLedger::commit(session, {touch->account, touch->channel, touch->quota_period}, 1));
  }
  touch->state = now_known;
  touch->provider_id = provider_id;
  touch->error = is_success(status) ? "" : std::string(status);
  return SendLedger::update(session, *touch, event.received_at);
}

/// The subscribe message that a result is about: the one it names; else, of those of the template
/// that nothing was heard of, the oldest of the last hour, those whose call was answered first.
/// Results come in the order of the messages, seconds later.
Result<std::optional<Touch>> subscribe_touch(Session& session, const Event& event,
                                             const std::string& template_id,
                                             const std::string& msg_id) {
  constexpr Duration kLatest = std::chrono::hours(1);
  constexpr Duration kClocksDiffer = std::chrono::minutes(1);
  static const std::string kSql = fmt::format(
      "SELECT {} FROM touch WHERE identity = ?1 AND account = ?2 AND channel = ?3 AND template = "
      "?4 "
      "AND (provider_id = ?5 OR (provider_id = '' AND state IN (?6, ?7, ?8) AND sent_at >= ?9 "
      "AND sent_at <= ?10)) ORDER BY provider_id = '', state = ?8, sent_at LIMIT 1",
      detail::kTouchColumns);
  ZHIYIN_TRY(const storage::Rows rows,
             session.query(
                 kSql, {storage::to_blob(event.identities.front()), event.account,
                        static_cast<std::int64_t>(ChannelKind::kSubscribe), template_id, msg_id,
                        static_cast<std::int64_t>(TouchState::kSending),
                        static_cast<std::int64_t>(TouchState::kSent),
                        static_cast<std::int64_t>(TouchState::kUnknown),
                        (event.occurred_at - kLatest).us, (event.occurred_at + kClocksDiffer).us}));
  return first_of(detail::touches_from(rows));
}

Result<bool> is_long_term(Session& session, const Event& event, const std::string& template_id) {
  const Result<wechat::Policy> policy = wechat::Accounts::policy(session, AccountId(event.account));
  if (!policy && policy.error().code == ErrorCode::kNotFound) return false;
  ZHIYIN_TRY_VOID(policy);
  return std::ranges::find(policy->long_term_templates, template_id) !=
         policy->long_term_templates.end();
}

/// What became of one subscribe message. A permission is used up by a message that arrived, whoever
/// has sent it.
Result<void> settle_subscribe(Session& session, const Event& event, const Json& result) {
  const std::string template_id(result["template"].string_or(""));
  const std::string msg_id = text_of(result["msg_id"]);
  const bool is_sent = result["status"].string_or("") == "sent";
  if (template_id.empty() || msg_id.empty()) return {};
  const GrantHolder holder{event.identities.front(), AccountId(event.account)};
  ZHIYIN_TRY(std::optional<Touch> touch, subscribe_touch(session, event, template_id, msg_id));
  if (touch && touch->provider_id == msg_id) return {};  // told again
  ZHIYIN_TRY(const bool keeps, is_long_term(session, event, template_id));
  if (!touch) {
    if (is_sent) {
      ZHIYIN_TRY_VOID(Grants::take(session, holder, template_id, keeps));
    }
    return {};
  }
  if (touch->state == TouchState::kSending) {
    ZHIYIN_TRY_VOID(
        QuotaLedger::commit(session, {touch->account, touch->channel, touch->quota_period}, 1));
  }
  if (!is_sent && !keeps) {
    ZHIYIN_TRY_VOID(Grants::give_back(session, holder, template_id));
  }
  touch->state = is_sent ? TouchState::kSent : TouchState::kFailed;
  touch->is_uncertain = false;
  touch->provider_id = msg_id;
  touch->error = is_sent ? "" : "failed";
  return SendLedger::update(session, *touch, event.received_at);
}

Result<void> settle_subscribes(Session& session, const Event& event) {
  const Json properties = properties_of(event);
  const Json::Array* results = properties["templates"].if_array();
  if (results == nullptr) return {};
  for (const Json& one : *results) ZHIYIN_TRY_VOID(settle_subscribe(session, event, one));
  return {};
}

/// What the person granted or took back in a pop-up or in their settings.
Result<void> note_grants(Session& session, const Event& event) {
  const Json properties = properties_of(event);
  const Json::Array* templates = properties["templates"].if_array();
  if (templates == nullptr) return {};
  const GrantHolder holder{event.identities.front(), AccountId(event.account)};
  for (const Json& one : *templates) {
    const std::string id(one["template"].string_or(""));
    const std::string_view status = one["status"].string_or("");
    if (status == "accept") {
      ZHIYIN_TRY_VOID(Grants::add(session, holder, id, event.occurred_at));
    } else if (status == "reject") {
      ZHIYIN_TRY_VOID(Grants::revoke(session, holder, id, event.occurred_at));
    }
  }
  return {};
}

/// A confirmation on the page of one-time messages.
Result<void> note_confirmation(Session& session, const Event& event) {
  const Json properties = properties_of(event);
  const std::string_view template_id = properties["template_id"].string_or("");
  if (template_id.empty()) return {};
  return Grants::add(session, {event.identities.front(), AccountId(event.account)},
                     once_grant(template_id, properties["scene"].int_or(0)), event.occurred_at);
}

}  // namespace

Result<void> DeliveryProjection::apply(Session& session,
                                       std::span<const ingest::LoggedEvent> events) {
  for (const ingest::LoggedEvent& logged : events) {
    const Event& event = logged.event;
    if (event.identities.empty()) continue;
    if (event.kind == "click") {
      ZHIYIN_TRY_VOID(mark_click(session, event));
      continue;
    }
    // What the platform says counts when the platform said it: anybody with a key can send events
    // of these kinds.
    if (event.source != kPlatform) continue;
    if (const auto trigger = trigger_of(event.kind)) {
      ZHIYIN_TRY_VOID(open_window(session, event, *trigger));
    } else if (event.kind == "wechat.subscribe_msg_popup_event" ||
               event.kind == "wechat.subscribe_msg_change_event") {
      ZHIYIN_TRY_VOID(note_grants(session, event));
    } else if (event.kind == kOnceConfirmed) {
      ZHIYIN_TRY_VOID(note_confirmation(session, event));
    } else if (event.kind == "wechat.subscribe_msg_sent_event") {
      ZHIYIN_TRY_VOID(settle_subscribes(session, event));
    } else if (event.kind == "template_result") {
      ZHIYIN_TRY_VOID(settle_template(session, event));
    }
  }
  return {};
}

Result<CsTriggers> cs_triggers(Session& session, const IdentityHash& identity,
                               const AccountId& account) {
  ZHIYIN_TRY(auto found, cs_triggers_of(session, std::span(&identity, 1), account));
  return std::move(found[identity]);
}

Result<std::map<IdentityHash, CsTriggers>> cs_triggers_of(Session& session,
                                                          std::span<const IdentityHash> identities,
                                                          const AccountId& account) {
  std::map<IdentityHash, CsTriggers> out;
  const storage::Value first[] = {account.value};
  ZHIYIN_TRY_VOID(storage::query_in_lists(
      session, "SELECT identity, kind, at FROM cs_trigger WHERE account = ?1 AND identity IN ({})",
      first, storage::to_blobs(identities), [&](const storage::Row& row) {
        out[storage::from_blob(row[0])][static_cast<CsTrigger>(storage::as_int(row[1]))] = {
            storage::as_int(row[2])};
      }));
  return out;
}

}  // namespace zhiyin::delivery
