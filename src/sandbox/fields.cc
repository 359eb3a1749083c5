#include "sandbox/fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/time.h"
#include "base/utf8.h"

namespace zhiyin::sandbox {
namespace {

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return n;
}

bool is_word_of(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    const std::size_t space = std::min(words.find(' '), words.size());
    if (words.substr(0, space) == word) return true;
    words.remove_prefix(std::min(space + 1, words.size()));
  }
  return false;
}

constexpr int kRight = -1;
constexpr int kWrongType = 0;

/// The error of a value that is there; kRight when there is none.
int fault_of(const Field& field, const Json& value) {
  const auto within = [&](std::int64_t n) {
    return n >= field.min && n <= field.max ? kRight : field.error;
  };
  switch (field.unit) {
    case Unit::kChars:
    case Unit::kBytes:
    case Unit::kOneOf:
    case Unit::kDate:
    case Unit::kDay: {
      if (value.if_string() == nullptr && !value.is_number()) return kWrongType;
      const std::string text = text_of(value);
      if (text.empty()) return field.missing == 0 ? kRight : field.missing;
      if (field.unit == Unit::kOneOf) return is_word_of(field.words, text) ? kRight : field.error;
      if (field.unit == Unit::kDate || field.unit == Unit::kDay) {
        const bool has_size = static_cast<std::int64_t>(text.size()) == field.max;
        return has_size && day_number(text) ? kRight : field.error;
      }
      return within(
          static_cast<std::int64_t>(field.unit == Unit::kChars ? utf8::length(text) : text.size()));
    }
    case Unit::kNumber: {
      if (value.if_int() != nullptr) return within(*value.if_int());
      if (value.if_string() == nullptr) return kWrongType;
      const auto n = whole_number(*value.if_string());
      return n ? within(*n) : field.error;
    }
    case Unit::kCount:
      if (value.if_array() == nullptr) return kWrongType;
      if (value.if_array()->empty() && field.missing != 0) return field.missing;
      return within(static_cast<std::int64_t>(value.if_array()->size()));
    case Unit::kFlag: {
      if (value.if_bool() != nullptr) return kRight;
      const std::string text = text_of(value);
      return text == "0" || text == "1" || text == "true" || text == "false" ? kRight : field.error;
    }
    case Unit::kObject:
      return value.if_object() != nullptr ? kRight : kWrongType;
  }
  return kRight;
}

/// Goes along what is left of the path; `where` is what lies behind.
std::optional<FieldFault> check_below(const Field& field, std::string_view path, const Json& at,
                                      const std::string& where) {
  if (path.starts_with("[]")) {
    path.remove_prefix(2);
    if (path.starts_with('.')) path.remove_prefix(1);
    const Json::Array* elements = at.if_array();
    if (elements == nullptr) return std::nullopt;  // the list has a field of its own
    for (std::size_t i = 0; i < elements->size(); ++i) {
      const std::string here = fmt::format("{}[{}]", where, i);
      if (path.empty()) {
        if (const int error = fault_of(field, (*elements)[i]); error != kRight)
          return FieldFault{error, here};
      } else if (auto fault = check_below(field, path, (*elements)[i], here)) {
        return fault;
      }
    }
    return std::nullopt;
  }
  const std::size_t end = std::min(path.find_first_of(".?["), path.size());
  const std::string_view name = path.substr(0, end);
  path.remove_prefix(end);
  const bool may_be_absent = path.starts_with('?');
  if (may_be_absent) path.remove_prefix(1);
  if (path.starts_with('.')) path.remove_prefix(1);
  const std::string here = where.empty() ? std::string(name) : fmt::format("{}.{}", where, name);
  const Json* value = at.find(name);
  if (value == nullptr || value->is_null()) {
    const bool missed = field.missing != 0 && !may_be_absent && !path.starts_with("[]");
    return missed ? std::optional(FieldFault{field.missing, here}) : std::nullopt;
  }
  if (!path.empty()) return check_below(field, path, *value, here);
  const int error = fault_of(field, *value);
  return error == kRight ? std::nullopt : std::optional(FieldFault{error, here});
}

}  // namespace

std::optional<FieldFault> check_fields(std::span<const Field> fields, const Json& body) {
  for (const Field& field : fields) {
    if (auto fault = check_below(field, field.path, body, {})) return fault;
  }
  return std::nullopt;
}

std::string text_of(const Json& value) {
  if (const std::string* text = value.if_string()) return *text;
  return value.if_int() != nullptr ? std::to_string(*value.if_int()) : std::string();
}

std::int64_t number_of(const Json& value, std::int64_t fallback) {
  if (const std::string* text = value.if_string()) return whole_number(*text).value_or(fallback);
  if (const bool* b = value.if_bool()) return *b ? 1 : 0;
  return value.int_or(fallback);
}

bool flag_of(const Json& value) {
  if (const bool* b = value.if_bool()) return *b;
  const std::string text = text_of(value);
  return text == "1" || text == "true";
}

std::optional<std::int64_t> day_number(std::string_view text) {
  std::string digits(text);
  if (digits.size() == 10 && digits[4] == '-' && digits[7] == '-') {
    digits.erase(7, 1);
    digits.erase(4, 1);
  }
  if (digits.size() != 8) return std::nullopt;
  const auto all = whole_number(digits);
  if (!all || digits.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  CivilTime civil{};
  civil.year = static_cast<int>(*all / 10'000);
  civil.month = static_cast<int>(*all / 100 % 100);
  civil.day = static_cast<int>(*all % 100);
  const auto utc = TimeZone::create("Z");
  const auto at = utc ? from_civil(civil, *utc) : Result<Instant>(Instant{});
  if (!at) return std::nullopt;
  return local_day(*at, *utc);
}

std::string date_text(std::int64_t day, bool compact) {
  const CivilTime c = to_civil(day_start(day, TimeZone::shanghai()), TimeZone::shanghai());
  return compact ? fmt::format("{:04}{:02}{:02}", c.year, c.month, c.day)
                 : fmt::format("{:04}-{:02}-{:02}", c.year, c.month, c.day);
}

}  // namespace zhiyin::sandbox
