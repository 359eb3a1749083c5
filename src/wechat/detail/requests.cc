#include "wechat/detail/requests.h"

#include <algorithm>

#include "base/utf8.h"
#include "http/message.h"
#include "wechat/detail/lenient.h"
#include "wechat/template_values.h"

namespace zhiyin::wechat {
namespace {

constexpr std::size_t kOpenidBytesMax = 128;
constexpr std::size_t kUrlBytesMax = 2048;
constexpr std::size_t kTitleBytesMax = 256;
constexpr std::size_t kDescriptionBytesMax = 1024;
constexpr std::size_t kIdBytesMax = 256;
constexpr std::size_t kTemplateFieldsMax = 32;

/// Control characters would be sent as \uXXXX, which the platform refuses (40033).
bool has_control_character(std::string_view text, bool line_breaks_allowed) {
  return std::ranges::any_of(text, [&](char c) {
    const auto u = static_cast<unsigned char>(c);
    return u < 0x20 && !(line_breaks_allowed && (c == '\n' || c == '\r' || c == '\t'));
  });
}

Result<void> check_text(std::string_view field, std::string_view text, std::size_t bytes_min,
                        std::size_t bytes_max, bool line_breaks_allowed) {
  if (text.size() < bytes_min) return fail_field(field, "is empty");
  if (text.size() > bytes_max)
    return fail_field(field, "has {} bytes, at most {} are allowed", text.size(), bytes_max);
  if (!utf8::is_valid(text)) return fail_field(field, "is not UTF-8");
  if (has_control_character(text, line_breaks_allowed))
    return fail_field(field, "has a control character");
  return {};
}

Result<void> check_openid(std::string_view field, std::string_view openid) {
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  };
  if (openid.empty() || openid.size() > kOpenidBytesMax ||
      !std::ranges::all_of(openid, is_allowed)) {
    return fail_field(field, "is not an openid");
  }
  return {};
}

Result<void> check_url(std::string_view field, std::string_view url, bool required) {
  if (url.empty() && !required) return {};
  ZHIYIN_TRY_VOID(check_text(field, url, 1, kUrlBytesMax, false));
  if (!url.starts_with("http://") && !url.starts_with("https://")) {
    return fail_field(field, "is not an http or https address");
  }
  return {};
}

Result<void> check_client_id(const Policy& policy, const std::string& id) {
  if (id.empty())
    return fail_field("client_msg_id", "is missing: without it a repeated call would send twice");
  const auto is_allowed = [](char c) { return c > ' ' && c < 0x7f; };
  const auto bytes_max = static_cast<std::size_t>(policy.client_msg_id_bytes_max);
  if (id.size() > bytes_max || !std::ranges::all_of(id, is_allowed)) {
    return fail_field("client_msg_id", "is not 1 to {} visible ASCII characters", bytes_max);
  }
  return {};
}

ApiCall post(const Endpoint& endpoint, const Json& body) { return {&endpoint, {}, body.dump()}; }

Json object(std::initializer_list<Json::Member> members) { return Json(Json::Object(members)); }

std::string_view mass_type_name(MassContentType type) {
  switch (type) {
    case MassContentType::kText:
      return "text";
    case MassContentType::kImage:
      return "image";
    case MassContentType::kNewsDraft:
      return "mpnews";
    case MassContentType::kVoice:
      return "voice";
    case MassContentType::kVideo:
      return "mpvideo";
  }
  return "text";
}

/// Adds type, content and (except for previews) our id.
Result<void> add_mass_content(Json& body, const Policy& policy, const MassMessage& message,
                              bool is_preview) {
  const std::string_view type = mass_type_name(message.type);
  if (message.type == MassContentType::kText) {
    ZHIYIN_TRY_VOID(
        check_text("text", message.text, 1, static_cast<std::size_t>(policy.text_bytes_max), true));
    body.set(type, object({{"content", message.text}}));
  } else {
    ZHIYIN_TRY_VOID(check_text("media_id", message.media_id, 1, kIdBytesMax, false));
    body.set(type, object({{"media_id", message.media_id}}));
  }
  body.set("msgtype", type);
  if (message.type == MassContentType::kNewsDraft && !is_preview) {
    body.set("send_ignore_reprint", message.send_ignore_reprint ? 1 : 0);
  }
  if (is_preview) return {};
  ZHIYIN_TRY_VOID(check_client_id(policy, message.client_msg_id));
  body.set("clientmsgid", message.client_msg_id);
  return {};
}

Result<Json> customer_service_content(const Policy& policy, const CustomerServiceMessage& message,
                                      std::string_view& type) {
  if (const auto* text = std::get_if<std::string>(&message.content)) {
    type = "text";
    ZHIYIN_TRY_VOID(
        check_text("text", *text, 1, static_cast<std::size_t>(policy.text_bytes_max), true));
    return object({{"content", *text}});
  }
  const Article& a = std::get<Article>(message.content);
  type = "news";
  ZHIYIN_TRY_VOID(check_text("title", a.title, 1, kTitleBytesMax, false));
  ZHIYIN_TRY_VOID(check_text("description", a.description, 0, kDescriptionBytesMax, true));
  ZHIYIN_TRY_VOID(check_url("url", a.url, true));
  ZHIYIN_TRY_VOID(check_url("picture_url", a.picture_url, false));
  const Json article = object({{"title", a.title},
                               {"description", a.description},
                               {"url", a.url},
                               {"picurl", a.picture_url}});
  return object({{"articles", Json(Json::Array{article})}});
}

}  // namespace

