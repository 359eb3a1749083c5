#include "wechat/rule.h"

#include <algorithm>
#include <functional>
#include <map>
#include <string>

#include "base/utf8.h"
#include "wechat/detail/dates.h"
#include "wechat/detail/lenient.h"

namespace zhiyin::wechat {
namespace {

/// Calls `visit` with every value at `path` and the path as it is shown; absent ones as null, but
/// only where what holds them is there.
void each_at(const Json& json, std::string_view path, const std::string& shown,
             const std::function<void(const Json&, const std::string&)>& visit) {
  if (path.empty()) return visit(json, shown);
  const std::size_t dot = path.find('.');
  std::string_view step = path.substr(0, dot);
  const std::string_view rest =
      dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  const bool each = step.ends_with("[]");
  const bool every = step.ends_with("{}");
  if (each || every) step.remove_suffix(2);
  const std::string here = shown.empty() ? std::string(step) : fmt::format("{}.{}", shown, step);
  const Json& value = step.empty() ? json : json[step];
  if (each) {
    const Json::Array* list = value.if_array();
    for (std::size_t i = 0; list != nullptr && i < list->size(); ++i)
      each_at((*list)[i], rest, fmt::format("{}[{}]", here, i), visit);
  } else if (every) {
    const Json::Object* object = value.if_object();
    if (object == nullptr) return;
    for (const auto& [name, v] : *object) each_at(v, rest, fmt::format("{}.{}", here, name), visit);
  } else if (rest.empty() || !value.is_null()) {
    each_at(value, rest, here, visit);
  }
}

bool has_word(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    const std::size_t end = words.find(' ');
    if (words.substr(0, end) == word) return true;
    if (end == std::string_view::npos) return false;
    words.remove_prefix(end + 1);
  }
  return false;
}

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_openid(std::string_view text) {
  return !text.empty() && text.size() <= 128 && std::ranges::all_of(text, [](char c) {
    return is_letter_or_digit(c) || c == '_' || c == '-';
  });
}

bool is_date(std::string_view text, bool with_dashes) {
  constexpr std::size_t kWithDashes = 10;
  return (text.size() == kWithDashes) == with_dashes && parse_day(text).has_value();
}

Result<void> check_count(const Rule& rule, std::int64_t max, std::int64_t n, std::string_view unit,
                         const std::string& field) {
  if (n == 0 && rule.min > 0) return fail_field(field, "is missing");
  if (n < rule.min)
    return fail_field(field, "has {} {}, at least {} are needed", n, unit, rule.min);
  if (n > max) return fail_field(field, "has {} {}, at most {} are allowed", n, unit, max);
  return {};
}

Result<void> check_number(const Rule& rule, std::int64_t max, const Json& value,
                          const std::string& field) {
  if (value.is_null()) {
    if (rule.required) return fail_field(field, "is missing");
    return {};
  }
  if (!value.is_number()) return fail_field(field, "is not a number");
  const double n = value.number_or(0);
  if (n < static_cast<double>(rule.min) || n > static_cast<double>(max))
    return fail_field(field, "is {}, {} to {} are allowed", n, rule.min, max);
  return {};
}

Result<void> check_text(const Rule& rule, std::int64_t max, std::string_view text,
                        const std::string& field) {
  switch (rule.unit) {
    case Unit::kChars:
      return check_count(rule, max, static_cast<std::int64_t>(utf8::length(text)), "characters",
                         field);
    case Unit::kOpenid:
      if (!is_openid(text)) return fail_field(field, "is not an openid");
      return {};
    case Unit::kUrl:
      ZHIYIN_TRY_VOID(
          check_count(rule, max, static_cast<std::int64_t>(text.size()), "bytes", field));
      if (!text.empty() && !text.starts_with("http://") && !text.starts_with("https://"))
        return fail_field(field, "is not an http or https address");
      return {};
    case Unit::kDate:
      if (!is_date(text, true)) return fail_field(field, "is not a date as 2026-01-31");
      return {};
    case Unit::kDay:
      if (!is_date(text, false)) return fail_field(field, "is not a day as 20260131");
      return {};
    case Unit::kMatch:
      ZHIYIN_TRY_VOID(
          check_count(rule, max, static_cast<std::int64_t>(text.size()), "bytes", field));
      for (const char c : text) {
        if (!is_letter_or_digit(c) && rule.words.find(c) == std::string_view::npos)
          return fail_field(field, "may hold letters, digits and {} only", rule.words);
      }
      return {};
    default:
      return check_count(rule, max, static_cast<std::int64_t>(text.size()), "bytes", field);
  }
}

/// The days from the member in `words` to this one, both counted. Absent or odd dates are the
/// matter of other rules.
Result<void> check_span(const Rule& rule, std::int64_t max, const Json& body) {
  const auto begin = parse_day(body[rule.words].string_or(""));
  const auto end = parse_day(body[rule.path].string_or(""));
  if (!begin || !end) return {};
  const std::int64_t days = *end - *begin + 1;
  if (days < 1) return fail_field(rule.path, "lies before {}", rule.words);
  if (days < rule.min || days > max)
    return fail_field(rule.path, "{} days from {}, {} to {} are allowed", days, rule.words,
                      rule.min, max);
  return {};
}

Result<void> check_value(const Rule& rule, std::int64_t max, const Json& value,
                         const std::string& field) {
  if (rule.unit == Unit::kNumber) return check_number(rule, max, value, field);
  if (rule.unit == Unit::kOneOf) {
    if (value.is_null() && !rule.required) return {};
    const std::string word = value.if_string() ? *value.if_string()
                             : value.if_int()  ? std::to_string(*value.if_int())
                                               : std::string();
    if (!has_word(rule.words, word) || word.empty())
      return fail_field(field, "is not one of {}", rule.words);
    return {};
  }
  if (rule.unit == Unit::kCount) {
    const std::size_t n = value.if_array()    ? value.if_array()->size()
                          : value.if_object() ? value.if_object()->size()
                                              : 0;
    return check_count(rule, max, static_cast<std::int64_t>(n), "elements", field);
  }
  if (value.is_null()) {
    const bool needed = rule.min > 0 || rule.required;
    if (needed) return fail_field(field, "is missing");
    return {};
  }
  const std::string* text = value.if_string();
  if (text == nullptr) return fail_field(field, "is not a text");
  return check_text(rule, max, *text, field);
}

std::int64_t bound(const Rule& rule, const Policy& policy) {
  if (policy.field_limits.empty()) return rule.max;
  const auto found = policy.field_limits.find(fmt::format("{} {}", rule.method, rule.path));
  return found == policy.field_limits.end() ? rule.max : found->second;
}

Result<void> check_characters(const Json& json, const std::string& path) {
  if (const std::string* text = json.if_string()) {
    if (!utf8::is_valid(*text)) return fail_field(path, "is not UTF-8");
    const auto is_refused = [](char c) {
      const auto u = static_cast<unsigned char>(c);
      return u < 0x20 && c != '\n' && c != '\r' && c != '\t';
    };
    if (std::ranges::any_of(*text, is_refused)) return fail_field(path, "has a control character");
  } else if (const Json::Array* list = json.if_array()) {
    for (std::size_t i = 0; i < list->size(); ++i)
      ZHIYIN_TRY_VOID(check_characters((*list)[i], fmt::format("{}[{}]", path, i)));
  } else if (const Json::Object* object = json.if_object()) {
    for (const auto& [name, value] : *object) {
      const std::string here = path.empty() ? name : fmt::format("{}.{}", path, name);
      ZHIYIN_TRY_VOID(check_characters(value, here));
    }
  }
  return {};
}

}  // namespace

