#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace zhiyin::wechat {

/// A callback of each kind by its fields. For tests.
struct Sample {
  std::string_view name;
  std::string_view type;
  std::vector<std::string_view> fields;  ///< beyond the common ones
};

inline const std::vector<Sample>& samples() {
  static const std::vector<Sample> kSamples = {
      {"text", "text", {"Content", "MsgId", "bizmsgmenuid"}},
      {"image", "image", {"PicUrl", "MediaId", "MsgId"}},
      {"voice", "voice", {"MediaId", "Format", "MediaId16K", "Recognition", "MsgId"}},
      {"video", "video", {"MediaId", "ThumbMediaId", "MsgId"}},
      {"shortvideo", "shortvideo", {"MediaId", "ThumbMediaId", "MsgId"}},
      {"location", "location", {"Location_X", "Location_Y", "Scale", "Label", "MsgId"}},
      {"link", "link", {"Title", "Description", "Url", "MsgId"}},
      {"page", "miniprogrampage", {"Title", "AppId", "PagePath", "ThumbUrl", "MsgId"}},
      {"file", "file", {"Title", "FileKey", "FileMd5", "FileTotalLen", "MsgId"}},
      {"subscribe", "event", {"Event", "EventKey", "Ticket"}},
      {"unsubscribe", "event", {"Event", "EventKey"}},
      {"SCAN", "event", {"Event", "EventKey", "Ticket"}},
      {"CLICK", "event", {"Event", "EventKey"}},
      {"VIEW", "event", {"Event", "EventKey", "MenuId"}},
      {"scancode_push", "event", {"Event", "EventKey", "ScanCodeInfo"}},
      {"pic_weixin", "event", {"Event", "EventKey", "SendPicsInfo"}},
      {"location_select", "event", {"Event", "EventKey", "SendLocationInfo"}},
      {"LOCATION", "event", {"Event", "Latitude", "Longitude", "Precision"}},
      {"TEMPLATESENDJOBFINISH", "event", {"Event", "MsgID", "Status"}},
      {"MASSSENDJOBFINISH",
       "event",
       {"Event", "MsgID", "Status", "TotalCount", "FilterCount", "SentCount", "ErrorCount",
        "CopyrightCheckResult", "ArticleUrlResult"}},
      {"PUBLISHJOBFINISH", "event", {"Event", "PublishEventInfo"}},
      {"subscribe_msg_popup_event", "event", {"Event", "SubscribeMsgPopupEvent"}},
      {"subscribe_msg_sent_event", "event", {"Event", "SubscribeMsgSentEvent", "List"}},
      {"user_authorization_revoke", "event", {"Event", "OpenID", "AppID", "RevokeInfo"}},
      {"kf_switch_session", "event", {"Event", "FromKfAccount", "ToKfAccount"}},
      {"user_get_card", "event", {"Event", "CardId", "UserCardCode", "IsGiveByFriend"}},
      {"wxa_media_check", "event", {"Event", "appid", "trace_id", "result", "detail"}},
      {"unheard_of", "event", {"Event", "Thing"}},
  };
  return kSamples;
}

enum class Damage { kMissing, kDoubled, kValue, kJsonType };

/// A plain callback with one field that is not as it should be.
struct DamagedCallback {
  std::string_view sample;
  std::string_view field;
  Damage damage;
  std::string body;
};

/// Every field of every kind: missing, doubled, huge, of another type. Each has a sender of its
/// own, for the account `gh_shop`.
inline std::vector<DamagedCallback> damaged_callbacks(std::int64_t create_time) {
  const std::string values[] = {"",          "-1",
                                "0",         "99999999999999999999",
                                "1.5",       "true",
                                "中文",      "中文中文中",
                                "a中中",     std::string(30'000, 'x'),
                                "<a/>",      "<a>1</a><a>2</a>",
                                "]]&gt;",    "<item><b>1</b></item>",
                                "&#x1f600;", "&#xd800;",
                                "&#0;",      "&lt;script&gt;"};
  constexpr std::string_view kJsonValues[] = {
      "null",          "1",           "-1.5e300",    "true",         "[]", "[1,2]", "{}",
      R"({"a":[{}]})", R"("中文中")", R"("\u0000")", R"("a\u0000b")"};
  std::vector<DamagedCallback> out;
  for (const Sample& sample : samples()) {
    std::vector<std::string_view> all = {"ToUserName", "FromUserName", "CreateTime", "MsgType"};
    all.insert(all.end(), sample.fields.begin(), sample.fields.end());
    const auto usual = [&](std::string_view field) -> std::string {
      if (field == "ToUserName") return "gh_shop";
      if (field == "FromUserName") return fmt::format("o{}", out.size());
      if (field == "CreateTime") return std::to_string(create_time);
      if (field == "MsgType") return std::string(sample.type);
      return field == "Event" ? std::string(sample.name) : "1";
    };
    for (const std::string_view changed : all) {
      const auto add = [&](Damage damage, std::string_view element) {
        std::string body = "<xml>";
        for (const std::string_view field : all) {
          body += field == changed ? std::string(element)
                                   : fmt::format("<{0}>{1}</{0}>", field, usual(field));
        }
        out.push_back({sample.name, changed, damage, body + "</xml>"});
      };
      const auto add_json = [&](Damage damage, std::string_view members) {
        std::string body = "{";
        for (const std::string_view field : all) {
          if (field != changed) body += fmt::format(R"("{}":"{}",)", field, usual(field));
        }
        out.push_back({sample.name, changed, damage, body + std::string(members) + "}"});
      };
      const std::string once = fmt::format("<{0}>1</{0}>", changed);
      add(Damage::kMissing, "");
      add(Damage::kDoubled, once + once);
      for (const std::string& value : values)
        add(Damage::kValue, fmt::format("<{0}>{1}</{0}>", changed, value));
      add_json(Damage::kDoubled, fmt::format(R"("{0}":"1","{0}":"1")", changed));
      for (const std::string_view value : kJsonValues)
        add_json(Damage::kJsonType, fmt::format(R"("{}":{})", changed, value));
    }
  }
  return out;
}

}  // namespace zhiyin::wechat
