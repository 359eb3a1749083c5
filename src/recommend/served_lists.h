#pragma once

#include <cstddef>

#include "base/error.h"
#include "recommend/evaluation_data.h"
#include "recommend/recommend_model.h"
#include "statistics/interval.h"

/// How near what is served comes to the dense model: the k strongest weights of each item, merged
/// with other sources, the newest liked items only, through the stored form.
namespace zhiyin::recommend {

struct ServedQuality {
  double dense = 0;                     ///< mean nDCG of EASE's whole matrix
  double served = 0;                    ///< of lists by Recommender
  statistics::MeanInterval difference;  ///< served - dense, paired by person
  double weights_per_item = 0;          ///< that are kept, the mean
};
/// Of the test cases, at the first `cut` places. Uses lambda, recency, k, left_out_max and factors
/// of `params`.
Result<ServedQuality> measure_served(const EvaluationData& data, const TrainParams& params,
                                     std::size_t cut);

}  // namespace zhiyin::recommend
