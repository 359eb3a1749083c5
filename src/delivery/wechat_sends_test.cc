#include <gtest/gtest.h>

#include "base/clock.h"
#include "delivery/mass_jobs.h"
#include "delivery/quota_ledger.h"
#include "delivery/test_state.h"
#include "delivery/wechat_channel.h"
#include "delivery/wechat_senders.h"

namespace zhiyin::delivery {
namespace {

using testing::at;
using testing::TestState;

const AccountId kShop("shop");

/// Answers what it is told and remembers what it was asked.
class FakeApi final : public wechat::OfficialAccountApi {
 public:
  std::vector<std::string> mass_openids;
  std::optional<wechat::MassMessage> mass;
  std::optional<wechat::CustomerServiceMessage> customer_service;
  std::optional<wechat::TemplateMessage> notice;
  std::string preview_openid;
  std::optional<wechat::SendError> error;
  wechat::MassStatus status = wechat::MassStatus::kSent;

  wechat::Outcome<wechat::FollowerPage> followers_and_wait(const wechat::ApiAccount&,
                                                           std::string) override {
    return wechat::FollowerPage();
  }
  wechat::Outcome<std::vector<wechat::UserInfo>> user_info_and_wait(
      const wechat::ApiAccount&, std::vector<std::string>) override {
    return std::vector<wechat::UserInfo>();
  }
  wechat::Outcome<void> send_customer_service_and_wait(
      const wechat::ApiAccount&, wechat::CustomerServiceMessage message) override {
    customer_service = std::move(message);
    if (error) return std::unexpected(*error);
    return {};
  }
  wechat::Outcome<std::string> send_template_and_wait(const wechat::ApiAccount&,
                                                      wechat::TemplateMessage message) override {
    notice = std::move(message);
    if (error) return std::unexpected(*error);
    return std::string("77");
  }
  wechat::Outcome<wechat::MassReceipt> mass_send_and_wait(const wechat::ApiAccount& account,
                                                          std::vector<std::string> openids,
                                                          wechat::MassMessage message) override {
    EXPECT_EQ(account.app_id, "wx0123456789abcdef");
    mass_openids = std::move(openids);
    mass = std::move(message);
    if (error) return std::unexpected(*error);
    return wechat::MassReceipt{"1000", "", false};
  }
  wechat::Outcome<wechat::MassReceipt> mass_send_to_tag_and_wait(const wechat::ApiAccount&,
                                                                 std::optional<std::int64_t>,
                                                                 wechat::MassMessage) override {
    return wechat::MassReceipt();
  }
  wechat::Outcome<void> mass_preview_and_wait(const wechat::ApiAccount&, std::string openid,
                                              wechat::MassMessage message) override {
    preview_openid = std::move(openid);
    mass = std::move(message);
    return {};
  }
  wechat::Outcome<wechat::MassStatus> mass_status_and_wait(const wechat::ApiAccount&,
                                                           std::string) override {
    return status;
  }
  wechat::Outcome<std::vector<wechat::TemplateDescription>> templates_and_wait(
      const wechat::ApiAccount&) override {
    return std::vector<wechat::TemplateDescription>();
  }
  wechat::Outcome<wechat::QuotaUse> quota_and_wait(const wechat::ApiAccount&,
                                                   std::string) override {
    return wechat::QuotaUse();
  }
};

/// A verified service account `shop` with a channel over the fake API.
struct Platform : TestState {
  Platform()
      : TestState({wechat::Accounts::migrations()}),
        vault(*storage::Vault::create(*state, Secret(std::string(32, 'k')))),
        accounts(*state, *vault, clock),
        channel(accounts, api) {
    wechat::AccountInput input;
    input.id = kShop;
    input.verified = true;
    input.app_id = "wx0123456789abcdef";
    input.app_secret = "0123456789abcdef0123456789abcdef";
    input.mode = wechat::CallbackMode::kPlain;
    const auto created = accounts.create(input);
    if (!created) throw std::runtime_error(created.error().text());
  }
  SteppedClock clock{at("2026-03-10T12:00:00")};
  std::unique_ptr<storage::Vault> vault;
  wechat::Accounts accounts;
  FakeApi api;
  WechatChannel channel;
};

Content text(std::string words) {
  Content content;
  content.text = std::move(words);
  return content;
}

TEST(WechatSends, AMassSendCarriesItsIdAndReturnsThePlatforms) {
  Platform w;
  const std::vector<std::string> openids{"o1", "o2"};
  const Outcome outcome = w.channel.send_mass(kShop, openids, text("你好"), "zy1");
  EXPECT_EQ(outcome.kind, OutcomeKind::kSent);
  EXPECT_EQ(outcome.provider_id, "1000");
  EXPECT_EQ(w.api.mass_openids, openids);
  EXPECT_EQ(w.api.mass->text, "你好");
  EXPECT_EQ(w.api.mass->client_msg_id, "zy1");
}

TEST(WechatSends, CardsAndTemplatesKeepTheirParts) {
  Platform w;
  Content card;
  card.type = ContentType::kNews;
  card.title = "标题";
  card.url = "https://zy.example/l/x";
  EXPECT_EQ(w.channel.send_customer_service(kShop, "o1", card).kind, OutcomeKind::kSent);
  EXPECT_EQ(std::get<wechat::Article>(w.api.customer_service->content).url, card.url);
  Content notice;
  notice.type = ContentType::kTemplate;
  notice.template_id = "T1";
  notice.data["thing1"] = "已发货";
  const Outcome outcome = w.channel.send_template(kShop, "o1", notice, "t_1");
  EXPECT_EQ(outcome.provider_id, "77");
  EXPECT_EQ(w.api.notice->client_msg_id, "t_1");
  EXPECT_EQ(w.api.notice->data.front().second, "已发货");
}

TEST(WechatSends, APreviewGoesToOnePerson) {
  Platform w;
  EXPECT_EQ(w.channel.preview_mass(kShop, "o7", text("你好")).kind, OutcomeKind::kSent);
  EXPECT_EQ(w.api.preview_openid, "o7");
}

TEST(WechatSends, ASilentPlatformIsUnknownOnEveryChannel) {
  Platform w;
  wechat::SendError silent;
  silent.code = ErrorCode::kDeadline;
  silent.progress = http::SendProgress::kOutcomeUnknown;
  w.api.error = silent;
  const std::vector<std::string> openids{"o1", "o2"};
  Content notice;
  notice.type = ContentType::kTemplate;
  EXPECT_EQ(w.channel.send_mass(kShop, openids, text("x"), "zy1").kind, OutcomeKind::kUnknown);
  EXPECT_EQ(w.channel.send_customer_service(kShop, "o1", text("x")).kind, OutcomeKind::kUnknown);
  EXPECT_EQ(w.channel.send_template(kShop, "o1", notice, "t_1").kind, OutcomeKind::kUnknown);
}

TEST(WechatSends, AnUnknownAccountAndAWrongTypeAreRefusedBeforeAnyCall) {
  Platform w;
  EXPECT_EQ(w.channel.send_customer_service(AccountId("nobody"), "o1", text("x")).kind,
            OutcomeKind::kRefused);
  EXPECT_EQ(w.channel.send_template(kShop, "o1", text("x"), "t_1").kind, OutcomeKind::kRefused);
  EXPECT_FALSE(w.api.customer_service.has_value());
  EXPECT_FALSE(w.api.notice.has_value());
}

TEST(WechatSenders, FindsTheStoredAccount) {
  Platform w;
  const WechatSenders senders(w.accounts);
  const auto sender = senders.find(kShop);
  ASSERT_TRUE(sender) << sender.error().text();
  EXPECT_TRUE(sender->is_service && sender->is_verified);
  EXPECT_EQ(senders.find(AccountId("nobody")).error().code, ErrorCode::kNotFound);
}

TEST(WechatSends, AJobWhoseReportNeverCameIsAskedAbout) {
  Platform w;
  const Instant now = w.clock.now();
  const QuotaKey day = QuotaLedger::today(kShop, ChannelKind::kMass, now, TimeZone::shanghai());
  w.write([&](storage::Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(QuotaLedger::reserve(session, day, 3, 100));
    ZHIYIN_TRY_VOID(QuotaLedger::commit(session, day, 3));
    for (const int n : {1, 2, 3}) {
      SendBatch batch;
      batch.id = fmt::format("zy{}", n);
      batch.campaign = CampaignId("spring");
      batch.account = kShop;
      batch.chunk = n;
      batch.state = TouchState::kSent;
      batch.created_at = now - std::chrono::hours(n);
      batch.provider_id = std::to_string(n);
      batch.quota_period = day.period;
      ZHIYIN_TRY_VOID(SendLedger::put_batch(session, batch));
    }
    return SendLedger::record_mass_result(session, kShop, "3", {"send success", 5, 5, 5, 0}, now);
  });
  const auto silent = [&] {
    std::vector<SilentJob> jobs;
    w.write([&](storage::Session& session) -> Result<void> {
      ZHIYIN_TRY(jobs, silent_mass_jobs(session, now - kDay, now - std::chrono::hours(1), 10));
      return {};
    });
    return jobs;
  };
  ASSERT_EQ(silent().size(), 1U) << "one is too young, one has reported";
  EXPECT_EQ(silent()[0].msg_id, "2");
  ASSERT_TRUE(ask_about_mass_job(*w.state, w.accounts, w.api, silent()[0], now));
  EXPECT_EQ(silent().size(), 1U) << "sent: the platform tells no numbers";
  w.api.status = wechat::MassStatus::kFailed;
  ASSERT_TRUE(ask_about_mass_job(*w.state, w.accounts, w.api, silent()[0], now));
  EXPECT_TRUE(silent().empty());
  w.write([&](storage::Session& session) -> Result<void> {
    ZHIYIN_TRY(const auto batch, SendLedger::find_batch(session, "zy2"));
    EXPECT_EQ(batch->state, TouchState::kFailed);
    ZHIYIN_TRY(const auto sum, QuotaLedger::sum(session, day));
    EXPECT_EQ(sum.used, 2) << "a job that reached nobody costs no call";
    return {};
  });
}

}  // namespace
}  // namespace zhiyin::delivery