std::span<const Rule> rules_of(std::string_view method) {
  // Rules of a method stand together in the table.
  static const std::map<std::string_view, std::span<const Rule>> index = [] {
    std::map<std::string_view, std::span<const Rule>> out;
    const std::span<const Rule> all = rules();
    for (std::size_t begin = 0; begin < all.size();) {
      std::size_t end = begin;
      while (end < all.size() && all[end].method == all[begin].method) ++end;
      out.emplace(all[begin].method, all.subspan(begin, end - begin));
      begin = end;
    }
    return out;
  }();
  const auto found = index.find(method);
  return found == index.end() ? std::span<const Rule>() : found->second;
}

Result<void> check_body(const Endpoint& endpoint, const Policy& policy, const Json& body) {
  ZHIYIN_TRY_VOID(check_characters(body, ""));
  Result<void> outcome;
  for (const Rule& rule : rules_of(endpoint.name)) {
    if (rule.unit == Unit::kFile) continue;  // see check_file
    const std::int64_t max = bound(rule, policy);
    if (rule.unit == Unit::kSpan) {
      ZHIYIN_TRY_VOID(check_span(rule, max, body));
      continue;
    }
    each_at(body, rule.path, "", [&](const Json& value, const std::string& field) {
      if (outcome) outcome = check_value(rule, max, value, field);
    });
    if (!outcome) return outcome;
  }
  return {};
}

Result<void> check_file(const Endpoint& endpoint, const Policy& policy, std::string_view type,
                        std::string_view name, std::int64_t bytes) {
  for (const Rule& rule : rules_of(endpoint.name)) {
    if (rule.unit != Unit::kFile || rule.path != type) continue;
    const std::size_t dot = name.rfind('.');
    const std::string extension =
        dot == std::string_view::npos ? std::string() : lower(name.substr(dot + 1));
    if (!rule.words.empty() && !has_word(rule.words, extension))
      return fail_field("file", "'{}' is not of a kind that is taken here ({})",
                        name.substr(0, 128), rule.words);
    return check_count(rule, bound(rule, policy), bytes, "bytes", "file");
  }
  return fail_field("type", "no file of the type '{}' is taken here", type.substr(0, 32));
}

}  // namespace zhiyin::wechat
