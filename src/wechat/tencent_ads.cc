#include "wechat/tencent_ads.h"

#include <openssl/evp.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "base/crypto.h"
#include "base/file.h"
#include "http/message.h"

namespace zhiyin::wechat {
namespace {

/// The platform wants the MD5 of a picture as its fingerprint; it protects nothing.
std::string md5_hex(std::string_view bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest, &size, EVP_md5(), nullptr) != 1) return {};
  return crypto::hex(std::string_view(reinterpret_cast<const char*>(digest), size));
}

/// The last number of a header such as `59` or `60,59`.
std::int64_t last_number(std::string_view text) {
  const std::size_t begin = text.find_last_not_of("0123456789") + 1;
  std::int64_t n = -1;
  std::from_chars(text.data() + begin, text.data() + text.size(), n);
  return n;
}

bool is_hash(std::string_view text, std::size_t size) {
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return text.size() == size && std::ranges::all_of(text, is_hex);
}

Result<void> check_user(const AdsUserId& user, const std::string& field) {
  constexpr std::size_t kMd5 = 32;
  constexpr std::size_t kSha256 = 64;
  const std::pair<std::string_view, const std::string&> md5[] = {{"hash_phone", user.hash_phone},
                                                                 {"hash_imei", user.hash_imei},
                                                                 {"hash_idfa", user.hash_idfa},
                                                                 {"hash_oaid", user.hash_oaid}};
  for (const auto& [name, value] : md5) {
    if (!value.empty() && !is_hash(value, kMd5))
      return fail_field(fmt::format("{}.{}", field, name), "is not an MD5 in lower-case hex");
  }
  if (!user.sha256_phone.empty() && !is_hash(user.sha256_phone, kSha256))
    return fail_field(field + ".sha256_phone", "is not a SHA-256 in lower-case hex");
  const bool by_wechat = !user.wechat_openid.empty() || !user.wechat_unionid.empty();
  if (by_wechat && user.wechat_app_id.empty())
    return fail_field(field + ".wechat_app_id", "is missing: whose openid is it");
  const bool has_any = by_wechat || !user.sha256_phone.empty() ||
                       std::ranges::any_of(md5, [](const auto& m) { return !m.second.empty(); });
  if (!has_any) return fail_field(field, "names nobody");
  return {};
}

}  // namespace

std::string ads_authorise_url(const ApiAccount& account, std::string_view redirect_uri,
                              std::string_view state) {
  return fmt::format(
      "https://developers.e.qq.com/oauth/authorize?client_id={}&redirect_uri={}&state={}",
      http::percent_encode(account.app_id), http::percent_encode(redirect_uri),
      http::percent_encode(state));
}

Result<void> AdsAdgroupAsk::check(const Policy&) const {
  if (time_series.find_first_not_of("01") != std::string::npos ||
      time_series.find('1') == std::string::npos) {
    return fail_field("time_series", "is not 336 of 0 and 1, with a 1 among them");
  }
  if (!end_date.empty() && end_date < begin_date)
    return fail_field("end_date", "lies before begin_date");
  if (site_set.empty() && !automatic_site_enabled.value_or(false))
    return fail_field("site_set", "is missing, and automatic_site_enabled too");
  return {};
}

Result<void> AdsActionsAsk::check(const Policy&) const {
  std::set<std::string_view> ids;
  for (std::size_t i = 0; i < actions.size(); ++i) {
    const std::string field = fmt::format("actions[{}]", i);
    if (!ids.insert(actions[i].outer_action_id).second)
      return fail_field(field + ".outer_action_id", "stands twice in this call");
    ZHIYIN_TRY_VOID(check_user(actions[i].user_id, field + ".user_id"));
  }
  return {};
}

Outcome<AdsImage> upload_ads_image_and_wait(PlatformApi& platform, const ApiAccount& account,
                                            std::int64_t account_id, Upload file) {
  constexpr std::size_t kBytesMax = (10 << 20) + 1;  // the rule says that this is too much
  if (!file.path.empty()) {
    Result<std::string> bytes = read_file(file.path, kBytesMax);
    if (!bytes) {
      Error error = std::move(bytes.error());
      error.field = "file";
      return read_answer<AdsImage>(
          platform.perform_and_wait(account, std::unexpected(std::move(error))));
    }
    file.bytes = std::move(*bytes);
    file.path.clear();
  }
  const FormFields fields = {{"account_id", std::to_string(account_id)},
                             {"upload_type", "UPLOAD_TYPE_FILE"},
                             {"signature", md5_hex(file.bytes)}};
  Result<ApiCall> call =
      prepare_upload(endpoint("ads_image_add"), account.policy,
                     Json().set("account_id", account_id), fields, "image", file, "file");
  if (call) call->query.clear();  // all of it stands in the form
  return read_answer<AdsImage>(platform.perform_and_wait(account, std::move(call)));
}

Outcome<AdsAudienceFileId> upload_audience_and_wait(PlatformApi& platform,
                                                    const ApiAccount& account,
                                                    const AdsAudienceFileAsk& ask,
                                                    const Upload& file) {
  const FormFields fields = {{"account_id", std::to_string(ask.account_id)},
                             {"audience_id", std::to_string(ask.audience_id)},
                             {"user_id_type", ask.user_id_type},
                             {"operation_type", ask.operation_type}};
  Result<ApiCall> call = prepare_upload(endpoint("ads_audience_file_add"), account.policy,
                                        to_wire(ask), fields, "file", file, "file");
  if (call) call->query.clear();
  return read_answer<AdsAudienceFileId>(platform.perform_and_wait(account, std::move(call)));
}

AdsRate ads_rate(const http::Headers& headers) {
  AdsRate rate;
  if (const auto text = http::header(headers, "X-RateLimit-Minute-Remaining"); !text.empty())
    rate.per_minute_left = last_number(text);
  if (const auto text = http::header(headers, "X-RateLimit-Day-Remaining"); !text.empty())
    rate.per_day_left = last_number(text);
  return rate;
}

}  // namespace zhiyin::wechat
