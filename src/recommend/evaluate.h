#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "recommend/timed_events.h"

namespace zhiyin::recommend {

/// `zhiyin evaluate recommend`. Files as read_interaction_file takes them.
struct EvaluateArgs {
  std::string protocol = "loo";      ///< `split` or `time`
  std::filesystem::path train;       ///< within a user oldest first
  std::filesystem::path validation;  ///< optional: neither history nor excluded
  std::filesystem::path test;
  std::filesystem::path events;   ///< of `time`, instead of these three: see read_event_file
  TimeCut cut;                    ///< of `time`
  std::string model = "itemknn";  ///< see evaluated_model_names()
  std::map<std::string, std::string> params;  ///< see parameter_names()
  std::vector<std::size_t> at = {10, 20, 100};
  std::uint64_t seed = 1;
  bool tune = false;           ///< choose the parameters on the validation file
  std::size_t memory_max = 0;  ///< bytes; a model that needs more is refused; 0: no bound
  std::size_t trials = 20;     ///< of tune
  std::string metric = "ndcg@10";
  std::filesystem::path notes;  ///< of tune: where trials are noted and found again; may be empty
  int threads = 1;              ///< changes nothing but the time
  std::function<bool(double)> progress;  ///< share done; false cancels
};

/// Trains on the training file and ranks, for each person of the test file, every item that is not
/// in the person's training items (full ranking; items never seen in training last, equal scores by
/// item id).
/// - `loo`: one test item a person; the validation item stays a candidate and is no history.
/// - `split`: any number; recall@k divides by their number, nDCG@k by the ideal of min(k, number).
/// - `time`: events split at a moment (split_by_time); metrics as of `split`.
/// With `tune`, parameters are chosen by the metric on the validation file alone, of `time` on the
/// newest part of the training; the test figures are computed once, for the winner.
/// {"model","params","protocol","seed","people","items","metrics":{"ndcg@10":…},"intervals":{"ndcg@10":
/// [lo,hi]},"lists":…,"tried":[…]}: ndcg, recall, mrr and map at each cut, see list_quality for
/// `lists`; `tried` only with `tune`. `time` adds "split":
/// {"cut","first","last","validation_from","events":
/// {"before","after"},"people":{"before","both","only_after"},"wanted","wanted_unseen"}.
Result<Json> evaluate_recommend(const EvaluateArgs& args);
/// The protocol `time` on these events.
Result<Json> evaluate_recommend(const EvaluateArgs& args, const TimedEvents& events);

}  // namespace zhiyin::recommend
