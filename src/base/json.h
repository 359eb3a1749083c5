#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"

namespace zhiyin {

/// A JSON value as plain data. Objects keep the order of their members. Integers that fit int64
/// stay exact. A pure value.
class Json {
 public:
  using Array = std::vector<Json>;
  using Member = std::pair<std::string, Json>;
  using Object = std::vector<Member>;

  Json() = default;  // null
  Json(std::nullptr_t) {}
  Json(bool v) : value_(v) {}
  template <class T>
    requires(std::is_integral_v<T> && !std::is_same_v<T, bool> && !std::is_same_v<T, char>)
  Json(T v) : value_(static_cast<std::int64_t>(v)) {}
  Json(double v) : value_(v) {}
  Json(std::string v) : value_(std::move(v)) {}
  Json(std::string_view v) : value_(std::string(v)) {}
  Json(const char* v) : value_(std::string(v)) {}
  Json(Array v) : value_(std::move(v)) {}
  Json(Object v) : value_(std::move(v)) {}

  static Json array() { return Json(Array()); }
  static Json object() { return Json(Object()); }

  [[nodiscard]] bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  [[nodiscard]] const bool* if_bool() const { return std::get_if<bool>(&value_); }
  [[nodiscard]] const std::int64_t* if_int() const { return std::get_if<std::int64_t>(&value_); }
  [[nodiscard]] const std::string* if_string() const { return std::get_if<std::string>(&value_); }
  [[nodiscard]] const Array* if_array() const { return std::get_if<Array>(&value_); }
  [[nodiscard]] Array* if_array() { return std::get_if<Array>(&value_); }
  [[nodiscard]] const Object* if_object() const { return std::get_if<Object>(&value_); }
  [[nodiscard]] Object* if_object() { return std::get_if<Object>(&value_); }
  [[nodiscard]] bool is_number() const;
  /// The value of an integer or a double; `fallback` for anything else.
  [[nodiscard]] double number_or(double fallback) const;
  [[nodiscard]] std::int64_t int_or(std::int64_t fallback) const;
  /// The string, or `fallback` for anything else. The view lives as long as this value.
  [[nodiscard]] std::string_view string_or(std::string_view fallback) const;
  [[nodiscard]] bool bool_or(bool fallback) const;

  /// A member of an object, or null when it is absent or this is no object.
  [[nodiscard]] const Json* find(std::string_view key) const;
  /// The same, for reading along a path without checks: a shared null when absent.
  const Json& operator[](std::string_view key) const;
  /// Sets (or replaces) a member; makes a null into an object. Requires null or object.
  Json& set(std::string_view key, Json value);
  /// Appends to an array; makes a null into an array. Requires null or array.
  Json& push(Json value);

  /// "null", "boolean", "integer", "number", "string", "array" or "object".
  [[nodiscard]] std::string_view type_name() const;

  /// Compact text, UTF-8 kept as it is (no \uXXXX beyond control characters). Not-a-number becomes
  /// null.
  [[nodiscard]] std::string dump() const;
  /// Indented by two spaces, for people.
  [[nodiscard]] std::string dump_pretty() const;

  bool operator==(const Json&) const = default;

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object> value_;
};

inline constexpr std::size_t kJsonDepthMax = 64;

/// Parses one JSON text. Fails with kInvalidArgument on anything malformed, invalid UTF-8, more
/// than kJsonDepthMax levels, or when `text` is longer than `bytes_max`. Duplicate keys: the last
/// one wins.
Result<Json> parse_json(std::string_view text, std::size_t bytes_max = 16 << 20);

/// `text` as a JSON string with its quotes, appended to `out`.
void append_json_string(std::string& out, std::string_view text);
/// The shortest text that reads back as the same double, appended to `out`.
void append_json_number(std::string& out, double value);

}  // namespace zhiyin
