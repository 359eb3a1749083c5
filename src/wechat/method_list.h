#pragma once

#include <span>
#include <string_view>

#include "wechat/platform_api.h"

namespace zhiyin::wechat {

/// A method that may be called by its name with a JSON body, over our HTTP interface and the
/// command line. Not in the list: what reaches people, what carries a file, and what answers with a
/// secret.
struct ListedMethod {
  const Endpoint* endpoint = nullptr;
  /// Binds and checks the body, with the platform's own names. kInvalidArgument with the field.
  Result<ApiCall> (*prepare)(const Policy& policy, const Json& body) = nullptr;
  Json (*schema)() = nullptr;  ///< of the body
};

/// All, in the order of `endpoint.h`.
std::span<const ListedMethod> listed_methods();
/// kNotFound with the nearest name; kUnsupported for an endpoint that is not in the list, with the
/// way that leads there instead.
Result<const ListedMethod*> find_listed_method(std::string_view name);

/// What reaches people by members of a company: tasks that they confirm, moments, welcomes, and
/// messages to the members themselves. Bound and checked like listed methods.
const ListedMethod& staff_method(std::string_view name);

/// Where an endpoint that is not in the list is reached, for people; empty: nothing here calls it.
std::string_view own_way(const Endpoint& endpoint);

}  // namespace zhiyin::wechat
