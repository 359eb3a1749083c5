#include "wechat/menus.h"

#include <algorithm>

namespace zhiyin::wechat {
namespace {

/// What a type of button needs beside its name.
struct ButtonType {
  std::string_view name;
  bool key = false, url = false, mini_program = false, media = false, article = false;
};
constexpr ButtonType kTypes[] = {
    {.name = "click", .key = true},
    {.name = "view", .url = true},
    {.name = "miniprogram", .url = true, .mini_program = true},
    {.name = "scancode_push", .key = true},
    {.name = "scancode_waitmsg", .key = true},
    {.name = "pic_sysphoto", .key = true},
    {.name = "pic_photo_or_album", .key = true},
    {.name = "pic_weixin", .key = true},
    {.name = "location_select", .key = true},
    {.name = "media_id", .media = true},
    {.name = "article_id", .article = true},
    {.name = "article_view_limited", .article = true},
};

Result<void> check_part(const std::string& field, const std::string& value, bool is_needed,
                        std::string_view type) {
  if (value.empty() && is_needed)
    return fail_field(field, "is missing: a button of the type {} needs it", type);
  if (!value.empty() && !is_needed)
    return fail_field(field, "does not belong to a button of the type {}", type);
  return {};
}

template <class Button>
Result<void> check_button(const Button& b, const std::string& field) {
  const auto type = std::ranges::find(kTypes, b.type, &ButtonType::name);
  if (type == std::end(kTypes)) return fail_field(field + ".type", "'{}' is not known", b.type);
  ZHIYIN_TRY_VOID(check_part(field + ".key", b.key, type->key, b.type));
  ZHIYIN_TRY_VOID(check_part(field + ".url", b.url, type->url, b.type));
  ZHIYIN_TRY_VOID(check_part(field + ".appid", b.appid, type->mini_program, b.type));
  ZHIYIN_TRY_VOID(check_part(field + ".pagepath", b.pagepath, type->mini_program, b.type));
  ZHIYIN_TRY_VOID(check_part(field + ".media_id", b.media_id, type->media, b.type));
  return check_part(field + ".article_id", b.article_id, type->article, b.type);
}

Result<void> check_buttons(const std::vector<MenuButton>& buttons) {
  for (std::size_t i = 0; i < buttons.size(); ++i) {
    const std::string field = fmt::format("button[{}]", i);
    const MenuButton& b = buttons[i];
    if (b.sub_button.empty()) {
      ZHIYIN_TRY_VOID(check_button(b, field));
      continue;
    }
    if (!b.type.empty()) return fail_field(field + ".type", "does not belong beside sub_button");
    for (std::size_t j = 0; j < b.sub_button.size(); ++j)
      ZHIYIN_TRY_VOID(check_button(b.sub_button[j], fmt::format("{}.sub_button[{}]", field, j)));
  }
  return {};
}

}  // namespace

Result<void> MenuAsk::check(const Policy&) const { return check_buttons(button); }

Result<void> ConditionalMenuAsk::check(const Policy&) const { return check_buttons(button); }

}  // namespace zhiyin::wechat
