#include "wechat/users.h"

#include <set>

#include "wechat/diagnosis.h"
#include "wechat/messages.h"
#include "wechat/pace.h"
#include "wechat/test_platform.h"

namespace zhiyin::wechat {
namespace {

using Users = PlatformTest;

std::vector<std::string> people(std::size_t n) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < n; ++i) out.push_back(fmt::format("o{}", i));
  return out;
}

TEST_F(Users, OnePersonIsReadLeniently) {
  answers(R"({"subscribe":"1","openid":"oA","subscribe_time":"1382694957","unionid":"u",)"
          R"("tagid_list":[128,2],"qr_scene":98765,"remark":"","nickname":"x"})");
  const auto info = ask(kUserInfo, {.openid = "oA"});
  ASSERT_TRUE(info);
  EXPECT_TRUE(info->subscribe);
  EXPECT_EQ(info->subscribe_time, 1'382'694'957);
  EXPECT_EQ(info->tagid_list, (std::vector<std::int64_t>{128, 2}));
  EXPECT_EQ(info->qr_scene, "98765");
  EXPECT_EQ(sent("user/info").url,
            "http://platform.test/cgi-bin/user/info?access_token=AT&openid=oA&lang=zh_CN");
}

TEST_F(Users, SomebodyWhoDoesNotFollowHasAnOpenidOnly) {
  answers(R"({"subscribe":0,"openid":"oA","unionid":"u"})");
  const auto info = ask(kUserInfo, {.openid = "oA"});
  ASSERT_TRUE(info);
  EXPECT_FALSE(info->subscribe);
  EXPECT_EQ(info->subscribe_time, 0);
}

TEST_F(Users, RemarksHaveLessThan30CharactersAndMayBeTakenAway) {
  std::string long_remark;
  for (int i = 0; i < 29; ++i) long_remark += "好";
  EXPECT_TRUE(ask(kUserRemark, {"oA", long_remark}));
  EXPECT_EQ(body("updateremark")["remark"].string_or(""), long_remark);
  EXPECT_EQ(refused_field(kUserRemark, {"oA", long_remark + "好"}), "remark");
  EXPECT_EQ(refused_field(kUserRemark, {"", "x"}), "openid");
  EXPECT_EQ(refused_field(kUserRemark, {"o A", "x"}), "openid");
}

TEST_F(Users, TagNamesCountInBytes) {
  answers(R"({"tag":{"id":134,"name":"广东"}})");
  const auto made = ask(kTagsCreate, {{.name = "广东"}});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->tag.id, 134);
  EXPECT_EQ(sent("tags/create").body, R"({"tag":{"name":"广东"}})");
  EXPECT_EQ(refused_field(kTagsCreate, {{.name = "一二三四五六七八九十"}}), "");  // 30 bytes
  EXPECT_EQ(refused_field(kTagsCreate, {{.name = "一二三四五六七八九十a"}}), "tag.name");
  EXPECT_EQ(refused_field(kTagsCreate, {}), "tag.name");
  EXPECT_EQ(refused_field(kTagsCreate, {{.name = "a\x01"}}), "tag.name");
  EXPECT_EQ(refused_field(kTagsCreate, {{.name = "\xff"}}), "tag.name");
  EXPECT_EQ(refused_field(kTagsUpdate, {{.name = "a"}}), "tag.id");
  EXPECT_EQ(refused_field(kTagsDelete, {}), "tag.id");
}

TEST_F(Users, ThePolicyMovesABound) {
  account_.policy.field_limits["tags_create tag.name"] = 4;
  EXPECT_EQ(refused_field(kTagsCreate, {{.name = "abcde"}}), "tag.name");
  EXPECT_TRUE(validate(account_.policy));
  account_.policy.field_limits["tags_create tag.nam"] = 4;
  EXPECT_EQ(validate(account_.policy).error().field, "field_limits");
}

