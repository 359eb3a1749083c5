#pragma once

#include "wechat/method.h"

/// Messages to one person: customer-service messages of all kinds, subscribe messages, templates,
/// and the customer-service staff. Sends (`Endpoint::sends`) go through the quota ledger: see
/// delivery. Members are named as the platform names them.
namespace zhiyin::wechat {

// What a customer-service message may hold. Mini-programs take text, image, link and
// miniprogrampage only.
struct TextContent {
  std::string content;
  static constexpr auto wire() {
    return field_list(member("content", &TextContent::content, "up to 2048 bytes"));
  }
};
struct MediaContent {
  std::string media_id;
  static constexpr auto wire() {
    return field_list(member("media_id", &MediaContent::media_id, ""));
  }
};
struct VideoContent {
  std::string media_id, thumb_media_id, title, description;
  static constexpr auto wire() {
    using S = VideoContent;
    return field_list(member("media_id", &S::media_id, ""),
                      member("thumb_media_id", &S::thumb_media_id, ""),
                      member("title", &S::title, ""), member("description", &S::description, ""));
  }
};
struct MusicContent {
  std::string title, description, musicurl, hqmusicurl, thumb_media_id;
  static constexpr auto wire() {
    using S = MusicContent;
    return field_list(member("title", &S::title, ""), member("description", &S::description, ""),
                      member("musicurl", &S::musicurl, ""),
                      member("hqmusicurl", &S::hqmusicurl, ""),
                      member("thumb_media_id", &S::thumb_media_id, ""));
  }
};
struct NewsArticle {
  std::string title, description, url, picurl;
  static constexpr auto wire() {
    using S = NewsArticle;
    return field_list(member("title", &S::title, ""), member("description", &S::description, ""),
                      member("url", &S::url, ""), member("picurl", &S::picurl, ""));
  }
};
struct NewsContent {
  std::vector<NewsArticle> articles;
  static constexpr auto wire() {
    return field_list(member("articles", &NewsContent::articles, "one"));
  }
};
struct ArticleContent {
  std::string article_id;
  static constexpr auto wire() {
    return field_list(member("article_id", &ArticleContent::article_id, "published article"));
  }
};
struct MenuChoice {
  std::string id, content;
  static constexpr auto wire() {
    return field_list(member("id", &MenuChoice::id, "comes back when tapped"),
                      member("content", &MenuChoice::content, ""));
  }
};
struct MenuContent {
  std::string head_content;
  std::vector<MenuChoice> list;
  std::string tail_content;
  static constexpr auto wire() {
    using S = MenuContent;
    return field_list(member("head_content", &S::head_content, ""),
                      member("list", &S::list, "choices"),
                      member("tail_content", &S::tail_content, ""));
  }
};
struct CardContent {
  std::string card_id;
  static constexpr auto wire() { return field_list(member("card_id", &CardContent::card_id, "")); }
};
struct MiniProgramPage {
  std::string title, appid, pagepath, thumb_media_id;
  static constexpr auto wire() {
    using S = MiniProgramPage;
    return field_list(member("title", &S::title, ""), member("appid", &S::appid, ""),
                      member("pagepath", &S::pagepath, ""),
                      member("thumb_media_id", &S::thumb_media_id, ""));
  }
};
struct LinkContent {
  std::string title, description, url, thumb_url;
  static constexpr auto wire() {
    using S = LinkContent;
    return field_list(member("title", &S::title, ""), member("description", &S::description, ""),
                      member("url", &S::url, ""), member("thumb_url", &S::thumb_url, ""));
  }
};
struct KfAccountRef {
  std::string kf_account;
  static constexpr auto wire() {
    return field_list(member("kf_account", &KfAccountRef::kf_account, "name@gh_id"));
  }
};
struct AiLabel {
  std::int64_t is_ai_msg = 1;
  static constexpr auto wire() {
    return field_list(
        member("is_ai_msg", &AiLabel::is_ai_msg, "1 shows the label of generated content"));
  }
};

/// A customer-service message: exactly the content that `msgtype` names. Not idempotent.
struct CustomSendAsk {
  std::string touser, msgtype;
  std::optional<TextContent> text;
  std::optional<MediaContent> image, voice, mpnews;
  std::optional<VideoContent> video;
  std::optional<MusicContent> music;
  std::optional<NewsContent> news;
  std::optional<ArticleContent> mpnewsarticle;
  std::optional<MenuContent> msgmenu;
  std::optional<CardContent> wxcard;
  std::optional<MiniProgramPage> miniprogrampage;
  std::optional<LinkContent> link;
  std::optional<KfAccountRef> customservice;
  std::optional<AiLabel> aimsgcontext;
  std::string businessid;
  static constexpr auto wire() {
    using S = CustomSendAsk;
    return field_list(
        member("touser", &S::touser, "openid"), member("msgtype", &S::msgtype, "kind of content"),
        member("text", &S::text, ""), member("image", &S::image, ""),
        member("voice", &S::voice, ""), member("mpnews", &S::mpnews, ""),
        member("video", &S::video, ""), member("music", &S::music, ""),
        member("news", &S::news, ""), member("mpnewsarticle", &S::mpnewsarticle, ""),
        member("msgmenu", &S::msgmenu, ""), member("wxcard", &S::wxcard, ""),
        member("miniprogrampage", &S::miniprogrampage, ""), member("link", &S::link, ""),
        member("customservice", &S::customservice, ""),
        member("aimsgcontext", &S::aimsgcontext, ""), member("businessid", &S::businessid, ""));
  }
  [[nodiscard]] Result<void> check(const Policy& policy) const;
};
inline constexpr Method<CustomSendAsk, Nothing> kCustomSend{endpoint("custom_send")};

/// Shows that somebody is typing. Needs an interaction in the last 30 seconds; refusals (45080,
/// 45081) are of no consequence.
struct TypingAsk {
  std::string touser, command = "Typing";
  static constexpr auto wire() {
    return field_list(member("touser", &TypingAsk::touser, "openid"),
                      member("command", &TypingAsk::command, "Typing or CancelTyping"));
  }
};
inline constexpr Method<TypingAsk, Nothing> kTyping{endpoint("custom_typing")};

// Subscribe messages.
struct KeywordValue {
  std::string value;
  static constexpr auto wire() { return field_list(member("value", &KeywordValue::value, "")); }
};
struct MiniProgramTarget {
  std::string appid, pagepath;
  static constexpr auto wire() {
    return field_list(member("appid", &MiniProgramTarget::appid, ""),
                      member("pagepath", &MiniProgramTarget::pagepath, ""));
  }
};
/// Of an official account. One granted permission is used up by one message.
struct SubscribeBizAsk {
  std::string touser, template_id, page;
  std::optional<MiniProgramTarget> miniprogram;
  std::map<std::string, KeywordValue> data;
  static constexpr auto wire() {
    using S = SubscribeBizAsk;
    return field_list(
        member("touser", &S::touser, "openid"), member("template_id", &S::template_id, ""),
        member("page", &S::page, "address that opens"), member("miniprogram", &S::miniprogram, ""),
        member("data", &S::data, "values by keyword (thing1)"));
  }
  [[nodiscard]] Result<void> check(const Policy& policy) const;
};
/// Of a mini-program.
struct SubscribeAsk {
  std::string touser, template_id, page, miniprogram_state, lang;
  std::map<std::string, KeywordValue> data;
  static constexpr auto wire() {
    using S = SubscribeAsk;
    return field_list(
        member("touser", &S::touser, "openid"), member("template_id", &S::template_id, ""),
        member("page", &S::page, "page that opens"),
        member("miniprogram_state", &S::miniprogram_state, "developer, trial or formal"),
        member("lang", &S::lang, "zh_CN, en_US, zh_HK or zh_TW"),
        member("data", &S::data, "values by keyword (thing1)"));
  }
  [[nodiscard]] Result<void> check(const Policy& policy) const;
};
inline constexpr Method<SubscribeBizAsk, Nothing> kSubscribeBiz{endpoint("subscribe_bizsend")};
inline constexpr Method<SubscribeAsk, Nothing> kSubscribe{endpoint("subscribe_send")};

struct SubscribeTemplateAddAsk {
  std::string tid;
  std::vector<std::int64_t> kidList;
  std::string sceneDesc;
  static constexpr auto wire() {
    using S = SubscribeTemplateAddAsk;
    return field_list(member("tid", &S::tid, "title in the library"),
                      member("kidList", &S::kidList, "2 to 5 keywords"),
                      member("sceneDesc", &S::sceneDesc, "up to 15 characters"));
  }
};
struct SubscribeTemplateId {
  std::string priTmplId;
  static constexpr auto wire() {
    return field_list(member("priTmplId", &SubscribeTemplateId::priTmplId, ""));
  }
};
struct KeywordChoices {
  std::string keywordCode;
  std::vector<std::string> enumValueList;
  static constexpr auto wire() {
    return field_list(member("keywordCode", &KeywordChoices::keywordCode, ""),
                      member("enumValueList", &KeywordChoices::enumValueList, ""));
  }
};
struct SubscribeTemplate {
  std::string priTmplId, title, content, example;
  std::int64_t type = 2;  ///< 2: once per permission, 3: long-term
  std::vector<KeywordChoices> keywordEnumValueList;
  static constexpr auto wire() {
    using S = SubscribeTemplate;
    return field_list(member("priTmplId", &S::priTmplId, ""), member("title", &S::title, ""),
                      member("content", &S::content, ""), member("example", &S::example, ""),
                      member("type", &S::type, "2 once, 3 long-term"),
                      member("keywordEnumValueList", &S::keywordEnumValueList, ""));
  }
};
struct SubscribeTemplates {
  std::vector<SubscribeTemplate> data;
  static constexpr auto wire() { return field_list(member("data", &SubscribeTemplates::data, "")); }
};
struct SubscribeTitlesAsk {
  std::string ids;
  std::int64_t start = 0, limit = 30;
  static constexpr auto wire() {
    using S = SubscribeTitlesAsk;
    return field_list(member("ids", &S::ids, "categories, with commas"),
                      member("start", &S::start, ""), member("limit", &S::limit, "1 to 30"));
  }
};
struct SubscribeTitle {
  std::int64_t tid = 0, type = 2;
  std::string title, categoryId;
  static constexpr auto wire() {
    using S = SubscribeTitle;
    return field_list(member("tid", &S::tid, ""), member("type", &S::type, ""),
                      member("title", &S::title, ""), member("categoryId", &S::categoryId, ""));
  }
};
struct SubscribeTitles {
  std::int64_t count = 0;
  std::vector<SubscribeTitle> data;
  static constexpr auto wire() {
    return field_list(member("count", &SubscribeTitles::count, ""),
                      member("data", &SubscribeTitles::data, ""));
  }
};
struct TidAsk {
  std::string tid;
  static constexpr auto wire() { return field_list(member("tid", &TidAsk::tid, "")); }
};
struct SubscribeKeyword {
  std::int64_t kid = 0;
  std::string name, example, rule;
  static constexpr auto wire() {
    using S = SubscribeKeyword;
    return field_list(member("kid", &S::kid, ""), member("name", &S::name, ""),
                      member("example", &S::example, ""), member("rule", &S::rule, ""));
  }
};
struct SubscribeKeywords {
  std::vector<SubscribeKeyword> data;
  static constexpr auto wire() { return field_list(member("data", &SubscribeKeywords::data, "")); }
};
struct Category {
  std::int64_t id = 0;
  std::string name;
  static constexpr auto wire() {
    return field_list(member("id", &Category::id, ""), member("name", &Category::name, ""));
  }
};
struct Categories {
  std::vector<Category> data;
  static constexpr auto wire() { return field_list(member("data", &Categories::data, "")); }
};
inline constexpr Method<SubscribeTemplateAddAsk, SubscribeTemplateId> kSubscribeTemplateAdd{
    endpoint("newtmpl_add")};
inline constexpr Method<SubscribeTemplateId, Nothing> kSubscribeTemplateDelete{
    endpoint("newtmpl_delete")};
inline constexpr Method<Nothing, SubscribeTemplates> kSubscribeTemplates{endpoint("newtmpl_list")};
inline constexpr Method<SubscribeTitlesAsk, SubscribeTitles> kSubscribeTitles{
    endpoint("newtmpl_titles")};
inline constexpr Method<TidAsk, SubscribeKeywords> kSubscribeKeywords{endpoint("newtmpl_keywords")};
inline constexpr Method<Nothing, Categories> kSubscribeCategories{endpoint("newtmpl_categories")};

// Template messages: what is around sending.
struct IndustryAsk {
  std::string industry_id1, industry_id2;
  static constexpr auto wire() {
    return field_list(member("industry_id1", &IndustryAsk::industry_id1, ""),
                      member("industry_id2", &IndustryAsk::industry_id2, ""));
  }
};
struct Industry {
  std::string first_class, second_class;
  static constexpr auto wire() {
    return field_list(member("first_class", &Industry::first_class, ""),
                      member("second_class", &Industry::second_class, ""));
  }
};
struct Industries {
  Industry primary_industry, secondary_industry;
  static constexpr auto wire() {
    return field_list(member("primary_industry", &Industries::primary_industry, ""),
                      member("secondary_industry", &Industries::secondary_industry, ""));
  }
};
struct TemplateAddAsk {
  std::string template_id_short;
  std::vector<std::string> keyword_name_list;
  static constexpr auto wire() {
    return field_list(
        member("template_id_short", &TemplateAddAsk::template_id_short, "in the library"),
        member("keyword_name_list", &TemplateAddAsk::keyword_name_list,
               "keywords of a category template"));
  }
};
struct TemplateId {
  std::string template_id;
  static constexpr auto wire() {
    return field_list(member("template_id", &TemplateId::template_id, ""));
  }
};
struct BlockedTemplatesAsk {
  std::string tmpl_msg_id;
  std::int64_t largest_id = 0, limit = 100;
  static constexpr auto wire() {
    using S = BlockedTemplatesAsk;
    return field_list(member("tmpl_msg_id", &S::tmpl_msg_id, "of one message; empty: all"),
                      member("largest_id", &S::largest_id, "where the page begins"),
                      member("limit", &S::limit, "1 to 100"));
  }
};
struct BlockedTemplate {
  std::int64_t id = 0, send_timestamp = 0;
  std::string tmpl_msg_id, title, content, openid;
  static constexpr auto wire() {
    using S = BlockedTemplate;
    return field_list(member("id", &S::id, ""),
                      member("send_timestamp", &S::send_timestamp, "seconds"),
                      member("tmpl_msg_id", &S::tmpl_msg_id, ""), member("title", &S::title, ""),
                      member("content", &S::content, ""), member("openid", &S::openid, ""));
  }
};
struct BlockedTemplates {
  std::vector<BlockedTemplate> msginfo;
  static constexpr auto wire() {
    return field_list(member("msginfo", &BlockedTemplates::msginfo, ""));
  }
};
struct OnceContent {
  std::string value;
  static constexpr auto wire() {
    return field_list(member("value", &OnceContent::value, "up to 200 characters"));
  }
};
struct OnceData {
  OnceContent content;
  static constexpr auto wire() { return field_list(member("content", &OnceData::content, "")); }
};
/// One message for one confirmation at `mp.weixin.qq.com/mp/subscribemsg`.
struct TemplateOnceAsk {
  std::string touser, template_id, url, title;
  std::int64_t scene = 0;  ///< as in the confirmation, 0 to 10000
  std::optional<MiniProgramTarget> miniprogram;
  OnceData data;
  static constexpr auto wire() {
    using S = TemplateOnceAsk;
    return field_list(member("touser", &S::touser, "openid"),
                      member("template_id", &S::template_id, ""), member("url", &S::url, ""),
                      member("title", &S::title, "up to 15 characters"),
                      member("scene", &S::scene, "0 to 10000"),
                      member("miniprogram", &S::miniprogram, ""), member("data", &S::data, ""));
  }
};
inline constexpr Method<IndustryAsk, Nothing> kIndustrySet{endpoint("template_industry_set")};
inline constexpr Method<Nothing, Industries> kIndustryGet{endpoint("template_industry_get")};
inline constexpr Method<TemplateAddAsk, TemplateId> kTemplateAdd{endpoint("template_add")};
inline constexpr Method<TemplateId, Nothing> kTemplateDelete{endpoint("template_delete")};
inline constexpr Method<BlockedTemplatesAsk, BlockedTemplates> kTemplatesBlocked{
    endpoint("template_blocked")};
/// Those that the account has: `client.h` reads it too.
inline constexpr Method<Nothing, ApiAnswer> kTemplateList{endpoint("template_list")};
inline constexpr Method<TemplateOnceAsk, Nothing> kTemplateOnce{endpoint("template_once")};

// Mass sends: what is around sending (`client.h` has the sends).
struct MassDeleteAsk {
  std::optional<std::int64_t> msg_id, article_idx;  ///< `article_idx` from 1; absent or 0: all
  std::string url;
  static constexpr auto wire() {
    using S = MassDeleteAsk;
    return field_list(member("msg_id", &S::msg_id, "of the mass send"),
                      member("article_idx", &S::article_idx, "from 1; 0: all"),
                      member("url", &S::url, "or the article's address"));
  }
  [[nodiscard]] Result<void> check(const Policy& policy) const;
};
struct MassGetAsk {
  std::int64_t msg_id = 0;
  static constexpr auto wire() {
    return field_list(member("msg_id", &MassGetAsk::msg_id, "of the mass send"));
  }
};
struct MassState {
  std::int64_t msg_id = 0;
  std::string msg_status;  ///< SENDING, SEND_SUCCESS, SEND_FAIL or DELETE
  static constexpr auto wire() {
    using S = MassState;
    return field_list(
        member("msg_id", &S::msg_id, ""),
        member("msg_status", &S::msg_status, "SENDING, SEND_SUCCESS, SEND_FAIL or DELETE"));
  }
};
struct MassSpeedAsk {
  std::int64_t speed = 0;
  static constexpr auto wire() {
    return field_list(member("speed", &MassSpeedAsk::speed, "0 fastest to 4 slowest"));
  }
};
/// `realspeed` in units of 10,000 people a minute.
struct MassSpeed {
  std::int64_t speed = 0, realspeed = 0;
  static constexpr auto wire() {
    return field_list(member("speed", &MassSpeed::speed, ""),
                      member("realspeed", &MassSpeed::realspeed, "10,000 a minute"));
  }
};
/// How far a mass send is: `client.h` asks it too.
inline constexpr Method<MassGetAsk, MassState> kMassGet{endpoint("mass_get")};
inline constexpr Method<MassDeleteAsk, Nothing> kMassDelete{endpoint("mass_delete")};
inline constexpr Method<Nothing, MassSpeed> kMassSpeedGet{endpoint("mass_speed_get")};
inline constexpr Method<MassSpeedAsk, Nothing> kMassSpeedSet{endpoint("mass_speed_set")};

}  // namespace zhiyin::wechat
