#include "wechat/callback_fields.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/utf8.h"
#include "wechat/detail/lenient.h"

namespace zhiyin::wechat {
namespace {

enum class Type { kText, kInteger, kNumber, kIntegers };
enum class Whose { kOpen, kPersonal };

/// One field: where it stands (`A.B` below A), what we call it.
struct Field {
  std::string_view path;
  std::string_view name;
  Type type = Type::kText;
  Whose whose = Whose::kOpen;
};
/// The fields of an event, or of a message with that MsgType.
struct Entry {
  std::string_view name;  ///< lower case
  std::vector<Field> fields;
};

constexpr Whose kPersonal = Whose::kPersonal;
constexpr std::size_t kTextBytesMax = 1024;

const std::vector<Entry>& message_entries() {
  static const std::vector<Entry> kEntries = {
      {"image",
       {{"PicUrl", "picture_url", Type::kText, kPersonal},
        {"MediaId", "media_id", Type::kText, kPersonal}}},
      {"voice",
       {{"MediaId", "media_id", Type::kText, kPersonal},
        {"MediaId16K", "media_id_16k", Type::kText, kPersonal},
        {"Format", "format"},
        {"Recognition", "recognition", Type::kText, kPersonal}}},
      {"video",
       {{"MediaId", "media_id", Type::kText, kPersonal},
        {"ThumbMediaId", "thumb_media_id", Type::kText, kPersonal}}},
      {"shortvideo",
       {{"MediaId", "media_id", Type::kText, kPersonal},
        {"ThumbMediaId", "thumb_media_id", Type::kText, kPersonal}}},
      {"location",
       {{"Location_X", "latitude", Type::kNumber, kPersonal},
        {"Location_Y", "longitude", Type::kNumber, kPersonal},
        {"Scale", "scale", Type::kInteger},
        {"Label", "label", Type::kText, kPersonal}}},
      {"link",
       {{"Title", "title", Type::kText, kPersonal},
        {"Description", "description", Type::kText, kPersonal},
        {"Url", "url", Type::kText, kPersonal}}},
      {"miniprogrampage",
       {{"Title", "title", Type::kText, kPersonal},
        {"AppId", "app_id"},
        {"PagePath", "page_path", Type::kText, kPersonal},
        {"ThumbUrl", "thumb_url", Type::kText, kPersonal},
        {"ThumbMediaId", "thumb_media_id", Type::kText, kPersonal}}},
      {"file",
       {{"Title", "title", Type::kText, kPersonal},
        {"Description", "description", Type::kText, kPersonal},
        {"FileTotalLen", "bytes", Type::kInteger},
        {"FileMd5", "md5", Type::kText, kPersonal}}},
  };
  return kEntries;
}

/// Of every message: the article from which it was written, and for which merchant of a
/// mini-program.
const std::vector<Field>& message_fields() {
  static const std::vector<Field> kFields = {{"MsgDataId", "article"},
                                             {"Idx", "article_index", Type::kInteger},
                                             {"BusinessId", "business"}};
  return kFields;
}

/// Cards: which, and the one that the person holds.
std::vector<Field> card(std::vector<Field> more = {}) {
  std::vector<Field> fields = {{"CardId", "card_id"},
                               {"UserCardCode", "card_code", Type::kText, kPersonal}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

std::vector<Field> pictures() {
  return {{"EventKey", "key"}, {"SendPicsInfo.Count", "count", Type::kInteger}};
}

std::vector<Field> revocation() {
  return {{"AppID", "app_id"}, {"RevokeInfo", "revoked", Type::kIntegers}};
}

/// A customer of WeCom's customer contact, and whose.
std::vector<Field> contact(std::vector<Field> more = {}) {
  std::vector<Field> fields = {
      {"UserID", "staff"}, {"State", "state"}, {"Source", "source"}, {"FailReason", "reason"}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

const std::vector<Entry>& event_entries() {
  static const std::vector<Entry> kEntries = {
      {"location",
       {{"Latitude", "latitude", Type::kNumber, kPersonal},
        {"Longitude", "longitude", Type::kNumber, kPersonal},
        {"Precision", "precision", Type::kNumber, kPersonal}}},
      {"view", {{"MenuId", "menu_id"}}},
      {"view_miniprogram", {{"MenuId", "menu_id"}}},
      {"scancode_push",
       {{"ScanCodeInfo.ScanType", "scan_type"},
        {"ScanCodeInfo.ScanResult", "scan_result", Type::kText, kPersonal}}},
      {"scancode_waitmsg",
       {{"ScanCodeInfo.ScanType", "scan_type"},
        {"ScanCodeInfo.ScanResult", "scan_result", Type::kText, kPersonal}}},
      {"pic_sysphoto", pictures()},
      {"pic_photo_or_album", pictures()},
      {"pic_weixin", pictures()},
      {"location_select",
       {{"EventKey", "key"},
        {"SendLocationInfo.Location_X", "latitude", Type::kNumber, kPersonal},
        {"SendLocationInfo.Location_Y", "longitude", Type::kNumber, kPersonal},
        {"SendLocationInfo.Scale", "scale", Type::kInteger},
        {"SendLocationInfo.Label", "label", Type::kText, kPersonal},
        {"SendLocationInfo.Poiname", "place", Type::kText, kPersonal}}},
      {"kf_create_session", {{"KfAccount", "staff"}}},
      {"kf_close_session", {{"KfAccount", "staff"}, {"CloseType", "close_type"}}},
      {"kf_switch_session", {{"FromKfAccount", "from_staff"}, {"ToKfAccount", "staff"}}},
      {"user_info_modified", revocation()},
      {"user_authorization_revoke", revocation()},
      {"user_authorization_cancellation", revocation()},
      {"user_enter_tempsession", {{"SessionFrom", "from", Type::kText, kPersonal}}},
      {"notify_service_msg_send_result",
       {{"notify_type", "notify_type", Type::kInteger},
        {"card_status", "card_status", Type::kInteger},
        {"fail_ret", "error", Type::kInteger},
        {"fail_msg", "error_text"}}},
      {"guide_qrcode_scan_event",
       {{"GuideScanEvent.qrcode_guide_account", "staff"},
        {"GuideScanEvent.action", "action", Type::kInteger},
        {"GuideScanEvent.qrcode_info", "scene"}}},
      {"user_get_card",
       card({{"IsGiveByFriend", "by_friend", Type::kInteger}, {"OuterStr", "scene"}})},
      {"user_gifting_card", card({{"IsReturnBack", "returned", Type::kInteger}})},
      {"user_del_card", card()},
      {"user_consume_card", card({{"ConsumeSource", "source"}, {"OuterStr", "scene"}})},
      {"user_pay_from_pay_cell", card({{"Fee", "fee_fen", Type::kInteger},
                                       {"OriginalFee", "original_fee_fen", Type::kInteger}})},
      {"user_view_card", card({{"OuterStr", "scene"}})},
      {"user_enter_session_from_card", card()},
      {"update_member_card", card({{"ModifyBonus", "bonus", Type::kInteger},
                                   {"ModifyBalance", "balance", Type::kInteger}})},
      {"submit_membercard_user_info", card()},
      {"card_pay_order", {{"OrderId", "order_id"}, {"Status", "status"}}},
      {"merchant_order",
       {{"OrderId", "order_id"},
        {"OrderStatus", "status", Type::kInteger},
        {"ProductId", "product_id"},
        {"SkuInfo", "sku"}}},
      {"wificonnected", {{"ShopId", "shop_id"}, {"DeviceNo", "device"}}},
      {"shakearoundusershake", {{"ChosenBeacon.Uuid", "beacon"}}},
      {"debug_demo", {{"debug_str", "debug_str"}}},
      // WeCom, by their change where they have one.
      {"add_external_contact", contact()},
      {"add_half_external_contact", contact()},
      {"edit_external_contact", contact()},
      {"del_external_contact", contact()},
      {"del_follow_user", contact()},
      {"transfer_fail", contact()},
      {"msg_audit_approved", contact()},
      {"enter_agent", {{"AgentID", "agent", Type::kInteger}, {"EventKey", "key"}}},
      {"template_card_event",
       {{"EventKey", "key"}, {"TaskId", "task_id"}, {"CardType", "card_type"}}},
      {"customer_acquisition", {{"LinkId", "link_id"}, {"State", "state"}}},
  };
  return kEntries;
}

const Entry* entry_of(const Callback& c) {
  const auto find = [](const std::vector<Entry>& entries, std::string_view name) {
    const auto found = std::ranges::find(entries, name, &Entry::name);
    return found == entries.end() ? nullptr : &*found;
  };
  if (c.event.empty()) return find(message_entries(), lower(c.msg_type));
  if (c.wecom) {
    const std::string change = lower(lenient_text(c.fields["ChangeType"]));
    if (const Entry* entry = find(event_entries(), change)) return entry;
  }
  return find(event_entries(), lower(c.event));
}

const Json& at(const Json& fields, std::string_view path) {
  const std::size_t dot = path.find('.');
  if (dot == std::string_view::npos) return fields[path];
  return fields[path.substr(0, dot)][path.substr(dot + 1)];
}

std::optional<double> number_of(const Json& value) {
  if (value.is_number()) return value.number_or(0);
  const std::string_view text = value.string_or("");
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return std::isfinite(number) ? std::optional(number) : std::nullopt;
}

/// `201,205` as [201,205].
Json integers_of(const Json& value) {
  constexpr std::size_t kNumbersMax = 64;
  Json out = Json::array();
  const std::string text = lenient_text(value);
  std::string_view rest = text;
  while (!rest.empty() && out.if_array()->size() < kNumbersMax) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    if (const auto n = lenient_int_or_nothing(Json(rest.substr(0, comma)))) out.push(*n);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return out.if_array()->empty() ? Json() : out;
}

/// The value with its type; null when it is none of that.
Json typed(const Json& value, Type type) {
  switch (type) {
    case Type::kText: {
      const std::string text = lenient_text(value);
      return text.empty() ? Json() : Json(utf8::truncate(text, kTextBytesMax));
    }
    case Type::kInteger: {
      const auto n = lenient_int_or_nothing(value);
      return n ? Json(*n) : Json();
    }
    case Type::kNumber: {
      const auto n = number_of(value);
      return n ? Json(*n) : Json();
    }
    case Type::kIntegers:
      return integers_of(value);
  }
  return {};
}

}  // namespace

CallbackFields callback_fields(const Callback& callback) {
  CallbackFields out;
  const auto take = [&](const std::vector<Field>& fields) {
    for (const Field& field : fields) {
      Json value = typed(at(callback.fields, field.path), field.type);
      if (value.is_null()) continue;
      (field.whose == Whose::kOpen ? out.open : out.personal).set(field.name, std::move(value));
    }
  };
  if (const Entry* entry = entry_of(callback)) take(entry->fields);
  if (callback.event.empty()) take(message_fields());
  return out;
}

bool has_typed_fields(const Callback& callback) { return entry_of(callback) != nullptr; }

}  // namespace zhiyin::wechat
