#pragma once

#include <string>

#include "base/json_binding.h"
#include "recommend/ranker_training.h"
#include "server/runs.h"
#include "server/services.h"

namespace zhiyin::server {

/// Trains the ranker on what was shown and what followed, measures it on the newest of that, and
/// makes it the active one when that is allowed.
struct TrainRankerJob {
  Duration history = 90 * kDay;    ///< how far back lists are looked at
  std::string promote = "better";  ///< `better`: when it is not worse; `always`; `never`
  std::size_t lists_max = 500'000;
};
/// What the field list cannot say: kInvalidArgument with the field.
Result<void> check(const TrainRankerJob& job);
/// {"model","version","metrics","active","promoted"}; docs/recommend.md. kUnsupported, with the
/// figures, when there is too little to learn from: then nothing is stored.
Result<Json> train_ranker_model(Services& services, const TrainRankerJob& job, RunContext& run);

/// Trains recommender and ranker once a day at `recommend.train_at` of the day in Shanghai, by the
/// installation's clock; the day is noted in state before it begins, so a training that was cut off
/// waits for the next. Too little to learn from is no failure. True when it trained, or, unless
/// `waits`, began to (runs). Only the leader calls it.
Result<bool> train_when_due(Services& services, bool waits);
/// Lives as long as the index.
recommend::FactsOf item_facts_in(const catalogue::ItemIndex& index);
/// `04:00` as a time into the day; kInvalidArgument with the field.
Result<Duration> parse_time_of_day(std::string_view field, std::string_view text);
std::span<const storage::Migration> ranker_migrations();

}  // namespace zhiyin::server

namespace zhiyin {
template <>
struct Fields<server::TrainRankerJob> {
  using J = server::TrainRankerJob;
  static constexpr std::string_view name = "TrainRanker";
  static constexpr auto list =
      field_list(field("history", &J::history, "how far back lists are looked at").optional(),
                 field("promote", &J::promote,
                       "better: active when it is not worse than what was shown; always; never")
                     .length(1, 16)
                     .optional(),
                 field("lists_max", &J::lists_max, "the newest lists that count")
                     .range(1, 5'000'000)
                     .optional());
};
}  // namespace zhiyin
