#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace zhiyin::recommend {

/// Similarity of two candidates by place in the given list, 0 … 1, symmetric.
using PairSimilarity = std::function<double(std::size_t, std::size_t)>;

/// At most `most` of one list may carry the same label of this kind (author, category, campaign).
struct ListCap {
  std::size_t most = 0;
  /// Label of each candidate; empty labels are not counted. As many as there are candidates.
  std::span<const std::string_view> labels;
  /// Labels of what stands in the list already, and counts.
  std::span<const std::string_view> standing = {};
};

struct RerankSettings {
  std::size_t slots = 10;
  /// 0: by quality alone; 1: by difference alone. Out of range counts as the nearest.
  double diversity = 0.2;
  std::span<const ListCap> caps;
};

/// Maximal marginal relevance (Carbonell, Goldstein, SIGIR 1998): slot by slot the candidate with
/// the largest (1 - diversity) quality - diversity · (similarity to the nearest chosen). `quality`
/// is brought to 0 … 1 by the largest and smallest of the candidates. Places of the chosen, in
/// order; ties: the earlier candidate. Candidates over a cap are passed over. Cost: slots ×
/// candidates similarities. Pure.
std::vector<std::size_t> rerank_mmr(std::span<const double> quality,
                                    const PairSimilarity& similarity,
                                    const RerankSettings& settings);

/// Greedy maximum a posteriori inference of a determinantal point process (Chen, Zhang, Zhou,
/// NeurIPS 2018) with kernel L_ij = g_i S_ij g_j, g = exp((1 - diversity) / (2 diversity) ·
/// quality) and quality as above: sets whose members differ are likely. The same contract; where no
/// candidate adds volume any more the rest is filled by quality. diversity 0: by quality alone.
std::vector<std::size_t> rerank_dpp(std::span<const double> quality,
                                    const PairSimilarity& similarity,
                                    const RerankSettings& settings);

/// Mean over pairs of 1 - similarity; 1 with fewer than two.
double list_diversity(std::span<const std::size_t> list, const PairSimilarity& similarity);

}  // namespace zhiyin::recommend
