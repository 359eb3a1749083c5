#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/json.h"

/// What the emulated platform demands of the members of a request, as data: read by the check and
/// by the description (`openapi.h`). Written from the platform's documentation, independently of
/// `wechat/rule.h`, so that a mistake there shows here.
namespace zhiyin::sandbox {

enum class Unit : std::uint8_t {
  kChars,   ///< a text, in characters
  kBytes,   ///< a text, in bytes of UTF-8
  kNumber,  ///< an integer, also written as text
  kCount,   ///< a list, in elements
  kOneOf,   ///< one of `words`, which are parted by spaces
  kFlag,    ///< true, false, 0 or 1
  kObject,  ///< an object with members of any kind
  kDate,    ///< `2026-01-31`
  kDay,     ///< `20260131`
};

/// One member of a request. `path` has dots for members and `[]` for elements of lists; where an
/// object is not there, its members are missing, except that below `name?` nothing is asked for
/// then.
struct Field {
  std::string_view path;
  Unit unit = Unit::kChars;
  std::int64_t min = 0, max = 0;
  std::string_view words = {};
  int error = 0;    ///< out of bounds
  int missing = 0;  ///< 0: may be missing; empty texts and lists count as missing

  [[nodiscard]] constexpr Field optional() const {
    Field f = *this;
    f.missing = 0;
    return f;
  }
  /// The error where it is missing, if another than out of bounds.
  [[nodiscard]] constexpr Field or_missing(int code) const {
    Field f = *this;
    f.missing = code;
    return f;
  }
};

inline constexpr int kInvalidParameter = 40035;
inline constexpr std::int64_t kAnyNumber = 9'000'000'000'000'000'000;

constexpr Field text(std::string_view path, std::int64_t min, std::int64_t max,
                     int error = kInvalidParameter) {
  return {path, Unit::kChars, min, max, {}, error, min > 0 ? error : 0};
}
constexpr Field bytes(std::string_view path, std::int64_t min, std::int64_t max,
                      int error = kInvalidParameter) {
  return {path, Unit::kBytes, min, max, {}, error, min > 0 ? error : 0};
}
constexpr Field number(std::string_view path, std::int64_t min, std::int64_t max,
                       int error = kInvalidParameter) {
  return {path, Unit::kNumber, min, max, {}, error, error};
}
constexpr Field list(std::string_view path, std::int64_t min, std::int64_t max,
                     int error = kInvalidParameter) {
  return {path, Unit::kCount, min, max, {}, error, min > 0 ? error : 0};
}
constexpr Field one_of(std::string_view path, std::string_view words,
                       int error = kInvalidParameter) {
  return {path, Unit::kOneOf, 0, 0, words, error, error};
}
constexpr Field flag(std::string_view path, int error = kInvalidParameter) {
  return {path, Unit::kFlag, 0, 0, {}, error, 0};
}
constexpr Field object(std::string_view path, int error = kInvalidParameter) {
  return {path, Unit::kObject, 0, 0, {}, error, error};
}
constexpr Field date(std::string_view path, int error = kInvalidParameter) {
  return {path, Unit::kDate, 10, 10, {}, error, error};
}
constexpr Field day(std::string_view path, int error = kInvalidParameter) {
  return {path, Unit::kDay, 8, 8, {}, error, error};
}

struct FieldFault {
  int error = 0;      ///< 0: the type is wrong
  std::string field;  ///< `openid_list[3]`
};
/// The first member that is not as it should be. Pure.
std::optional<FieldFault> check_fields(std::span<const Field> fields, const Json& body);

/// Members as the platform reads them: numbers as texts and the reverse. Pure.
std::string text_of(const Json& value);
std::int64_t number_of(const Json& value, std::int64_t fallback = 0);
bool flag_of(const Json& value);

/// Days since 1970-01-01 of `2026-01-31` or `20260131`; absent when it is no date.
std::optional<std::int64_t> day_number(std::string_view text);
/// The reverse: `2026-01-31`, or `20260131` when compact.
std::string date_text(std::int64_t day, bool compact = false);

}  // namespace zhiyin::sandbox
