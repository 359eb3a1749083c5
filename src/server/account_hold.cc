#include "server/account_hold.h"

#include <algorithm>
#include <tuple>

#include "delivery/send_hold.h"
#include "server/wechat_calls.h"
#include "wechat/diagnosis.h"

namespace zhiyin::server {
namespace {

using delivery::SendHold;
using delivery::SendHolds;

constexpr std::string_view kEvent = "send_hold";
constexpr std::string_view kAdvice =
    "停止发送，在公众平台查看违规记录并处理；解除封禁后检测账号，或 zhiyin account release / send "
    "nothing, see on the platform what was violated and put it right; once the ban is lifted check "
    "the account, or: zhiyin account release";

// After a shorter time what waited is not late.
constexpr Duration kLateAfter = std::chrono::hours(1);

Result<std::optional<SendHold>> hold_of(Services& s, const AccountId& account) {
  std::optional<SendHold> hold;
  ZHIYIN_TRY_VOID(s.state.read([&](storage::Session& session) -> Result<void> {
    ZHIYIN_TRY(hold, SendHolds::find(session, account));
    return {};
  }));
  return hold;
}

struct Released {
  bool was_held = false;
  std::vector<CampaignId> paused;
};

/// Campaigns are paused before the hold ends, so that nothing late goes out in between.
Result<Released> release(Services& s, const AccountId& account, std::string_view by) {
  Released out;
  ZHIYIN_TRY(const std::optional<SendHold> hold, hold_of(s, account));
  if (!hold) return out;
  if (s.clock.now() - hold->since >= kLateAfter) {
    ZHIYIN_TRY(out.paused, s.engine.pause_overdue(
                               account,
                               "账号曾被微信暂停，有逾期未发的内容：恢复时选择补发或跳过 / the "
                               "account was held by WeChat and touches are overdue: say "
                               "at resume whether they still go out"));
  }
  ZHIYIN_TRY_VOID(s.state.write([&](storage::Session& session) -> Result<void> {
    ZHIYIN_TRY(out.was_held, SendHolds::release(session, account, by, s.clock.now()));
    return {};
  }));
  s.logger.info("server", "account_released",
                {{"account", account}, {"by", by}, {"paused", out.paused.size()}});
  s.wake_worker();
  return out;
}

wechat::ConnectionFinding held(const SendHold& hold) {
  return {false,
          fmt::format("{0} 起暂停一切发送 / nothing is sent since {0}：{1}", format_utc(hold.since),
                      hold.error),
          std::string(kAdvice)};
}

wechat::CallbackNotice notice_of(const SendHold& hold) {
  return {hold.since, hold.since, std::string(kEvent), to_json(hold), std::string(kEvent)};
}

}  // namespace

Result<Json> release_account(Services& s, const AccountId& account, std::string_view by) {
  ZHIYIN_TRY_VOID(s.accounts.revision(account));
  ZHIYIN_TRY(const Released released, release(s, account, by));
  Json paused = Json::array();
  for (const CampaignId& id : released.paused) paused.push(id.value);
  return Json().set("released", released.was_held).set("paused", std::move(paused));
}

Result<wechat::ConnectionFinding> hold_finding(Services& s, const AccountId& account) {
  ZHIYIN_TRY(const std::optional<SendHold> hold, hold_of(s, account));
  if (hold) return held(*hold);
  return wechat::ConnectionFinding{true, "没有被封禁 / the platform has not stopped the account"};
}

Result<std::optional<wechat::ConnectionFinding>> try_release(Services& s,
                                                             const wechat::Account& account) {
  using Finding = wechat::ConnectionFinding;
  ZHIYIN_TRY(const std::optional<SendHold> hold, hold_of(s, account.id));
  if (!hold) return std::optional<Finding>();
  const auto platform = platform_of(s);
  const bool can_ask = account.token_kind == wechat::TokenKind::kStable ||
                       account.token_kind == wechat::TokenKind::kClassic;
  if (!platform || !can_ask) return std::optional(held(*hold));
  const auto said = call_and_wait(**platform, wechat::api_account(account), wechat::kMethodQuota,
                                  {.cgi_path = "/cgi-bin/message/custom/send"});
  if (!said) {
    Finding finding = held(*hold);
    finding.detail += "；" + said.error().message;
    return std::optional(std::move(finding));
  }
  ZHIYIN_TRY(const Released released, release(s, account.id, "check"));
  Finding finding{true, "已解除暂停 / released: sends go on"};
  if (!released.paused.empty()) {
    finding.detail += fmt::format(
        "；{} 个活动有逾期内容，已暂停 / campaigns paused, for touches are "
        "overdue: {}",
        released.paused.size(), released.paused.size());
  }
  return std::optional(std::move(finding));
}

Result<std::vector<wechat::CallbackNotice>> account_notices(Services& s, const AccountId& account,
                                                            std::size_t limit,
                                                            const wechat::ListPlace& place) {
  ZHIYIN_TRY(auto notices, s.callbacks.store().notices(account, limit, place));
  std::vector<SendHold> holds;
  ZHIYIN_TRY_VOID(s.state.read([&](storage::Session& session) -> Result<void> {
    // Of one moment the keys ascend: a place before the hold's own has it still to come.
    const bool also_then = place.key < kEvent && place.at < wechat::ListPlace().at;
    const Instant before = also_then ? Instant{place.at.us + 1} : place.at;
    ZHIYIN_TRY(holds, SendHolds::list(session, account, limit, before));
    return {};
  }));
  for (const SendHold& hold : holds) notices.push_back(notice_of(hold));
  std::ranges::sort(notices, [](const auto& a, const auto& b) {
    return std::tie(b.at.us, a.key) < std::tie(a.at.us, b.key);
  });
  if (notices.size() > limit) notices.resize(limit);
  return notices;
}

}  // namespace zhiyin::server
