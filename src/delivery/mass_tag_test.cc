#include "delivery/mass_tag.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "http/await.h"

namespace zhiyin::delivery {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;
using wechat::ApiAnswer;
using wechat::ApiCall;

/// A platform that knows tags: pages of three, as strict about lists of fifty as the real one.
class Tags final : public wechat::PlatformApi {
 public:
  std::map<std::int64_t, std::string> names = {{2, "星标组"}};
  std::map<std::int64_t, std::set<std::string>> members;
  std::set<std::string> left;  ///< no longer follow: a list with one of them is refused as a whole
  std::vector<std::string> calls;
  std::map<std::string, std::int64_t> refuse;  ///< endpoint: errcode
  std::string intruder;                        ///< somebody else tags them meanwhile

  http::Task<wechat::Outcome<ApiAnswer>> perform(wechat::ApiAccount account,
                                                 Result<ApiCall> call) override {
    co_return perform_and_wait(account, std::move(call));
  }
  wechat::Outcome<ApiAnswer> perform_and_wait(const wechat::ApiAccount&,
                                              Result<ApiCall> call) override {
    EXPECT_TRUE(call) << call.error().text();
    const std::string name(call->endpoint->name);
    calls.push_back(name);
    if (refuse.contains(name)) return refused(refuse[name]);
    const Json body = call->body.empty() ? Json::object() : *parse_json(call->body);
    if (name == "tags_get") return list();
    if (name == "tags_create") {
      names[100] = body["tag"]["name"].string_or("");
      return ApiAnswer{Json().set("tag", Json().set("id", 100))};
    }
    const std::int64_t id = body["tagid"].int_or(0);
    if (name == "tag_users") return page(id, std::string(body["next_openid"].string_or("")));
    return change(id, body, name == "tags_batchtagging");
  }

 private:
  static wechat::Outcome<ApiAnswer> refused(std::int64_t errcode) {
    const wechat::PlatformError& line = wechat::platform_error(errcode);
    wechat::SendError e;
    e.errcode = errcode;
    e.code = line.code;
    e.error_class = line.error_class;
    e.progress = http::SendProgress::kOutcomeUnknown;
    return std::unexpected(e);
  }
  [[nodiscard]] wechat::Outcome<ApiAnswer> list() const {
    Json tags = Json::array();
    for (const auto& [id, name] : names) tags.push(Json().set("id", id).set("name", name));
    return ApiAnswer{Json().set("tags", std::move(tags))};
  }
  wechat::Outcome<ApiAnswer> page(std::int64_t id, const std::string& after) {
    Json openids = Json::array();
    std::string last;
    for (auto who = members[id].upper_bound(after); who != members[id].end(); ++who) {
      if (openids.if_array()->size() == 3) break;
      openids.push(*who);
      last = *who;
    }
    return ApiAnswer{
        Json().set("data", Json().set("openid", std::move(openids))).set("next_openid", last)};
  }
  wechat::Outcome<ApiAnswer> change(std::int64_t id, const Json& body, bool on) {
    std::vector<std::string> people;
    for (const Json& who : *body["openid_list"].if_array()) people.emplace_back(who.string_or(""));
    EXPECT_LE(people.size(), 50U);
    for (const std::string& who : people) {
      if (on && left.contains(who)) return refused(49003);
    }
    for (const std::string& who : people) {
      if (on) {
        members[id].insert(who);
      } else {
        members[id].erase(who);
      }
    }
    if (!intruder.empty()) members[id].insert(intruder);
    return ApiAnswer{Json::object()};
  }
};

std::vector<std::string> openids(int n) {
  std::vector<std::string> out;
  for (int i = 0; i < n; ++i) out.push_back(fmt::format("o{:03}", i));
  return out;
}

TEST(MassTag, IsMadeOnceAndHoldsExactlyTheseFiftyACall) {
  Tags platform;
  const auto people = openids(120);
  const auto tag = hold_mass_tag(platform, {}, people);
  ASSERT_TRUE(tag) << tag.error().message;
  EXPECT_EQ(tag->id, 100);
  EXPECT_EQ(tag->missing, 0U);
  EXPECT_EQ(platform.names[100], kMassTagName);
  EXPECT_EQ(platform.members[100], std::set(people.begin(), people.end()));
  EXPECT_EQ(std::ranges::count(platform.calls, "tags_batchtagging"), 3);
}

TEST(MassTag, OnlyTheDifferenceIsChanged) {
  Tags platform;
  platform.names[7] = kMassTagName;
  platform.members[7] = {"a", "b", "c", "d", "e"};
  const std::vector<std::string> people = {"b", "c", "f"};
  ASSERT_TRUE(hold_mass_tag(platform, {}, people));
  EXPECT_THAT(platform.members[7], UnorderedElementsAre("b", "c", "f"));
  platform.calls.clear();
  ASSERT_TRUE(hold_mass_tag(platform, {}, people)) << "again: nothing to change";
  EXPECT_THAT(platform.calls,
              ElementsAre("tags_get", "tag_users", "tag_users", "tag_users", "tag_users"));
}

TEST(MassTag, WhoHasLeftIsLeftOutAndKeepsNobodyElseFromIt) {
  Tags platform;
  platform.left = {"o001"};
  const auto tag = hold_mass_tag(platform, {}, openids(3));
  ASSERT_TRUE(tag);
  EXPECT_EQ(tag->missing, 1U);
  EXPECT_THAT(platform.members[100], UnorderedElementsAre("o000", "o002"));
}

TEST(MassTag, NobodyIsSentToWhoWasNotAskedFor) {
  Tags platform;
  platform.intruder = "x";
  const auto tag = hold_mass_tag(platform, {}, openids(2));
  ASSERT_FALSE(tag);
  EXPECT_NE(tag.error().message.find("1 个不该收到的人"), std::string::npos);
  Tags empty;
  empty.left = {"o000"};
  EXPECT_FALSE(hold_mass_tag(empty, {}, openids(1)));
}

TEST(MassTag, TroubleWithTheTagIsNeverAnUnknownOutcomeOfTheMessage) {
  for (const char* endpoint : {"tags_get", "tags_create", "tag_users", "tags_batchtagging"}) {
    Tags platform;
    platform.refuse = {{endpoint, 45009}};
    const auto tag = hold_mass_tag(platform, {}, openids(2));
    ASSERT_FALSE(tag) << endpoint;
    EXPECT_EQ(tag.error().errcode, 45009);
    EXPECT_FALSE(tag.error().outcome_unknown());
  }
}

}  // namespace
}  // namespace zhiyin::delivery
