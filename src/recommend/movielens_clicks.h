#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/error.h"
#include "recommend/online_ranker.h"

/// The click-prediction protocol of ML-100K, for the gate of the ranker: a rating of 4 and more is
/// a click, rows are split 80/10/10 at random by the seed, area under the curve on the last part.
namespace zhiyin::recommend {

struct ClickRow {
  std::vector<RankerFeature> features;
  bool clicked = false;
};

/// Rows of the folder's ml-100k.inter.gz, .user and .item in the order of the first: user, item,
/// age, gender, occupation, place, year, genres. kNotFound, or kInvalidArgument naming file and
/// line.
Result<std::vector<ClickRow>> read_movielens_clicks(const std::filesystem::path& folder,
                                                    unsigned bits);

struct ClickSettings {
  RankerParams ranker;
  int passes_max = 20;
  int patience = 2;  ///< passes without a better validation AUC before it stops
};
struct ClickResult {
  double auc = 0;         ///< test
  double log_loss = 0;    ///< test
  double validation = 0;  ///< AUC of the pass that was kept
  int passes = 0;
};
/// The pass with the best validation AUC is the one that is tested, once.
Result<ClickResult> measure_clicks(const std::vector<ClickRow>& rows, const ClickSettings& settings,
                                   std::uint64_t seed);

}  // namespace zhiyin::recommend
