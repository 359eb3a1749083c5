#include "sandbox/endpoint.h"

#include <algorithm>
#include <iterator>
#include <unordered_map>

namespace zhiyin::sandbox {
namespace {

std::vector<Endpoint> all() {
  std::vector<Endpoint> list;
  for (auto* family :
       {token_endpoints,        people_endpoints,  material_endpoints, draft_endpoints,
        comment_endpoints,      mass_endpoints,    message_endpoints,  template_endpoints,
        subscription_endpoints, staff_endpoints,   menu_endpoints,     code_endpoints,
        login_endpoints,        insight_endpoints, safety_endpoints,   mini_endpoints,
        diagnosis_endpoints,    contact_endpoints, task_endpoints,     ads_endpoints}) {
    std::ranges::move(family(), std::back_inserter(list));
  }
  return list;
}

}  // namespace

std::span<const Endpoint> endpoints() {
  static const std::vector<Endpoint> kAll = all();
  return kAll;
}

const Endpoint* find_endpoint(std::string_view path) {
  static const auto kByPath = [] {
    std::unordered_map<std::string_view, const Endpoint*> index;
    for (const Endpoint& endpoint : endpoints()) index.emplace(endpoint.path, &endpoint);
    return index;
  }();
  const auto found = kByPath.find(path);
  return found == kByPath.end() ? nullptr : found->second;
}

}  // namespace zhiyin::sandbox
