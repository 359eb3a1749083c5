#include "delivery/wecom_sends.h"

#include <algorithm>
#include <map>
#include <set>

#include "audience/people_projection.h"
#include "base/random.h"
#include "delivery/detail/direct_touch.h"
#include "delivery/quota_ledger.h"
#include "delivery/send_hold.h"
#include "delivery/wechat_senders.h"
#include "storage/event_log.h"
#include "wechat/method_list.h"

namespace zhiyin::delivery {

namespace {

using storage::Session;

constexpr std::string_view kIdentityKind = "external_userid";
constexpr std::string_view kCustomers = "external_userid";  // the member of a task's body

struct Way {
  std::string_view what;
  std::string_view method;
  ChannelKind channel;
};
constexpr Way kWays[] = {{"task", "wecom_mass_add", ChannelKind::kWecomTask},
                         {"moment", "wecom_moment_add", ChannelKind::kWecomMoment},
                         {"message", "wecom_app_send", ChannelKind::kWecomMessage}};

/// Whose customer-by-customer count it is: not the groups of a task to group chats.
bool names_customers(const Way& way, const Json& body) {
  const Json::Array* list = body[kCustomers].if_array();
  return way.channel == ChannelKind::kWecomTask && list != nullptr && !list->empty();
}

Rule objection(const Recipient& who, const TouchHistory& history, const GateRules& rules,
               Instant now) {
  if (!who.consent) return Rule::kNoConsent;
  const Result<MonthlyCap> month = MonthlyCap::create(rules.mass_per_person_month);
  if (!month || month->next_allowed(history.wecom, now, rules.platform_zone) > now)
    return Rule::kPlatformQuota;
  const Instant next = std::max(rules.per_day.next_allowed(history.all, now),
                                rules.per_month.next_allowed(history.all, now, rules.zone));
  return next > now ? Rule::kFrequencyCap : Rule::kNone;
}

}  // namespace

/// One call on its way.
struct WecomSends::Task {
  const Way* way = nullptr;
  Json body;
  std::string key;  ///< of its touches
  QuotaKey day;
  std::vector<std::string> customers;  ///< named, each once
  std::vector<Recipient> recipients;   ///< of `customers`
  std::vector<Touch> touches;          ///< of those who are left
  Json left_out = Json::array();
};

/// Who the customers are; those of whom nothing is known have withdrawn nothing.
Result<void> WecomSends::gather(const wechat::Account& account, Task& task) const {
  std::set<std::string> seen;
  std::vector<PersonId> own_ids;
  std::vector<IdentityHash> hashes;
  for (const Json& one : *task.body[kCustomers].if_array()) {
    std::string id(one.string_or(""));
    if (id.empty() || !seen.insert(id).second) continue;
    hashes.push_back(
        parts_.people.vault().hash({account.id.value, std::string(kIdentityKind), id}));
    own_ids.push_back(audience::person_id_of(hashes.back()));
    task.customers.push_back(std::move(id));
  }
  // An identity's own id leads to its person, whoever that is by now.
  ZHIYIN_TRY(task.recipients,
             parts_.recipients.find(own_ids, {account.id, Purpose::kMarketing, false, false}));
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    Recipient& who = task.recipients[i];
    if (who.person.empty()) {
      who.person = own_ids[i];
      who.identities = {hashes[i]};
      who.consent = true;
    }
    who.identity = hashes[i];
    who.partition =
        storage::partition_of(account.id.value, std::string(kIdentityKind), task.customers[i]);
  }
  return {};
}

/// Leaves out whom a rule protects; the others are in the body, and have a touch.
Result<void> WecomSends::judge(Session& session, const SenderAccount& sender, Task& task,
                               Instant now) {
  std::vector<std::span<const IdentityHash>> identities;
  for (const Recipient& who : task.recipients) identities.emplace_back(who.identities);
  ZHIYIN_TRY(const std::vector<TouchHistory> histories,
             SendLedger::histories(session, identities, sender.id, now));
  task.touches.clear();
  task.left_out = Json::array();
  Json left = Json::array();
  for (std::size_t i = 0; i < task.customers.size(); ++i) {
    const Recipient& who = task.recipients[i];
    const Rule rule = objection(who, histories[i], sender.rules, now);
    if (rule != Rule::kNone) {
      task.left_out.push(
          Json().set("external_userid", task.customers[i]).set("rule", enum_name(rule)));
      continue;
    }
    left.push(task.customers[i]);
    Touch touch = detail::direct_touch(TouchId(fmt::format("t_task_{}_{}", task.key, i)), sender.id,
                                       task.way->channel, now);
    touch.is_test = false;  // the owner's caps see it
    touch.person = who.person;
    touch.identity = who.identity;
    touch.partition = who.partition;
    touch.quota_period = task.day.period;
    task.touches.push_back(std::move(touch));
  }
  if (task.touches.empty()) {
    return fail(ErrorCode::kLimitReached, "wecom: none of {} customers is left: {}",
                task.customers.size(), task.left_out.dump().substr(0, 300));
  }
  task.body.set(std::string(kCustomers), std::move(left));
  return {};
}

