#include "wechat/mini_program.h"

#include "base/crypto.h"
#include "wechat/crypto.h"

namespace zhiyin::wechat {
namespace {

Result<void> check_expiry(const std::optional<std::int64_t>& type,
                          const std::optional<std::int64_t>& time,
                          const std::optional<std::int64_t>& interval) {
  if (type.value_or(0) == 1 && !interval)
    return fail_field("expire_interval", "is missing: expire_type is 1");
  if (type && *type == 0 && !time) return fail_field("expire_time", "is missing: expire_type is 0");
  return {};
}

}  // namespace

SessionAsk session_ask(std::string openid, const Secret& session_key) {
  return {std::move(openid), crypto::hex(crypto::hmac_sha256(session_key.reveal(), ""))};
}

bool raw_data_matches(std::string_view raw_data, std::string_view signature,
                      const Secret& session_key) {
  const std::string expected =
      crypto::hex(crypto::sha1(std::string(raw_data) + session_key.reveal()));
  return crypto::equal_constant_time(expected, signature);
}

Result<Json> decrypt_user_data(const Secret& session_key, std::string_view iv,
                               std::string_view encrypted, std::string_view app_id) {
  const auto refused = [] {
    return fail(ErrorCode::kPermissionDenied,
                "user data: does not decrypt with the session of this person");
  };
  const auto key = crypto::unbase64(session_key.reveal());
  const auto start = crypto::unbase64(iv);
  const auto bytes = crypto::unbase64(encrypted);
  if (!key || !start || !bytes) return refused();
  const std::optional<std::string> plain = decrypt_aes_128_cbc(*key, *start, *bytes);
  if (!plain) return refused();
  const Result<Json> json = parse_json(*plain);
  if (!json) return refused();
  if ((*json)["watermark"]["appid"].string_or("") != app_id)
    return fail(ErrorCode::kPermissionDenied, "user data: is of another mini-program");
  return json;
}

Result<void> UrlLinkAsk::check(const Policy&) const {
  return check_expiry(expire_type, expire_time, expire_interval);
}

Result<void> SchemeAsk::check(const Policy&) const {
  return check_expiry(expire_type, expire_time, expire_interval);
}

Result<void> OrderUploadAsk::check(const Policy&) const {
  const bool by_own_number = order_key.order_number_type == 1;
  if (by_own_number && order_key.mchid.empty())
    return fail_field("order_key.mchid", "is missing: order_number_type is 1");
  if (by_own_number && order_key.out_trade_no.empty())
    return fail_field("order_key.out_trade_no", "is missing: order_number_type is 1");
  if (!by_own_number && order_key.transaction_id.empty())
    return fail_field("order_key.transaction_id", "is missing: order_number_type is 2");
  if (delivery_mode == 1 && shipping_list.size() > 1)
    return fail_field("shipping_list", "has {} elements; one where all is delivered at once",
                      shipping_list.size());
  for (std::size_t i = 0; logistics_type == 1 && i < shipping_list.size(); ++i) {
    if (shipping_list[i].tracking_no.empty())
      return fail_field(fmt::format("shipping_list[{}].tracking_no", i), "is missing");
    if (shipping_list[i].express_company.empty())
      return fail_field(fmt::format("shipping_list[{}].express_company", i), "is missing");
  }
  if (Result<Instant> at = parse_time(upload_time, TimeZone::shanghai()); !at)
    return std::unexpected(within("upload_time", std::move(at.error())));
  return {};
}

}  // namespace zhiyin::wechat
