#include "wechat/method.h"

#include "http/message.h"
#include "wechat/detail/lenient.h"

namespace zhiyin::wechat::method_detail {

std::string query_of(const Json& body) {
  std::string query;
  const Json::Object* members = body.if_object();
  for (std::size_t i = 0; members != nullptr && i < members->size(); ++i) {
    const auto& [name, value] = (*members)[i];
    const bool is_nested = value.if_array() != nullptr || value.if_object() != nullptr;
    const std::string text = is_nested ? value.dump() : lenient_text(value);
    query += fmt::format("&{}={}", name, http::percent_encode(text));
  }
  return query;
}

}  // namespace zhiyin::wechat::method_detail
