#include "wechat/subscribe_events.h"

#include <gtest/gtest.h>

namespace zhiyin::wechat {
namespace {

using Kind = SubscribeNote::Kind;

std::vector<SubscribeNote> notes(std::string_view event, std::string_view fields) {
  Callback callback;
  callback.event = event;
  callback.fields = parse_json(fields).value();
  return subscribe_notes(callback);
}

TEST(SubscribeEvents, AllFourShapesOfTheListAreRead) {
  const std::string one = R"({"TemplateId":"T1","SubscribeStatusString":"accept","PopupScene":2})";
  const std::string two = R"({"TemplateId":"T2","SubscribeStatusString":"reject"})";
  const std::string shapes[] = {R"({"List":)" + one + "}", R"({"List":[)" + one + "," + two + "]}",
                                R"({"SubscribeMsgPopupEvent":{"List":)" + one + "}}",
                                R"({"SubscribeMsgPopupEvent":{"List":[)" + one + "," + two + "]}}"};
  for (std::size_t i = 0; i < std::size(shapes); ++i) {
    const auto found = notes("subscribe_msg_popup_event", shapes[i]);
    ASSERT_EQ(found.size(), 1 + i % 2) << shapes[i];
    EXPECT_EQ(found[0].template_id, "T1");
    EXPECT_EQ(found[0].kind, Kind::kAccepted);
    if (i % 2 == 1) {
      EXPECT_EQ(found[1].kind, Kind::kRejected);
    }
  }
}

TEST(SubscribeEvents, ResultsOfMessages) {
  const auto found = notes(
      "subscribe_msg_sent_event",
      R"({"List":[{"TemplateId":"T","MsgID":1864323726461255680,"ErrorCode":0,"ErrorStatus":"success"},)"
      R"({"TemplateId":"T","MsgID":"7","ErrorCode":"1","ErrorStatus":"user refused"}]})");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].kind, Kind::kSent);
  EXPECT_EQ(found[0].msg_id, "1864323726461255680");
  EXPECT_EQ(found[1].kind, Kind::kFailed);
  EXPECT_EQ(found[1].error, "user refused");
}

TEST(SubscribeEvents, AnythingElseHasNone) {
  EXPECT_TRUE(notes("CLICK", R"({"List":{"TemplateId":"T"}})").empty());
  EXPECT_TRUE(notes("subscribe_msg_change_event", R"({"List":"x"})").empty());
  EXPECT_TRUE(notes("subscribe_msg_change_event", "{}").empty());
}

}  // namespace
}  // namespace zhiyin::wechat
