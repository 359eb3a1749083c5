#include "sandbox/fault.h"

#include <algorithm>
#include <vector>

#include "sandbox/endpoint.h"

namespace zhiyin::sandbox {

Result<void> check_fault(const Fault& fault) {
  if (fault.path != "*" && find_endpoint(fault.path) == nullptr)
    return fail_field("path", "the platform has no such path");
  if (fault.kind == FaultKind::kErrcode && fault.errcode == 0)
    return fail_field("errcode", "is missing");
  return {};
}

Result<Fault> parse_fault(std::string_view text) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t comma = std::min(text.find(','), text.size());
    parts.push_back(text.substr(0, comma));
    if (comma == text.size()) break;
    text.remove_prefix(comma + 1);
  }
  constexpr std::size_t kPartsMax = 4;
  if (parts.size() < 2 || parts.size() > kPartsMax)
    return fail_field("fault", "is not PATH,KIND[,TIMES[,DETAIL]]");
  // Bound like the body of POST /sandbox/inject, so that both have the same bounds.
  Json body = Json::object();
  body.set("path", parts[0]);
  body.set("kind", parts[1]);
  if (parts.size() > 2) body.set("times", number_of(Json(parts[2]), -1));
  if (parts.size() > 3) {
    const std::string_view member = parts[1] == "errcode"        ? "errcode"
                                    : parts[1] == "slow"         ? "delay_ms"
                                    : parts[1] == "server_error" ? "status"
                                                                 : "";
    if (member.empty()) return fail_field("fault", "'{}' has no detail", parts[1]);
    body.set(member, number_of(Json(parts[3]), -1));
  }
  Result<Fault> fault = from_json<Fault>(body);
  Result<void> outcome;
  if (fault) outcome = check_fault(*fault);
  if (fault && outcome) return fault;
  const Error& error = fault ? outcome.error() : fault.error();
  return fail_field("fault", "{}: {}", error.field, error.message);
}

}  // namespace zhiyin::sandbox
