#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "storage/state.h"
#include "storage/vault.h"

/// Identities, the edges between them, and the people that they form: the components of the graph.
namespace zhiyin::audience {

using storage::IdentityHash;

/// What an edge does. Stored: never change the numbers.
enum class EdgeState : std::int64_t {
  kTooLarge = 0,  ///< kept, but the person would have too many identities
  kMerged = 1,
  kRemoved = 2,  ///< taken away by somebody; events do not bring it back
};

/// The number under which a transaction's changes of mappings are found by the copy to the
/// warehouse. Taken when first needed, so that transactions without changes take none.
class ChangeNumber {
 public:
  explicit ChangeNumber(storage::Session& session) : session_(session) {}
  Result<std::int64_t> get();

 private:
  storage::Session& session_;
  std::optional<std::int64_t> number_;
};

/// An edge as an event reports it.
struct Edge {
  IdentityHash a{};
  IdentityHash b{};
  std::string source;
  std::int64_t at = 0;
};

/// Keeps the edge (its earliest report) and makes one person of both ends. Requires rows of both
/// identities.
Result<void> add_edge(storage::Session& session, const Edge& edge, ChangeNumber& changed);

/// Makes one person of all these and gives it the id of its earliest identity.
Result<void> settle(storage::Session& session, std::span<const std::string> people,
                    ChangeNumber& changed);

}  // namespace zhiyin::audience
