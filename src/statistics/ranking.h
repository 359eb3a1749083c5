#pragma once

#include <cstddef>
#include <span>

/// Quality of a ranked list. Pure, thread-safe.
namespace zhiyin::statistics {

/// nDCG at `cut` of one relevant item at `rank` (1 = first): 1/log2(rank + 1), or 0 below the cut.
double ndcg_single(std::size_t rank, std::size_t cut);
/// 1 when the one relevant item is within the cut.
double recall_single(std::size_t rank, std::size_t cut);

/// Binary relevance, several relevant items: `relevant_at[i]` says whether place i holds one,
/// `relevant_total` how many there are. The ideal list is cut too. 0 when there are none.
double ndcg(std::span<const bool> relevant_at, std::size_t relevant_total, std::size_t cut);
/// Share of the relevant items within the cut.
double recall(std::span<const bool> relevant_at, std::size_t relevant_total, std::size_t cut);

}  // namespace zhiyin::statistics
