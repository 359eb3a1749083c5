#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/json_binding.h"
#include "base/secret.h"
#include "wechat/detail/lenient.h"

/// Requests and answers of the platform as structs. A struct names its members once:
///
///     struct Tag {
///       std::int64_t id = 0;
///       std::string name;
///       static constexpr auto wire() {
///         return field_list(member("id", &Tag::id, ""), member("name", &Tag::name, ""));
///       }
///     };
///
/// What goes out leaves out whatever is empty, but for texts that may be absent
/// (`std::optional<std::string>`: said to be empty is sent, so that a remark can be taken away) and
/// elements of lists; what must be there and how long it may be is said by
/// `rule.h`. What comes in is read leniently: numbers as strings and the reverse, absent members
/// keep their initialiser, unknown ones are ignored. The same list gives the strict binding of
/// `base/json_binding.h` for bodies that our own callers write, and its schema. Pure.
namespace zhiyin::wechat {

template <class S>
concept Wired = requires { S::wire(); };

template <class S, class M>
constexpr FieldSpec<S, M> member(std::string_view name, M S::* pointer, std::string_view help) {
  return field(name, pointer, help).optional();
}

/// The member as the platform wants it, or null when it is empty and so left out.
template <class T>
Json to_wire(const T& value) {
  if constexpr (std::is_same_v<T, std::string>) {
    return value.empty() ? Json() : Json(value);
  } else if constexpr (std::is_same_v<T, Secret>) {
    return value.empty() ? Json() : Json(value.reveal());
  } else if constexpr (std::is_same_v<T, Json>) {
    return value;
  } else if constexpr (std::is_arithmetic_v<T>) {
    return Json(value);
  } else if constexpr (std::is_same_v<T, std::optional<std::string>>) {
    return value ? Json(*value) : Json();
  } else if constexpr (zhiyin::detail::is_optional_type<T>::value) {
    return value ? to_wire(*value) : Json();
  } else if constexpr (zhiyin::detail::is_vector<T>::value) {
    if (value.empty()) return {};
    Json out = Json::array();
    for (const auto& v : value) {
      Json one = to_wire(v);
      out.push(one.is_null() && std::is_same_v<T, std::vector<std::string>> ? Json("")
                                                                            : std::move(one));
    }
    return out;
  } else if constexpr (zhiyin::detail::is_string_map<T>::value) {
    if (value.empty()) return {};
    Json out = Json::object();
    for (const auto& [k, v] : value) out.set(k, to_wire(v));
    return out;
  } else {
    static_assert(Wired<T>, "no wire() in this type");
    Json out = Json::object();
    const auto write_one = [&](const auto& f) {
      Json v = to_wire(value.*(f.member));
      if (!v.is_null()) out.set(f.name, std::move(v));
    };
    T::wire()(write_one);
    return out;
  }
}

/// Reads leniently; never fails.
template <class T>
T from_wire(const Json& json) {
  if constexpr (std::is_same_v<T, std::string>) {
    return lenient_text(json);
  } else if constexpr (std::is_same_v<T, Secret>) {
    return Secret(lenient_text(json));
  } else if constexpr (std::is_same_v<T, Json>) {
    return json;
  } else if constexpr (std::is_same_v<T, bool>) {
    return json.bool_or(lenient_int(json) != 0);
  } else if constexpr (std::is_integral_v<T>) {
    const std::int64_t n = lenient_int(json);
    return std::in_range<T>(n) ? static_cast<T>(n) : T{};
  } else if constexpr (std::is_floating_point_v<T>) {
    return json.number_or(static_cast<double>(lenient_int(json)));
  } else if constexpr (zhiyin::detail::is_optional_type<T>::value) {
    if (json.is_null()) return std::nullopt;
    return from_wire<typename T::value_type>(json);
  } else if constexpr (zhiyin::detail::is_vector<T>::value) {
    T out;
    if (const Json::Array* list = json.if_array()) {
      for (const Json& v : *list) out.push_back(from_wire<typename T::value_type>(v));
    } else if (!json.is_null()) {  // one element is sometimes sent without its list
      out.push_back(from_wire<typename T::value_type>(json));
    }
    return out;
  } else if constexpr (zhiyin::detail::is_string_map<T>::value) {
    T out;
    if (const Json::Object* object = json.if_object()) {
      for (const auto& [k, v] : *object)
        out.insert_or_assign(k, from_wire<typename T::mapped_type>(v));
    }
    return out;
  } else {
    static_assert(Wired<T>, "no wire() in this type");
    T out{};
    const auto read_one = [&](const auto& f) {
      using M = std::remove_cvref_t<decltype(out.*(f.member))>;
      const Json* found = json.find(f.name);
      if (found != nullptr && !found->is_null()) out.*(f.member) = from_wire<M>(*found);
    };
    T::wire()(read_one);
    return out;
  }
}

/// For calls that say or answer nothing but errcode.
struct Nothing {
  static constexpr auto wire() { return field_list(); }
};

}  // namespace zhiyin::wechat

namespace zhiyin {

template <wechat::Wired S>
struct Fields<S> {
  static constexpr std::string_view name = "";
  static constexpr auto list = S::wire();
};

}  // namespace zhiyin