/// Decides, counts and writes the intent in one transaction: two tasks at once see each other.
Result<wechat::ApiCall> WecomSends::intend(const wechat::Account& account, Task& task,
                                           Instant now) const {
  ZHIYIN_TRY(const SenderAccount sender, sender_of(account));
  const auto limit = sender.rules.calls_per_day.find(task.way->channel);
  const std::int64_t calls = limit == sender.rules.calls_per_day.end() ? kNoNumber : limit->second;
  task.day = QuotaLedger::today(account.id, task.way->channel, now, sender.rules.platform_zone);
  wechat::ApiCall call;
  ZHIYIN_TRY_VOID(parts_.state.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(const bool is_held, SendHolds::is_held(session, account.id));
    if (is_held)
      return fail(ErrorCode::kConflict, "wecom: {} is held, nothing is sent until it is released",
                  account.id.value);
    if (!task.customers.empty()) ZHIYIN_TRY_VOID(judge(session, sender, task, now));
    ZHIYIN_TRY(call, wechat::staff_method(task.way->method).prepare(account.policy, task.body));
    ZHIYIN_TRY_VOID(QuotaLedger::reserve(session, task.day, 1, calls));
    ZHIYIN_TRY_VOID(QuotaLedger::commit(session, task.day, 1));
    return SendLedger::add_all(session, task.touches);
  }));
  return call;
}

Result<void> WecomSends::settle(const Task& task, const wechat::Outcome<wechat::ApiAnswer>& answer,
                                Instant now) const {
  const TouchState state = detail::state_of(answer);
  std::set<std::string_view> failed;
  if (answer) {
    if (const Json::Array* list = answer->json["fail_list"].if_array()) {
      for (const Json& one : *list) failed.insert(one.string_or(""));
    }
  }
  std::map<IdentityHash, std::string_view> names;
  for (std::size_t i = 0; i < task.customers.size(); ++i)
    names[task.recipients[i].identity] = task.customers[i];
  const std::string msgid(answer ? answer->json["msgid"].string_or("") : "");
  return parts_.state.write([&](Session& session) -> Result<void> {
    if (!answer)
      ZHIYIN_TRY_VOID(SendHolds::note(session, task.day.account, answer.error().errcode,
                                      answer.error().message, now));
    if (state == TouchState::kFailed) ZHIYIN_TRY_VOID(QuotaLedger::give_back(session, task.day, 1));
    for (Touch touch : task.touches) {
      touch.state = failed.contains(names[touch.identity]) ? TouchState::kFailed : state;
      touch.is_uncertain = false;
      touch.provider_id = msgid;
      if (!answer) touch.error = answer.error().message;
      ZHIYIN_TRY_VOID(SendLedger::update(session, touch, now, TouchState::kSending));
    }
    return {};
  });
}

Result<Json> WecomSends::send(const wechat::Account& account, std::string_view what,
                              const Json& body) const {
  const auto way = std::ranges::find(kWays, what, &Way::what);
  if (way == std::end(kWays))
    return fail(ErrorCode::kNotFound, "wecom: '{}' is not one of task, moment, message, welcome",
                what.substr(0, 32));
  // Before anybody is looked up in it.
  ZHIYIN_TRY_VOID(wechat::staff_method(way->method).prepare(account.policy, body));
  const Instant now = parts_.clock.now();
  Task task;
  task.way = &*way;
  task.body = body;
  task.key = uuid_v7(now);
  if (names_customers(*way, body)) ZHIYIN_TRY_VOID(gather(account, task));
  ZHIYIN_TRY(wechat::ApiCall call, intend(account, task, now));
  auto answer = parts_.platform.perform_and_wait(wechat::api_account(account), std::move(call));
  ZHIYIN_TRY_VOID(settle(task, answer, parts_.clock.now()));
  if (!answer) return std::unexpected(answer.error().error());
  if (!task.customers.empty()) answer->json.set("left_out", std::move(task.left_out));
  return std::move(answer->json);
}

Result<void> WecomSends::close_left(storage::State& state, Instant now) {
  constexpr Duration kCallLasts = std::chrono::minutes(10);  // far above any
  constexpr std::size_t kClosedMax = 10'000;
  return state.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(const std::vector<Touch> open,
               SendLedger::list(session, CampaignId(std::string(detail::kDirectCampaign)),
                                TouchState::kSending, {}, kClosedMax));
    for (Touch touch : open) {
      const bool is_task = touch.channel == ChannelKind::kWecomTask;
      if (!is_task || touch.sent_at.value_or(now) > now - kCallLasts) continue;
      touch.state = TouchState::kUnknown;
      touch.error = "the process ended";
      ZHIYIN_TRY_VOID(SendLedger::update(session, touch, now, TouchState::kSending));
    }
    return {};
  });
}

}  // namespace zhiyin::delivery
