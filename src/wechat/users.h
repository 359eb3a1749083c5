#pragma once

#include "wechat/method.h"

/// Followers one by one, remarks, tags and the blacklist of an official account. Members are named
/// as the platform names them; limits are in `rule_table.cc`.
namespace zhiyin::wechat {

struct FollowersAsk {
  std::string next_openid;
  static constexpr auto wire() {
    return field_list(
        member("next_openid", &FollowersAsk::next_openid, "of the page before; empty begins"));
  }
};
/// Up to 10,000 openids a page; `client.h` reads it too.
inline constexpr Method<FollowersAsk, ApiAnswer> kFollowers{endpoint("user_get")};

struct UserInfoAsk {
  std::string openid;
  std::string lang = "zh_CN";
  static constexpr auto wire() {
    return field_list(member("openid", &UserInfoAsk::openid, "follower"),
                      member("lang", &UserInfoAsk::lang, "zh_CN, zh_TW or en"));
  }
};
/// Of somebody who does not follow only `openid` (and `unionid`) are given. The platform has given
/// no name and no picture since 2021-12-27.
struct UserInfoAnswer {
  bool subscribe = false;
  std::string openid, language, unionid, remark, subscribe_scene, qr_scene, qr_scene_str;
  std::int64_t subscribe_time = 0;  ///< seconds since the epoch
  std::vector<std::int64_t> tagid_list;
  static constexpr auto wire() {
    using S = UserInfoAnswer;
    return field_list(
        member("subscribe", &S::subscribe, "follows"), member("openid", &S::openid, ""),
        member("language", &S::language, ""), member("unionid", &S::unionid, ""),
        member("remark", &S::remark, ""), member("subscribe_scene", &S::subscribe_scene, ""),
        member("qr_scene", &S::qr_scene, ""), member("qr_scene_str", &S::qr_scene_str, ""),
        member("subscribe_time", &S::subscribe_time, "seconds"),
        member("tagid_list", &S::tagid_list, ""));
  }
};
inline constexpr Method<UserInfoAsk, UserInfoAnswer> kUserInfo{endpoint("user_info")};
struct UserInfosAsk {
  std::vector<UserInfoAsk> user_list;
  static constexpr auto wire() {
    return field_list(member("user_list", &UserInfosAsk::user_list, "up to 100"));
  }
};
inline constexpr Method<UserInfosAsk, ApiAnswer> kUserInfos{endpoint("user_info_batchget")};

struct RemarkAsk {
  std::string openid;
  std::optional<std::string> remark;  ///< less than 30 characters; empty takes it away
  static constexpr auto wire() {
    return field_list(member("openid", &RemarkAsk::openid, "follower"),
                      member("remark", &RemarkAsk::remark, "less than 30 characters"));
  }
};
inline constexpr Method<RemarkAsk, Nothing> kUserRemark{endpoint("user_remark")};

struct ChangeOpenidAsk {
  std::string from_appid;
  std::vector<std::string> openid_list;
  static constexpr auto wire() {
    return field_list(
        member("from_appid", &ChangeOpenidAsk::from_appid, "account before the move"),
        member("openid_list", &ChangeOpenidAsk::openid_list, "up to 100 of its openids"));
  }
};
struct ChangedOpenid {
  std::string ori_openid, new_openid, err_msg;
  static constexpr auto wire() {
    using S = ChangedOpenid;
    return field_list(member("ori_openid", &S::ori_openid, ""),
                      member("new_openid", &S::new_openid, ""), member("err_msg", &S::err_msg, ""));
  }
};
struct ChangeOpenidAnswer {
  std::vector<ChangedOpenid> result_list;
  static constexpr auto wire() {
    return field_list(member("result_list", &ChangeOpenidAnswer::result_list, ""));
  }
};
inline constexpr Method<ChangeOpenidAsk, ChangeOpenidAnswer> kChangeOpenid{
    endpoint("changeopenid")};

/// `id` 0, 1 and 2 are the platform's own; `count` is given by the list only.
struct Tag {
  std::optional<std::int64_t> id;
  std::string name;
  std::optional<std::int64_t> count;
  static constexpr auto wire() {
    return field_list(member("id", &Tag::id, "number of the tag"),
                      member("name", &Tag::name, "up to 30 bytes"),
                      member("count", &Tag::count, "followers with it"));
  }
};
struct TagAsk {
  Tag tag;
  static constexpr auto wire() { return field_list(member("tag", &TagAsk::tag, "")); }
};
struct TagList {
  std::vector<Tag> tags;
  static constexpr auto wire() { return field_list(member("tags", &TagList::tags, "")); }
};
inline constexpr Method<TagAsk, TagAsk> kTagsCreate{endpoint("tags_create")};
inline constexpr Method<Nothing, TagList> kTagsGet{endpoint("tags_get")};
inline constexpr Method<TagAsk, Nothing> kTagsUpdate{endpoint("tags_update")};
inline constexpr Method<TagAsk, Nothing> kTagsDelete{endpoint("tags_delete")};

/// A page of openids: up to 10,000; the last one has no `next_openid` or no `data`.
struct OpenidList {
  std::vector<std::string> openid;
  static constexpr auto wire() { return field_list(member("openid", &OpenidList::openid, "")); }
};
struct OpenidPage {
  std::int64_t total = 0, count = 0;
  OpenidList data;
  std::string next_openid;
  static constexpr auto wire() {
    using S = OpenidPage;
    return field_list(member("total", &S::total, ""), member("count", &S::count, ""),
                      member("data", &S::data, ""),
                      member("next_openid", &S::next_openid, "where the next page begins"));
  }
};
struct TagUsersAsk {
  std::int64_t tagid = 0;
  std::string next_openid;
  static constexpr auto wire() {
    return field_list(member("tagid", &TagUsersAsk::tagid, "number of the tag"),
                      member("next_openid", &TagUsersAsk::next_openid, "empty begins"));
  }
};
inline constexpr Method<TagUsersAsk, OpenidPage> kTagUsers{endpoint("tag_users")};

struct TagPeopleAsk {
  std::vector<std::string> openid_list;
  std::int64_t tagid = 0;
  static constexpr auto wire() {
    return field_list(member("openid_list", &TagPeopleAsk::openid_list, "up to 50"),
                      member("tagid", &TagPeopleAsk::tagid, "number of the tag"));
  }
};
inline constexpr Method<TagPeopleAsk, Nothing> kTagsAdd{endpoint("tags_batchtagging")};
inline constexpr Method<TagPeopleAsk, Nothing> kTagsRemove{endpoint("tags_batchuntagging")};

struct OpenidAsk {
  std::string openid;
  static constexpr auto wire() {
    return field_list(member("openid", &OpenidAsk::openid, "person"));
  }
};
struct TagIds {
  std::vector<std::int64_t> tagid_list;
  static constexpr auto wire() { return field_list(member("tagid_list", &TagIds::tagid_list, "")); }
};
inline constexpr Method<OpenidAsk, TagIds> kTagsOfUser{endpoint("tags_of_user")};

struct BlacklistAsk {
  std::string begin_openid;
  static constexpr auto wire() {
    return field_list(member("begin_openid", &BlacklistAsk::begin_openid, "empty begins"));
  }
};
struct OpenidListAsk {
  std::vector<std::string> openid_list;
  static constexpr auto wire() {
    return field_list(member("openid_list", &OpenidListAsk::openid_list, "up to 20"));
  }
};
inline constexpr Method<BlacklistAsk, OpenidPage> kBlacklist{endpoint("blacklist_get")};
inline constexpr Method<OpenidListAsk, Nothing> kBlacklistAdd{endpoint("blacklist_add")};
inline constexpr Method<OpenidListAsk, Nothing> kBlacklistRemove{endpoint("blacklist_remove")};

}  // namespace zhiyin::wechat
