#pragma once

#include <memory>
#include <string>
#include <vector>

#include "audience/people.h"
#include "base/mutex.h"
#include "catalogue/items.h"
#include "model/registry.h"
#include "recommend/recommend_model.h"
#include "recommend/recommender.h"
#include "storage/event_log.h"
#include "storage/warehouse.h"

namespace zhiyin::server {

/// Serves recommendations from the active model and the catalogue as it is, and notes what was
/// shown. The recommender is a snapshot, made anew when the model or the catalogue changed.
/// Thread-safe.
class Recommendations {
 public:
  /// All must outlive this.
  Recommendations(model::Registry& registry, catalogue::Items& items, storage::EventLog& log)
      : registry_(registry), items_(items), log_(log) {}

  struct Answer {
    recommend::RecommendResponse response;
    std::string model_id;
  };
  /// What was answered goes to the impressions stream: gathered for up to a second
  /// (`flush_impressions`), not awaited, so a crash may lose the last of them. `place` says where
  /// it is shown: `api`, `console`, `cli`.
  Result<Answer> recommend(const audience::PersonView& person,
                           const recommend::RecommendRequest& request, std::string_view account,
                           std::string_view place);

  /// Trains on the warehouse's history up to `as_of` and makes the new version the active one.
  Result<model::ModelRecord> train(storage::Warehouse& warehouse, recommend::TrainParams params,
                                   Instant now);

  /// Hands gathered impressions to the log. Called about once a second and before the end.
  void flush_impressions();

  /// The active model changed elsewhere (activated, rolled back).
  void forget_model();
  /// Another process may have trained one.
  Result<void> look_for_model();

 private:
  Result<std::shared_ptr<const recommend::Recommender>> current();

  model::Registry& registry_;
  catalogue::Items& items_;
  storage::EventLog& log_;
  static constexpr std::size_t kImpressionsGathered = 256;
  Mutex impressions_mutex_;
  std::vector<storage::NewRecord> impressions_ ZHIYIN_GUARDED_BY(impressions_mutex_);
  Mutex mutex_;
  /// Shared with requests under way; immutable.
  std::shared_ptr<const recommend::Recommender> recommender_ ZHIYIN_GUARDED_BY(mutex_);
  std::shared_ptr<const recommend::RecommendModel> model_ ZHIYIN_GUARDED_BY(mutex_);
  std::string model_id_ ZHIYIN_GUARDED_BY(mutex_);
  std::shared_ptr<const catalogue::ItemIndex> index_ ZHIYIN_GUARDED_BY(mutex_);
};

}  // namespace zhiyin::server
