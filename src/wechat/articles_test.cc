#include "wechat/articles.h"

#include "wechat/test_platform.h"

namespace zhiyin::wechat {
namespace {

using Articles = PlatformTest;

DraftArticle article() {
  DraftArticle a;
  a.title = "春季上新";
  a.content = "<p>好</p>";
  a.thumb_media_id = "COVER";
  return a;
}

std::string repeated(std::string_view text, int n) {
  std::string out;
  for (int i = 0; i < n; ++i) out += text;
  return out;
}

TEST_F(Articles, ADraftLeavesOutWhatIsEmpty) {
  answers(R"({"media_id":"D"})");
  const auto draft = ask(kDraftAdd, {{article()}});
  ASSERT_TRUE(draft);
  EXPECT_EQ(draft->media_id, "D");
  EXPECT_EQ(
      sent("draft/add").body,
      R"({"articles":[{"title":"春季上新","content":"<p>好</p>","thumb_media_id":"COVER"}]})");
}

TEST_F(Articles, BoundsOfAnArticle) {
  const auto refused = [&](const std::function<void(DraftArticle&)>& change) {
    DraftArticle a = article();
    change(a);
    return refused_field(kDraftAdd, {{a}});
  };
  EXPECT_EQ(refused([](auto& a) { a.title = repeated("题", 32); }), "");
  EXPECT_EQ(refused([](auto& a) { a.title = repeated("题", 33); }), "articles[0].title");
  EXPECT_EQ(refused([](auto& a) { a.title = ""; }), "articles[0].title");
  EXPECT_EQ(refused([](auto& a) { a.author = repeated("a", 17); }), "articles[0].author");
  EXPECT_EQ(refused([](auto& a) { a.digest = repeated("a", 121); }), "articles[0].digest");
  EXPECT_EQ(refused([](auto& a) { a.content = repeated("好", 19'999); }), "");
  EXPECT_EQ(refused([](auto& a) { a.content = repeated("好", 20'000); }), "articles[0].content");
  EXPECT_EQ(refused([](auto& a) { a.content_source_url = "ftp://x"; }),
            "articles[0].content_source_url");
  EXPECT_EQ(refused([](auto& a) { a.thumb_media_id = ""; }), "articles[0].thumb_media_id");
  EXPECT_EQ(refused([](auto& a) { a.article_type = "poem"; }), "articles[0].article_type");
  EXPECT_EQ(refused([](auto& a) { a.article_type = "newspic"; }), "articles[0].image_info");
  EXPECT_EQ(refused([](auto& a) { a.need_open_comment = 2; }), "articles[0].need_open_comment");
  EXPECT_EQ(refused([](auto& a) { a.only_fans_can_comment = 1; }),
            "articles[0].only_fans_can_comment");
  EXPECT_EQ(refused([](auto& a) { a.pic_crop_1_1 = "0_0_1_1"; }), "");
  EXPECT_EQ(refused([](auto& a) { a.pic_crop_1_1 = "0_0_1_1.2"; }), "articles[0].pic_crop_1_1");
  EXPECT_EQ(refused([](auto& a) { a.pic_crop_235_1 = "1_0_0_1"; }), "articles[0].pic_crop_235_1");
  EXPECT_EQ(refused_field(kDraftAdd, {}), "articles");
  EXPECT_EQ(refused_field(kDraftAdd, {std::vector(9, article())}), "articles");
}

TEST_F(Articles, APicturePostHasPicturesInsteadOfACoverAndStandsAlone) {
  DraftArticle post = article();
  post.article_type = "newspic";
  post.thumb_media_id.clear();
  post.image_info = ImageInfo{std::vector<ArticleImage>(20, {"P"})};
  EXPECT_EQ(refused_field(kDraftAdd, {{post}}), "");
  EXPECT_EQ(refused_field(kDraftAdd, {{article(), post}}), "articles[1].article_type");
  post.image_info->image_list.push_back({"P"});
  EXPECT_EQ(refused_field(kDraftAdd, {{post}}), "articles[0].image_info.image_list");
  post.image_info->image_list = {{""}};
  EXPECT_EQ(refused_field(kDraftAdd, {{post}}),
            "articles[0].image_info.image_list[0].image_media_id");
}

TEST_F(Articles, DraftsAreReadUpdatedAndListed) {
  answers(R"({"news_item":[{"title":"t","author":"a","content":"c","thumb_media_id":"T",)"
          R"("show_cover_pic":0,"need_open_comment":1,"url":"http://u"}]})");
  const auto draft = ask(kDraftGet, {"D"});
  ASSERT_TRUE(draft);
  EXPECT_EQ(draft->news_item.at(0).need_open_comment, 1);
  EXPECT_EQ(draft->news_item.at(0).url, "http://u");
  EXPECT_TRUE(ask(kDraftUpdate, {"D", 0, article()}));
  EXPECT_EQ(body("draft/update")["articles"]["title"].string_or(""), "春季上新");
  EXPECT_EQ(refused_field(kDraftUpdate, {"D", 8, article()}), "index");
  EXPECT_EQ(refused_field(kDraftUpdate, {"D", 0, {}}), "articles");
  answers(R"({"total_count":3,"item_count":1,"item":[{"media_id":"D","content":)"
          R"({"news_item":[{"title":"t"}]},"update_time":7}]})");
  const auto page = ask(kDraftList, {});
  ASSERT_TRUE(page);
  EXPECT_EQ(page->item.at(0).content.news_item.at(0).title, "t");
  EXPECT_EQ(sent("draft/batchget").body, R"({"offset":0,"count":20,"no_content":0})");
  answers(R"({"total_count":3})");
  EXPECT_EQ(ask(kDraftCount, {})->total_count, 3);
  EXPECT_EQ(refused_field(kDraftList, {0, 21, 0}), "count");
}

TEST_F(Articles, PublishingIsSubmittedAndPolled) {
  answers(R"({"errcode":0,"errmsg":"ok","publish_id":"100000001","msg_data_id":2247483655})");
  const auto receipt = ask(kPublish, {"D"});
  ASSERT_TRUE(receipt);
  EXPECT_EQ(receipt->publish_id, "100000001");
  EXPECT_EQ(receipt->msg_data_id, "2247483655");
  answers(R"({"publish_id":"100000001","publish_status":0,"article_id":"ART","article_detail":)"
          R"({"count":1,"item":[{"idx":1,"article_url":"http://mp"}]},"fail_idx":[]})");
  const auto state = ask(kPublishGet, {"100000001"});
  ASSERT_TRUE(state);
  EXPECT_EQ(state->publish_status, 0);
  EXPECT_EQ(state->article_detail.item.at(0).article_url, "http://mp");
  refuses(48001);
  EXPECT_EQ(ask(kPublish, {"D"}).error().code, ErrorCode::kPermissionDenied);
  for (const std::int64_t code : {53503, 53504, 53505}) {
    refuses(code);
    EXPECT_EQ(ask(kPublish, {"D"}).error().error_class, ErrorClass::kNever) << code;
  }
}

TEST_F(Articles, SubmittingTwiceWouldPublishTwiceSoItIsNotRepeated) {
  answers({answer_silence(http::SendProgress::kOutcomeUnknown)});
  EXPECT_TRUE(ask(kPublish, {"D"}).error().outcome_unknown());
  EXPECT_EQ(platform_.count("freepublish/submit"), 1U);
}

TEST_F(Articles, Comments) {
  answers(
      R"({"errcode":0,"total":1,"comment":[{"user_comment_id":7,"openid":"oA",)"
      R"("create_time":1,"content":"好","comment_type":1,"reply":{"content":"谢","create_time":2}}]})");
  const auto page = ask(kCommentList, {.msg_data_id = 5});
  ASSERT_TRUE(page);
  EXPECT_EQ(page->comment.at(0).reply->content, "谢");
  EXPECT_EQ(sent("comment/list").body,
            R"({"msg_data_id":5,"index":0,"begin":0,"count":49,"type":0})");
  EXPECT_EQ(refused_field(kCommentList, {.msg_data_id = 5, .count = 50}), "count");
  EXPECT_EQ(refused_field(kCommentList, {.msg_data_id = 5, .type = 3}), "type");
  EXPECT_EQ(refused_field(kCommentList, {}), "msg_data_id");
  EXPECT_TRUE(ask(kCommentElect, {5, 0, 7}));
  EXPECT_EQ(body("markelect")["user_comment_id"].int_or(0), 7);
  EXPECT_EQ(refused_field(kCommentReply, {5, 0, 7, ""}), "content");
  for (const std::int64_t code : {88000, 88001, 88003, 88004, 88005, 88007, 88008, 88010, 87009}) {
    refuses(code);
    const auto reply = ask(kCommentReply, {5, 0, 7, "谢谢"});
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().error_class, ErrorClass::kNever) << code;
    EXPECT_EQ(reply.error().message.find("未知错误"), std::string::npos) << code;
  }
}

}  // namespace
}  // namespace zhiyin::wechat
