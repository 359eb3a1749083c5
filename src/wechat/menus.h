#pragma once

#include "wechat/method.h"

/// Menus below the conversation, for all followers and for some (conditional).
namespace zhiyin::wechat {

/// A button that does something. Types: click, view, miniprogram, scancode_push, scancode_waitmsg,
/// pic_sysphoto, pic_photo_or_album, pic_weixin, location_select, media_id, article_id,
/// article_view_limited.
struct SubButton {
  std::string type, name, key, url, appid, pagepath, media_id, article_id;
  static constexpr auto wire() {
    using S = SubButton;
    return field_list(
        member("type", &S::type, "click, view, miniprogram …"),
        member("name", &S::name, "up to 60 bytes"), member("key", &S::key, "up to 128 bytes"),
        member("url", &S::url, "up to 1024 bytes"), member("appid", &S::appid, "of a mini-program"),
        member("pagepath", &S::pagepath, ""), member("media_id", &S::media_id, ""),
        member("article_id", &S::article_id, ""));
  }
};
/// A button of the first row: it does something, or holds 1 to 5 others.
struct MenuButton {
  std::string type, name, key, url, appid, pagepath, media_id, article_id;
  std::vector<SubButton> sub_button;
  static constexpr auto wire() {
    using S = MenuButton;
    return field_list(
        member("type", &S::type, "click, view, miniprogram …; none with sub_button"),
        member("name", &S::name, "up to 16 bytes"), member("key", &S::key, "up to 128 bytes"),
        member("url", &S::url, "up to 1024 bytes"), member("appid", &S::appid, "of a mini-program"),
        member("pagepath", &S::pagepath, ""), member("media_id", &S::media_id, ""),
        member("article_id", &S::article_id, ""),
        member("sub_button", &S::sub_button, "1 to 5 buttons"));
  }
};
struct MenuAsk {
  std::vector<MenuButton> button;
  static constexpr auto wire() { return field_list(member("button", &MenuAsk::button, "1 to 3")); }
  [[nodiscard]] Result<void> check(const Policy& policy) const;
};

/// Who sees a conditional menu. Sex, place and language are no longer honoured by the platform and
/// so not offered.
struct MatchRule {
  std::string tag_id, client_platform_type;
  static constexpr auto wire() {
    return field_list(member("tag_id", &MatchRule::tag_id, "number of a tag"),
                      member("client_platform_type", &MatchRule::client_platform_type,
                             "1 iOS, 2 Android, 3 others"));
  }
};
/// Needs a default menu. The newest that fits counts.
struct ConditionalMenuAsk {
  std::vector<MenuButton> button;
  MatchRule matchrule;
  static constexpr auto wire() {
    return field_list(member("button", &ConditionalMenuAsk::button, "1 to 3"),
                      member("matchrule", &ConditionalMenuAsk::matchrule, "who sees it"));
  }
  [[nodiscard]] Result<void> check(const Policy& policy) const;
};
struct MenuId {
  std::string menuid;
  static constexpr auto wire() { return field_list(member("menuid", &MenuId::menuid, "")); }
};
struct StoredMenu {
  std::vector<MenuButton> button;
  std::string menuid;
  std::optional<MatchRule> matchrule;
  static constexpr auto wire() {
    using S = StoredMenu;
    return field_list(member("button", &S::button, ""), member("menuid", &S::menuid, ""),
                      member("matchrule", &S::matchrule, ""));
  }
};
struct Menus {
  StoredMenu menu;
  std::vector<StoredMenu> conditionalmenu;
  static constexpr auto wire() {
    return field_list(member("menu", &Menus::menu, "for all"),
                      member("conditionalmenu", &Menus::conditionalmenu, "newest first"));
  }
};
struct MenuTryAsk {
  std::string user_id;
  static constexpr auto wire() {
    return field_list(member("user_id", &MenuTryAsk::user_id, "openid or WeChat id"));
  }
};
/// As it is set by whatever means; buttons made on the platform's pages have further types.
struct CurrentMenu {
  std::int64_t is_menu_open = 0;
  Json selfmenu_info;
  static constexpr auto wire() {
    return field_list(member("is_menu_open", &CurrentMenu::is_menu_open, ""),
                      member("selfmenu_info", &CurrentMenu::selfmenu_info, ""));
  }
};
inline constexpr Method<MenuAsk, Nothing> kMenuCreate{endpoint("menu_create")};
inline constexpr Method<Nothing, Menus> kMenuGet{endpoint("menu_get")};
/// Also deletes the conditional ones.
inline constexpr Method<Nothing, Nothing> kMenuDelete{endpoint("menu_delete")};
inline constexpr Method<Nothing, CurrentMenu> kMenuCurrent{endpoint("menu_current")};
inline constexpr Method<ConditionalMenuAsk, MenuId> kMenuConditionalAdd{
    endpoint("menu_conditional_add")};
inline constexpr Method<MenuId, Nothing> kMenuConditionalDelete{
    endpoint("menu_conditional_delete")};
inline constexpr Method<MenuTryAsk, StoredMenu> kMenuTry{endpoint("menu_try")};

}  // namespace zhiyin::wechat
