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
/// Relevant items among the first `cut` places, over `cut`.
double precision_at(std::span<const bool> relevant_at, std::size_t cut);
/// 1/rank of the first relevant place within the list; 0 without one.
double reciprocal_rank(std::span<const bool> relevant_at);
/// Mean of the precisions at the relevant places, over all relevant items; 0 when there are none.
double average_precision_of_list(std::span<const bool> relevant_at, std::size_t relevant_total);
/// nDCG of graded relevance with linear gains: `gains[i]` of place i, against the same gains in the
/// best order, both cut. 0 when all gains are 0. Requires gains >= 0.
double ndcg_graded(std::span<const double> gains, std::size_t cut);

}  // namespace zhiyin::statistics
