#pragma once

#include <list>
#include <memory>
#include <string_view>

#include "base/mutex.h"
#include "model/registry.h"
#include "recommend/recommender.h"
#include "server/recommendations.h"

namespace zhiyin::server {

/// A stored version as it would serve now, for looking at and comparing: nothing that is served
/// comes from here, and nothing is noted as shown. Immutable.
struct InspectedVersion {
  model::ModelRecord record;  ///< with the id `none` and version 0 where none was trained yet
  /// Shared with requests under way; immutable.
  std::shared_ptr<const recommend::Recommender> recommender;
};

/// Reads versions and keeps the last few. Thread-safe.
class RecommendInspector {
 public:
  /// Both must outlive this.
  RecommendInspector(model::Registry& registry, Recommendations& recommendations)
      : registry_(registry), recommendations_(recommendations) {}

  /// An empty id: what serves. kNotFound when there is no such version of kind `recommend`;
  /// kDataLoss when its bytes are damaged.
  Result<InspectedVersion> version(std::string_view id) ZHIYIN_EXCLUDES(mutex_);

 private:
  struct Kept {
    std::string id;
    std::string checksum;
    /// Shared with requests under way; immutable.
    std::shared_ptr<const recommend::RecommendModel> model;
  };
  static constexpr std::size_t kKept = 2;
  Result<std::shared_ptr<const recommend::RecommendModel>> read(const model::ModelRecord& record)
      ZHIYIN_EXCLUDES(mutex_);

  model::Registry& registry_;
  Recommendations& recommendations_;
  Mutex mutex_;
  std::list<Kept> kept_ ZHIYIN_GUARDED_BY(mutex_);  ///< the last asked for first
};

}  // namespace zhiyin::server
