#pragma once

#include <span>
#include <string_view>

#include "wechat/platform_api.h"

namespace zhiyin::wechat {

/// A method that may be called by its name with a JSON body, over our HTTP interface and the
/// command line. Not in the list: what reaches people (it goes through the quota ledger), what
/// carries a file, and what answers with a secret.
struct ListedMethod {
  const Endpoint* endpoint = nullptr;
  /// Binds and checks the body, with the platform's own names. kInvalidArgument with the field.
  Result<ApiCall> (*prepare)(const Policy& policy, const Json& body) = nullptr;
  Json (*schema)() = nullptr;  ///< of the body
};

/// All, in the order of `endpoint.h`.
std::span<const ListedMethod> listed_methods();
/// kNotFound with the nearest name; kUnsupported for an endpoint that is not in the list.
Result<const ListedMethod*> find_listed_method(std::string_view name);

}  // namespace zhiyin::wechat
