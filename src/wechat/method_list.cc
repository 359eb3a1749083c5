#include "wechat/method_list.h"

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "base/nearest.h"
#include "wechat/detail/listing.h"

namespace zhiyin::wechat {

std::span<const ListedMethod> listed_methods() {
  static const std::vector<ListedMethod> all = [] {
    std::vector<ListedMethod> out;
    for (const auto& part : {listed_official(), listed_insight(), listed_others()})
      out.insert(out.end(), part.begin(), part.end());
    std::ranges::sort(out, {}, &ListedMethod::endpoint);  // one table: in its order
    return out;
  }();
  return all;
}

Result<const ListedMethod*> find_listed_method(std::string_view name) {
  std::vector<std::string_view> names;
  for (const ListedMethod& method : listed_methods()) {
    if (method.endpoint->name == name) return &method;
    names.push_back(method.endpoint->name);
  }
  if (const Endpoint* endpoint = find_endpoint(name)) {
    const std::string_view way = own_way(*endpoint);
    return fail(ErrorCode::kUnsupported,
                "method: '{}' reaches people, carries a file or answers with a secret: {}", name,
                way.empty() ? "nothing here calls it yet (docs/wechat.md)" : way);
  }
  const std::string_view near = nearest_name(name, names);
  return fail(ErrorCode::kNotFound, "method: there is no '{}'{}", name.substr(0, 64),
              near.empty() ? std::string() : fmt::format("; did you mean {}?", near));
}

const ListedMethod& staff_method(std::string_view name) {
  const auto all = staff_methods();
  const auto found = std::ranges::find_if(
      all, [&](const ListedMethod& method) { return method.endpoint->name == name; });
  ZHIYIN_CHECK(found != all.end());
  return *found;
}

std::string_view own_way(const Endpoint& endpoint) {
  constexpr std::pair<std::string_view, std::string_view> kWays[] = {
      {"custom_send", "POST /v1/accounts/{id}/send"},
      {"subscribe_send", "POST /v1/accounts/{id}/send"},
      {"subscribe_bizsend", "POST /v1/accounts/{id}/send"},
      {"mass_send", "a campaign"},
      {"mass_sendall", "a campaign of a subscription account"},
      {"template_once", "POST /v1/accounts/{id}/send"},
      {"mass_preview", "the test of a campaign"},
      {"template_send", "a campaign"},
      {"media_upload", "POST /v1/accounts/{id}/uploads"},
      {"media_uploadimg", "POST /v1/accounts/{id}/uploads"},
      {"material_add", "POST /v1/accounts/{id}/uploads"},
      {"kf_headimg", "POST /v1/accounts/{id}/uploads"},
      {"wecom_media_upload", "POST /v1/accounts/{id}/uploads"},
      {"wecom_attachment_upload", "POST /v1/accounts/{id}/uploads"},
      {"ads_image_add", "POST /v1/accounts/{id}/uploads"},
      {"ads_audience_file_add", "POST /v1/accounts/{id}/uploads"},
      {"ticket_get", "GET /v1/accounts/{id}/js-config"},
      {"oauth_token", "POST /v1/accounts/{id}/login"},
      {"oauth_userinfo", "POST /v1/accounts/{id}/login"},
      {"code_to_session", "POST /v1/accounts/{id}/login"},
      {"phone_number", "POST /v1/accounts/{id}/phone"},
      {"wecom_mass_add", "POST /v1/accounts/{id}/wecom/task"},
      {"wecom_moment_add", "POST /v1/accounts/{id}/wecom/moment"},
      {"wecom_welcome", "POST /v1/accounts/{id}/wecom/welcome"},
      {"wecom_app_send", "POST /v1/accounts/{id}/wecom/message"}};
  const auto found = std::ranges::find(kWays, endpoint.name,
                                       &std::pair<std::string_view, std::string_view>::first);
  return found == std::end(kWays) ? std::string_view() : found->second;
}

}  // namespace zhiyin::wechat
