#pragma once

#include "wechat/method.h"
#include "wechat/method_list.h"

// Include in .cc files only: binding a body takes the compiler long.
namespace zhiyin::wechat {

template <const auto& kMethod, class Ask, class Answer>
ListedMethod listed_as(const Method<Ask, Answer>&) {
  return {&kMethod.endpoint,
          [](const Policy& policy, const Json& body) -> Result<ApiCall> {
            ZHIYIN_TRY(const Ask ask, from_json<Ask>(body));
            return wechat::prepare(kMethod, policy, ask);
          },
          [] { return json_schema<Ask>(); }};
}

template <const auto& kMethod>
ListedMethod listed() {
  return listed_as<kMethod>(kMethod);
}

/// By part, so that they compile side by side.
std::span<const ListedMethod> listed_official();
std::span<const ListedMethod> listed_insight();
std::span<const ListedMethod> listed_others();
/// What `staff_method` finds.
std::span<const ListedMethod> staff_methods();

}  // namespace zhiyin::wechat
