#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
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

/// What exploration knows of fresh items: how often this process listed them by chance, and how
/// many events dealt with them since. Begins anew with each start. Thread-safe.
class FreshArms {
 public:
  explicit FreshArms(catalogue::Items& items) : items_(items) {}
  void shown(const recommend::ItemRef& item);
  [[nodiscard]] recommend::Arm of(const recommend::ItemRef& item) const;

 private:
  struct Counts {
    double shows = 0;
    std::int64_t dealt_with = 0;  ///< before it was first shown
  };
  static constexpr std::size_t kItemsMax = 100'000;  ///< others count as never shown
  catalogue::Items& items_;
  mutable Mutex mutex_;
  std::unordered_map<recommend::ItemRef, Counts, recommend::ItemRefHash> counts_
      ZHIYIN_GUARDED_BY(mutex_);
};

/// Serves recommendations from the active model and the catalogue as it is, and notes what was
/// shown. The recommender is a snapshot, made anew when the model or the catalogue changed.
/// Thread-safe.
class Recommendations {
 public:
  /// All must outlive this.
  Recommendations(model::Registry& registry, catalogue::Items& items, storage::EventLog& log);

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

  /// What serves now, to look into: nothing that it answers is noted.
  Result<std::shared_ptr<const recommend::Recommender>> serving() { return current(); }
  /// Another version as it would serve, with the catalogue as it is.
  [[nodiscard]] Result<std::shared_ptr<const recommend::Recommender>> joined(
      std::shared_ptr<const recommend::RecommendModel> model, std::string id) const;

  /// Lists that need no person.
  enum class Common { kSimilar, kPopular, kLatest };
  /// `item` is for kSimilar. Noted as the others are.
  Result<Answer> common(Common which, const recommend::ItemRef& item,
                        const recommend::RecommendRequest& request, std::string_view account,
                        std::string_view place);

  /// Trains on the warehouse's history up to `as_of` and makes the new version the active one.
  Result<model::ModelRecord> train(storage::Warehouse& warehouse, recommend::TrainParams params,
                                   Instant now);

  /// Hands gathered impressions to the log. Called about once a second and before the end.
  void flush_impressions();

  /// What is popular in segments, from now on (null: nothing is known), and whose they are.
  using Trends = std::vector<recommend::SegmentItems>;
  using SegmentsOf = std::function<Result<std::vector<SegmentId>>(const PersonId&)>;
  void set_trends(std::shared_ptr<const Trends> trends, SegmentsOf segments_of);
  /// What the items' texts are about, from now on; null: nothing is known.
  void set_texts(std::shared_ptr<const recommend::TextVectors> texts);

  /// The active model changed elsewhere (activated, rolled back).
  void forget_model();
  /// Another process may have trained one.
  Result<void> look_for_model();

 private:
  struct Loaded {
    /// Shared with requests under way; immutable.
    std::shared_ptr<const recommend::RecommendModel> model;
    std::string id;
  };
  /// The active model from the registry; the empty one, `none`, where there is none.
  [[nodiscard]] Result<Loaded> load() const;
  Result<std::shared_ptr<const recommend::Recommender>> current();
  /// The request with what its places of exploration need: a seed of its own, and what is known.
  recommend::RecommendRequest with_chance(recommend::RecommendRequest request);
  /// Adds the segments of the person to the request; the answer must not outlive what it returns.
  Result<std::shared_ptr<const Trends>> add_segments(const PersonId& person,
                                                     recommend::RecommendRequest& request);
  /// Gathers the impression of an answer, and counts what chance listed.
  void note(const recommend::RecommendResponse& response, const PersonId& person,
            const std::string& model, Instant at, std::string_view account, std::string_view place);

  model::Registry& registry_;
  catalogue::Items& items_;
  storage::EventLog& log_;
  FreshArms arms_;
  const std::uint64_t seed_;  ///< of this process
  std::atomic<std::uint64_t> draws_{0};
  static constexpr std::size_t kImpressionsGathered = 256;
  Mutex impressions_mutex_;
  std::vector<storage::NewRecord> impressions_ ZHIYIN_GUARDED_BY(impressions_mutex_);
  Mutex mutex_;
  /// Shared with requests under way; immutable.
  std::shared_ptr<const recommend::Recommender> recommender_ ZHIYIN_GUARDED_BY(mutex_);
  std::shared_ptr<const recommend::RecommendModel> model_ ZHIYIN_GUARDED_BY(mutex_);
  std::string model_id_ ZHIYIN_GUARDED_BY(mutex_);
  bool is_stale_ ZHIYIN_GUARDED_BY(mutex_) = false;  ///< another version may be active
  std::shared_ptr<const catalogue::ItemIndex> index_ ZHIYIN_GUARDED_BY(mutex_);
  std::shared_ptr<const Trends> trends_ ZHIYIN_GUARDED_BY(mutex_);
  SegmentsOf segments_of_ ZHIYIN_GUARDED_BY(mutex_);
  std::shared_ptr<const recommend::TextVectors> texts_ ZHIYIN_GUARDED_BY(mutex_);
};

}  // namespace zhiyin::server
