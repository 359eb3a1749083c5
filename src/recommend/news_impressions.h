#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "statistics/interval.h"

/// The protocol of the news-impression gate: impressions in the order of time, then id; each is
/// ranked by what the earlier ones said, then learnt from; the newest 2,500 count.
namespace zhiyin::recommend {

struct NewsImpression {
  std::int64_t seconds = 0;  ///< since 1970, as written (no time zone)
  std::int64_t id = 0;
  std::vector<std::uint32_t> history;  ///< clicked before, oldest first
  std::vector<std::uint32_t> shown;
  std::vector<bool> clicked;
};
struct NewsLog {
  std::vector<NewsImpression> impressions;  ///< in order
  std::size_t items = 0;
};

/// MIND's behaviors.tsv (packed or not): id, user, `11/12/2019 2:14:46 PM`, history, `N1-0 N2-1`.
/// Errors name the line.
Result<NewsLog> read_news_log(const std::filesystem::path& path);

struct NewsResult {
  double baseline = 0;            ///< mean AUC per impression of the smoothed click rate
  double ranked = 0;              ///< of log rate + weight · affinity
  statistics::MeanInterval gain;  ///< paired difference
  double weight = 0;              ///< chosen on the older impressions alone
};
/// Tastes are the iALS factors of histories, learnt from the histories of the older impressions.
/// kInvalidArgument when there are no more than `newest` impressions.
Result<NewsResult> measure_news(const NewsLog& log, std::size_t newest, std::uint64_t seed);

}  // namespace zhiyin::recommend
