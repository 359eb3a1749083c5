#include "wechat/wire.h"

#include <gtest/gtest.h>

#include "wechat/users.h"
#include "wechat/wecom.h"

namespace zhiyin::wechat {
namespace {

struct Note {
  std::string name;
  std::optional<std::string> text;
  std::vector<std::string> phones;
  std::optional<std::int64_t> order;
  static constexpr auto wire() {
    return field_list(member("name", &Note::name, ""), member("text", &Note::text, ""),
                      member("phones", &Note::phones, ""), member("order", &Note::order, ""));
  }
};

TEST(Wire, WhatIsEmptyStaysAtHomeUnlessSomebodySaidIt) {
  EXPECT_EQ(to_wire(Note{}).dump(), "{}");
  EXPECT_EQ(to_wire(Note{.name = "a", .order = 0}).dump(), R"({"name":"a","order":0})");
  EXPECT_EQ(to_wire(Note{.text = ""}).dump(), R"({"text":""})");
  EXPECT_EQ(to_wire(Note{.text = "x"}).dump(), R"({"text":"x"})");
  EXPECT_EQ(to_wire(Note{.phones = {"", "1"}}).dump(), R"({"phones":["","1"]})");
}

TEST(Wire, AnAbsentTextIsNotAnEmptyOne) {
  EXPECT_FALSE(from_wire<Note>(*parse_json("{}")).text);
  EXPECT_FALSE(from_wire<Note>(*parse_json(R"({"text":null})")).text);
  EXPECT_EQ(from_wire<Note>(*parse_json(R"({"text":""})")).text, "");
}

TEST(Wire, ARemarkCanBeTakenAway) {
  const auto body = [](const auto& method, const auto& ask) {
    const Result<ApiCall> call = prepare(method, Policy(), ask);
    return call ? call->body : call.error().text();
  };
  EXPECT_EQ(body(kUserRemark, RemarkAsk{.openid = "oA", .remark = ""}),
            R"({"openid":"oA","remark":""})");
  EXPECT_EQ(body(kUserRemark, RemarkAsk{.openid = "oA"}), R"({"openid":"oA"})");
  EXPECT_EQ(
      body(kWecomRemark,
           WecomRemarkAsk{
               .userid = "a", .external_userid = "wm1", .description = "", .remark_mobiles = {""}}),
      R"({"userid":"a","external_userid":"wm1","description":"","remark_mobiles":[""]})");
  EXPECT_EQ(body(kWecomWayUpdate, WecomWayUpdateAsk{.config_id = "c", .state = ""}),
            R"({"config_id":"c","state":""})");
  const std::string long_text(21, 'x');
  EXPECT_EQ(body(kWecomRemark,
                 WecomRemarkAsk{.userid = "a", .external_userid = "wm1", .remark = long_text}),
            "remark: has 21 characters, at most 20 are allowed");
}

}  // namespace
}  // namespace zhiyin::wechat
