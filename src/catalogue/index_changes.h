#pragma once

#include <vector>

#include "catalogue/item_index.h"

namespace zhiyin::catalogue {

/// What lists made from an older index must know to stay true.
struct IndexChanges {
  /// May be listed no longer: removed, hidden, out of stock, for others' followers, or valid for a
  /// shorter time than before. Ascending.
  std::vector<ingest::ItemRef> withdrawn;
  /// Something else that lists show or look at is different, too: a new item, another title, tag,
  /// price, …
  bool more = false;

  [[nodiscard]] bool empty() const { return withdrawn.empty() && !more; }
};

/// Of `now` against `before`. Fast where `now` was made from `before` (ItemIndex::with): a walk
/// over pointers. A pure function.
IndexChanges changes_between(const ItemIndex& before, const ItemIndex& now);

}  // namespace zhiyin::catalogue
