#pragma once

#include <concepts>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/ids.h"
#include "base/json.h"
#include "base/time.h"

/// One list of fields per struct gives parsing, checking, error paths and the schema in the API
/// document. A struct takes part by specialising `Fields`:
///
///     template <>
///     struct Fields<Greeting> {
///       static constexpr std::string_view name = "Greeting";
///       static constexpr auto list = field_list(
///           field("to", &Greeting::to, "who is greeted").length(1, 80),
///           field("times", &Greeting::times, "how often").range(1, 10).optional());
///     };
///
/// A field is required unless it is a std::optional or says `.optional()` (the struct's own
/// initialiser is then the default). Unknown members are refused with the nearest valid name.
namespace zhiyin {

template <class Struct>
struct Fields;

/// Enumerations: specialise with `static constexpr std::pair<E, std::string_view> list[]`.
template <class E>
struct EnumNames;

template <class Struct, class Member>
struct FieldSpec {
  std::string_view name;
  Member Struct::* member;
  std::string_view help;
  bool is_optional = false;
  double minimum = -std::numeric_limits<double>::infinity();
  double maximum = std::numeric_limits<double>::infinity();
  std::size_t length_min = 0;  ///< bytes of a string, elements of an array
  std::size_t length_max = 1 << 20;

  constexpr FieldSpec optional() const {
    FieldSpec copy = *this;
    copy.is_optional = true;
    return copy;
  }
  constexpr FieldSpec range(double lo, double hi) const {
    FieldSpec copy = *this;
    copy.minimum = lo;
    copy.maximum = hi;
    return copy;
  }
  constexpr FieldSpec length(std::size_t lo, std::size_t hi) const {
    FieldSpec copy = *this;
    copy.length_min = lo;
    copy.length_max = hi;
    return copy;
  }
};

template <class Struct, class Member>
constexpr FieldSpec<Struct, Member> field(std::string_view name, Member Struct::* member,
                                          std::string_view help) {
  return {name, member, help};
}

/// The fields of a struct: a function object that calls `visit` with each of them in turn. (A
/// std::tuple would say the same, and every file that sees the struct would pay for its overloads.)
template <class... F>
constexpr auto field_list(F... fields) {
  return [... f = fields](auto&& visit) { (visit(f), ...); };
}

template <class T>
concept Bound = requires { Fields<T>::list; };
template <class T>
concept NamedEnum = std::is_enum_v<T> && requires { EnumNames<T>::list; };

namespace detail {

template <class T>
struct is_optional_type : std::false_type {};
template <class T>
struct is_optional_type<std::optional<T>> : std::true_type {};
template <class T>
struct is_vector : std::false_type {};
template <class T>
struct is_vector<std::vector<T>> : std::true_type {};
template <class T>
struct is_string_map : std::false_type {};
template <class T>
struct is_string_map<std::map<std::string, T>> : std::true_type {};
template <class T>
struct is_strong_id : std::false_type {};
template <class Tag>
struct is_strong_id<StrongId<Tag>> : std::true_type {};

std::unexpected<Error> wrong_type(std::string_view expected, const Json& got);
std::unexpected<Error> unknown_member(std::string_view key,
                                      const std::vector<std::string_view>& known);
Result<void> check_range(double value, double minimum, double maximum);
Result<void> check_length(std::size_t n, std::size_t lo, std::size_t hi, std::string_view unit);

}  // namespace detail

/// Reads a T from JSON, or fails with kInvalidArgument and the path of the field that is wrong.
template <class T>
Result<T> from_json(const Json& json);
template <class T>
Json to_json(const T& value);
/// JSON Schema of T as OpenAPI 3.1 embeds it. Nested structs stand inline.
template <class T>
Json json_schema();

namespace detail {

template <class S>
Result<S> read_struct(const Json& json) {
  const Json::Object* object = json.if_object();
  if (object == nullptr) return wrong_type("an object", json);
  S out{};
  Result<void> outcome;
  std::vector<std::string_view> known;
  auto read_one = [&](const auto& f) {
    known.push_back(f.name);
    if (!outcome) return;
    using M = std::remove_cvref_t<decltype(out.*(f.member))>;
    const Json* found = json.find(f.name);
    if (found == nullptr || (found->is_null() && !std::is_same_v<M, Json>)) {
      if (!f.is_optional && !is_optional_type<M>::value) {
        outcome = fail_field(f.name, "is missing");
      }
      return;
    }
    Result<M> value = from_json<M>(*found);
    if (!value) {
      outcome = std::unexpected(within(f.name, std::move(value.error())));
      return;
    }
    auto check = [&](const auto& v) -> Result<void> {
      using V = std::remove_cvref_t<decltype(v)>;
      if constexpr (std::is_arithmetic_v<V> && !std::is_same_v<V, bool>) {
        return check_range(static_cast<double>(v), f.minimum, f.maximum);
      } else if constexpr (std::is_same_v<V, Fen>) {
        return check_range(static_cast<double>(v.value), f.minimum, f.maximum);
      } else if constexpr (std::is_same_v<V, std::string>) {
        return check_length(v.size(), f.length_min, f.length_max, "bytes");
      } else if constexpr (is_strong_id<V>::value) {
        return check_length(v.value.size(), f.length_min, f.length_max, "bytes");
      } else if constexpr (is_vector<V>::value) {
        return check_length(v.size(), f.length_min, f.length_max, "elements");
      } else {
        return {};
      }
    };
    Result<void> checked;
    if constexpr (is_optional_type<M>::value) {
      checked = check(**value);
    } else {
      checked = check(*value);
    }
    if (!checked) {
      outcome = std::unexpected(within(f.name, std::move(checked.error())));
      return;
    }
    out.*(f.member) = std::move(*value);
  };
  Fields<S>::list(read_one);
  if (!outcome) return std::unexpected(std::move(outcome.error()));
  for (const Json::Member& member : *object) {
    bool is_known = false;
    for (const std::string_view name : known) is_known = is_known || name == member.first;
    if (!is_known) return unknown_member(member.first, known);
  }
  return out;
}

template <class E>
std::string enum_choices() {
  std::string text;
  for (const auto& [value, name] : EnumNames<E>::list) {
    if (!text.empty()) text += ", ";
    text += name;
  }
  return text;
}

}  // namespace detail

/// The name of an enumerator as it is sent and stored.
template <NamedEnum E>
std::string_view enum_name(E value) {
  for (const auto& [v, name] : EnumNames<E>::list) {
    if (v == value) return name;
  }
  return "?";
}

template <NamedEnum E>
Result<E> parse_enum(std::string_view text) {
  for (const auto& [v, name] : EnumNames<E>::list) {
    if (name == text) return v;
  }
  return fail(ErrorCode::kInvalidArgument, "'{}' is not one of {}", text.substr(0, 64),
              detail::enum_choices<E>());
}

template <class T>
Result<T> from_json(const Json& json) {
  if constexpr (std::is_same_v<T, Json>) {
    return json;
  } else if constexpr (std::is_same_v<T, bool>) {
    if (const bool* b = json.if_bool()) return *b;
    return detail::wrong_type("true or false", json);
  } else if constexpr (std::is_integral_v<T>) {
    const std::int64_t* i = json.if_int();
    if (i == nullptr) return detail::wrong_type("an integer", json);
    if (!std::in_range<T>(*i)) return fail(ErrorCode::kInvalidArgument, "{} is out of range", *i);
    return static_cast<T>(*i);
  } else if constexpr (std::is_floating_point_v<T>) {
    if (!json.is_number()) return detail::wrong_type("a number", json);
    return static_cast<T>(json.number_or(0));
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (const std::string* s = json.if_string()) return *s;
    return detail::wrong_type("a string", json);
  } else if constexpr (std::is_same_v<T, Fen>) {
    const std::int64_t* i = json.if_int();
    if (i == nullptr) return detail::wrong_type("an integer number of fen", json);
    return Fen{*i};
  } else if constexpr (std::is_same_v<T, Instant>) {
    if (const std::int64_t* i = json.if_int())
      return parse_time(std::to_string(*i), TimeZone::shanghai());
    if (const std::string* s = json.if_string()) return parse_time(*s, TimeZone::shanghai());
    return detail::wrong_type("a time (RFC 3339 or integer milliseconds)", json);
  } else if constexpr (std::is_same_v<T, Duration>) {
    if (const std::string* s = json.if_string()) return parse_duration(*s);
    return detail::wrong_type("a duration (7d)", json);
  } else if constexpr (detail::is_strong_id<T>::value) {
    if (const std::string* s = json.if_string()) return T(*s);
    return detail::wrong_type("a string", json);
  } else if constexpr (NamedEnum<T>) {
    if (const std::string* s = json.if_string()) return parse_enum<T>(*s);
    return detail::wrong_type("one of " + detail::enum_choices<T>(), json);
  } else if constexpr (detail::is_optional_type<T>::value) {
    if (json.is_null()) return T();
    ZHIYIN_TRY(auto value, from_json<typename T::value_type>(json));
    return T(std::move(value));
  } else if constexpr (detail::is_vector<T>::value) {
    const Json::Array* array = json.if_array();
    if (array == nullptr) return detail::wrong_type("an array", json);
    T out;
    out.reserve(array->size());
    for (std::size_t i = 0; i < array->size(); ++i) {
      auto value = from_json<typename T::value_type>((*array)[i]);
      if (!value) return std::unexpected(within(fmt::format("[{}]", i), std::move(value.error())));
      out.push_back(std::move(*value));
    }
    return out;
  } else if constexpr (detail::is_string_map<T>::value) {
    const Json::Object* object = json.if_object();
    if (object == nullptr) return detail::wrong_type("an object", json);
    T out;
    for (const Json::Member& member : *object) {
      auto value = from_json<typename T::mapped_type>(member.second);
      if (!value) return std::unexpected(within(member.first, std::move(value.error())));
      out.insert_or_assign(member.first, std::move(*value));
    }
    return out;
  } else {
    static_assert(Bound<T>, "no field list for this type");
    return detail::read_struct<T>(json);
  }
}

/// Absent optionals are left out.
template <class T>
Json to_json(const T& value) {
  if constexpr (std::is_same_v<T, Json>) {
    return value;
  } else if constexpr (std::is_same_v<T, bool> || std::is_integral_v<T> ||
                       std::is_same_v<T, std::string>) {
    return Json(value);
  } else if constexpr (std::is_floating_point_v<T>) {
    return Json(static_cast<double>(value));
  } else if constexpr (std::is_same_v<T, Fen> || detail::is_strong_id<T>::value) {
    return Json(value.value);
  } else if constexpr (std::is_same_v<T, Instant>) {
    return Json(format_time(value, TimeZone::shanghai()));
  } else if constexpr (std::is_same_v<T, Duration>) {
    return Json(format_duration(value));
  } else if constexpr (NamedEnum<T>) {
    return Json(enum_name(value));
  } else if constexpr (detail::is_optional_type<T>::value) {
    return value ? to_json(*value) : Json();
  } else if constexpr (detail::is_vector<T>::value) {
    Json out = Json::array();
    for (const auto& v : value) out.push(to_json(v));
    return out;
  } else if constexpr (detail::is_string_map<T>::value) {
    Json out = Json::object();
    for (const auto& [k, v] : value) out.set(k, to_json(v));
    return out;
  } else {
    Json out = Json::object();
    auto write_one = [&](const auto& f) {
      Json v = to_json(value.*(f.member));
      using M = std::remove_cvref_t<decltype(value.*(f.member))>;
      if (!(detail::is_optional_type<M>::value && v.is_null())) out.set(f.name, std::move(v));
    };
    Fields<T>::list(write_one);
    return out;
  }
}

template <class T>
Json json_schema() {
  Json s = Json::object();
  if constexpr (std::is_same_v<T, Json>) {
    return s;
  } else if constexpr (std::is_same_v<T, bool>) {
    s.set("type", "boolean");
  } else if constexpr (std::is_integral_v<T> || std::is_same_v<T, Fen>) {
    s.set("type", "integer");
  } else if constexpr (std::is_floating_point_v<T>) {
    s.set("type", "number");
  } else if constexpr (std::is_same_v<T, std::string> || detail::is_strong_id<T>::value) {
    s.set("type", "string");
  } else if constexpr (std::is_same_v<T, Instant>) {
    s.set("type", Json::Array{"string", "integer"});
    s.set("description", "RFC 3339, or integer milliseconds since the epoch");
  } else if constexpr (std::is_same_v<T, Duration>) {
    s.set("type", "string");
    s.set("pattern", "^[0-9]+[smhdw]$");
  } else if constexpr (NamedEnum<T>) {
    s.set("type", "string");
    Json names = Json::array();
    for (const auto& [value, name] : EnumNames<T>::list) names.push(Json(name));
    s.set("enum", std::move(names));
  } else if constexpr (detail::is_optional_type<T>::value) {
    return json_schema<typename T::value_type>();
  } else if constexpr (detail::is_vector<T>::value) {
    s.set("type", "array");
    s.set("items", json_schema<typename T::value_type>());
  } else if constexpr (detail::is_string_map<T>::value) {
    s.set("type", "object");
    s.set("additionalProperties", json_schema<typename T::mapped_type>());
  } else {
    static_assert(Bound<T>, "no field list for this type");
    Json properties = Json::object();
    Json required = Json::array();
    auto describe = [&](const auto& f) {
      T sample{};
      using M = std::remove_cvref_t<decltype(sample.*(f.member))>;
      Json p = json_schema<M>();
      if (!f.help.empty()) p.set("description", Json(f.help));
      constexpr double kInf = std::numeric_limits<double>::infinity();
      if (f.minimum != -kInf) p.set("minimum", f.minimum);
      if (f.maximum != kInf) p.set("maximum", f.maximum);
      if constexpr (std::is_same_v<M, std::string> || detail::is_strong_id<M>::value) {
        if (f.length_min != 0) p.set("minLength", f.length_min);
        p.set("maxLength", f.length_max);
      } else if constexpr (detail::is_vector<M>::value) {
        p.set("maxItems", f.length_max);
      }
      properties.set(f.name, std::move(p));
      if (!f.is_optional && !detail::is_optional_type<M>::value) required.push(Json(f.name));
    };
    Fields<T>::list(describe);
    s.set("title", Json(Fields<T>::name));
    s.set("type", "object");
    s.set("properties", std::move(properties));
    if (!required.if_array()->empty()) s.set("required", std::move(required));
    s.set("additionalProperties", false);
  }
  return s;
}

}  // namespace zhiyin
