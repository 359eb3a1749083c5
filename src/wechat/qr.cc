#include "wechat/qr.h"

#include "http/message.h"

namespace zhiyin::wechat {

Result<void> QrAsk::check(const Policy&) const {
  constexpr std::int64_t kPermanentMax = 100'000;
  const Scene& scene = action_info.scene;
  const bool is_text = action_name == "QR_STR_SCENE" || action_name == "QR_LIMIT_STR_SCENE";
  const bool is_permanent = action_name.starts_with("QR_LIMIT_");
  if (is_text && scene.scene_str.empty())
    return fail_field("action_info.scene.scene_str", "is missing");
  if (!is_text && !scene.scene_id) return fail_field("action_info.scene.scene_id", "is missing");
  if (is_text ? scene.scene_id.has_value() : !scene.scene_str.empty())
    return fail_field("action_info.scene", "holds a number and a text; {} takes one", action_name);
  if (is_permanent && scene.scene_id && *scene.scene_id > kPermanentMax)
    return fail_field("action_info.scene.scene_id", "{} is above {}, the last of a permanent code",
                      *scene.scene_id, kPermanentMax);
  if (is_permanent && expire_seconds)
    return fail_field("expire_seconds", "does not belong to a permanent code");
  return {};
}

QrAsk channel_code(std::string channel, std::optional<Duration> life) {
  QrAsk ask;
  ask.action_name = life ? "QR_STR_SCENE" : "QR_LIMIT_STR_SCENE";
  if (life) ask.expire_seconds = std::chrono::duration_cast<std::chrono::seconds>(*life).count();
  ask.action_info.scene.scene_str = std::move(channel);
  return ask;
}

std::string qr_picture_url(std::string_view ticket) {
  return "https://mp.weixin.qq.com/cgi-bin/showqrcode?ticket=" + http::percent_encode(ticket);
}

}  // namespace zhiyin::wechat
