#pragma once

#include "wechat/method.h"

/// Scene QR codes, whose scene comes back with the event of whoever scans, and short keys.
namespace zhiyin::wechat {

struct Scene {
  std::optional<std::int64_t> scene_id;  ///< temporary: 32 bits, not 0; permanent: 1 to 100000
  std::string scene_str;                 ///< 1 to 64 characters
  static constexpr auto wire() {
    return field_list(member("scene_id", &Scene::scene_id, "a number"),
                      member("scene_str", &Scene::scene_str, "or a text of 1 to 64"));
  }
};
struct SceneInfo {
  Scene scene;
  static constexpr auto wire() { return field_list(member("scene", &SceneInfo::scene, "")); }
};
struct QrAsk {
  std::optional<std::int64_t> expire_seconds;  ///< of temporary codes
  std::string action_name;                     ///< QR_SCENE, QR_STR_SCENE, QR_LIMIT_(STR_)SCENE
  SceneInfo action_info;
  static constexpr auto wire() {
    using S = QrAsk;
    return field_list(member("expire_seconds", &S::expire_seconds, "60 to 2592000"),
                      member("action_name", &S::action_name,
                             "QR_SCENE, QR_STR_SCENE, QR_LIMIT_SCENE or QR_LIMIT_STR_SCENE"),
                      member("action_info", &S::action_info, ""));
  }
  [[nodiscard]] Result<void> check(const Policy& policy) const;
};
struct QrCode {
  std::string ticket, url;          ///< `url` is what the code says
  std::int64_t expire_seconds = 0;  ///< 0: permanent
  static constexpr auto wire() {
    using S = QrCode;
    return field_list(member("ticket", &S::ticket, ""), member("url", &S::url, ""),
                      member("expire_seconds", &S::expire_seconds, ""));
  }
};
inline constexpr Method<QrAsk, QrCode> kQrCreate{endpoint("qrcode_create")};

/// A code for a channel of that name: temporary when `life` is given, else permanent (an account
/// has 100,000 of them). Pure.
QrAsk channel_code(std::string channel, std::optional<Duration> life);

/// Where the picture of a ticket is. Pure.
std::string qr_picture_url(std::string_view ticket);

struct ShortenAsk {
  std::string long_data;
  std::int64_t expire_seconds = 2'592'000;
  static constexpr auto wire() {
    return field_list(member("long_data", &ShortenAsk::long_data, "up to 4096 bytes"),
                      member("expire_seconds", &ShortenAsk::expire_seconds, "up to 2592000"));
  }
};
struct ShortKey {
  std::string short_key;
  static constexpr auto wire() { return field_list(member("short_key", &ShortKey::short_key, "")); }
};
struct LongData {
  std::string long_data;
  std::int64_t create_time = 0, expire_seconds = 0;
  static constexpr auto wire() {
    using S = LongData;
    return field_list(member("long_data", &S::long_data, ""),
                      member("create_time", &S::create_time, "seconds"),
                      member("expire_seconds", &S::expire_seconds, ""));
  }
};
inline constexpr Method<ShortenAsk, ShortKey> kShorten{endpoint("shorten_gen")};
inline constexpr Method<ShortKey, LongData> kShortFetch{endpoint("shorten_fetch")};

}  // namespace zhiyin::wechat
