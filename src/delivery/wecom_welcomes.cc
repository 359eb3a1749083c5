#include "delivery/wecom_welcomes.h"

#include <chrono>

#include "audience/people_projection.h"
#include "delivery/detail/direct_touch.h"
#include "delivery/gate.h"
#include "delivery/quota_ledger.h"
#include "delivery/send_hold.h"
#include "storage/event_log.h"

namespace zhiyin::delivery {

namespace {

using std::chrono::steady_clock;
using storage::Session;

constexpr std::size_t kThreads = 2;
constexpr std::size_t kWaitingMax = 1000;
constexpr std::chrono::seconds kCodeLife{20};

wechat::WecomAttachment attachment(std::string_view type) {
  wechat::WecomAttachment out;
  out.msgtype = type;
  return out;
}

void add_articles(const std::vector<wechat::Article>& articles, wechat::WecomWelcomeAsk& ask) {
  for (const wechat::Article& article : articles) {
    wechat::WecomAttachment link = attachment("link");
    link.link.emplace();
    link.link->title = article.title;
    link.link->desc = article.description;
    link.link->url = article.url;
    link.link->picurl = article.picture_url;
    ask.attachments.push_back(std::move(link));
  }
}

}  // namespace

Result<wechat::WecomWelcomeAsk> welcome_message(const wechat::Reply& reply, std::string code) {
  using wechat::ReplyType;
  wechat::WecomWelcomeAsk ask;
  ask.welcome_code = std::move(code);
  if (!reply.text.empty()) ask.text = wechat::WecomText{reply.text};
  switch (reply.type) {
    case ReplyType::kText:
      return ask;
    case ReplyType::kImage:
      ask.attachments.push_back(attachment("image"));
      ask.attachments.back().image = wechat::WecomMedia{reply.media_id, {}};
      return ask;
    case ReplyType::kVideo:
      ask.attachments.push_back(attachment("video"));
      ask.attachments.back().video = wechat::WecomMedia{reply.media_id, {}};
      return ask;
    case ReplyType::kNews:
      add_articles(reply.articles, ask);
      return ask;
    default:
      break;
  }
  return fail(ErrorCode::kUnsupported, "welcome: '{}' is not text, image, video or news",
              enum_name(reply.type));
}

std::string welcome_code_of(const wechat::Callback& callback) {
  if (!callback.wecom) return {};
  const std::string_view change = callback.fields["ChangeType"].string_or("");
  if (change != "add_external_contact" && change != "add_half_external_contact" &&
      change != "msg_audit_approved")
    return {};
  return std::string(callback.fields["WelcomeCode"].string_or(""));
}

struct WecomWelcomes::Job {
  wechat::ApiAccount account;
  TimeZone zone = TimeZone::shanghai();  ///< of the platform's days
  storage::Identity who;
  std::string key;  ///< of the callback
  wechat::ApiCall call;
  steady_clock::time_point arrived;
};

WecomWelcomes::WecomWelcomes(Parts parts) : parts_(parts), pool_(kThreads, kWaitingMax) {}

void WecomWelcomes::greet(const wechat::Account& account, const wechat::Callback& callback) {
  std::string code = welcome_code_of(callback);
  const wechat::Reply& welcome = account.reply_rules.welcome;
  if (code.empty() || welcome.type == wechat::ReplyType::kNone) return;
  auto ask = welcome_message(welcome, std::move(code));
  auto call = ask ? prepare(wechat::kWecomWelcome, account.policy, *ask)
                  : Result<wechat::ApiCall>(std::unexpected(ask.error()));
  const auto zone = TimeZone::create(account.policy.quota_zone);
  if (!call || !zone) {
    const Error& error = call ? zone.error() : call.error();
    parts_.logger.error("delivery", "welcome_unusable",
                        {{"account", account.id}, {"error", error.text()}});
    return count("unusable");
  }
  const std::string_view customer = callback.fields["ExternalUserID"].string_or("");
  auto job =
      std::make_shared<const Job>(Job{wechat::api_account(account),
                                      *zone,
                                      {account.id.value, "external_userid", std::string(customer)},
                                      callback.dedup_key,
                                      std::move(*call),
                                      steady_clock::now()});
  if (!pool_.try_submit([this, job] { send(*job); })) count("left_out");
}

void WecomWelcomes::send(const Job& job) {
  if (steady_clock::now() - job.arrived >= kCodeLife) return count("too_late");
  const Instant now = parts_.clock.now();
  Touch touch = detail::direct_touch(TouchId("t_welcome_" + job.key), job.account.id,
                                     ChannelKind::kWecomWelcome, now);
  touch.identity = parts_.vault.hash(job.who);
  touch.person = audience::person_id_of(touch.identity);
  touch.partition = storage::partition_of(job.who.account, job.who.kind, job.who.value);
  const QuotaKey day =
      QuotaLedger::today(job.account.id, ChannelKind::kWecomWelcome, now, job.zone);
  touch.quota_period = day.period;
  bool is_new = false;
  bool is_held = false;
  const Result<void> intended = parts_.state.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(is_held, SendHolds::is_held(session, job.account.id));
    if (is_held) return {};
    ZHIYIN_TRY(is_new, SendLedger::add(session, touch));
    return is_new ? QuotaLedger::reserve(session, day, 1, kNoNumber) : Result<void>();
  });
  if (!intended) {
    parts_.logger.error("delivery", "welcome_not_written",
                        {{"account", job.account.id}, {"error", intended.error().text()}});
    return count("not_written");
  }
  if (is_held) return count("held");
  if (!is_new) return;  // another process, or an earlier delivery of the callback
  const auto answer = parts_.platform.perform_and_wait(job.account, job.call);
  touch.state = detail::state_of(answer);
  touch.is_uncertain = false;
  if (!answer) touch.error = answer.error().message;
  const Result<void> settled = parts_.state.write([&](Session& session) -> Result<void> {
    if (!answer)
      ZHIYIN_TRY_VOID(SendHolds::note(session, job.account.id, answer.error().errcode,
                                      answer.error().message, parts_.clock.now()));
    ZHIYIN_TRY_VOID(SendLedger::update(session, touch, parts_.clock.now(), TouchState::kSending));
    return touch.state == TouchState::kFailed ? QuotaLedger::release(session, day, 1)
                                              : QuotaLedger::commit(session, day, 1);
  });
  if (!settled) {
    parts_.logger.error("delivery", "welcome_not_settled",
                        {{"account", job.account.id}, {"error", settled.error().text()}});
  }
  count(enum_name(touch.state));
}

void WecomWelcomes::count(std::string_view outcome) {
  parts_.metrics
      .counter("zhiyin_wecom_welcomes_total", "Welcomes of new contacts, by what became of them",
               fmt::format("outcome=\"{}\"", outcome))
      .add();
}

}  // namespace zhiyin::delivery
