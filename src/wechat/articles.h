#pragma once

#include "wechat/method.h"

/// Articles: drafts, publishing, comments. An article is at first a draft; mass sends and
/// publishing consume it.
namespace zhiyin::wechat {

struct CropBox {
  std::string ratio;  ///< `2.35_1`, `1_1` or `16_9`
  std::string x1, y1, x2, y2;
  static constexpr auto wire() {
    using S = CropBox;
    return field_list(member("ratio", &S::ratio, "2.35_1, 1_1 or 16_9"),
                      member("x1", &S::x1, "0 to 1"), member("y1", &S::y1, ""),
                      member("x2", &S::x2, ""), member("y2", &S::y2, ""));
  }
};
struct CoverInfo {
  std::vector<CropBox> crop_percent_list;
  static constexpr auto wire() {
    return field_list(member("crop_percent_list", &CoverInfo::crop_percent_list, ""));
  }
};
struct ArticleImage {
  std::string image_media_id;
  static constexpr auto wire() {
    return field_list(member("image_media_id", &ArticleImage::image_media_id, "permanent picture"));
  }
};
struct ImageInfo {
  std::vector<ArticleImage> image_list;
  static constexpr auto wire() {
    return field_list(
        member("image_list", &ImageInfo::image_list, "up to 20, the first is the cover"));
  }
};

/// One article of a draft, as it is written (`url` and `thumb_url` only as it is read).
struct DraftArticle {
  std::string article_type;  ///< empty: news; `newspic`: a picture post
  std::string title, author, digest, content, content_source_url, thumb_media_id;
  std::optional<std::int64_t> need_open_comment, only_fans_can_comment;
  std::string pic_crop_235_1, pic_crop_1_1;
  std::optional<CoverInfo> cover_info;
  std::optional<ImageInfo> image_info;
  std::string url, thumb_url;
  static constexpr auto wire() {
    using S = DraftArticle;
    return field_list(
        member("article_type", &S::article_type, "news or newspic"),
        member("title", &S::title, "up to 32 characters"),
        member("author", &S::author, "up to 16 characters"),
        member("digest", &S::digest, "up to 120 characters; single articles only"),
        member("content", &S::content, "HTML, less than 20,000 characters and 1 MB"),
        member("content_source_url", &S::content_source_url, "up to 1 KB"),
        member("thumb_media_id", &S::thumb_media_id, "permanent picture of the cover"),
        member("need_open_comment", &S::need_open_comment, "0 or 1"),
        member("only_fans_can_comment", &S::only_fans_can_comment, "0 or 1"),
        member("pic_crop_235_1", &S::pic_crop_235_1, "x1_y1_x2_y2 of 0 to 1"),
        member("pic_crop_1_1", &S::pic_crop_1_1, "x1_y1_x2_y2 of 0 to 1"),
        member("cover_info", &S::cover_info, ""), member("image_info", &S::image_info, ""),
        member("url", &S::url, "read only"), member("thumb_url", &S::thumb_url, "read only"));
  }
  /// What the kinds need; `name` stands before the field. Pure.
  [[nodiscard]] Result<void> check(const std::string& name) const;
};

struct MediaIdAnswer {
  std::string media_id;
  static constexpr auto wire() {
    return field_list(member("media_id", &MediaIdAnswer::media_id, ""));
  }
};
struct DraftAddAsk {
  std::vector<DraftArticle> articles;
  static constexpr auto wire() {
    return field_list(member("articles", &DraftAddAsk::articles, "1 to 8"));
  }
  [[nodiscard]] Result<void> check(const Policy& policy) const;
};
struct DraftUpdateAsk {
  std::string media_id;
  std::int64_t index = 0;
  DraftArticle articles;  ///< one, in spite of its name
  static constexpr auto wire() {
    using S = DraftUpdateAsk;
    return field_list(member("media_id", &S::media_id, "of the draft"),
                      member("index", &S::index, "of the article, from 0"),
                      member("articles", &S::articles, "one article"));
  }
  [[nodiscard]] Result<void> check(const Policy& policy) const;
};
struct DraftIdAsk {
  std::string media_id;
  static constexpr auto wire() {
    return field_list(member("media_id", &DraftIdAsk::media_id, "of the draft"));
  }
};
struct NewsItems {
  std::vector<DraftArticle> news_item;
  static constexpr auto wire() {
    return field_list(member("news_item", &NewsItems::news_item, ""));
  }
};
struct TotalCount {
  std::int64_t total_count = 0;
  static constexpr auto wire() {
    return field_list(member("total_count", &TotalCount::total_count, ""));
  }
};
struct PageAsk {
  std::int64_t offset = 0, count = 20, no_content = 0;
  static constexpr auto wire() {
    using S = PageAsk;
    return field_list(member("offset", &S::offset, ""), member("count", &S::count, "1 to 20"),
                      member("no_content", &S::no_content, "1 leaves the bodies out"));
  }
};
struct DraftItem {
  std::string media_id;
  NewsItems content;
  std::int64_t update_time = 0;
  static constexpr auto wire() {
    using S = DraftItem;
    return field_list(member("media_id", &S::media_id, ""), member("content", &S::content, ""),
                      member("update_time", &S::update_time, "seconds"));
  }
};
struct DraftPage {
  std::int64_t total_count = 0, item_count = 0;
  std::vector<DraftItem> item;
  static constexpr auto wire() {
    using S = DraftPage;
    return field_list(member("total_count", &S::total_count, ""),
                      member("item_count", &S::item_count, ""), member("item", &S::item, ""));
  }
};
inline constexpr Method<DraftAddAsk, MediaIdAnswer> kDraftAdd{endpoint("draft_add")};
inline constexpr Method<DraftUpdateAsk, Nothing> kDraftUpdate{endpoint("draft_update")};
inline constexpr Method<DraftIdAsk, NewsItems> kDraftGet{endpoint("draft_get")};
inline constexpr Method<DraftIdAsk, Nothing> kDraftDelete{endpoint("draft_delete")};
inline constexpr Method<Nothing, TotalCount> kDraftCount{endpoint("draft_count")};
inline constexpr Method<PageAsk, DraftPage> kDraftList{endpoint("draft_list")};

/// Publishing is asynchronous: the result comes as PUBLISHJOBFINISH with the same publish_id.
struct PublishReceipt {
  std::string publish_id, msg_data_id;
  static constexpr auto wire() {
    using S = PublishReceipt;
    return field_list(member("publish_id", &S::publish_id, ""),
                      member("msg_data_id", &S::msg_data_id, ""));
  }
};
struct PublishIdAsk {
  std::string publish_id;
  static constexpr auto wire() {
    return field_list(member("publish_id", &PublishIdAsk::publish_id, ""));
  }
};
struct PublishedArticle {
  std::int64_t idx = 0;
  std::string article_url;
  static constexpr auto wire() {
    return field_list(member("idx", &PublishedArticle::idx, "from 1"),
                      member("article_url", &PublishedArticle::article_url, ""));
  }
};
struct ArticleDetail {
  std::int64_t count = 0;
  std::vector<PublishedArticle> item;
  static constexpr auto wire() {
    return field_list(member("count", &ArticleDetail::count, ""),
                      member("item", &ArticleDetail::item, ""));
  }
};
/// 0 success, 1 publishing, 2 originality failed, 3 failed, 4 refused by the audit, 5 all deleted
/// by the user, 6 all banned.
struct PublishState {
  std::string publish_id, article_id;
  std::int64_t publish_status = 1;
  ArticleDetail article_detail;
  std::vector<std::int64_t> fail_idx;
  static constexpr auto wire() {
    using S = PublishState;
    return field_list(
        member("publish_id", &S::publish_id, ""), member("article_id", &S::article_id, ""),
        member("publish_status", &S::publish_status, "0 success, 1 publishing, above: failed"),
        member("article_detail", &S::article_detail, ""), member("fail_idx", &S::fail_idx, ""));
  }
};
struct ArticleIdAsk {
  std::string article_id;
  static constexpr auto wire() {
    return field_list(member("article_id", &ArticleIdAsk::article_id, ""));
  }
};
struct PublishedItem {
  std::string article_id;
  NewsItems content;
  std::int64_t update_time = 0;
  static constexpr auto wire() {
    using S = PublishedItem;
    return field_list(member("article_id", &S::article_id, ""), member("content", &S::content, ""),
                      member("update_time", &S::update_time, "seconds"));
  }
};
struct PublishedPage {
  std::int64_t total_count = 0, item_count = 0;
  std::vector<PublishedItem> item;
  static constexpr auto wire() {
    using S = PublishedPage;
    return field_list(member("total_count", &S::total_count, ""),
                      member("item_count", &S::item_count, ""), member("item", &S::item, ""));
  }
};
struct PublishDeleteAsk {
  std::string article_id;
  std::int64_t index = 0;  ///< 0: all articles of it; cannot be undone
  static constexpr auto wire() {
    return field_list(member("article_id", &PublishDeleteAsk::article_id, ""),
                      member("index", &PublishDeleteAsk::index, "from 1; 0: all"));
  }
};
inline constexpr Method<DraftIdAsk, PublishReceipt> kPublish{endpoint("publish_submit")};
inline constexpr Method<PublishIdAsk, PublishState> kPublishGet{endpoint("publish_get")};
inline constexpr Method<ArticleIdAsk, NewsItems> kPublishArticle{endpoint("publish_article")};
inline constexpr Method<PageAsk, PublishedPage> kPublishList{endpoint("publish_list")};
inline constexpr Method<PublishDeleteAsk, Nothing> kPublishDelete{endpoint("publish_delete")};

/// `msg_data_id` comes from the mass send or publication, `index` counts articles from 0.
struct CommentAsk {
  std::int64_t msg_data_id = 0, index = 0;
  static constexpr auto wire() {
    return field_list(member("msg_data_id", &CommentAsk::msg_data_id, "of the article"),
                      member("index", &CommentAsk::index, "of the article, from 0"));
  }
};
struct CommentListAsk {
  std::int64_t msg_data_id = 0, index = 0, begin = 0, count = 49, type = 0;
  static constexpr auto wire() {
    using S = CommentListAsk;
    return field_list(member("msg_data_id", &S::msg_data_id, "of the article"),
                      member("index", &S::index, "of the article, from 0"),
                      member("begin", &S::begin, ""), member("count", &S::count, "below 50"),
                      member("type", &S::type, "0 all, 1 ordinary, 2 featured"));
  }
};
struct CommentReply {
  std::string content;
  std::int64_t create_time = 0;
  static constexpr auto wire() {
    return field_list(member("content", &CommentReply::content, ""),
                      member("create_time", &CommentReply::create_time, "seconds"));
  }
};
struct Comment {
  std::int64_t user_comment_id = 0, create_time = 0, comment_type = 0;
  std::string openid, content;
  std::optional<CommentReply> reply;
  static constexpr auto wire() {
    using S = Comment;
    return field_list(member("user_comment_id", &S::user_comment_id, ""),
                      member("create_time", &S::create_time, "seconds"),
                      member("comment_type", &S::comment_type, "1: featured"),
                      member("openid", &S::openid, ""), member("content", &S::content, ""),
                      member("reply", &S::reply, ""));
  }
};
struct CommentPage {
  std::int64_t total = 0;
  std::vector<Comment> comment;
  static constexpr auto wire() {
    return field_list(member("total", &CommentPage::total, ""),
                      member("comment", &CommentPage::comment, ""));
  }
};
struct OneCommentAsk {
  std::int64_t msg_data_id = 0, index = 0, user_comment_id = 0;
  static constexpr auto wire() {
    using S = OneCommentAsk;
    return field_list(member("msg_data_id", &S::msg_data_id, "of the article"),
                      member("index", &S::index, "of the article, from 0"),
                      member("user_comment_id", &S::user_comment_id, ""));
  }
};
struct CommentReplyAsk {
  std::int64_t msg_data_id = 0, index = 0, user_comment_id = 0;
  std::string content;
  static constexpr auto wire() {
    using S = CommentReplyAsk;
    return field_list(member("msg_data_id", &S::msg_data_id, "of the article"),
                      member("index", &S::index, "of the article, from 0"),
                      member("user_comment_id", &S::user_comment_id, ""),
                      member("content", &S::content, ""));
  }
};
inline constexpr Method<CommentAsk, Nothing> kCommentsOpen{endpoint("comment_open")};
inline constexpr Method<CommentAsk, Nothing> kCommentsClose{endpoint("comment_close")};
inline constexpr Method<CommentListAsk, CommentPage> kCommentList{endpoint("comment_list")};
inline constexpr Method<OneCommentAsk, Nothing> kCommentElect{endpoint("comment_elect")};
inline constexpr Method<OneCommentAsk, Nothing> kCommentUnelect{endpoint("comment_unelect")};
inline constexpr Method<OneCommentAsk, Nothing> kCommentDelete{endpoint("comment_delete")};
inline constexpr Method<CommentReplyAsk, Nothing> kCommentReply{endpoint("comment_reply")};
inline constexpr Method<OneCommentAsk, Nothing> kCommentReplyDelete{
    endpoint("comment_reply_delete")};

}  // namespace zhiyin::wechat
