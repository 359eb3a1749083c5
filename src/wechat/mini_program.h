#pragma once

#include "base/secret.h"
#include "wechat/method.h"

/// Mini-programs: sign-in, phone numbers, codes and links that open a page, shipping of orders.
namespace zhiyin::wechat {

struct JsCodeAsk {
  std::string js_code;  ///< one use, 5 minutes
  std::string grant_type = "authorization_code";
  static constexpr auto wire() {
    return field_list(member("js_code", &JsCodeAsk::js_code, ""),
                      member("grant_type", &JsCodeAsk::grant_type, ""));
  }
};
/// `session_key` never leaves the server.
struct MiniSession {
  Secret session_key;
  std::string openid, unionid;
  static constexpr auto wire() {
    return field_list(member("session_key", &MiniSession::session_key, ""),
                      member("openid", &MiniSession::openid, ""),
                      member("unionid", &MiniSession::unionid, ""));
  }
};
inline constexpr Method<JsCodeAsk, MiniSession> kMiniLogin{endpoint("code_to_session")};

struct SessionAsk {
  std::string openid, signature, sig_method = "hmac_sha256";
  static constexpr auto wire() {
    using S = SessionAsk;
    return field_list(member("openid", &S::openid, ""), member("signature", &S::signature, ""),
                      member("sig_method", &S::sig_method, ""));
  }
};
/// The signature of a session that `kSessionCheck` and `kSessionReset` want. Pure.
SessionAsk session_ask(std::string openid, const Secret& session_key);
inline constexpr Method<SessionAsk, Nothing> kSessionCheck{endpoint("session_check")};
inline constexpr Method<SessionAsk, MiniSession> kSessionReset{endpoint("session_reset")};

/// Whether `signature` belongs to what the mini-program said (`rawData`). Constant time.
bool raw_data_matches(std::string_view raw_data, std::string_view signature,
                      const Secret& session_key);
/// What `encryptedData` holds. kPermissionDenied when it is of another mini-program or does not
/// decrypt with this session.
Result<Json> decrypt_user_data(const Secret& session_key, std::string_view iv,
                               std::string_view encrypted, std::string_view app_id);

struct EncryptedHashAsk {
  std::string encrypted_msg_hash;
  static constexpr auto wire() {
    return field_list(member("encrypted_msg_hash", &EncryptedHashAsk::encrypted_msg_hash,
                             "SHA-256 of the encrypted data, 64 hex digits"));
  }
};
struct EncryptedFinding {
  bool vaild = false;  ///< as the platform spells it
  std::int64_t create_time = 0;
  static constexpr auto wire() {
    return field_list(member("vaild", &EncryptedFinding::vaild, "the platform made it"),
                      member("create_time", &EncryptedFinding::create_time, "seconds"));
  }
};
/// Whether the platform encrypted that, in the last three days.
inline constexpr Method<EncryptedHashAsk, EncryptedFinding> kCheckEncrypted{
    endpoint("check_encrypted")};

struct PhoneAsk {
  std::string code;  ///< one use, 5 minutes; costs
  static constexpr auto wire() { return field_list(member("code", &PhoneAsk::code, "")); }
};
struct PhoneNumber {
  Secret phoneNumber, purePhoneNumber;
  std::string countryCode;
  static constexpr auto wire() {
    using S = PhoneNumber;
    return field_list(member("phoneNumber", &S::phoneNumber, ""),
                      member("purePhoneNumber", &S::purePhoneNumber, ""),
                      member("countryCode", &S::countryCode, ""));
  }
};
struct PhoneAnswer {
  PhoneNumber phone_info;
  static constexpr auto wire() {
    return field_list(member("phone_info", &PhoneAnswer::phone_info, ""));
  }
};
inline constexpr Method<PhoneAsk, PhoneAnswer> kPhoneNumber{endpoint("phone_number")};

struct PaidUnionidAsk {
  std::string openid, transaction_id;
  static constexpr auto wire() {
    return field_list(member("openid", &PaidUnionidAsk::openid, ""),
                      member("transaction_id", &PaidUnionidAsk::transaction_id, ""));
  }
};
struct UnionidAnswer {
  std::string unionid;
  static constexpr auto wire() {
    return field_list(member("unionid", &UnionidAnswer::unionid, ""));
  }
};
inline constexpr Method<PaidUnionidAsk, UnionidAnswer> kPaidUnionid{endpoint("paid_unionid")};

/// A line colour as decimal numbers.
struct LineColor {
  std::string r, g, b;
  static constexpr auto wire() {
    return field_list(member("r", &LineColor::r, "0 to 255"), member("g", &LineColor::g, ""),
                      member("b", &LineColor::b, ""));
  }
};
/// 100,000 of these in an account's life, together with kWxaQrCode; the answer is a picture.
struct WxaCodeAsk {
  std::string path;
  std::optional<std::int64_t> width;
  std::optional<bool> auto_color, is_hyaline;
  std::optional<LineColor> line_color;
  std::string env_version;
  static constexpr auto wire() {
    using S = WxaCodeAsk;
    return field_list(
        member("path", &S::path, "up to 1024 bytes"), member("width", &S::width, "280 to 1280"),
        member("auto_color", &S::auto_color, ""), member("is_hyaline", &S::is_hyaline, ""),
        member("line_color", &S::line_color, ""),
        member("env_version", &S::env_version, "release, trial or develop"));
  }
};
/// Without limit of number; `scene` of 32 bytes.
struct WxaCodeUnlimitedAsk {
  std::string scene, page;
  std::optional<bool> check_path;
  std::optional<std::int64_t> width;
  std::optional<bool> auto_color, is_hyaline;
  std::optional<LineColor> line_color;
  std::string env_version;
  static constexpr auto wire() {
    using S = WxaCodeUnlimitedAsk;
    return field_list(
        member("scene", &S::scene, "up to 32 bytes"), member("page", &S::page, ""),
        member("check_path", &S::check_path, ""), member("width", &S::width, "280 to 1280"),
        member("auto_color", &S::auto_color, ""), member("is_hyaline", &S::is_hyaline, ""),
        member("line_color", &S::line_color, ""),
        member("env_version", &S::env_version, "release, trial or develop"));
  }
};
struct WxaQrCodeAsk {
  std::string path;
  std::optional<std::int64_t> width;
  static constexpr auto wire() {
    return field_list(member("path", &WxaQrCodeAsk::path, "up to 128 bytes"),
                      member("width", &WxaQrCodeAsk::width, "280 to 1280"));
  }
};
inline constexpr Method<WxaCodeAsk, ApiAnswer> kWxaCode{endpoint("wxacode_get")};
inline constexpr Method<WxaCodeUnlimitedAsk, ApiAnswer> kWxaCodeUnlimited{
    endpoint("wxacode_unlimited")};
inline constexpr Method<WxaQrCodeAsk, ApiAnswer> kWxaQrCode{endpoint("wxacode_qrcode")};

/// `expire_type` 0: at `expire_time` (seconds), 1: after `expire_interval` days; at most 30 days.
struct UrlLinkAsk {
  std::string path, query;
  std::optional<std::int64_t> expire_type, expire_time, expire_interval;
  std::string env_version;
  static constexpr auto wire() {
    using S = UrlLinkAsk;
    return field_list(member("path", &S::path, ""), member("query", &S::query, "up to 1024 bytes"),
                      member("expire_type", &S::expire_type, "0 by time, 1 by days"),
                      member("expire_time", &S::expire_time, "seconds"),
                      member("expire_interval", &S::expire_interval, "days, up to 30"),
                      member("env_version", &S::env_version, "release, trial or develop"));
  }
  [[nodiscard]] Result<void> check(const Policy& policy) const;
};
struct UrlLink {
  std::string url_link;
  static constexpr auto wire() { return field_list(member("url_link", &UrlLink::url_link, "")); }
};
struct SchemeTarget {
  std::string path, query, env_version;
  static constexpr auto wire() {
    using S = SchemeTarget;
    return field_list(member("path", &S::path, ""), member("query", &S::query, ""),
                      member("env_version", &S::env_version, ""));
  }
};
struct SchemeAsk {
  std::optional<SchemeTarget> jump_wxa;
  std::optional<std::int64_t> expire_type, expire_time, expire_interval;
  static constexpr auto wire() {
    using S = SchemeAsk;
    return field_list(member("jump_wxa", &S::jump_wxa, "page that opens"),
                      member("expire_type", &S::expire_type, "0 by time, 1 by days"),
                      member("expire_time", &S::expire_time, "seconds"),
                      member("expire_interval", &S::expire_interval, "days, up to 30"));
  }
  [[nodiscard]] Result<void> check(const Policy& policy) const;
};
struct Scheme {
  std::string openlink;
  static constexpr auto wire() { return field_list(member("openlink", &Scheme::openlink, "")); }
};
struct LinkQueryAsk {
  std::string url_link;
  std::int64_t query_type = 0;
  static constexpr auto wire() {
    return field_list(member("url_link", &LinkQueryAsk::url_link, ""),
                      member("query_type", &LinkQueryAsk::query_type, "0 link, 1 quota too"));
  }
};
struct SchemeQueryAsk {
  std::string scheme;
  std::int64_t query_type = 0;
  static constexpr auto wire() {
    return field_list(member("scheme", &SchemeQueryAsk::scheme, ""),
                      member("query_type", &SchemeQueryAsk::query_type, ""));
  }
};
struct LinkFacts {
  std::string appid, path, query, env_version;
  std::int64_t create_time = 0, expire_time = 0;
  static constexpr auto wire() {
    using S = LinkFacts;
    return field_list(member("appid", &S::appid, ""), member("path", &S::path, ""),
                      member("query", &S::query, ""), member("env_version", &S::env_version, ""),
                      member("create_time", &S::create_time, ""),
                      member("expire_time", &S::expire_time, "0: never"));
  }
};
struct VisitQuota {
  std::int64_t remain_visit_quota = 0;
  static constexpr auto wire() {
    return field_list(member("remain_visit_quota", &VisitQuota::remain_visit_quota, ""));
  }
};
struct LinkQuery {
  std::optional<LinkFacts> url_link_info, scheme_info;
  std::optional<VisitQuota> quota_info;
  static constexpr auto wire() {
    using S = LinkQuery;
    return field_list(member("url_link_info", &S::url_link_info, ""),
                      member("scheme_info", &S::scheme_info, ""),
                      member("quota_info", &S::quota_info, ""));
  }
};
struct ShortLinkAsk {
  std::string page_url, page_title;
  std::optional<bool> is_permanent;
  static constexpr auto wire() {
    using S = ShortLinkAsk;
    return field_list(member("page_url", &S::page_url, "up to 1024 bytes"),
                      member("page_title", &S::page_title, "up to 20 characters"),
                      member("is_permanent", &S::is_permanent, "100,000 of these"));
  }
};
struct MiniShortLink {
  std::string link;
  static constexpr auto wire() { return field_list(member("link", &MiniShortLink::link, "")); }
};
inline constexpr Method<UrlLinkAsk, UrlLink> kUrlLink{endpoint("url_link")};
inline constexpr Method<SchemeAsk, Scheme> kScheme{endpoint("url_scheme")};
inline constexpr Method<LinkQueryAsk, LinkQuery> kUrlLinkQuery{endpoint("url_link_query")};
inline constexpr Method<SchemeQueryAsk, LinkQuery> kSchemeQuery{endpoint("url_scheme_query")};
inline constexpr Method<ShortLinkAsk, MiniShortLink> kMiniShortLink{endpoint("short_link")};

/// Shipping of an order, which the platform wants to know of orders paid in a mini-program.
struct OrderKey {
  std::int64_t order_number_type = 1;  ///< 1 merchant's number, 2 platform's
  std::string transaction_id, mchid, out_trade_no;
  static constexpr auto wire() {
    using S = OrderKey;
    return field_list(
        member("order_number_type", &S::order_number_type, "1 merchant's number, 2 platform's"),
        member("transaction_id", &S::transaction_id, "of type 2"),
        member("mchid", &S::mchid, "of type 1"),
        member("out_trade_no", &S::out_trade_no, "of type 1"));
  }
};
struct Shipment {
  std::string tracking_no, express_company, item_desc;
  static constexpr auto wire() {
    using S = Shipment;
    return field_list(member("tracking_no", &S::tracking_no, ""),
                      member("express_company", &S::express_company, ""),
                      member("item_desc", &S::item_desc, "up to 120 characters"));
  }
};
struct Payer {
  std::string openid;
  static constexpr auto wire() { return field_list(member("openid", &Payer::openid, "")); }
};
struct OrderUploadAsk {
  OrderKey order_key;
  std::int64_t logistics_type = 1;  ///< 1 express, 2 same city, 3 virtual, 4 picked up
  std::int64_t delivery_mode = 1;   ///< 1 at once, 2 in parts
  std::optional<bool> is_all_delivered;
  std::vector<Shipment> shipping_list;
  std::string upload_time;  ///< RFC 3339
  Payer payer;
  static constexpr auto wire() {
    using S = OrderUploadAsk;
    return field_list(
        member("order_key", &S::order_key, ""),
        member("logistics_type", &S::logistics_type, "1 express, 2 city, 3 virtual, 4 picked up"),
        member("delivery_mode", &S::delivery_mode, "1 at once, 2 in parts"),
        member("is_all_delivered", &S::is_all_delivered, "of mode 2"),
        member("shipping_list", &S::shipping_list, "one in mode 1, up to 15 in mode 2"),
        member("upload_time", &S::upload_time, "RFC 3339"), member("payer", &S::payer, ""));
  }
  [[nodiscard]] Result<void> check(const Policy& policy) const;
};
inline constexpr Method<OrderUploadAsk, Nothing> kOrderUpload{endpoint("order_upload")};

}  // namespace zhiyin::wechat