Result<ApiCall> followers_call(const std::string& after) {
  if (!after.empty()) ZHIYIN_TRY_VOID(check_openid("after", after));
  ApiCall call{&endpoint("user_get")};
  if (!after.empty()) call.query = "&next_openid=" + http::percent_encode(after);
  return call;
}

Result<ApiCall> user_info_call(const Policy& policy, const std::vector<std::string>& openids) {
  const auto people_max = static_cast<std::size_t>(policy.user_info_batch_max);
  if (openids.empty() || openids.size() > people_max) {
    return fail_field("openids", "{} people, 1 to {} are allowed", openids.size(), people_max);
  }
  Json list = Json::array();
  for (const std::string& openid : openids) {
    ZHIYIN_TRY_VOID(check_openid("openids", openid));
    list.push(object({{"openid", openid}, {"lang", "zh_CN"}}));
  }
  return post(endpoint("user_info_batchget"), object({{"user_list", list}}));
}

Result<ApiCall> customer_service_call(const Policy& policy, const CustomerServiceMessage& message) {
  ZHIYIN_TRY_VOID(check_openid("openid", message.openid));
  std::string_view type;
  ZHIYIN_TRY(Json content, customer_service_content(policy, message, type));
  Json body = object({{"touser", message.openid}, {"msgtype", type}});
  body.set(type, std::move(content));
  if (!message.kf_account.empty()) {
    ZHIYIN_TRY_VOID(check_text("kf_account", message.kf_account, 1, kIdBytesMax, false));
    body.set("customservice", object({{"kf_account", message.kf_account}}));
  }
  if (message.ai_generated) body.set("aimsgcontext", object({{"is_ai_msg", 1}}));
  return post(endpoint("custom_send"), body);
}

Result<ApiCall> template_call(const Policy& policy, const TemplateMessage& message) {
  ZHIYIN_TRY_VOID(check_openid("openid", message.openid));
  ZHIYIN_TRY_VOID(check_text("template_id", message.template_id, 1, kIdBytesMax, false));
  ZHIYIN_TRY_VOID(check_url("url", message.url, false));
  ZHIYIN_TRY_VOID(check_client_id(policy, message.client_msg_id));
  if (message.data.size() > kTemplateFieldsMax)
    return fail_field("data", "has more than {} fields", kTemplateFieldsMax);
  Json data = Json::object();
  for (const auto& [key, value] : message.data) {
    ZHIYIN_TRY_VOID(check_template_value(policy, key, value));
    data.set(key, object({{"value", value}}));
  }
  Json body = object({{"touser", message.openid}, {"template_id", message.template_id}});
  if (!message.url.empty()) body.set("url", message.url);
  if (message.mini_program) {
    ZHIYIN_TRY_VOID(
        check_text("mini_program.app_id", message.mini_program->app_id, 1, kIdBytesMax, false));
    ZHIYIN_TRY_VOID(check_text("mini_program.page_path", message.mini_program->page_path, 0,
                               kDescriptionBytesMax, false));
    body.set("miniprogram", object({{"appid", message.mini_program->app_id},
                                    {"pagepath", message.mini_program->page_path}}));
  }
  body.set("client_msg_id", message.client_msg_id);
  body.set("data", std::move(data));
  return post(endpoint("template_send"), body);
}

Result<ApiCall> mass_send_call(const Policy& policy, const std::vector<std::string>& openids,
                               const MassMessage& message) {
  const auto count = static_cast<std::int64_t>(openids.size());
  if (count < policy.mass_openids_min || count > policy.mass_openids_max) {
    return fail_field("openids", "{} people, {} to {} are allowed", count, policy.mass_openids_min,
                      policy.mass_openids_max);
  }
  Json list = Json::array();
  for (const std::string& openid : openids) {
    ZHIYIN_TRY_VOID(check_openid("openids", openid));
    list.push(openid);
  }
  Json body = object({{"touser", std::move(list)}});
  ZHIYIN_TRY_VOID(add_mass_content(body, policy, message, false));
  return post(endpoint("mass_send"), body);
}

