#pragma once

#include <cstddef>
#include <functional>

#include "base/error.h"
#include "recommend/interactions.h"
#include "recommend/item_neighbours.h"

namespace zhiyin::recommend {

struct Rp3BetaParams {
  std::size_t k = 200;     ///< entries kept per liked item, then per candidate
  double alpha = 1;        ///< power of the transition probabilities, 0 or more
  double beta = 0.3;       ///< candidates are divided by degree^beta, 0 or more
  bool normalize = false;  ///< rows sum to 1 before the second cut
  int threads = 1;
};

/// Three random steps from a person over items (Paudel and others, "Updatable, accurate, diverse
/// and scalable recommendations for interactive applications", TiiS 2016), as the reproducibility
/// study of Ferrari Dacrema and others computes it: rows of X and X' divided by their sums, each to
/// the power alpha, multiplied, column j divided by degree(j)^beta, diagonal zero, the `k` largest
/// of each row, optionally rows divided by their sums, then the `k` largest of each column. Weights
/// of interactions count as 1. Ties: the lower number.
Result<ItemNeighbours> train_rp3beta(const Interactions& matrix, const Rp3BetaParams& params,
                                     const std::function<bool(double)>& progress = {});

}  // namespace zhiyin::recommend
