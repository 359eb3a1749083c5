#include "server/request_checks.h"

#include <algorithm>
#include <charconv>

#include "ingest/event.h"

namespace zhiyin::server {
namespace {

Result<void> check_name(std::string_view name) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::ranges::any_of(name, is_control))
    return fail_field("name", "contains a control character");
  if (name.find_first_not_of(' ') == std::string_view::npos) return fail_field("name", "is empty");
  return {};
}

}  // namespace

Result<void> check(const KeyRequest& request) {
  ZHIYIN_TRY_VOID(check_name(request.name));
  for (std::size_t i = 0; i < request.accounts.size(); ++i) {
    ZHIYIN_TRY_VOID(ingest::check_account(fmt::format("accounts[{}]", i), request.accounts[i]));
  }
  return {};
}

Result<void> check(const UserRequest& request) {
  ZHIYIN_TRY_VOID(check_name(request.name));
  if (request.role > Role::kIngest) return {};
  return fail_field(
      "role",
      "'{}' is for keys that send events; a user of the console is analyst, operator or admin",
      enum_name(request.role));
}

Result<std::int64_t> list_after(const http::Request& request) {
  const std::string_view text = request.query_or("after", "");
  if (text.empty()) return std::int64_t{0};
  std::int64_t place = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), place);
  if (ec == std::errc() && end == text.data() + text.size() && place >= 0) return place;
  return fail_field("after", "'{}' is no `next` of a page of this list", text.substr(0, 80));
}

}  // namespace zhiyin::server
