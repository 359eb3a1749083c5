#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "audience/segments.h"
#include "base/log.h"
#include "model/registry.h"
#include "recommend/segment_popularity.h"
#include "storage/state.h"
#include "storage/warehouse.h"

namespace zhiyin::server {

/// What is popular in each live segment, counted from the warehouse's events of the last weeks.
/// Owned by one thread.
class SegmentTrends {
 public:
  struct Parts {
    audience::Segments& segments;
    storage::State& state;
    storage::Warehouse& warehouse;
    model::Registry& models;
    Logger& logger;
  };
  /// All must outlive this.
  explicit SegmentTrends(Parts parts) : parts_(parts) {}

  using Found = std::vector<recommend::SegmentItems>;
  /// Counts anew when that is due: every kEvery of domain time, and after each training. Null: it
  /// was not due. The first SegmentCounter::kSegmentsMax live segments that are filled, in order of
  /// id; a segment of more than kMembersMax is left out, for what is popular in it is popular
  /// anyway.
  Result<std::shared_ptr<const Found>> count_when_due(Instant now);

  static constexpr Duration kEvery = std::chrono::minutes(10);
  static constexpr Duration kLookedBack = 60 * kDay;
  static constexpr Duration kHalfLife = 14 * kDay;
  static constexpr std::size_t kMembersMax = 2'000'000;  ///< of all segments together

 private:
  Result<Found> count(Instant now) const;

  const Parts parts_;
  std::optional<Instant> counted_at_;
  std::string model_;  ///< active one at that time
};

}  // namespace zhiyin::server
