#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "recommend/recommend_model.h"

namespace zhiyin::recommend {

/// What the members of one segment, or the people with one value of a trait, liked lately, more
/// than others did.
struct SegmentItems {
  struct Liked {
    ItemRef item;
    double share = 0;  ///< of the members' likes, smoothed towards everybody's, (0, 1)
  };
  std::string id;            ///< of the segment; empty for a trait
  std::string name;          ///< as people see it; of a trait its value
  std::vector<Liked> items;  ///< largest share first; ties by item
  std::string trait = {};    ///< name of the trait; empty: a segment
};

/// Finds it from everybody's actions. Each liking of a person counts once per item, by the
/// strongest action, halving with age; an item needs kPeopleMin members who liked it. Its share is
/// (segment's + kSmoothing · everybody's share) / (all of the segment's + kSmoothing), and must be
/// kLiftMin times everybody's. Not thread-safe.
class SegmentCounter {
 public:
  static constexpr std::size_t kSegmentsMax = 64;
  static constexpr std::size_t kPeopleMin = 3;
  static constexpr double kSmoothing = 50;
  static constexpr double kLiftMin = 1.1;
  static constexpr std::size_t kItemsKept = 200;
  /// Likings beyond are not counted.
  static constexpr std::size_t kLikingsMax = 20'000'000;

  /// Requires at most kSegmentsMax.
  SegmentCounter(std::size_t segments, Instant now, Duration half_life)
      : segments_(segments), now_(now), half_life_(half_life) {}

  /// `members`: bit s is set for a member of segment s. `weight` above 0: how much it is a liking.
  void add(const InteractionRow& row, double weight, std::uint64_t members);
  /// Of each segment, without id and name.
  [[nodiscard]] std::vector<SegmentItems> found() const;

 private:
  struct Liking {
    float weight = 0;  ///< with its age
    std::uint32_t item = 0;
    std::uint64_t members = 0;
  };
  const std::size_t segments_;
  const Instant now_;
  const Duration half_life_;
  std::unordered_map<ItemRef, std::uint32_t, ItemRefHash> numbers_;
  std::vector<ItemRef> items_;
  std::unordered_map<std::uint64_t, Liking> likings_;  ///< by person and item
};

}  // namespace zhiyin::recommend
