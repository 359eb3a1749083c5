#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "audience/detail/live_plan.h"

namespace zhiyin::audience::detail {

/// No time will change it.
inline constexpr std::int64_t kNever = std::int64_t{1} << 62;

/// What an event is to live segments.
struct LiveEvent {
  std::string_view kind;
  std::string_view account;
  const ingest::ItemRef* item = nullptr;
  std::int64_t value = 0;
  std::int64_t at = 0;
};

/// What is remembered of one person for the leaves of a plan. May be used again for the next
/// person, which spares allocations. Not thread-safe.
class LiveProfile {
 public:
  enum class Truth : std::uint8_t { kNo = 0, kYes = 1, kStale = 2 };

  /// Of somebody without events.
  void reset(const LivePlan& plan);
  /// False when `bytes` belong to another generation (then only `members` are read) or are damaged.
  bool decode(const LivePlan& plan, std::string_view bytes);
  [[nodiscard]] std::string encode(const LivePlan& plan) const;
  /// Numbers of the segments in which the person is, ascending; all that outlives a generation.
  static std::vector<std::int64_t> members_of(std::string_view bytes);

  /// Takes in an event at or before `now`. Any order gives the same answers.
  void add(const LivePlan& plan, const LiveEvent& event, const TagLookup& tags, std::int64_t now);
  /// The answers of scans are not what they were.
  void forget_scans(const LivePlan& plan);

  /// The answer of a scan and until when it holds.
  struct Scanned {
    bool truth = false;
    std::int64_t due = kNever;
  };
  using Scan = std::function<Result<std::vector<Scanned>>(const std::vector<std::size_t>& leaves)>;
  /// Answers all segments at `now`, which never goes back; reads the history (by `scan`) where only
  /// that can tell. Sets `members` and `due`.
  Result<void> evaluate(const LivePlan& plan, std::int64_t now, const Scan& scan);

  std::vector<std::int64_t> members;  ///< numbers, ascending
  std::int64_t due = kNever;          ///< nothing changes by time alone before this

 private:
  struct Entry {
    std::int64_t at = 0;
    std::int64_t key = 0;  ///< the value of a sum, the hash of an item
  };
  struct Memory {
    std::int64_t count = 0;
    std::int64_t sum = 0;
    std::int64_t at = 0;      ///< of since-forms
    bool overflow = false;    ///< a ring that cannot decide: treated as a scan
    std::vector<Entry> ring;  ///< ascending by time; of the first leaf that looks at these events
    Truth scanned = Truth::kStale;
    std::int64_t scan_due = kNever;
  };
  [[nodiscard]] bool scans(const LivePlan& plan, std::size_t i) const {
    const LiveLeaf& leaf = plan.leaves[i];
    return leaf.form == LeafForm::kScan || memory_[i].overflow ||
           (leaf.form == LeafForm::kRing && memory_[leaf.ring].overflow);
  }
  static void put(const LiveLeaf& leaf, const LiveRing& ring, Memory& m, const LiveEvent& event,
                  std::int64_t now);
  static void trim(const LiveLeaf& leaf, const LiveRing& ring, Memory& m);
  /// What is older than all its leaves look.
  static void expire(const LiveLeaf& leaf, const LiveRing& ring, Memory& m, std::int64_t now);
  void answer(const LivePlan& plan, std::size_t i, std::int64_t now);
  void answer_by_ring(const LiveLeaf& leaf, std::size_t i, std::int64_t now);
  [[nodiscard]] Truth answer_of(const LiveNode& node) const;
  void collect_stale(const LiveNode& node, std::vector<std::size_t>& out) const;

  std::vector<Memory> memory_;
  std::vector<Truth> truths_;
  std::vector<std::int64_t> dues_;
};

}  // namespace zhiyin::audience::detail