TEST_F(Users, TagsAreListedAndPeopleTagged) {
  answers(R"({"tags":[{"id":1,"name":"黑名单","count":0},{"id":2,"name":"星标组","count":7}]})");
  const auto tags = ask(kTagsGet, {});
  ASSERT_TRUE(tags);
  ASSERT_EQ(tags->tags.size(), 2U);
  EXPECT_EQ(tags->tags[1].count, 7);
  EXPECT_EQ(sent("tags/get").method, "GET");

  EXPECT_TRUE(ask(kTagsAdd, {people(50), 134}));
  EXPECT_EQ(body("batchtagging")["openid_list"].if_array()->size(), 50U);
  EXPECT_EQ(refused_field(kTagsAdd, {people(51), 134}), "openid_list");
  EXPECT_EQ(refused_field(kTagsRemove, {{}, 134}), "openid_list");
  EXPECT_EQ(refused_field(kTagsRemove, {{"oA", "o B"}, 134}), "openid_list[1]");
}

TEST_F(Users, PagesOfATagAndOfTheBlacklist) {
  answers(R"({"count":2,"data":{"openid":["oA","oB"]},"next_openid":"oB"})");
  const auto page = ask(kTagUsers, {134, ""});
  ASSERT_TRUE(page);
  EXPECT_EQ(page->data.openid, (std::vector<std::string>{"oA", "oB"}));
  EXPECT_EQ(page->next_openid, "oB");
  answers(R"({"total":23000,"count":10000,"next_openid":""})");
  const auto last = ask(kBlacklist, {"oB"});
  ASSERT_TRUE(last);
  EXPECT_TRUE(last->data.openid.empty());
  EXPECT_EQ(body("getblacklist")["begin_openid"].string_or(""), "oB");
  EXPECT_EQ(refused_field(kBlacklistAdd, {people(21)}), "openid_list");
  EXPECT_EQ(refused_field(kBlacklistRemove, {people(20)}), "");
}

TEST_F(Users, ErrorsOfTagsHaveTheirMeaning) {
  for (const std::int64_t code : {45157, 45158, 45056, 45058, 45057, 45059, 45159, 40032, 49003}) {
    refuses(code);
    const auto made = ask(kTagsCreate, {{.name = "a"}});
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().errcode, code);
    EXPECT_NE(made.error().error_class, ErrorClass::kRetry) << code;
    EXPECT_FALSE(made.error().outcome_unknown());
    EXPECT_EQ(made.error().rid, "0a-0b-0c");
    EXPECT_EQ(made.error().message.find("未知错误"), std::string::npos) << code;
  }
  refuses(40003);
  EXPECT_EQ(ask(kTagsOfUser, {"oA"}).error().error_class, ErrorClass::kUser);
}

TEST_F(Users, TaggingIsRepeatedWhenThePlatformIsSilentAndCreatingIsNot) {
  answers({answer_silence(http::SendProgress::kOutcomeUnknown), answer_json(R"({"errcode":0})")});
  EXPECT_TRUE(ask(kTagsAdd, {{"oA"}, 134}));
  EXPECT_EQ(platform_.count("batchtagging"), 2U);
  answers({answer_silence(http::SendProgress::kOutcomeUnknown)});
  const auto made = ask(kTagsCreate, {{.name = "a"}});
  ASSERT_FALSE(made);
  EXPECT_TRUE(made.error().outcome_unknown());
  EXPECT_EQ(platform_.count("tags/create"), 1U);
}

TEST_F(Users, AUsedUpDayClosesTheMethodUntilMidnightInShanghai) {
  refuses(45009);
  EXPECT_EQ(ask(kTagsGet, {}).error().errcode, 45009);
  answers(R"({"tags":[]})");
  const auto closed = ask(kTagsGet, {});
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().code, ErrorCode::kLimitReached);
  EXPECT_EQ(closed.error().retry_after, Duration(std::chrono::hours(16)));  // it is 08:00
  EXPECT_EQ(platform_.count("tags/get"), 1U);
  EXPECT_TRUE(ask(kTagsOfUser, {"oA"}));  // other methods go on
  ASSERT_TRUE(clock_.advance_to(clock_.now() + std::chrono::hours(16)));
  EXPECT_TRUE(ask(kTagsGet, {}));
}

