#include "wechat/method_list.h"

#include <algorithm>
#include <vector>

#include "base/nearest.h"
#include "wechat/detail/listing.h"

namespace zhiyin::wechat {

std::span<const ListedMethod> listed_methods() {
  static const std::vector<ListedMethod> all = [] {
    std::vector<ListedMethod> out;
    for (const auto& part : {listed_official(), listed_insight(), listed_others()})
      out.insert(out.end(), part.begin(), part.end());
    std::ranges::sort(out, {}, &ListedMethod::endpoint);  // one table: in its order
    return out;
  }();
  return all;
}

Result<const ListedMethod*> find_listed_method(std::string_view name) {
  std::vector<std::string_view> names;
  for (const ListedMethod& method : listed_methods()) {
    if (method.endpoint->name == name) return &method;
    names.push_back(method.endpoint->name);
  }
  if (find_endpoint(name) != nullptr) {
    return fail(ErrorCode::kUnsupported,
                "method: '{}' reaches people, carries a file or answers with a secret: it has its "
                "own way",
                name);
  }
  const std::string_view near = nearest_name(name, names);
  return fail(ErrorCode::kNotFound, "method: there is no '{}'{}", name.substr(0, 64),
              near.empty() ? std::string() : fmt::format("; did you mean {}?", near));
}

}  // namespace zhiyin::wechat
