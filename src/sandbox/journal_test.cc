#include "sandbox/journal.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/file.h"
#include "sandbox/tests/platform_fixture.h"

namespace zhiyin::sandbox {
namespace {

class JournalTest : public PlatformTest {
 protected:
  JournalTest() {
    pass(std::chrono::hours(12));
    keep(platform_);
  }

  [[nodiscard]] std::filesystem::path file() const { return folder_.path() / "state.jsonl"; }
  void keep(Platform& platform) {
    auto journal = Journal::open(file());
    ASSERT_TRUE(journal) << journal.error().text();
    platform.keep_in(std::move(*journal));
  }
  /// The same accounts and people in another process.
  std::unique_ptr<Platform> restarted() {
    auto platform = std::make_unique<Platform>(clock_, 1);
    platform->add(service_);
    for (int i = 0; i < 5; ++i)
      platform->follow(service_.app_id, openid(i), "u", kStart - kDay, "ADD_SCENE_SEARCH");
    keep(*platform);
    return platform;
  }
  Json post_to(Platform& platform, const std::string& path, std::string_view body) {
    const Json token = platform
                           .call({"GET",
                                  "/cgi-bin/token",
                                  {{"grant_type", "client_credential"},
                                   {"appid", service_.app_id},
                                   {"secret", service_.app_secret}},
                                  ""})
                           .body;
    return platform
        .call({"POST",
               path,
               {{"access_token", std::string(token["access_token"].string_or(""))}},
               std::string(body)})
        .body;
  }
  std::int64_t send_text(Platform& platform, int person) {
    return code(
        post_to(platform, "/cgi-bin/message/custom/send",
                fmt::format(R"({{"touser":"{}","msgtype":"text","text":{{"content":"好"}}}})",
                            openid(person))));
  }

  TempFolder folder_;
};

TEST_F(JournalTest, AMassSendIsKnownByItsIdAfterARestart) {
  const Json first = post_to(platform_, "/cgi-bin/message/mass/send", mass_body({0, 1, 2}, "id-1"));
  ASSERT_EQ(code(first), 0) << first.dump();
  const std::int64_t id = first["msg_id"].int_or(0);
  platform_.take_messages();
  pass(std::chrono::hours(1));
  const auto again = restarted();
  const Json second = post_to(*again, "/cgi-bin/message/mass/send", mass_body({0, 1, 2}, "id-1"));
  EXPECT_EQ(code(second), 45065);
  EXPECT_EQ(second["msg_id"].int_or(0), id);
  EXPECT_TRUE(again->take_messages().empty()) << "nobody gets it twice";
  const Json status =
      post_to(*again, "/cgi-bin/message/mass/get", fmt::format(R"({{"msg_id":{}}})", id));
  EXPECT_EQ(status["msg_status"].string_or(""), "SEND_SUCCESS");
  const Json other = post_to(*again, "/cgi-bin/message/mass/send", mass_body({0, 1}, "id-2"));
  EXPECT_EQ(code(other), 0);
  EXPECT_GT(other["msg_id"].int_or(0), id) << "ids go on";
}

TEST_F(JournalTest, TheMonthOfAPersonGoesOn) {
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(code(post_to(platform_, "/cgi-bin/message/mass/send",
                           mass_body({0, 1}, fmt::format("id-{}", i)))),
              0);
    pass(std::chrono::minutes(2));
  }
  const auto again = restarted();
  const std::size_t before = again->take_messages().size();
  post_to(*again, "/cgi-bin/message/mass/send", mass_body({0, 1}, "id-5"));
  std::size_t reached = 0;
  for (const SentMessage& message : again->take_messages()) reached += message.recipients.size();
  EXPECT_EQ(before, 0U);
  EXPECT_EQ(reached, 0U) << "four a month";
}

TEST_F(JournalTest, WindowsAndFollowersGoOn) {
  platform_.trigger(service_.app_id, openid(1), Trigger::kMessage, clock_.now());
  for (int i = 0; i < 4; ++i) EXPECT_EQ(send_text(platform_, 1), 0);
  platform_.unfollow(service_.app_id, openid(2));
  const auto again = restarted();
  EXPECT_EQ(send_text(*again, 1), 0) << "the fifth";
  EXPECT_EQ(send_text(*again, 1), 45047);
  EXPECT_EQ(send_text(*again, 3), 45015);
  EXPECT_FALSE(again->follows(service_.app_id, openid(2)));
  const auto third = restarted();
  EXPECT_EQ(send_text(*third, 1), 45047);
}

TEST_F(JournalTest, WhomMessagesReachedStandsInTheFile) {
  platform_.trigger(service_.app_id, openid(1), Trigger::kMessage, clock_.now());
  EXPECT_EQ(send_text(platform_, 1), 0);
  const std::string text = *read_file(file());
  EXPECT_NE(text.find(R"("channel":"customer_service")"), std::string::npos) << text;
  EXPECT_NE(text.find(R"("reached":["oPerson1"])"), std::string::npos) << text;
  EXPECT_EQ(Journal::open(file())->last_moment(), clock_.now());
}

TEST_F(JournalTest, ALineThatBreaksOffIsLeftOutAndAStrangeOneIsRefused) {
  platform_.trigger(service_.app_id, openid(1), Trigger::kMessage, clock_.now());
  const auto whole = std::filesystem::file_size(file());
  std::ofstream(file(), std::ios::app) << R"({"account":"wx)";
  EXPECT_TRUE(Journal::open(file()));
  EXPECT_EQ(std::filesystem::file_size(file()), whole);
  std::ofstream(file(), std::ios::app) << "hello\n";
  const auto strange = Journal::open(file());
  ASSERT_FALSE(strange);
  EXPECT_EQ(strange.error().code, ErrorCode::kDataLoss);
  EXPECT_NE(strange.error().message.find("line 2"), std::string::npos);
  EXPECT_FALSE(Journal::open(folder_.path() / "nowhere" / "state"));
}

}  // namespace
}  // namespace zhiyin::sandbox
