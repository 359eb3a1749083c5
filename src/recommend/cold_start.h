#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "statistics/interval.h"

/// The protocol of the cold-start gate, on ML-100K: training ends at a moment; items first rated
/// later are unseen. For everybody who rated one and had rated an item of the training before, all
/// unseen items are ranked; wanted are those that the person rated.
namespace zhiyin::recommend {

struct ColdStartLog {
  struct Rating {
    std::uint32_t user = 0;
    std::uint32_t item = 0;
    std::int64_t seconds = 0;
  };
  std::vector<Rating> ratings;     ///< by time, then user, then item
  std::vector<std::string> texts;  ///< by item: title, year, genres
  std::size_t users = 0;
};
/// ml-100k.inter.gz and ml-100k.item of the folder. kNotFound, or kInvalidArgument with the line.
Result<ColdStartLog> read_cold_start(const std::filesystem::path& folder);

struct ColdStartResult {
  std::size_t people = 0;
  std::size_t unseen = 0;  ///< items
  double text = 0;         ///< mean nDCG@10
  double popularity = 0;   ///< in training: all alike, so in random order
  /// By ratings since, up to the person's first: more than training knows.
  double popularity_since = 0;
  statistics::MeanInterval gain;        ///< text - popularity, paired by person
  statistics::MeanInterval gain_since;  ///< text - popularity_since
};
/// `encode`: a vector for each text, one after another. `share` of the ratings are training, (0,
/// 1).
Result<ColdStartResult> measure_cold_start(
    const ColdStartLog& log, double share,
    const std::function<Result<std::vector<float>>(std::span<const std::string_view>)>& encode);

}  // namespace zhiyin::recommend