TEST_F(Users, MinutesAreCountedByMethodAndAccount) {
  account_.policy.calls_per_minute["tags_get"] = 2;
  answers(R"({"tags":[]})");
  EXPECT_TRUE(ask(kTagsGet, {}));
  EXPECT_TRUE(ask(kTagsGet, {}));
  const auto third = ask(kTagsGet, {});
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().error_class, ErrorClass::kQuota);
  EXPECT_FALSE(third.error().outcome_unknown());
  EXPECT_EQ(platform_.count("tags/get"), 2U);
  ApiAccount other = account_;
  other.id = AccountId("other");
  EXPECT_TRUE(call_and_wait(client_, other, kTagsGet, {}));
  ASSERT_TRUE(clock_.advance_to(clock_.now() + *third.error().retry_after));
  EXPECT_TRUE(ask(kTagsGet, {}));
}

TEST_F(Users, DaysAreCountedByMethodUntilMidnightInShanghai) {
  account_.policy.calls_per_day["tags_get"] = 2;
  answers(R"({"tags":[]})");
  EXPECT_TRUE(ask(kTagsGet, {}));
  ASSERT_TRUE(clock_.advance_to(clock_.now() + std::chrono::hours(1)));  // it is 09:00
  EXPECT_TRUE(ask(kTagsGet, {}));
  const auto third = ask(kTagsGet, {});
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code, ErrorCode::kLimitReached);
  EXPECT_EQ(third.error().retry_after, Duration(std::chrono::hours(15)));
  EXPECT_EQ(platform_.count("tags/get"), 2U);
  EXPECT_TRUE(ask(kTagsOfUser, {"oA"}));
  ASSERT_TRUE(clock_.advance_to(clock_.now() + std::chrono::hours(15)));
  EXPECT_TRUE(ask(kTagsGet, {}));
}

TEST_F(Users, DocumentedDaysAreKeptToUnlessThePolicySaysOtherwise) {
  const Policy policy;
  EXPECT_EQ(budget_of(policy, *find_endpoint("mass_delete")).limit, 10);
  EXPECT_EQ(budget_of(policy, *find_endpoint("publish_submit")).limit, 100);
  EXPECT_EQ(budget_of(policy, *find_endpoint("tag_users")).limit, 0) << "no number is known";
  EXPECT_EQ(budget_of(policy, *find_endpoint("custom_send")).limit, 0) << "the ledger's";
  answers(R"({"errcode":0})");
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(ask(kMassDelete, {.msg_id = 1}));
  EXPECT_EQ(ask(kMassDelete, {.msg_id = 1}).error().code, ErrorCode::kLimitReached);
}

TEST_F(Users, RulesNameEndpointsThatExistAndStandTogether) {
  std::set<std::string_view> done;
  std::string_view current;
  for (const Rule& rule : rules()) {
    EXPECT_NE(find_endpoint(rule.method), nullptr) << rule.method;
    if (rule.method != current) {
      EXPECT_TRUE(done.insert(rule.method).second) << rule.method;
      current = rule.method;
    }
  }
  std::set<std::string_view> names;
  std::set<std::pair<Family, std::string_view>> paths;  // each platform has its own host
  for (const Endpoint& e : endpoints()) {
    EXPECT_TRUE(names.insert(e.name).second) << e.name;
    EXPECT_TRUE(paths.emplace(e.family, e.path).second) << e.path;
  }
}

TEST_F(Users, MethodsThatThePlatformCountsTogetherShareTheirDay) {
  account_.policy.calls_per_day["tag_members"] = 2;
  answers(R"({"errcode":0})");
  EXPECT_TRUE(ask(kTagsAdd, {{"oA"}, 2}));
  EXPECT_TRUE(ask(kTagsRemove, {{"oA"}, 2}));
  EXPECT_EQ(ask(kTagsAdd, {{"oA"}, 2}).error().code, ErrorCode::kLimitReached);
  EXPECT_EQ(ask(kTagsRemove, {{"oA"}, 2}).error().code, ErrorCode::kLimitReached);
}

