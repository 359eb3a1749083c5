#include "delivery/recipient.h"

namespace zhiyin::delivery {

Result<std::vector<std::optional<Secret>>> Recipients::openids(
    std::span<const IdentityHash> identities) const {
  std::vector<std::optional<Secret>> out;
  out.reserve(identities.size());
  for (const IdentityHash& identity : identities) {
    Result<Secret> found = openid(identity);
    if (!found && found.error().code != ErrorCode::kNotFound)
      return std::unexpected(std::move(found.error()));
    out.push_back(found ? std::optional(std::move(*found)) : std::nullopt);
  }
  return out;
}

}  // namespace zhiyin::delivery
