#include "wechat/detail/mask.h"

#include <algorithm>

#include "wechat/detail/lenient.h"

namespace zhiyin::wechat {
namespace {

bool is_of_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool names_secret(std::string_view name) {
  constexpr std::string_view kParts[] = {"token",    "secret", "ticket",  "session_key",
                                         "password", "phone",  "aes_key", "encodingaeskey"};
  const std::string small = lower(name);
  return std::ranges::any_of(
      kParts, [&](std::string_view part) { return small.find(part) != std::string::npos; });
}

/// Where the value begins that belongs to a name that ends at `at`; npos: none does.
std::size_t value_after(std::string_view text, std::size_t at) {
  constexpr std::string_view kAround = "\\\"' ";
  at = text.find_first_not_of(kAround, at);
  if (at == std::string_view::npos || (text[at] != '=' && text[at] != ':'))
    return std::string_view::npos;
  return text.find_first_not_of(kAround, at + 1);
}

}  // namespace

std::string without_secrets(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    if (!is_of_name(text[at])) {
      out += text[at++];
      continue;
    }
    const std::size_t end = static_cast<std::size_t>(
        std::find_if_not(text.begin() + static_cast<std::ptrdiff_t>(at), text.end(), is_of_name) -
        text.begin());
    const std::string_view name = text.substr(at, end - at);
    out += name;
    at = end;
    if (!names_secret(name)) continue;
    const std::size_t value = value_after(text, end);
    if (value == std::string_view::npos || text[value] == '{' || text[value] == '[') continue;
    out += text.substr(end, value - end);
    out += "***";
    at = std::min(text.find_first_of("&\"'\\ ,}]#<>\r\n\t", value), text.size());
  }
  return out;
}

Json without_secrets(const Json& json) {
  if (const std::string* text = json.if_string()) return without_secrets(std::string_view(*text));
  if (const Json::Array* list = json.if_array()) {
    Json out = Json::array();
    for (const Json& one : *list) out.push(without_secrets(one));
    return out;
  }
  if (const Json::Object* members = json.if_object()) {
    Json out = Json::object();
    for (const auto& [name, value] : *members) out.set(name, without_secrets(value));
    return out;
  }
  return json;
}

}  // namespace zhiyin::wechat
