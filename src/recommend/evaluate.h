#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"

namespace zhiyin::recommend {

/// `zhiyin evaluate recommend`. Files: CSV with a header, columns userID and itemID (or the first
/// two), plain, .gz or .zst.
struct EvaluateArgs {
  std::string protocol = "loo";  ///< leave one out, ranked against all items
  std::filesystem::path train;
  std::filesystem::path
      validation;  ///< optional: its items are known, but neither history nor excluded
  std::filesystem::path test;
  std::string model = "itemknn";              ///< or `popular`
  std::map<std::string, std::string> params;  ///< itemknn: k, shrink, recency (1), threads (1)
  std::vector<std::size_t> at = {10, 20, 100};
  std::function<bool(double)> progress;  ///< share done; false cancels
};

/// Rows of the training file are in time order within a person (it matters for recency only).
///
/// Trains on the training file, ranks for each person of the test file every item that is not in
/// the person's training items, and looks where the test item stands (ties: the lower item first).
/// {"model","params","people","items","metrics":{"ndcg@10":…,"recall@10":…},"intervals":{"ndcg@10":[lo,hi]}}.
Result<Json> evaluate_recommend(const EvaluateArgs& args);

}  // namespace zhiyin::recommend
