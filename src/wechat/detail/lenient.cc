#include "wechat/detail/lenient.h"

#include <charconv>
#include <cmath>

namespace zhiyin::wechat {

std::string lenient_text(const Json& value) {
  if (const std::string* s = value.if_string()) return *s;
  if (const std::int64_t* i = value.if_int()) return std::to_string(*i);
  if (const bool* b = value.if_bool()) return *b ? "true" : "false";
  if (value.is_number()) {
    std::string out;
    append_json_number(out, value.number_or(0));
    return out;
  }
  return {};
}

std::optional<std::int64_t> lenient_int_or_nothing(const Json& value) {
  if (const std::int64_t* i = value.if_int()) return *i;
  if (const std::string* s = value.if_string()) {
    std::int64_t n = 0;
    const auto [end, ec] = std::from_chars(s->data(), s->data() + s->size(), n);
    if (ec == std::errc() && end == s->data() + s->size() && !s->empty()) return n;
    return std::nullopt;
  }
  if (value.is_number()) {
    const double d = value.number_or(0);
    if (std::nearbyint(d) == d && std::abs(d) < 9e15) return static_cast<std::int64_t>(d);
  }
  return std::nullopt;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

}  // namespace zhiyin::wechat
