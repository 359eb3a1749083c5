#pragma once

#include <cstddef>
#include <functional>

#include "base/error.h"
#include "recommend/interactions.h"
#include "recommend/item_neighbours.h"

namespace zhiyin::recommend {

struct ItemKnnParams {
  std::size_t k = 200;  ///< neighbours kept per candidate item
  double shrink = 5;    ///< pulls similarities of rare items towards 0
  int threads = 1;
};

/// Item-item similarities dot/(|a||b| + shrink + 1e-6), the k largest kept for each candidate
/// (ties: the lower number). `progress` gets the share done; false cancels (kDeadline). The result
/// does not depend on threads.
Result<ItemNeighbours> train_item_knn(const Interactions& matrix, ItemKnnParams params,
                                      const std::function<bool(double)>& progress = {});

}  // namespace zhiyin::recommend