Result<ApiCall> mass_tag_call(const Policy& policy, std::optional<std::int64_t> tag_id,
                              const MassMessage& message) {
  if (tag_id && *tag_id < 0) return fail_field("tag_id", "{} is negative", *tag_id);
  Json filter = object({{"is_to_all", !tag_id.has_value()}});
  if (tag_id) filter.set("tag_id", *tag_id);
  Json body = object({{"filter", std::move(filter)}});
  ZHIYIN_TRY_VOID(add_mass_content(body, policy, message, false));
  return post(endpoint("mass_sendall"), body);
}

Result<ApiCall> mass_preview_call(const Policy& policy, const std::string& openid,
                                  const MassMessage& message) {
  ZHIYIN_TRY_VOID(check_openid("openid", openid));
  Json body = object({{"touser", openid}});
  ZHIYIN_TRY_VOID(add_mass_content(body, policy, message, true));
  return post(endpoint("mass_preview"), body);
}

Result<ApiCall> mass_status_call(const std::string& msg_id) {
  ZHIYIN_TRY_VOID(check_text("msg_id", msg_id, 1, kIdBytesMax, false));
  return post(endpoint("mass_get"), object({{"msg_id", msg_id}}));
}

Result<ApiCall> templates_call() { return ApiCall{&endpoint("template_list")}; }

Result<ApiCall> quota_call(const std::string& path) {
  ZHIYIN_TRY_VOID(check_text("path", path, 1, kIdBytesMax, false));
  if (!path.starts_with('/')) return fail_field("path", "'{}' does not begin with /", path);
  return post(endpoint("quota_get"), object({{"cgi_path", path}}));
}

FollowerPage read_followers(const Json& answer, std::string_view after) {
  FollowerPage page;
  page.total = lenient_int(answer["total"]);
  if (const Json::Array* list = answer["data"]["openid"].if_array()) {
    for (const Json& openid : *list) page.openids.push_back(lenient_text(openid));
  }
  page.next_openid = lenient_text(answer["next_openid"]);
  // The last page names its own last openid, or nothing, or has no people at all.
  if (page.openids.empty() || page.next_openid == after) page.next_openid.clear();
  return page;
}

std::vector<UserInfo> read_user_info(const Json& answer) {
  std::vector<UserInfo> out;
  const Json::Array* list = answer["user_info_list"].if_array();
  if (list == nullptr) return out;
  for (const Json& person : *list) {
    UserInfo u;
    u.openid = lenient_text(person["openid"]);
    if (u.openid.empty()) continue;
    u.following = lenient_int(person["subscribe"]) != 0;
    u.unionid = lenient_text(person["unionid"]);
    u.language = lenient_text(person["language"]);
    u.remark = lenient_text(person["remark"]);
    u.subscribe_scene = lenient_text(person["subscribe_scene"]);
    u.qr_scene = lenient_text(person["qr_scene_str"]);
    if (u.qr_scene.empty() && lenient_int(person["qr_scene"]) != 0)
      u.qr_scene = lenient_text(person["qr_scene"]);
    if (const Json::Array* tags = person["tagid_list"].if_array()) {
      for (const Json& tag : *tags) u.tag_ids.push_back(lenient_int(tag));
    }
    constexpr std::int64_t kSecondsMax = 32'503'680'000;  // the year 3000
    const std::int64_t seconds = lenient_int(person["subscribe_time"]);
    if (seconds > 0 && seconds < kSecondsMax) u.subscribed_at = Instant{seconds * 1'000'000};
    out.push_back(std::move(u));
  }
  return out;
}

std::string read_template_msgid(const Json& answer) { return lenient_text(answer["msgid"]); }

MassReceipt read_mass_receipt(const Json& answer) {
  MassReceipt receipt{lenient_text(answer["msg_id"]), lenient_text(answer["msg_data_id"]), false};
  receipt.already_sent =
      platform_error(lenient_int(answer["errcode"])).error_class == ErrorClass::kDone;
  return receipt;
}

MassStatus read_mass_status(const Json& answer) {
  const std::string status = lenient_text(answer["msg_status"]);
  if (status == "SEND_SUCCESS") return MassStatus::kSent;
  if (status == "SENDING") return MassStatus::kSending;
  if (status == "SEND_FAIL") return MassStatus::kFailed;
  if (status == "DELETE") return MassStatus::kDeleted;
  return MassStatus::kUnknown;
}

std::vector<TemplateDescription> read_templates(const Json& answer) {
  std::vector<TemplateDescription> out;
  const Json::Array* list = answer["template_list"].if_array();
  if (list == nullptr) return out;
  for (const Json& t : *list) {
    out.push_back({lenient_text(t["template_id"]), lenient_text(t["title"]),
                   lenient_text(t["content"]), lenient_text(t["example"])});
  }
  return out;
}

QuotaUse read_quota(const Json& answer) {
  const Json& quota = answer["quota"];
  return {lenient_int(quota["daily_limit"]), lenient_int(quota["used"]),
          lenient_int(quota["remain"])};
}

}  // namespace zhiyin::wechat
