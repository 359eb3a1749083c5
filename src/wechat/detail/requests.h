#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "wechat/platform_api.h"

/// Calls as bytes and answers as structs. Pure.
namespace zhiyin::wechat {

// Each fails with kInvalidArgument and the field when something is out of the policy's bounds.
Result<ApiCall> followers_call(const std::string& after);
Result<ApiCall> user_info_call(const Policy& policy, const std::vector<std::string>& openids);
Result<ApiCall> customer_service_call(const Policy& policy, const CustomerServiceMessage& message);
Result<ApiCall> template_call(const Policy& policy, const TemplateMessage& message);
Result<ApiCall> mass_send_call(const Policy& policy, const std::vector<std::string>& openids,
                               const MassMessage& message);
Result<ApiCall> mass_tag_call(const Policy& policy, std::optional<std::int64_t> tag_id,
                              const MassMessage& message);
Result<ApiCall> mass_preview_call(const Policy& policy, const std::string& openid,
                                  const MassMessage& message);
Result<ApiCall> mass_status_call(const std::string& msg_id);
Result<ApiCall> templates_call();
Result<ApiCall> quota_call(const std::string& path);

// Each reads an answer without errcode leniently: numbers as strings and the reverse, absent parts
// as empty.
FollowerPage read_followers(const Json& answer, std::string_view after);
std::vector<UserInfo> read_user_info(const Json& answer);
std::string read_template_msgid(const Json& answer);
MassReceipt read_mass_receipt(const Json& answer);
MassStatus read_mass_status(const Json& answer);
std::vector<TemplateDescription> read_templates(const Json& answer);
QuotaUse read_quota(const Json& answer);

}  // namespace zhiyin::wechat
