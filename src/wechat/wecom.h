#pragma once

#include "wechat/method.h"

/// WeCom: members of a company and their external contacts. Every member here has the right to look
/// after customers; what they send is made by us as a task and confirmed by them. An account is one
/// application (`TokenKind::kWecom`: AppID is the CorpID, AppSecret the application's Secret).
namespace zhiyin::wechat {

// Contacts.
struct WecomMembers {
  std::vector<std::string> follow_user;
  static constexpr auto wire() {
    return field_list(member("follow_user", &WecomMembers::follow_user, "userids"));
  }
};
struct WecomUserAsk {
  std::string userid;
  static constexpr auto wire() {
    return field_list(member("userid", &WecomUserAsk::userid, "member"));
  }
};
struct WecomContactIds {
  std::vector<std::string> external_userid;
  static constexpr auto wire() {
    return field_list(member("external_userid", &WecomContactIds::external_userid, ""));
  }
};
struct WecomContactAsk {
  std::string external_userid, cursor;
  static constexpr auto wire() {
    return field_list(member("external_userid", &WecomContactAsk::external_userid, ""),
                      member("cursor", &WecomContactAsk::cursor, "empty begins"));
  }
};
struct WecomContact {
  std::string external_userid, name, avatar, unionid, position, corp_name, corp_full_name;
  std::int64_t type = 1;  ///< 1 WeChat, 2 WeCom
  std::int64_t gender = 0;
  static constexpr auto wire() {
    using S = WecomContact;
    return field_list(
        member("external_userid", &S::external_userid, ""), member("name", &S::name, ""),
        member("avatar", &S::avatar, ""), member("unionid", &S::unionid, ""),
        member("position", &S::position, ""), member("corp_name", &S::corp_name, ""),
        member("corp_full_name", &S::corp_full_name, ""),
        member("type", &S::type, "1 WeChat, 2 WeCom"), member("gender", &S::gender, ""));
  }
};
struct WecomContactTag {
  std::string group_name, tag_name, tag_id;
  std::int64_t type = 1;
  static constexpr auto wire() {
    using S = WecomContactTag;
    return field_list(member("group_name", &S::group_name, ""),
                      member("tag_name", &S::tag_name, ""), member("tag_id", &S::tag_id, ""),
                      member("type", &S::type, ""));
  }
};
/// What a member knows of a contact. `tags` by name (one contact), `tag_id` by number (batches).
struct WecomFollow {
  std::string userid, remark, description, remark_corp_name, oper_userid, state;
  std::int64_t createtime = 0, add_way = 0;
  std::vector<std::string> remark_mobiles, tag_id;
  std::vector<WecomContactTag> tags;
  static constexpr auto wire() {
    using S = WecomFollow;
    return field_list(member("userid", &S::userid, "member"), member("remark", &S::remark, ""),
                      member("description", &S::description, ""),
                      member("remark_corp_name", &S::remark_corp_name, ""),
                      member("oper_userid", &S::oper_userid, ""),
                      member("state", &S::state, "of the contact way by which they came"),
                      member("createtime", &S::createtime, "seconds"),
                      member("add_way", &S::add_way, ""),
                      member("remark_mobiles", &S::remark_mobiles, ""),
                      member("tag_id", &S::tag_id, ""), member("tags", &S::tags, ""));
  }
};
struct WecomContactAnswer {
  WecomContact external_contact;
  std::vector<WecomFollow> follow_user;
  std::string next_cursor;  ///< not empty: more members
  static constexpr auto wire() {
    using S = WecomContactAnswer;
    return field_list(member("external_contact", &S::external_contact, ""),
                      member("follow_user", &S::follow_user, ""),
                      member("next_cursor", &S::next_cursor, "more members"));
  }
};
struct WecomContactsOfAsk {
  std::vector<std::string> userid_list;
  std::string cursor;
  std::int64_t limit = 100;
  static constexpr auto wire() {
    using S = WecomContactsOfAsk;
    return field_list(member("userid_list", &S::userid_list, "up to 100 members"),
                      member("cursor", &S::cursor, "empty begins"),
                      member("limit", &S::limit, "up to 100"));
  }
};
struct WecomContactLine {
  WecomContact external_contact;
  WecomFollow follow_info;
  static constexpr auto wire() {
    return field_list(member("external_contact", &WecomContactLine::external_contact, ""),
                      member("follow_info", &WecomContactLine::follow_info, ""));
  }
};
struct WecomFailInfo {
  std::vector<std::string> unlicensed_userid_list;
  static constexpr auto wire() {
    return field_list(member("unlicensed_userid_list", &WecomFailInfo::unlicensed_userid_list, ""));
  }
};
struct WecomContactPage {
  std::vector<WecomContactLine> external_contact_list;
  std::string next_cursor;
  std::optional<WecomFailInfo> fail_info;
  static constexpr auto wire() {
    using S = WecomContactPage;
    return field_list(member("external_contact_list", &S::external_contact_list, ""),
                      member("next_cursor", &S::next_cursor, ""),
                      member("fail_info", &S::fail_info, ""));
  }
};
/// What is not said stays; a text that is empty is taken away, and all mobiles by one empty text.
struct WecomRemarkAsk {
  std::string userid, external_userid;
  std::optional<std::string> remark, description, remark_company;
  std::vector<std::string> remark_mobiles;
  std::string remark_pic_mediaid;
  static constexpr auto wire() {
    using S = WecomRemarkAsk;
    return field_list(member("userid", &S::userid, ""),
                      member("external_userid", &S::external_userid, ""),
                      member("remark", &S::remark, "up to 20 characters"),
                      member("description", &S::description, "up to 150 characters"),
                      member("remark_company", &S::remark_company, ""),
                      member("remark_mobiles", &S::remark_mobiles, "up to 5; \"\" alone: none"),
                      member("remark_pic_mediaid", &S::remark_pic_mediaid, ""));
  }
};
inline constexpr Method<Nothing, WecomMembers> kWecomMembers{endpoint("wecom_members")};
/// 84061 when the member has none.
inline constexpr Method<WecomUserAsk, WecomContactIds> kWecomContacts{endpoint("wecom_contacts")};
inline constexpr Method<WecomContactAsk, WecomContactAnswer> kWecomContact{
    endpoint("wecom_contact")};
inline constexpr Method<WecomContactsOfAsk, WecomContactPage> kWecomContactsOf{
    endpoint("wecom_contacts_of")};
inline constexpr Method<WecomRemarkAsk, Nothing> kWecomRemark{endpoint("wecom_remark")};

/// The contact behind somebody of an official account or mini-program of the same owner.
struct WecomUnionidAsk {
  std::string unionid, openid;
  std::optional<std::int64_t> subject_type;
  static constexpr auto wire() {
    using S = WecomUnionidAsk;
    return field_list(member("unionid", &S::unionid, ""),
                      member("openid", &S::openid, "of the same person, at that account"),
                      member("subject_type", &S::subject_type, "0 the company's own, 1 another's"));
  }
};
/// Of somebody who is no contact `pending_id` alone is there.
struct WecomUnionidAnswer {
  std::string external_userid, pending_id;
  static constexpr auto wire() {
    return field_list(member("external_userid", &WecomUnionidAnswer::external_userid, ""),
                      member("pending_id", &WecomUnionidAnswer::pending_id, ""));
  }
};
inline constexpr Method<WecomUnionidAsk, WecomUnionidAnswer> kWecomContactByUnionid{
    endpoint("wecom_contact_by_unionid")};

// Ways by which contacts come: QR codes with a state that returns with the event.
struct WecomWayAsk {
  std::int64_t type = 1, scene = 2;
  std::optional<std::int64_t> style;
  std::string remark, state;
  std::optional<bool> skip_verify, is_temp, is_exclusive;
  std::vector<std::string> user;
  std::vector<std::int64_t> party;
  std::optional<std::int64_t> expires_in, chat_expires_in;
  std::string unionid;
  static constexpr auto wire() {
    using S = WecomWayAsk;
    return field_list(
        member("type", &S::type, "1 one member, 2 several"),
        member("scene", &S::scene, "1 mini-program, 2 QR code"), member("style", &S::style, ""),
        member("remark", &S::remark, "up to 30 characters"),
        member("state", &S::state, "comes back with the contact; up to 30 bytes"),
        member("skip_verify", &S::skip_verify, ""), member("is_temp", &S::is_temp, ""),
        member("is_exclusive", &S::is_exclusive, ""), member("user", &S::user, "members"),
        member("party", &S::party, "departments"), member("expires_in", &S::expires_in, "seconds"),
        member("chat_expires_in", &S::chat_expires_in, "seconds"),
        member("unionid", &S::unionid, ""));
  }
  [[nodiscard]] Result<void> check(const Policy& policy) const;
};
struct WecomWay {
  std::string config_id, qr_code;
  static constexpr auto wire() {
    return field_list(member("config_id", &WecomWay::config_id, ""),
                      member("qr_code", &WecomWay::qr_code, "address of the picture"));
  }
};
struct WecomWayIdAsk {
  std::string config_id;
  static constexpr auto wire() {
    return field_list(member("config_id", &WecomWayIdAsk::config_id, ""));
  }
};
struct WecomWayFacts {
  std::string config_id, remark, state, qr_code;
  std::int64_t type = 0, scene = 0;
  bool skip_verify = false;
  std::vector<std::string> user;
  static constexpr auto wire() {
    using S = WecomWayFacts;
    return field_list(member("config_id", &S::config_id, ""), member("remark", &S::remark, ""),
                      member("state", &S::state, ""), member("qr_code", &S::qr_code, ""),
                      member("type", &S::type, ""), member("scene", &S::scene, ""),
                      member("skip_verify", &S::skip_verify, ""), member("user", &S::user, ""));
  }
};
struct WecomWayAnswer {
  WecomWayFacts contact_way;
  static constexpr auto wire() {
    return field_list(member("contact_way", &WecomWayAnswer::contact_way, ""));
  }
};
/// What is not said stays; an empty text is taken away.
struct WecomWayUpdateAsk {
  std::string config_id;
  std::optional<std::string> remark, state;
  std::optional<bool> skip_verify;
  std::vector<std::string> user;
  static constexpr auto wire() {
    using S = WecomWayUpdateAsk;
    return field_list(member("config_id", &S::config_id, ""), member("remark", &S::remark, ""),
                      member("state", &S::state, ""), member("skip_verify", &S::skip_verify, ""),
                      member("user", &S::user, ""));
  }
};
inline constexpr Method<WecomWayAsk, WecomWay> kWecomWayAdd{endpoint("wecom_way_add")};
inline constexpr Method<WecomWayIdAsk, WecomWayAnswer> kWecomWayGet{endpoint("wecom_way_get")};
inline constexpr Method<WecomWayUpdateAsk, Nothing> kWecomWayUpdate{endpoint("wecom_way_update")};
inline constexpr Method<WecomWayIdAsk, Nothing> kWecomWayDelete{endpoint("wecom_way_delete")};
struct WecomPairAsk {
  std::string userid, external_userid;
  static constexpr auto wire() {
    return field_list(member("userid", &WecomPairAsk::userid, "member"),
                      member("external_userid", &WecomPairAsk::external_userid, "contact"));
  }
};
/// Ends a chat that began by a way with `is_temp`.
inline constexpr Method<WecomPairAsk, Nothing> kWecomCloseTemporary{
    endpoint("wecom_close_temporary")};

// Tags of the company.
struct WecomTag {
  std::string id, name;
  std::optional<std::int64_t> order, create_time;
  static constexpr auto wire() {
    using S = WecomTag;
    return field_list(member("id", &S::id, ""), member("name", &S::name, "up to 30 characters"),
                      member("order", &S::order, ""),
                      member("create_time", &S::create_time, "seconds"));
  }
};
struct WecomTagGroup {
  std::string group_id, group_name;
  std::vector<WecomTag> tag;
  std::optional<std::int64_t> order, create_time;
  static constexpr auto wire() {
    using S = WecomTagGroup;
    return field_list(member("group_id", &S::group_id, ""),
                      member("group_name", &S::group_name, ""), member("tag", &S::tag, ""),
                      member("order", &S::order, ""), member("create_time", &S::create_time, ""));
  }
};
struct WecomTagsAsk {
  std::vector<std::string> tag_id, group_id;
  static constexpr auto wire() {
    return field_list(member("tag_id", &WecomTagsAsk::tag_id, "these only"),
                      member("group_id", &WecomTagsAsk::group_id, "or these groups"));
  }
};
struct WecomTags {
  std::vector<WecomTagGroup> tag_group;
  static constexpr auto wire() {
    return field_list(member("tag_group", &WecomTags::tag_group, ""));
  }
};
struct WecomTagAddAsk {
  std::string group_id, group_name;
  std::vector<WecomTag> tag;
  std::optional<std::int64_t> order, agentid;
  static constexpr auto wire() {
    using S = WecomTagAddAsk;
    return field_list(member("group_id", &S::group_id, "an existing group"),
                      member("group_name", &S::group_name, "or a new one"),
                      member("tag", &S::tag, ""), member("order", &S::order, ""),
                      member("agentid", &S::agentid, ""));
  }
};
struct WecomTagAdded {
  WecomTagGroup tag_group;
  static constexpr auto wire() {
    return field_list(member("tag_group", &WecomTagAdded::tag_group, ""));
  }
};
struct WecomTagEditAsk {
  std::string id, name;
  std::optional<std::int64_t> order;
  static constexpr auto wire() {
    using S = WecomTagEditAsk;
    return field_list(member("id", &S::id, "tag or group"), member("name", &S::name, ""),
                      member("order", &S::order, ""));
  }
};
struct WecomMarkAsk {
  std::string userid, external_userid;
  std::vector<std::string> add_tag, remove_tag;
  static constexpr auto wire() {
    using S = WecomMarkAsk;
    return field_list(member("userid", &S::userid, "a member who knows the contact"),
                      member("external_userid", &S::external_userid, ""),
                      member("add_tag", &S::add_tag, ""), member("remove_tag", &S::remove_tag, ""));
  }
  [[nodiscard]] Result<void> check(const Policy& policy) const;
};
inline constexpr Method<WecomTagsAsk, WecomTags> kWecomTags{endpoint("wecom_tags")};
inline constexpr Method<WecomTagAddAsk, WecomTagAdded> kWecomTagAdd{endpoint("wecom_tag_add")};
inline constexpr Method<WecomTagEditAsk, Nothing> kWecomTagEdit{endpoint("wecom_tag_edit")};
inline constexpr Method<WecomTagsAsk, Nothing> kWecomTagDelete{endpoint("wecom_tag_delete")};
inline constexpr Method<WecomMarkAsk, Nothing> kWecomMarkTag{endpoint("wecom_mark_tag")};

// Messages to contacts.
struct WecomText {
  std::string content;
  static constexpr auto wire() {
    return field_list(member("content", &WecomText::content, "up to 4000 bytes"));
  }
};
struct WecomMedia {
  std::string media_id, pic_url;
  static constexpr auto wire() {
    return field_list(member("media_id", &WecomMedia::media_id, ""),
                      member("pic_url", &WecomMedia::pic_url, "of pictures"));
  }
};
struct WecomLink {
  std::string title, picurl, desc, url;
  static constexpr auto wire() {
    using S = WecomLink;
    return field_list(member("title", &S::title, ""), member("picurl", &S::picurl, ""),
                      member("desc", &S::desc, ""), member("url", &S::url, ""));
  }
};
struct WecomMiniProgram {
  std::string title, pic_media_id, appid, page;
  static constexpr auto wire() {
    using S = WecomMiniProgram;
    return field_list(member("title", &S::title, ""), member("pic_media_id", &S::pic_media_id, ""),
                      member("appid", &S::appid, ""), member("page", &S::page, ""));
  }
};
struct WecomAttachment {
  std::string msgtype;
  std::optional<WecomMedia> image, video, file;
  std::optional<WecomLink> link;
  std::optional<WecomMiniProgram> miniprogram;
  static constexpr auto wire() {
    using S = WecomAttachment;
    return field_list(member("msgtype", &S::msgtype, "image, link, miniprogram, video, file"),
                      member("image", &S::image, ""), member("video", &S::video, ""),
                      member("file", &S::file, ""), member("link", &S::link, ""),
                      member("miniprogram", &S::miniprogram, ""));
  }
};
/// Once, within 20 seconds of the event that brought the code.
struct WecomWelcomeAsk {
  std::string welcome_code;
  std::optional<WecomText> text;
  std::vector<WecomAttachment> attachments;
  static constexpr auto wire() {
    using S = WecomWelcomeAsk;
    return field_list(member("welcome_code", &S::welcome_code, "of the event"),
                      member("text", &S::text, ""),
                      member("attachments", &S::attachments, "up to 9"));
  }
  [[nodiscard]] Result<void> check(const Policy& policy) const;
};
struct WecomTagList {
  std::vector<std::string> tag_list;
  static constexpr auto wire() {
    return field_list(member("tag_list", &WecomTagList::tag_list, "any of these"));
  }
};
struct WecomTagFilter {
  std::vector<WecomTagList> group_list;
  static constexpr auto wire() {
    return field_list(member("group_list", &WecomTagFilter::group_list, "all of these"));
  }
};
/// Makes a task that members must confirm; a customer gets at most 4 in a calendar month, and who
/// has had them is left out silently: ask for the results.
struct WecomMassAsk {
  std::string chat_type = "single";
  std::vector<std::string> external_userid, chat_id_list;
  std::optional<WecomTagFilter> tag_filter;
  std::string sender;
  std::optional<bool> allow_select;
  std::optional<WecomText> text;
  std::vector<WecomAttachment> attachments;
  static constexpr auto wire() {
    using S = WecomMassAsk;
    return field_list(
        member("chat_type", &S::chat_type, "single or group"),
        member("external_userid", &S::external_userid, "up to 10,000"),
        member("chat_id_list", &S::chat_id_list, "up to 2000"),
        member("tag_filter", &S::tag_filter, ""), member("sender", &S::sender, "member"),
        member("allow_select", &S::allow_select, "the member may choose"),
        member("text", &S::text, ""), member("attachments", &S::attachments, "up to 9"));
  }
  [[nodiscard]] Result<void> check(const Policy& policy) const;
};
struct WecomMassReceipt {
  std::vector<std::string> fail_list;
  std::string msgid;
  static constexpr auto wire() {
    return field_list(member("fail_list", &WecomMassReceipt::fail_list, ""),
                      member("msgid", &WecomMassReceipt::msgid, ""));
  }
};
struct WecomMsgidAsk {
  std::string msgid;
  static constexpr auto wire() { return field_list(member("msgid", &WecomMsgidAsk::msgid, "")); }
};
struct WecomMassListAsk {
  std::string chat_type = "single";
  std::int64_t start_time = 0, end_time = 0;
  std::string creator;
  std::optional<std::int64_t> filter_type;
  std::int64_t limit = 100;
  std::string cursor;
  static constexpr auto wire() {
    using S = WecomMassListAsk;
    return field_list(member("chat_type", &S::chat_type, "single or group"),
                      member("start_time", &S::start_time, "seconds"),
                      member("end_time", &S::end_time, "seconds, at most a month later"),
                      member("creator", &S::creator, ""),
                      member("filter_type", &S::filter_type, "0 company's, 1 personal, 2 all"),
                      member("limit", &S::limit, "up to 100"), member("cursor", &S::cursor, ""));
  }
  [[nodiscard]] Result<void> check(const Policy& policy) const;
};
struct WecomMass {
  std::string msgid, creator;
  std::int64_t create_time = 0, create_type = 0;
  std::optional<WecomText> text;
  static constexpr auto wire() {
    using S = WecomMass;
    return field_list(member("msgid", &S::msgid, ""), member("creator", &S::creator, ""),
                      member("create_time", &S::create_time, "seconds"),
                      member("create_type", &S::create_type, ""), member("text", &S::text, ""));
  }
};
struct WecomMassPage {
  std::vector<WecomMass> group_msg_list;
  std::string next_cursor;
  static constexpr auto wire() {
    return field_list(member("group_msg_list", &WecomMassPage::group_msg_list, ""),
                      member("next_cursor", &WecomMassPage::next_cursor, ""));
  }
};
struct WecomTaskAsk {
  std::string msgid;
  std::int64_t limit = 1'000;
  std::string cursor;
  static constexpr auto wire() {
    using S = WecomTaskAsk;
    return field_list(member("msgid", &S::msgid, ""), member("limit", &S::limit, "up to 1000"),
                      member("cursor", &S::cursor, ""));
  }
};
/// `status` 0: not sent yet, 2: sent.
struct WecomTask {
  std::string userid;
  std::int64_t status = 0, send_time = 0;
  static constexpr auto wire() {
    using S = WecomTask;
    return field_list(member("userid", &S::userid, ""),
                      member("status", &S::status, "0 not sent yet, 2 sent"),
                      member("send_time", &S::send_time, "seconds"));
  }
};
struct WecomTaskPage {
  std::vector<WecomTask> task_list;
  std::string next_cursor;
  static constexpr auto wire() {
    return field_list(member("task_list", &WecomTaskPage::task_list, ""),
                      member("next_cursor", &WecomTaskPage::next_cursor, ""));
  }
};
struct WecomResultAsk {
  std::string msgid, userid;
  std::int64_t limit = 1'000;
  std::string cursor;
  static constexpr auto wire() {
    using S = WecomResultAsk;
    return field_list(member("msgid", &S::msgid, ""), member("userid", &S::userid, "member"),
                      member("limit", &S::limit, "up to 1000"), member("cursor", &S::cursor, ""));
  }
};
/// `status` 0: not sent yet, 1: sent, 2: no friend any more, 3: has had other mass messages.
struct WecomSendResult {
  std::string external_userid, chat_id, userid;
  std::int64_t status = 0, send_time = 0;
  static constexpr auto wire() {
    using S = WecomSendResult;
    return field_list(
        member("external_userid", &S::external_userid, ""), member("chat_id", &S::chat_id, ""),
        member("userid", &S::userid, ""),
        member("status", &S::status, "0 not yet, 1 sent, 2 no friend, 3 limit reached"),
        member("send_time", &S::send_time, "seconds"));
  }
};
struct WecomResultPage {
  std::vector<WecomSendResult> send_list;
  std::string next_cursor;
  static constexpr auto wire() {
    return field_list(member("send_list", &WecomResultPage::send_list, ""),
                      member("next_cursor", &WecomResultPage::next_cursor, ""));
  }
};
inline constexpr Method<WecomWelcomeAsk, Nothing> kWecomWelcome{endpoint("wecom_welcome")};
inline constexpr Method<WecomMassAsk, WecomMassReceipt> kWecomMassAdd{endpoint("wecom_mass_add")};
/// At most three times in 24 hours.
inline constexpr Method<WecomMsgidAsk, Nothing> kWecomMassRemind{endpoint("wecom_mass_remind")};
inline constexpr Method<WecomMsgidAsk, Nothing> kWecomMassCancel{endpoint("wecom_mass_cancel")};
inline constexpr Method<WecomMassListAsk, WecomMassPage> kWecomMassList{
    endpoint("wecom_mass_list")};
inline constexpr Method<WecomTaskAsk, WecomTaskPage> kWecomMassTask{endpoint("wecom_mass_task")};
inline constexpr Method<WecomResultAsk, WecomResultPage> kWecomMassResult{
    endpoint("wecom_mass_result")};

// Group chats.
struct WecomOwnerFilter {
  std::vector<std::string> userid_list;
  static constexpr auto wire() {
    return field_list(member("userid_list", &WecomOwnerFilter::userid_list, "up to 100"));
  }
};
struct WecomGroupsAsk {
  std::optional<std::int64_t> status_filter;
  std::optional<WecomOwnerFilter> owner_filter;
  std::string cursor;
  std::int64_t limit = 1'000;
  static constexpr auto wire() {
    using S = WecomGroupsAsk;
    return field_list(member("status_filter", &S::status_filter, ""),
                      member("owner_filter", &S::owner_filter, ""),
                      member("cursor", &S::cursor, ""), member("limit", &S::limit, "up to 1000"));
  }
};
struct WecomGroupLine {
  std::string chat_id;
  std::int64_t status = 0;
  static constexpr auto wire() {
    return field_list(member("chat_id", &WecomGroupLine::chat_id, ""),
                      member("status", &WecomGroupLine::status, ""));
  }
};
struct WecomGroups {
  std::vector<WecomGroupLine> group_chat_list;
  std::string next_cursor;
  static constexpr auto wire() {
    return field_list(member("group_chat_list", &WecomGroups::group_chat_list, ""),
                      member("next_cursor", &WecomGroups::next_cursor, ""));
  }
};
struct WecomGroupAsk {
  std::string chat_id;
  std::int64_t need_name = 1;
  static constexpr auto wire() {
    return field_list(member("chat_id", &WecomGroupAsk::chat_id, ""),
                      member("need_name", &WecomGroupAsk::need_name, "1: names too"));
  }
};
struct WecomGroupMember {
  std::string userid, unionid, state, group_nickname, name;
  std::int64_t type = 1, join_time = 0, join_scene = 0;
  static constexpr auto wire() {
    using S = WecomGroupMember;
    return field_list(
        member("userid", &S::userid, ""), member("unionid", &S::unionid, ""),
        member("state", &S::state, ""), member("group_nickname", &S::group_nickname, ""),
        member("name", &S::name, ""), member("type", &S::type, "1 member, 2 external"),
        member("join_time", &S::join_time, "seconds"), member("join_scene", &S::join_scene, ""));
  }
};
struct WecomGroup {
  std::string chat_id, name, owner, notice;
  std::int64_t create_time = 0;
  std::vector<WecomGroupMember> member_list;
  static constexpr auto wire() {
    using S = WecomGroup;
    return field_list(member("chat_id", &S::chat_id, ""), member("name", &S::name, ""),
                      member("owner", &S::owner, ""), member("notice", &S::notice, ""),
                      member("create_time", &S::create_time, "seconds"),
                      member("member_list", &S::member_list, ""));
  }
};
struct WecomGroupAnswer {
  WecomGroup group_chat;
  static constexpr auto wire() {
    return field_list(member("group_chat", &WecomGroupAnswer::group_chat, ""));
  }
};
struct WecomGroupWayAsk {
  std::int64_t scene = 2;
  std::string remark;
  std::optional<std::int64_t> auto_create_room, room_base_id;
  std::string room_base_name, state;
  std::vector<std::string> chat_id_list;
  static constexpr auto wire() {
    using S = WecomGroupWayAsk;
    return field_list(
        member("scene", &S::scene, "1 mini-program, 2 QR code"), member("remark", &S::remark, ""),
        member("auto_create_room", &S::auto_create_room, ""),
        member("room_base_id", &S::room_base_id, ""),
        member("room_base_name", &S::room_base_name, ""), member("state", &S::state, ""),
        member("chat_id_list", &S::chat_id_list, "1 to 5"));
  }
};
inline constexpr Method<WecomGroupsAsk, WecomGroups> kWecomGroups{endpoint("wecom_groups")};
inline constexpr Method<WecomGroupAsk, WecomGroupAnswer> kWecomGroup{endpoint("wecom_group")};
inline constexpr Method<WecomGroupWayAsk, WecomWay> kWecomGroupWayAdd{
    endpoint("wecom_group_way_add")};

// Moments, which members confirm too.
struct WecomSenderList {
  std::vector<std::string> user_list;
  std::vector<std::int64_t> department_list;
  static constexpr auto wire() {
    return field_list(member("user_list", &WecomSenderList::user_list, ""),
                      member("department_list", &WecomSenderList::department_list, ""));
  }
};
struct WecomVisibleRange {
  std::optional<WecomSenderList> sender_list;
  std::optional<WecomTagList> external_contact_list;
  static constexpr auto wire() {
    return field_list(
        member("sender_list", &WecomVisibleRange::sender_list, "who posts"),
        member("external_contact_list", &WecomVisibleRange::external_contact_list, "who sees it"));
  }
};
struct WecomMomentAsk {
  std::optional<WecomText> text;
  std::vector<WecomAttachment> attachments;
  std::optional<WecomVisibleRange> visible_range;
  static constexpr auto wire() {
    using S = WecomMomentAsk;
    return field_list(member("text", &S::text, "up to 2000 characters"),
                      member("attachments", &S::attachments, "up to 9"),
                      member("visible_range", &S::visible_range, ""));
  }
  [[nodiscard]] Result<void> check(const Policy& policy) const;
};
struct WecomJobId {
  std::string jobid;
  static constexpr auto wire() { return field_list(member("jobid", &WecomJobId::jobid, "")); }
};
struct WecomMomentResult {
  std::string errcode, moment_id;
  static constexpr auto wire() {
    return field_list(member("errcode", &WecomMomentResult::errcode, ""),
                      member("moment_id", &WecomMomentResult::moment_id, ""));
  }
};
/// `status` 1: begun, 2: creating, 3: done.
struct WecomMomentState {
  std::int64_t status = 1;
  std::optional<WecomMomentResult> result;
  static constexpr auto wire() {
    return field_list(member("status", &WecomMomentState::status, "3: done"),
                      member("result", &WecomMomentState::result, ""));
  }
};
struct WecomMomentListAsk {
  std::int64_t start_time = 0, end_time = 0, limit = 100;
  std::string creator, cursor;
  static constexpr auto wire() {
    using S = WecomMomentListAsk;
    return field_list(member("start_time", &S::start_time, "seconds"),
                      member("end_time", &S::end_time, "seconds"),
                      member("limit", &S::limit, "up to 100"), member("creator", &S::creator, ""),
                      member("cursor", &S::cursor, ""));
  }
};
struct WecomMoment {
  std::string moment_id, creator;
  std::int64_t create_time = 0, create_type = 0, visible_type = 0;
  std::optional<WecomText> text;
  static constexpr auto wire() {
    using S = WecomMoment;
    return field_list(member("moment_id", &S::moment_id, ""), member("creator", &S::creator, ""),
                      member("create_time", &S::create_time, "seconds"),
                      member("create_type", &S::create_type, ""),
                      member("visible_type", &S::visible_type, ""), member("text", &S::text, ""));
  }
};
struct WecomMomentPage {
  std::vector<WecomMoment> moment_list;
  std::string next_cursor;
  static constexpr auto wire() {
    return field_list(member("moment_list", &WecomMomentPage::moment_list, ""),
                      member("next_cursor", &WecomMomentPage::next_cursor, ""));
  }
};
struct WecomMomentTaskAsk {
  std::string moment_id, cursor;
  std::int64_t limit = 1'000;
  static constexpr auto wire() {
    using S = WecomMomentTaskAsk;
    return field_list(member("moment_id", &S::moment_id, ""), member("cursor", &S::cursor, ""),
                      member("limit", &S::limit, "up to 1000"));
  }
};
/// `publish_status` 0: not yet, 1: published.
struct WecomMomentTask {
  std::string userid;
  std::int64_t publish_status = 0;
  static constexpr auto wire() {
    return field_list(
        member("userid", &WecomMomentTask::userid, ""),
        member("publish_status", &WecomMomentTask::publish_status, "0 not yet, 1 published"));
  }
};
struct WecomMomentTasks {
  std::vector<WecomMomentTask> task_list;
  std::string next_cursor;
  static constexpr auto wire() {
    return field_list(member("task_list", &WecomMomentTasks::task_list, ""),
                      member("next_cursor", &WecomMomentTasks::next_cursor, ""));
  }
};
struct WecomMomentSeenAsk {
  std::string moment_id, userid, cursor;
  std::int64_t limit = 3'000;
  static constexpr auto wire() {
    using S = WecomMomentSeenAsk;
    return field_list(member("moment_id", &S::moment_id, ""), member("userid", &S::userid, ""),
                      member("cursor", &S::cursor, ""), member("limit", &S::limit, "up to 5000"));
  }
};
struct WecomMomentCustomer {
  std::string external_userid;
  static constexpr auto wire() {
    return field_list(member("external_userid", &WecomMomentCustomer::external_userid, ""));
  }
};
struct WecomMomentSeen {
  std::vector<WecomMomentCustomer> customer_list;
  std::string next_cursor;
  static constexpr auto wire() {
    return field_list(member("customer_list", &WecomMomentSeen::customer_list, ""),
                      member("next_cursor", &WecomMomentSeen::next_cursor, ""));
  }
};
struct WecomMomentOfAsk {
  std::string moment_id, userid;
  static constexpr auto wire() {
    return field_list(member("moment_id", &WecomMomentOfAsk::moment_id, ""),
                      member("userid", &WecomMomentOfAsk::userid, "member who published it"));
  }
};
/// Who said or liked something: a contact, or a member (`userid`). What was said is not told.
struct WecomMomentEcho {
  std::string external_userid, userid;
  std::int64_t create_time = 0;
  static constexpr auto wire() {
    using S = WecomMomentEcho;
    return field_list(member("external_userid", &S::external_userid, ""),
                      member("userid", &S::userid, ""),
                      member("create_time", &S::create_time, "seconds"));
  }
};
struct WecomMomentEchoes {
  std::vector<WecomMomentEcho> comment_list, like_list;
  static constexpr auto wire() {
    return field_list(member("comment_list", &WecomMomentEchoes::comment_list, ""),
                      member("like_list", &WecomMomentEchoes::like_list, ""));
  }
};
inline constexpr Method<WecomMomentOfAsk, WecomMomentEchoes> kWecomMomentComments{
    endpoint("wecom_moment_comments")};
inline constexpr Method<WecomMomentAsk, WecomJobId> kWecomMomentAdd{endpoint("wecom_moment_add")};
inline constexpr Method<WecomJobId, WecomMomentState> kWecomMomentResult{
    endpoint("wecom_moment_result")};
inline constexpr Method<WecomMomentListAsk, WecomMomentPage> kWecomMomentList{
    endpoint("wecom_moment_list")};
inline constexpr Method<WecomMomentTaskAsk, WecomMomentTasks> kWecomMomentTask{
    endpoint("wecom_moment_task")};
inline constexpr Method<WecomMomentSeenAsk, WecomMomentSeen> kWecomMomentSendResult{
    endpoint("wecom_moment_send_result")};

// How members deal with customers; the archive of conversations (its messages themselves come
// through the platform's native library, not over HTTP).
struct WecomBehaviourAsk {
  std::vector<std::string> userid;
  std::vector<std::int64_t> partyid;
  std::int64_t start_time = 0, end_time = 0;
  static constexpr auto wire() {
    using S = WecomBehaviourAsk;
    return field_list(member("userid", &S::userid, "up to 100"),
                      member("partyid", &S::partyid, "or departments"),
                      member("start_time", &S::start_time, "seconds"),
                      member("end_time", &S::end_time, "seconds, at most 30 days later"));
  }
  [[nodiscard]] Result<void> check(const Policy& policy) const;
};
struct WecomBehaviour {
  std::int64_t stat_time = 0, chat_cnt = 0, message_cnt = 0, avg_reply_time = 0,
               negative_feedback_cnt = 0, new_apply_cnt = 0, new_contact_cnt = 0;
  double reply_percentage = 0;
  static constexpr auto wire() {
    using S = WecomBehaviour;
    return field_list(member("stat_time", &S::stat_time, "seconds"),
                      member("chat_cnt", &S::chat_cnt, ""),
                      member("message_cnt", &S::message_cnt, ""),
                      member("avg_reply_time", &S::avg_reply_time, "minutes"),
                      member("negative_feedback_cnt", &S::negative_feedback_cnt, ""),
                      member("new_apply_cnt", &S::new_apply_cnt, ""),
                      member("new_contact_cnt", &S::new_contact_cnt, ""),
                      member("reply_percentage", &S::reply_percentage, ""));
  }
};
struct WecomBehaviours {
  std::vector<WecomBehaviour> behavior_data;
  static constexpr auto wire() {
    return field_list(member("behavior_data", &WecomBehaviours::behavior_data, ""));
  }
};
struct WecomArchiveMembersAsk {
  std::optional<std::int64_t> type;
  static constexpr auto wire() {
    return field_list(member("type", &WecomArchiveMembersAsk::type, "edition of the archive"));
  }
};
struct WecomArchiveMembers {
  std::vector<std::string> ids;
  static constexpr auto wire() { return field_list(member("ids", &WecomArchiveMembers::ids, "")); }
};
struct WecomPair {
  std::string userid, exteranalopenid;  ///< the platform's spelling
  static constexpr auto wire() {
    return field_list(member("userid", &WecomPair::userid, ""),
                      member("exteranalopenid", &WecomPair::exteranalopenid,
                             "external_userid, in the platform's spelling"));
  }
};
struct WecomConsentAsk {
  std::vector<WecomPair> info;
  static constexpr auto wire() {
    return field_list(member("info", &WecomConsentAsk::info, "up to 100 pairs"));
  }
};
struct WecomConsent {
  std::string userid, exteranalopenid, agree_status;
  std::int64_t status_change_time = 0;
  static constexpr auto wire() {
    using S = WecomConsent;
    return field_list(member("userid", &S::userid, ""),
                      member("exteranalopenid", &S::exteranalopenid, ""),
                      member("agree_status", &S::agree_status, "Agree, Disagree or Default_Agree"),
                      member("status_change_time", &S::status_change_time, "seconds"));
  }
};
struct WecomConsents {
  std::vector<WecomConsent> agreeinfo;
  static constexpr auto wire() {
    return field_list(member("agreeinfo", &WecomConsents::agreeinfo, ""));
  }
};
struct WecomRoomAsk {
  std::string roomid;
  static constexpr auto wire() { return field_list(member("roomid", &WecomRoomAsk::roomid, "")); }
};
struct WecomRoomMember {
  std::string memberid;
  std::int64_t jointime = 0;
  static constexpr auto wire() {
    return field_list(member("memberid", &WecomRoomMember::memberid, ""),
                      member("jointime", &WecomRoomMember::jointime, "seconds"));
  }
};
struct WecomRoom {
  std::string roomname, creator, notice;
  std::int64_t room_create_time = 0;
  std::vector<WecomRoomMember> members;
  static constexpr auto wire() {
    using S = WecomRoom;
    return field_list(member("roomname", &S::roomname, ""), member("creator", &S::creator, ""),
                      member("notice", &S::notice, ""),
                      member("room_create_time", &S::room_create_time, "seconds"),
                      member("members", &S::members, ""));
  }
};
inline constexpr Method<WecomBehaviourAsk, WecomBehaviours> kWecomBehaviour{
    endpoint("wecom_behaviour")};
inline constexpr Method<WecomArchiveMembersAsk, WecomArchiveMembers> kWecomArchiveMembers{
    endpoint("wecom_archive_members")};
inline constexpr Method<WecomConsentAsk, WecomConsents> kWecomArchiveConsent{
    endpoint("wecom_archive_consent")};
inline constexpr Method<WecomRoomAsk, WecomConsents> kWecomArchiveRoomConsent{
    endpoint("wecom_archive_room_consent")};
inline constexpr Method<WecomRoomAsk, WecomRoom> kWecomArchiveRoom{endpoint("wecom_archive_room")};

// Messages of an application to members.
struct WecomTextCard {
  std::string title, description, url, btntxt;
  static constexpr auto wire() {
    using S = WecomTextCard;
    return field_list(member("title", &S::title, "up to 128 bytes"),
                      member("description", &S::description, "up to 512 bytes"),
                      member("url", &S::url, ""), member("btntxt", &S::btntxt, ""));
  }
};
struct WecomAppMedia {
  std::string media_id, title, description;
  static constexpr auto wire() {
    using S = WecomAppMedia;
    return field_list(member("media_id", &S::media_id, ""),
                      member("title", &S::title, "of a video, up to 128 bytes"),
                      member("description", &S::description, "of a video, up to 512 bytes"));
  }
};
/// A link; with `appid` and `pagepath` a page of a mini-program.
struct WecomNewsArticle {
  std::string title, description, url, picurl, appid, pagepath;
  static constexpr auto wire() {
    using S = WecomNewsArticle;
    return field_list(member("title", &S::title, "up to 128 bytes"),
                      member("description", &S::description, "up to 512 bytes"),
                      member("url", &S::url, ""), member("picurl", &S::picurl, ""),
                      member("appid", &S::appid, ""), member("pagepath", &S::pagepath, ""));
  }
};
struct WecomNews {
  std::vector<WecomNewsArticle> articles;
  static constexpr auto wire() {
    return field_list(member("articles", &WecomNews::articles, "1 to 8"));
  }
};
/// An article that WeCom keeps.
struct WecomMpArticle {
  std::string title, thumb_media_id, author, content_source_url, content, digest;
  static constexpr auto wire() {
    using S = WecomMpArticle;
    return field_list(member("title", &S::title, "up to 128 bytes"),
                      member("thumb_media_id", &S::thumb_media_id, "of an uploaded picture"),
                      member("author", &S::author, "up to 64 bytes"),
                      member("content_source_url", &S::content_source_url, ""),
                      member("content", &S::content, "HTML, up to 666 KB"),
                      member("digest", &S::digest, "up to 512 bytes"));
  }
};
struct WecomMpNews {
  std::vector<WecomMpArticle> articles;
  static constexpr auto wire() {
    return field_list(member("articles", &WecomMpNews::articles, "1 to 8"));
  }
};
struct WecomNoticeLine {
  std::string key, value;
  static constexpr auto wire() {
    return field_list(member("key", &WecomNoticeLine::key, "up to 10 characters"),
                      member("value", &WecomNoticeLine::value, "up to 30 characters"));
  }
};
struct WecomMiniProgramNotice {
  std::string appid, page, title, description;
  std::optional<bool> emphasis_first_item;
  std::vector<WecomNoticeLine> content_item;
  static constexpr auto wire() {
    using S = WecomMiniProgramNotice;
    return field_list(
        member("appid", &S::appid, "of the mini-program, which is tied to the application"),
        member("page", &S::page, ""), member("title", &S::title, "4 to 12 characters"),
        member("description", &S::description, "4 to 12 characters"),
        member("emphasis_first_item", &S::emphasis_first_item, ""),
        member("content_item", &S::content_item, "up to 10"));
  }
};
/// `enable_duplicate_check` makes repeating safe for `duplicate_check_interval` seconds and is on.
struct WecomAppSendAsk {
  std::string touser, toparty, totag, msgtype = "text";
  std::int64_t agentid = 0;
  std::optional<WecomText> text, markdown;
  std::optional<WecomAppMedia> image, voice, video, file;
  std::optional<WecomTextCard> textcard;
  std::optional<WecomNews> news;
  std::optional<WecomMpNews> mpnews;
  std::optional<WecomMiniProgramNotice> miniprogram_notice;
  Json template_card;  ///< as the platform describes its kinds of cards
  std::optional<std::int64_t> safe;
  std::int64_t enable_duplicate_check = 1, duplicate_check_interval = 1'800;
  static constexpr auto wire() {
    using S = WecomAppSendAsk;
    return field_list(
        member("touser", &S::touser, "a|b, up to 1000, or @all"),
        member("toparty", &S::toparty, "up to 100"), member("totag", &S::totag, "up to 100"),
        member("msgtype", &S::msgtype, "one of the members with contents below"),
        member("agentid", &S::agentid, "of the application"), member("text", &S::text, ""),
        member("markdown", &S::markdown, ""), member("image", &S::image, ""),
        member("voice", &S::voice, ""), member("video", &S::video, ""),
        member("file", &S::file, ""), member("textcard", &S::textcard, ""),
        member("news", &S::news, ""), member("mpnews", &S::mpnews, ""),
        member("miniprogram_notice", &S::miniprogram_notice, ""),
        member("template_card", &S::template_card, ""),
        member("safe", &S::safe, "1: not to be shared"),
        member("enable_duplicate_check", &S::enable_duplicate_check, "1"),
        member("duplicate_check_interval", &S::duplicate_check_interval, "seconds, up to 14400"));
  }
  [[nodiscard]] Result<void> check(const Policy& policy) const;
};
struct WecomAppReceipt {
  std::string invaliduser, invalidparty, invalidtag, unlicenseduser, msgid;
  static constexpr auto wire() {
    using S = WecomAppReceipt;
    return field_list(
        member("invaliduser", &S::invaliduser, ""), member("invalidparty", &S::invalidparty, ""),
        member("invalidtag", &S::invalidtag, ""), member("unlicenseduser", &S::unlicenseduser, ""),
        member("msgid", &S::msgid, ""));
  }
};
inline constexpr Method<WecomAppSendAsk, WecomAppReceipt> kWecomAppSend{endpoint("wecom_app_send")};
inline constexpr Method<WecomMsgidAsk, Nothing> kWecomAppRecall{endpoint("wecom_app_recall")};

}  // namespace zhiyin::wechat
