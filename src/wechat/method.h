#pragma once

#include <string>
#include <type_traits>

#include "wechat/platform_api.h"
#include "wechat/rule.h"
#include "wechat/wire.h"

/// Typed calls of any endpoint:
///
///     Outcome<TagCreated> made = call_and_wait(platform, account, kTagsCreate, {{.name = "vip"}});
namespace zhiyin::wechat {

/// What goes in and what comes out of an endpoint. `Ask` and `Answer` are named by the platform's
/// own members (`wire.h`). An `Ask` may have `Result<void> check(const Policy&) const` for what the
/// rules of `rule.h` cannot say.
template <class Ask, class Answer>
struct Method {
  const Endpoint& endpoint;
};

namespace method_detail {

template <class Ask>
concept Checked = requires(const Ask& ask, const Policy& policy) { ask.check(policy); };

/// The members of a GET as `&a=b`; lists and objects as JSON. Pure.
std::string query_of(const Json& body);

}  // namespace method_detail

/// Checks `ask` and makes it bytes. kInvalidArgument with the field. Pure.
template <class Ask, class Answer>
Result<ApiCall> prepare(const Method<Ask, Answer>& method, const Policy& policy, const Ask& ask) {
  Json body = to_wire(ask);
  ZHIYIN_TRY_VOID(check_body(method.endpoint, policy, body));
  if constexpr (method_detail::Checked<Ask>) {
    ZHIYIN_TRY_VOID(ask.check(policy));
  }
  ApiCall call{&method.endpoint};
  if (method.endpoint.http_method == "GET") {
    call.query = method_detail::query_of(body);
  } else {
    call.body = body.dump();
  }
  return call;
}

template <class Answer>
Outcome<Answer> read_answer(Outcome<ApiAnswer> answer) {
  if (!answer) return std::unexpected(std::move(answer.error()));
  if constexpr (std::is_same_v<Answer, ApiAnswer>) {
    return answer;
  } else {
    return from_wire<Answer>(answer->json);
  }
}

template <class Ask, class Answer>
Outcome<Answer> call_and_wait(PlatformApi& platform, const ApiAccount& account,
                              const Method<Ask, Answer>& method,
                              const std::type_identity_t<Ask>& ask) {
  return read_answer<Answer>(
      platform.perform_and_wait(account, prepare(method, account.policy, ask)));
}

}  // namespace zhiyin::wechat
