#include "base/random.h"
#include "campaign/detail/single_sender.h"
#include "campaign/engine.h"
#include "delivery/quota_ledger.h"
#include "delivery/send_hold.h"
#include "delivery/unmeasured_touch.h"

namespace zhiyin::campaign {

using delivery::Decision;
using delivery::Outcome;
using delivery::OutcomeKind;
using delivery::QuotaKey;
using delivery::QuotaLedger;
using delivery::Recipient;
using delivery::SendLedger;
using delivery::Touch;
using delivery::TouchState;
using delivery::Verdict;
using detail::Work;
using storage::Session;

namespace {

constexpr std::size_t kTestsMax = 20;
constexpr std::int64_t kEnough = 1;

Touch test_touch(const Work& work, const Recipient& recipient, Instant now) {
  const Campaign& c = work.campaign();
  Touch touch = delivery::unmeasured_touch(TouchId("t_test_" + uuid_v7(now)), c.id, c.account,
                                           c.channel, now);
  touch.person = recipient.person;
  touch.identity = recipient.identity;
  touch.partition = recipient.partition;
  return touch;
}

TouchState state_of(OutcomeKind kind) {
  if (kind == OutcomeKind::kSent) return TouchState::kSent;
  return kind == OutcomeKind::kUnknown ? TouchState::kUnknown : TouchState::kFailed;
}

/// Writes the intent and the link that goes into the message. kLimitReached when the day or the
/// minute has no more; a preview goes by another method than a mass send, and that method's pace.
Result<std::string> intend(const Work& work, Touch& touch, Instant now) {
  touch.quota_period = work.quota_today(now).period;
  std::string link;
  ZHIYIN_TRY_VOID(work.parts.state.write([&](Session& session) -> Result<void> {
    if (touch.channel != ChannelKind::kMass) {
      ZHIYIN_TRY(const auto wait, detail::enter_minute(session, work, now));
      if (wait) return fail(ErrorCode::kLimitReached, "test send: the minute has no more calls");
    }
    ZHIYIN_TRY_VOID(QuotaLedger::reserve(session, detail::quota_of(touch), 1,
                                         work.calls_per_day(detail::budget_of(touch))));
    ZHIYIN_TRY_VOID(SendLedger::add(session, touch));
    ZHIYIN_TRY(link, detail::make_link(session, work, touch.id, now));
    return {};
  }));
  return link;
}

Result<void> record(const Work& work, Touch touch, const Outcome& outcome) {
  return work.parts.state.write([&](Session& session) -> Result<void> {
    touch.state = state_of(outcome.kind);
    touch.provider_id = outcome.provider_id;
    touch.error = outcome.error;
    touch.is_uncertain = false;
    ZHIYIN_TRY_VOID(delivery::SendHolds::note(session, touch.account, outcome.platform_code,
                                              outcome.error, work.now()));
    const QuotaKey quota = detail::quota_of(touch);
    ZHIYIN_TRY_VOID(touch.state == TouchState::kFailed ? QuotaLedger::release(session, quota, 1)
                                                       : QuotaLedger::commit(session, quota, 1));
    return SendLedger::update(session, touch, work.now());
  });
}

Result<TestSend> refused(const std::string& openid, const Decision& decision) {
  const delivery::RuleWords words = delivery::rule_words(decision.rule);
  std::string detail(words.zh);
  if (!decision.detail.empty()) detail += fmt::format("：{}", decision.detail);
  return TestSend{shortened(openid), "refused", std::move(detail)};
}

Result<TestSend> send(const Work& work, const Recipient& recipient, const std::string& openid,
                      Instant now) {
  Touch touch = test_touch(work, recipient, now);
  const Result<std::string> link = intend(work, touch, now);
  if (!link && link.error().code == ErrorCode::kLimitReached) {
    return refused(openid, {Verdict::kRefuse, delivery::Rule::kPlatformQuota, std::nullopt, {}});
  }
  ZHIYIN_TRY_VOID(link);
  const delivery::Content content = detail::content_for(work, recipient, *link);
  const Outcome outcome = touch.channel == ChannelKind::kMass
                              ? work.parts.channel.preview_mass(touch.account, openid, content)
                              : detail::call_channel(work, touch, openid, content);
  ZHIYIN_TRY_VOID(record(work, touch, outcome));
  return TestSend{shortened(openid), std::string(enum_name(state_of(outcome.kind))), outcome.error};
}

Result<TestSend> send_one(const Work& work, const std::string& openid) {
  const Instant now = work.now();
  ZHIYIN_TRY(const Recipient recipient, work.parts.recipients.by_openid(openid, work.query()));
  Decision decision;
  ZHIYIN_TRY_VOID(work.parts.state.read([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(const auto held, detail::held_until(session, work, now));
    if (held) {
      decision = {Verdict::kWait, delivery::Rule::kAccountHeld, held, {}};
      return {};
    }
    ZHIYIN_TRY(decision, detail::judge(session, work, recipient, kEnough, true, now));
    return {};
  }));
  if (decision.verdict != Verdict::kSend) return refused(openid, decision);
  return send(work, recipient, openid, now);
}

}  // namespace

Result<std::vector<TestSend>> CampaignEngine::test_send(const CampaignId& id,
                                                        std::span<const std::string> openids) {
  if (openids.empty() || openids.size() > kTestsMax) {
    return fail_field("openids", "has {} entries, 1 to {} are allowed", openids.size(), kTestsMax);
  }
  detail::StoredCampaign row;
  ZHIYIN_TRY_VOID(parts_.state.read([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(row, detail::load(session, id));
    return {};
  }));
  ZHIYIN_TRY_VOID(check_startable(row.campaign));
  ZHIYIN_TRY(const Work work, detail::open_work(parts_, settings_, std::move(row)));
  std::vector<TestSend> out;
  for (const std::string& openid : openids) {
    ZHIYIN_TRY(TestSend one, send_one(work, openid));
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace zhiyin::campaign