TEST_F(Users, ADayThatThePlatformCallsUsedUpIsSoForAllThatShareIt) {
  answers(R"({"errcode":45009,"errmsg":"reach max api daily quota limit"})");
  EXPECT_EQ(ask(kTagsAdd, {{"oA"}, 2}).error().errcode, 45009);
  answers(R"({"errcode":0})");
  EXPECT_EQ(ask(kTagsRemove, {{"oA"}, 2}).error().errcode, 45009);
  EXPECT_EQ(platform_.count("members/batchuntagging"), 0U);
  EXPECT_TRUE(ask(kTagsGet, {}));
}

TEST_F(Users, TheCountersAreResetTenTimesAMonthByWhicheverCall) {
  answers(R"({"errcode":0})");
  const AppIdAsk own{"wx0123456789abcdef"};
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(ask(kQuotaClear, own));
    EXPECT_TRUE(ask(kQuotaClearBySecret, {}));
  }
  const auto eleventh = ask(kQuotaClear, own);
  ASSERT_FALSE(eleventh) << "a reset does not reset this";
  EXPECT_EQ(eleventh.error().code, ErrorCode::kLimitReached);
  ASSERT_TRUE(clock_.advance_to(clock_.now() + *eleventh.error().retry_after));
  EXPECT_TRUE(ask(kQuotaClear, own)) << "the next month";
}

TEST_F(Users, AMonthThatThePlatformCallsUsedUpEndsWithTheMonth) {
  answers(R"({"errcode":48006,"errmsg":"forbid to clear quota because of reaching the limit"})");
  EXPECT_EQ(ask(kQuotaClear, {"wx0123456789abcdef"}).error().errcode, 48006);
  answers(R"({"errcode":0})");
  const auto second = ask(kQuotaClearBySecret, {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kLimitReached);
  EXPECT_GT(second.error().retry_after, Duration(kDay));
}

/// A day that other processes share.
class SharedDay final : public CallBudget {
 public:
  std::int64_t left = 1;
  bool answers = true;
  int forgotten = 0;
  std::vector<std::string> asked;
  Result<bool> take(const AccountId& account, const MethodBudget& budget, Instant,
                    const TimeZone&) override {
    asked.push_back(fmt::format("{} {} {}", account.value, budget.name, budget.limit));
    if (!answers) return fail(ErrorCode::kUnavailable, "state: gone");
    return left-- > 0;
  }
  Result<void> forget(const AccountId&) override {
    ++forgotten;
    return {};
  }
};

TEST_F(Users, ADayIsCountedForAllProcesses) {
  SharedDay day;
  PlatformClient::Settings with_day = settings();
  with_day.budget = &day;
  PlatformClient client(platform_, tokens_, metrics_, null_logger(), with_day);
  answers(R"({"tags":[]})");
  EXPECT_TRUE(call_and_wait(client, account_, kTagsGet, {}));
  EXPECT_EQ(day.asked, std::vector<std::string>{"shop tags_get 1000"});
  const auto refused = call_and_wait(client, account_, kTagsGet, {});
  ASSERT_FALSE(refused) << "another process took the last one";
  EXPECT_EQ(refused.error().code, ErrorCode::kLimitReached);
  EXPECT_FALSE(refused.error().outcome_unknown());
  EXPECT_EQ(platform_.count("/cgi-bin/tags/get"), 1U);
  day.answers = false;
  EXPECT_TRUE(call_and_wait(client, account_, kTagsGet, {})) << "uncounted rather than not at all";
  EXPECT_TRUE(call_and_wait(client, account_, kTagUsers, {.tagid = 2})) << "has no day";
  EXPECT_EQ(day.asked.size(), 3U);
  EXPECT_TRUE(call_and_wait(client, account_, kQuotaClear, {.appid = "wx0123456789abcdef"}));
  EXPECT_EQ(day.asked.back(), "shop quota_resets 10");
  EXPECT_EQ(day.forgotten, 1);
}

}  // namespace
}  // namespace zhiyin::wechat
