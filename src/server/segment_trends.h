#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "audience/segments.h"
#include "base/log.h"
#include "model/registry.h"
#include "recommend/segment_popularity.h"
#include "storage/state.h"
#include "storage/warehouse.h"

namespace zhiyin::server {

/// What is popular in each live segment, and among the people with one value of a trait, counted
/// from the warehouse's events of the last weeks. Owned by one thread.
class SegmentTrends {
 public:
  struct Parts {
    audience::Segments& segments;
    storage::State& state;
    storage::Warehouse& warehouse;
    model::Registry& models;
    Logger& logger;
    std::vector<std::string> traits = {};  ///< whose values count, see trend_traits
  };
  /// All must outlive this.
  explicit SegmentTrends(Parts parts) : parts_(std::move(parts)) {}

  using Found = std::vector<recommend::SegmentItems>;
  /// Counts anew when that is due: every kEvery of domain time, and after each training. Null: it
  /// was not due. The first SegmentCounter::kSegmentsMax live segments that are filled, in order of
  /// id; a segment of more than kMembersMax is left out, for what is popular in it is popular
  /// anyway. Of the traits the most frequent values, kValuesMax of all traits together, that at
  /// least kPeopleMin people have now: fewer could tell who they are.
  Result<std::shared_ptr<const Found>> count_when_due(Instant now);

  static constexpr Duration kEvery = std::chrono::minutes(10);
  static constexpr Duration kLookedBack = 60 * kDay;
  static constexpr Duration kHalfLife = 14 * kDay;
  static constexpr std::size_t kMembersMax = 2'000'000;  ///< of all segments together
  static constexpr std::size_t kTraitsMax = 8;
  static constexpr std::size_t kValuesMax = recommend::SegmentCounter::kSegmentsMax;
  static constexpr std::size_t kPeopleMin = 20;
  static constexpr std::size_t kValueBytesMax = 64;  ///< longer ones are no groups

 private:
  Result<Found> count(Instant now) const;

  const Parts parts_;
  std::optional<Instant> counted_at_;
  std::string model_;  ///< active one at that time
};

/// The names in the option recommend.popular_by. kInvalidArgument with what is wrong.
Result<std::vector<std::string>> trend_traits(std::string_view names);

/// Of `trends` those of a trait that the person has with that value at `now`.
std::vector<const recommend::SegmentItems*> trends_of_traits(
    std::span<const recommend::SegmentItems> trends, const audience::PersonView& person,
    Instant now);

}  // namespace zhiyin::server
