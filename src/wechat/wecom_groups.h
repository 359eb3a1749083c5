#pragma once

#include "wechat/wecom.h"

/// Group chats with customers beyond reading them (`wecom.h`): the codes into them, the welcomes
/// that members choose for them, and their figures.
namespace zhiyin::wechat {

// Codes into groups.
struct WecomGroupWayFacts {
  std::string config_id, remark, room_base_name, qr_code, state;
  std::int64_t scene = 0, auto_create_room = 0, room_base_id = 0;
  std::vector<std::string> chat_id_list;
  static constexpr auto wire() {
    using S = WecomGroupWayFacts;
    return field_list(
        member("config_id", &S::config_id, ""), member("remark", &S::remark, ""),
        member("room_base_name", &S::room_base_name, ""), member("qr_code", &S::qr_code, ""),
        member("state", &S::state, ""), member("scene", &S::scene, "1 mini-program, 2 QR code"),
        member("auto_create_room", &S::auto_create_room, "1: a new group when all are full"),
        member("room_base_id", &S::room_base_id, ""), member("chat_id_list", &S::chat_id_list, ""));
  }
};
struct WecomGroupWayAnswer {
  WecomGroupWayFacts join_way;
  static constexpr auto wire() {
    return field_list(member("join_way", &WecomGroupWayAnswer::join_way, ""));
  }
};
/// Writes a code anew: what is not said is gone.
struct WecomGroupWayUpdateAsk {
  std::string config_id;
  std::int64_t scene = 2;
  std::string remark;
  std::optional<std::int64_t> auto_create_room, room_base_id;
  std::string room_base_name, state;
  std::vector<std::string> chat_id_list;
  static constexpr auto wire() {
    using S = WecomGroupWayUpdateAsk;
    return field_list(
        member("config_id", &S::config_id, ""),
        member("scene", &S::scene, "1 mini-program, 2 QR code"), member("remark", &S::remark, ""),
        member("auto_create_room", &S::auto_create_room, "1: a new group when all are full"),
        member("room_base_id", &S::room_base_id, "number of the first new group"),
        member("room_base_name", &S::room_base_name, "name of new groups"),
        member("state", &S::state, "comes back with who joins"),
        member("chat_id_list", &S::chat_id_list, "1 to 5"));
  }
};
inline constexpr Method<WecomWayIdAsk, WecomGroupWayAnswer> kWecomGroupWayGet{
    endpoint("wecom_group_way_get")};
inline constexpr Method<WecomGroupWayUpdateAsk, Nothing> kWecomGroupWayUpdate{
    endpoint("wecom_group_way_update")};
inline constexpr Method<WecomWayIdAsk, Nothing> kWecomGroupWayDelete{
    endpoint("wecom_group_way_delete")};

// Welcomes: whoever joins a group gets the one that its owner chose. A text, or one thing more, or
// both.
struct WecomGroupWelcomeAsk {
  std::optional<WecomText> text;  ///< `%NICKNAME%` stands for who joins
  std::optional<WecomMedia> image;
  std::optional<WecomLink> link;
  std::optional<WecomMiniProgram> miniprogram;
  std::optional<WecomMedia> file, video;
  std::optional<std::int64_t> agentid, notify;
  static constexpr auto wire() {
    using S = WecomGroupWelcomeAsk;
    return field_list(member("text", &S::text, "up to 3000 bytes"), member("image", &S::image, ""),
                      member("link", &S::link, ""), member("miniprogram", &S::miniprogram, ""),
                      member("file", &S::file, ""), member("video", &S::video, ""),
                      member("agentid", &S::agentid, ""),
                      member("notify", &S::notify, "0: members are not told of it"));
  }
  [[nodiscard]] Result<void> check(const Policy& policy) const;
};
struct WecomGroupWelcomeId {
  std::string template_id;
  static constexpr auto wire() {
    return field_list(member("template_id", &WecomGroupWelcomeId::template_id, ""));
  }
};
/// Writes a welcome anew.
struct WecomGroupWelcomeEditAsk {
  std::string template_id;
  std::optional<WecomText> text;
  std::optional<WecomMedia> image;
  std::optional<WecomLink> link;
  std::optional<WecomMiniProgram> miniprogram;
  std::optional<WecomMedia> file, video;
  std::optional<std::int64_t> agentid;
  static constexpr auto wire() {
    using S = WecomGroupWelcomeEditAsk;
    return field_list(member("template_id", &S::template_id, ""),
                      member("text", &S::text, "up to 3000 bytes"), member("image", &S::image, ""),
                      member("link", &S::link, ""), member("miniprogram", &S::miniprogram, ""),
                      member("file", &S::file, ""), member("video", &S::video, ""),
                      member("agentid", &S::agentid, ""));
  }
  [[nodiscard]] Result<void> check(const Policy& policy) const;
};
struct WecomGroupWelcome {
  std::optional<WecomText> text;
  std::optional<WecomMedia> image;
  std::optional<WecomLink> link;
  std::optional<WecomMiniProgram> miniprogram;
  std::optional<WecomMedia> file, video;
  static constexpr auto wire() {
    using S = WecomGroupWelcome;
    return field_list(member("text", &S::text, ""), member("image", &S::image, ""),
                      member("link", &S::link, ""), member("miniprogram", &S::miniprogram, ""),
                      member("file", &S::file, ""), member("video", &S::video, ""));
  }
};
/// 41055 when there are 100.
inline constexpr Method<WecomGroupWelcomeAsk, WecomGroupWelcomeId> kWecomGroupWelcomeAdd{
    endpoint("wecom_group_welcome_add")};
inline constexpr Method<WecomGroupWelcomeEditAsk, Nothing> kWecomGroupWelcomeEdit{
    endpoint("wecom_group_welcome_edit")};
inline constexpr Method<WecomGroupWelcomeId, WecomGroupWelcome> kWecomGroupWelcomeGet{
    endpoint("wecom_group_welcome_get")};
inline constexpr Method<WecomGroupWelcomeId, Nothing> kWecomGroupWelcomeDelete{
    endpoint("wecom_group_welcome_delete")};

// Figures. Names, bounds and the reach of 180 days are from memory of the platform's documentation.
/// `day_end_time` is another day's beginning, counted too; without it the first day alone. Days are
/// of Shanghai.
struct WecomGroupFiguresAsk {
  std::int64_t day_begin_time = 0;
  std::optional<std::int64_t> day_end_time;
  std::optional<WecomOwnerFilter> owner_filter;
  std::int64_t order_by = 1, order_asc = 0, offset = 0, limit = 500;
  static constexpr auto wire() {
    using S = WecomGroupFiguresAsk;
    return field_list(
        member("day_begin_time", &S::day_begin_time, "seconds, of 180 days ago to yesterday"),
        member("day_end_time", &S::day_end_time, "seconds, the same; it may be left out"),
        member("owner_filter", &S::owner_filter, "of these owners only"),
        member("order_by", &S::order_by, "1 new groups, 2 groups, 3 new people, 4 people"),
        member("order_asc", &S::order_asc, "1: the smallest first"),
        member("offset", &S::offset, "next_offset of the page before"),
        member("limit", &S::limit, "up to 1000"));
  }
  [[nodiscard]] Result<void> check(const Policy& policy) const;
};
struct WecomGroupFigures {
  std::int64_t new_chat_cnt = 0, chat_total = 0, chat_has_msg = 0, new_member_cnt = 0,
               member_total = 0, member_has_msg = 0, msg_total = 0;
  static constexpr auto wire() {
    using S = WecomGroupFigures;
    return field_list(member("new_chat_cnt", &S::new_chat_cnt, ""),
                      member("chat_total", &S::chat_total, ""),
                      member("chat_has_msg", &S::chat_has_msg, "groups in which somebody wrote"),
                      member("new_member_cnt", &S::new_member_cnt, ""),
                      member("member_total", &S::member_total, ""),
                      member("member_has_msg", &S::member_has_msg, "people who wrote"),
                      member("msg_total", &S::msg_total, ""));
  }
};
struct WecomOwnerFigures {
  std::string owner;
  WecomGroupFigures data;
  static constexpr auto wire() {
    return field_list(member("owner", &WecomOwnerFigures::owner, "member"),
                      member("data", &WecomOwnerFigures::data, ""));
  }
};
struct WecomOwnerFiguresPage {
  std::int64_t total = 0, next_offset = 0;
  std::vector<WecomOwnerFigures> items;
  static constexpr auto wire() {
    using S = WecomOwnerFiguresPage;
    return field_list(member("total", &S::total, ""), member("next_offset", &S::next_offset, ""),
                      member("items", &S::items, ""));
  }
};
struct WecomGroupDaysAsk {
  std::int64_t day_begin_time = 0;
  std::optional<std::int64_t> day_end_time;
  std::optional<WecomOwnerFilter> owner_filter;
  static constexpr auto wire() {
    using S = WecomGroupDaysAsk;
    return field_list(
        member("day_begin_time", &S::day_begin_time, "seconds, of 180 days ago to yesterday"),
        member("day_end_time", &S::day_end_time, "seconds, the same; it may be left out"),
        member("owner_filter", &S::owner_filter, "of these owners only"));
  }
  [[nodiscard]] Result<void> check(const Policy& policy) const;
};
struct WecomDayFigures {
  std::int64_t stat_time = 0;
  WecomGroupFigures data;
  static constexpr auto wire() {
    return field_list(member("stat_time", &WecomDayFigures::stat_time, "seconds"),
                      member("data", &WecomDayFigures::data, ""));
  }
};
struct WecomDaysFigures {
  std::vector<WecomDayFigures> items;
  static constexpr auto wire() { return field_list(member("items", &WecomDaysFigures::items, "")); }
};
inline constexpr Method<WecomGroupFiguresAsk, WecomOwnerFiguresPage> kWecomGroupFigures{
    endpoint("wecom_group_figures")};
inline constexpr Method<WecomGroupDaysAsk, WecomDaysFigures> kWecomGroupDays{
    endpoint("wecom_group_days")};

}  // namespace zhiyin::wechat
