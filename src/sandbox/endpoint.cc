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
        diagnosis_endpoints,    contact_endpoints, group_endpoints,    handover_endpoints,
        task_endpoints,         ads_endpoints}) {
    std::ranges::move(family(), std::back_inserter(list));
  }
  return list;
}

}  // namespace

std::span<const Endpoint> endpoints() {
  static const std::vector<Endpoint> kAll = all();
  return kAll;
}

const Endpoint* find_endpoint(std::string_view path, Family family) {
  static const auto kByPath = [] {
    std::unordered_map<std::string_view, std::vector<const Endpoint*>> index;
    for (const Endpoint& endpoint : endpoints()) index[endpoint.path].push_back(&endpoint);
    return index;
  }();
  const auto found = kByPath.find(path);
  if (found == kByPath.end()) return nullptr;
  const auto own = std::ranges::find(found->second, family, &Endpoint::family);
  return own == found->second.end() ? found->second.front() : *own;
}

}  // namespace zhiyin::sandbox
