#include "server/wechat_calls.h"

#include <algorithm>
#include <charconv>

#include "delivery/audience_recipients.h"
#include "delivery/direct_send.h"
#include "delivery/grants.h"
#include "delivery/mass_jobs.h"
#include "delivery/quota_view.h"
#include "delivery/wechat_senders.h"
#include "delivery/wecom_sends.h"
#include "server/account_hold.h"
#include "wechat/insight.h"
#include "wechat/media.h"
#include "wechat/method_list.h"
#include "wechat/pages.h"
#include "wechat/qr.h"
#include "wechat/tencent_ads.h"

namespace zhiyin::server {
namespace {

std::string_view repeat_name(wechat::Repeat repeat) {
  switch (repeat) {
    case wechat::Repeat::kSafe:
      return "safe";
    case wechat::Repeat::kOwnId:
      return "own_id";
    case wechat::Repeat::kNever:
      return "never";
  }
  return "never";
}

delivery::DirectSends sends_of(Services& s, wechat::PlatformApi& platform,
                               const delivery::Recipients& recipients) {
  return delivery::DirectSends(
      {s.state, s.accounts, recipients, platform, s.clock, s.quota, &s.grouped_writes});
}

Result<delivery::DirectMessage> message_of(const Json& message) {
  if (message["template_id"].is_null()) {
    ZHIYIN_TRY(auto custom, from_json<wechat::CustomSendAsk>(message));
    return custom;
  }
  if (message.find("scene") != nullptr) {
    ZHIYIN_TRY(auto once, from_json<wechat::TemplateOnceAsk>(message));
    return once;
  }
  const bool is_mini_program =
      message.find("miniprogram_state") != nullptr || message.find("lang") != nullptr;
  if (is_mini_program) {
    ZHIYIN_TRY(auto mini, from_json<wechat::SubscribeAsk>(message));
    return mini;
  }
  ZHIYIN_TRY(auto biz, from_json<wechat::SubscribeBizAsk>(message));
  return biz;
}

std::string_view trigger_name(delivery::CsTrigger trigger) {
  switch (trigger) {
    case delivery::CsTrigger::kMessage:
      return "message";
    case delivery::CsTrigger::kMenu:
      return "menu_click";
    case delivery::CsTrigger::kFollow:
      return "follow";
    case delivery::CsTrigger::kScan:
      return "scan";
    case delivery::CsTrigger::kEnter:
      return "enter";
  }
  return "message";
}

Json window_json(const delivery::ServiceWindow& window) {
  Json openings = Json::array();
  for (const auto& o : window.openings) {
    openings.push(Json()
                      .set("trigger", trigger_name(o.trigger))
                      .set("at", to_json(o.at))
                      .set("until", to_json(o.until))
                      .set("left", o.left));
  }
  return Json()
      .set("left", window.left)
      .set("until", window.until ? to_json(*window.until) : Json())
      .set("openings", std::move(openings));
}

Json sent_json(const delivery::Touch& touch) {
  return Json()
      .set("touch", touch.id.value)
      .set("channel", enum_name(touch.channel))
      .set("state", enum_name(touch.state))
      .set("at", to_json(touch.sent_at.value_or(touch.decided_at)))
      .set("error", touch.error);
}

/// What the platform answered to a typed call, in its own names.
template <class Answer>
Result<Json> shown(const wechat::Outcome<Answer>& outcome) {
  if (!outcome) return std::unexpected(outcome.error().error());
  return wechat::to_wire(*outcome);
}

Result<std::int64_t> number_of(std::string_view field, const std::string& text) {
  std::int64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  const bool is_number = error == std::errc() && end == text.data() + text.size();
  if (!is_number) return fail_field(field, "'{}' is not a number", text.substr(0, 32));
  return n;
}

}  // namespace

Result<wechat::PlatformApi*> platform_of(Services& s) {
  if (wechat::PlatformApi* platform = s.wechat.platform()) return platform;
  return fail(ErrorCode::kUnsupported, "wechat: this process calls no platform");
}

std::string platform_base(const Services& s, const wechat::Account& account) {
  if (!account.base_url.empty()) return account.base_url;
  if (account.token_kind == wechat::TokenKind::kWecom)
    return std::string(wechat::default_base(wechat::Family::kWecom));
  if (account.token_kind == wechat::TokenKind::kAds)
    return std::string(wechat::default_base(wechat::Family::kAds));
  return s.options.text("wechat.base_url");
}

Json wechat_methods() {
  Json list = Json::array();
  for (const wechat::ListedMethod& method : wechat::listed_methods()) {
    list.push(Json()
                  .set("method", method.endpoint->name)
                  .set("http_method", method.endpoint->http_method)
                  .set("path", method.endpoint->path)
                  .set("repeat", repeat_name(method.endpoint->repeat))
                  .set("per_minute", method.endpoint->per_minute)
                  .set("per_day", method.endpoint->per_day)
                  .set("body", method.schema()));
  }
  return Json().set("limits_version", wechat::kLimitsVersion).set("items", std::move(list));
}

Result<http::Response> wechat_call(Services& s, const AccountId& id, std::string_view name,
                                   const Json& body) {
  ZHIYIN_TRY(const wechat::Account account, s.accounts.get(id));
  ZHIYIN_TRY(const wechat::ListedMethod* method, wechat::find_listed_method(name));
  ZHIYIN_TRY(wechat::PlatformApi * platform, platform_of(s));
  ZHIYIN_TRY(wechat::ApiCall call, method->prepare(account.policy, body));
  if (name.starts_with("datacube_")) {
    const std::string_view end = body["end_date"].string_or("");
    ZHIYIN_TRY_VOID(wechat::check_report_end(end, s.clock.now()));
  }
  auto answer = platform->perform_and_wait(wechat::api_account(account), std::move(call));
  if (!answer) return std::unexpected(answer.error().error());
  if (answer->content_type.empty()) return http::Response::json(answer->json);
  http::Response response;
  response.body = std::move(answer->bytes);
  response.content_type = std::move(answer->content_type);
  return response;
}

Result<Json> wechat_staff(Services& s, const AccountId& id, std::string_view what,
                          const Json& body) {
  ZHIYIN_TRY(const wechat::Account account, s.accounts.get(id));
  ZHIYIN_TRY(wechat::PlatformApi * platform, platform_of(s));
  if (what == "welcome") {  // its code counts it: once, and within 20 seconds
    ZHIYIN_TRY(const auto sends, hold_finding(s, id));
    if (!sends.ok) return fail(ErrorCode::kConflict, "wecom: {}", sends.detail);
    const wechat::ListedMethod& method = wechat::staff_method("wecom_welcome");
    ZHIYIN_TRY(wechat::ApiCall call, method.prepare(account.policy, body));
    auto answer = platform->perform_and_wait(wechat::api_account(account), std::move(call));
    if (!answer) return std::unexpected(answer.error().error());
    return std::move(answer->json);
  }
  const delivery::AudienceRecipients recipients(s.people, s.clock);
  return delivery::WecomSends({s.state, s.people, recipients, *platform, s.clock})
      .send(account, what, body);
}

Result<UploadAsk> upload_ask(const std::function<std::string(std::string_view)>& value) {
  UploadAsk ask;
  const std::pair<std::string_view, std::string UploadAsk::*> texts[] = {
      {"as", &UploadAsk::use},
      {"type", &UploadAsk::type},
      {"kf_account", &UploadAsk::kf_account},
      {"ids", &UploadAsk::ids},
      {"operation", &UploadAsk::operation}};
  for (const auto& [name, member] : texts) {
    if (std::string text = value(name); !text.empty()) ask.*member = std::move(text);
  }
  const std::pair<std::string_view, std::int64_t UploadAsk::*> numbers[] = {
      {"advertiser", &UploadAsk::advertiser}, {"audience", &UploadAsk::audience}};
  for (const auto& [name, member] : numbers) {
    const std::string text = value(name);
    if (text.empty()) continue;
    ZHIYIN_TRY(ask.*member, number_of(name, text));
  }
  return ask;
}

Result<Json> wechat_upload(Services& s, const AccountId& id, const UploadAsk& ask,
                           wechat::Upload file) {
  ZHIYIN_TRY(const wechat::Account account, s.accounts.get(id));
  ZHIYIN_TRY(wechat::PlatformApi * platform, platform_of(s));
  const wechat::ApiAccount api = wechat::api_account(account);
  if (ask.use == "media") return shown(upload_media_and_wait(*platform, api, ask.type, file));
  if (ask.use == "attachment")
    return shown(upload_attachment_and_wait(*platform, api, ask.type, file));
  if (ask.use == "material") {
    std::optional<wechat::VideoDescription> video;
    if (ask.type == "video") video = {std::filesystem::path(file.name).stem().string(), ""};
    return shown(add_material_and_wait(*platform, api, ask.type, file, video));
  }
  if (ask.use == "picture") {
    auto url = upload_picture_and_wait(*platform, api, file);
    if (!url) return std::unexpected(url.error().error());
    return Json().set("url", std::move(*url));
  }
  if (ask.use == "portrait") {
    ZHIYIN_TRY_VOID(shown(upload_portrait_and_wait(*platform, api, ask.kf_account, file)));
    return Json().set("kf_account", ask.kf_account);
  }
  if (ask.use == "ad_picture")
    return shown(upload_ads_image_and_wait(*platform, api, ask.advertiser, std::move(file)));
  if (ask.use == "audience") {
    return shown(upload_audience_and_wait(
        *platform, api, {ask.advertiser, ask.audience, ask.ids, ask.operation}, file));
  }
  return fail_field("as", "'{}' is not one of {}", ask.use.substr(0, 32), kUploadUses);
}

Result<Json> wechat_send(Services& s, const AccountId& id, const std::string& openid,
                         const Json& message) {
  ZHIYIN_TRY(wechat::PlatformApi * platform, platform_of(s));
  ZHIYIN_TRY(auto content, message_of(message));
  const delivery::AudienceRecipients recipients(s.people, s.clock);
  ZHIYIN_TRY(const delivery::DirectResult result,
             sends_of(s, *platform, recipients).send(id, openid, std::move(content)));
  return Json()
      .set("state", enum_name(result.state))
      .set("touch", result.touch.value)
      .set("rule", enum_name(result.rule))
      .set("error", result.error);
}

Result<Json> wechat_conversation(Services& s, const AccountId& id, const std::string& openid) {
  constexpr std::size_t kSentMax = 20;
  ZHIYIN_TRY(wechat::PlatformApi * platform, platform_of(s));
  ZHIYIN_TRY_VOID(s.settle());
  const delivery::AudienceRecipients recipients(s.people, s.clock);
  ZHIYIN_TRY(const delivery::ServiceWindow window,
             sends_of(s, *platform, recipients).window(id, openid));
  ZHIYIN_TRY(const delivery::Recipient recipient, recipients.by_openid(openid, {.account = id}));
  Json grants = Json::array();
  Json sent = Json::array();
  ZHIYIN_TRY_VOID(s.state.read([&](storage::Session& session) -> Result<void> {
    ZHIYIN_TRY(const auto list, delivery::Grants::list(session, {recipient.identity, id}));
    for (const auto& g : list) {
      grants.push(Json()
                      .set("template", g.template_id)
                      .set("remaining", g.remaining)
                      .set("at", to_json(g.at)));
    }
    ZHIYIN_TRY(const auto touches,
               delivery::SendLedger::of_identities(session, recipient.identities, kSentMax));
    for (const auto& touch : touches) {
      if (touch.account == id) sent.push(sent_json(touch));
    }
    return {};
  }));
  return window_json(window)
      .set("person", recipient.person.value)
      .set("grants", std::move(grants))
      .set("sent", std::move(sent));
}

Result<Json> wechat_channel_code(Services& s, const AccountId& id, std::string channel,
                                 std::optional<Duration> life) {
  ZHIYIN_TRY(const wechat::Account account, s.accounts.get(id));
  ZHIYIN_TRY(wechat::PlatformApi * platform, platform_of(s));
  const auto code = call_and_wait(*platform, wechat::api_account(account), wechat::kQrCreate,
                                  wechat::channel_code(channel, life));
  if (!code) return std::unexpected(code.error().error());
  return Json()
      .set("channel", std::move(channel))
      .set("ticket", code->ticket)
      .set("url", code->url)
      .set("picture",
           wechat::page_at(platform_base(s, account), wechat::qr_picture_url(code->ticket)));
}

Result<Json> wechat_quota(Services& s, const std::optional<AccountId>& id) {
  std::vector<wechat::Account> accounts;
  if (id) {
    ZHIYIN_TRY(auto one, s.accounts.get(*id));
    accounts.push_back(std::move(one));
  } else {
    ZHIYIN_TRY(accounts, s.accounts.list());
  }
  Json items = Json::array();
  ZHIYIN_TRY_VOID(s.state.read([&](storage::Session& session) -> Result<void> {
    for (const wechat::Account& account : accounts) {
      ZHIYIN_TRY(const auto quota, delivery::account_quota(session, account, s.clock.now()));
      items.push(to_json(quota));
    }
    return {};
  }));
  return Json().set("items", std::move(items));
}

Result<Json> wechat_jobs(Services& s, const std::optional<AccountId>& account) {
  constexpr std::size_t kShown = 50;
  Json items = Json::array();
  ZHIYIN_TRY_VOID(s.state.read([&](storage::Session& session) -> Result<void> {
    ZHIYIN_TRY(const auto jobs, delivery::recent_mass_jobs(session, account, kShown));
    for (const delivery::MassJob& job : jobs) items.push(to_json(job));
    return {};
  }));
  return Json().set("items", std::move(items));
}

Result<Json> wechat_arrivals(Services& s, const std::optional<AccountId>& account) {
  constexpr std::size_t kHashShown = 8;
  const Instant since = s.clock.now() - 7 * kDay;
  const std::vector<storage::Value> values = {since.us, account ? account->value : std::string(),
                                              std::int64_t{!account}};
  ZHIYIN_TRY(const storage::Rows rows,
             s.warehouse.query(
                 "SELECT received_at, account, kind, identity FROM events WHERE source = 'wechat' "
                 "AND received_at > ?1 AND (account = ?2 OR CAST(?3 AS BIGINT) = 1) "
                 "ORDER BY received_at DESC, part, off LIMIT 50",
                 values));
  Json items = Json::array();
  for (const storage::Row& row : rows.rows) {
    items.push(
        Json()
            .set("at", to_json(Instant{storage::as_int(row[0])}))
            .set("account", storage::as_text(row[1]))
            .set("kind", storage::as_text(row[2]))
            .set("person", fmt::format("{}…", storage::as_text(row[3]).substr(0, kHashShown))));
  }
  return Json().set("items", std::move(items));
}

}  // namespace zhiyin::server
