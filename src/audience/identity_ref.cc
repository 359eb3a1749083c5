#include "audience/identity_ref.h"

#include <algorithm>

#include "ingest/event.h"

namespace zhiyin::audience {

Result<storage::Identity> parse_identity(std::string_view ref) {
  const std::size_t first = ref.find(':');
  const std::size_t second = first == std::string_view::npos ? first : ref.find(':', first + 1);
  const std::string_view kind = ref.substr(0, first);
  if (second == std::string_view::npos ||
      std::ranges::find(ingest::kIdentityKinds, kind) == std::end(ingest::kIdentityKinds)) {
    return fail(
        ErrorCode::kInvalidArgument,
        "person: '{}' is neither a person id (p_…), nor openid:ACCOUNT:VALUE, nor an identity hash",
        ref.substr(0, 40));
  }
  return storage::Identity{std::string(ref.substr(first + 1, second - first - 1)),
                           std::string(kind), std::string(ref.substr(second + 1))};
}

}  // namespace zhiyin::audience
