#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/json.h"
#include "wechat/endpoint.h"
#include "wechat/policy.h"

namespace zhiyin::wechat {

/// What the bounds of a rule count.
enum class Unit : std::uint8_t {
  kBytes,   ///< of a text in UTF-8; a minimum of 1 or more makes the member required
  kChars,   ///< code points of a text; the same
  kCount,   ///< elements of a list or members of an object; the same
  kNumber,  ///< the value of an integer; absent is allowed unless `required`
  kOneOf,   ///< a text or integer among `words`
  kOpenid,  ///< 1 to 128 letters, digits, - and _
  kUrl,     ///< an http or https address of at most `max` bytes; a minimum of 1 makes it required
  kDate,    ///< `2026-01-31`
  kDay,     ///< `20260131`
  kMatch,   ///< bytes as kBytes, and every other character than letters and digits among `words`
  kSpan,    ///< days from the date in the member that `words` names to this one, both counted
  kFile,    ///< bytes of an uploaded file of the type in `path`, its extension among `words`;
            ///< any where there are none
};

/// One bound of one member of a request. `path` names it: `articles[].title` looks into every
/// element of a list, `data{}.value` into every member of an object.
struct Rule {
  std::string_view method;  ///< name of the endpoint
  std::string_view path;
  Unit unit = Unit::kBytes;
  std::int64_t min = 0;
  std::int64_t max = 0;
  std::string_view words = {};  ///< separated by spaces
  bool required = false;        ///< of kNumber and kOneOf
};

/// All rules, by method. `max` is the default of version 1 of the limits; an account's policy may
/// set another as `field_limits["METHOD PATH"]`.
std::span<const Rule> rules();
/// Those of one method.
std::span<const Rule> rules_of(std::string_view method);

/// Whether `body` keeps within the rules of its endpoint. Texts everywhere must be UTF-8 without
/// control characters other than line breaks and tabs: the platform refuses `\uXXXX`.
/// kInvalidArgument with the field and what was expected. Pure.
Result<void> check_body(const Endpoint& endpoint, const Policy& policy, const Json& body);
/// The same for a file of `type` that goes with it. Pure.
Result<void> check_file(const Endpoint& endpoint, const Policy& policy, std::string_view type,
                        std::string_view name, std::int64_t bytes);

}  // namespace zhiyin::wechat
