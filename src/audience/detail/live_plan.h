#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "audience/segment.h"

/// Live segments, compiled: what each event may change, and what has to be remembered of a person
/// so that no event makes anybody's history be read again. Pure.
namespace zhiyin::audience::detail {

/// What is remembered for a condition.
enum class LeafForm {
  kEveryone,
  kTotal,      ///< count and sum of all events
  kRing,       ///< the newest events (or days, or items) in the window that can still decide
  kSinceLast,  ///< whole days since the newest event
  kSinceFirst,
  kScan,  ///< only the answer; the history is read again after an event that may change it
};
/// What two entries of a ring must not share.
enum class RingKey { kEvent, kDay, kItem };

/// One condition, shared by all live segments that have it.
struct LiveLeaf {
  SegmentNode node;
  LeafForm form = LeafForm::kScan;
  RingKey key = RingKey::kEvent;
  std::vector<std::string> kinds;  ///< of the events that matter; empty: all that a person does
  std::string account;             ///< empty: any
  ItemCondition item;              ///< `tag` only for kScan
  bool needs_item = false;
  bool sum = false;
  bool mean = false;
  std::vector<IntCompare> compare;
  std::int64_t unit = 1;  ///< what one event or one of its values is worth in `compare`
  std::optional<Duration> window;
  std::size_t cap = 0;      ///< entries of a ring after which more make no difference
  std::int64_t enough = 0;  ///< sum beyond which more of it makes no difference
  std::size_t ring = 0;     ///< kRing: the first leaf that looks at the same events; it keeps them
  bool decays = false;      ///< an interest
  bool of_nobody = false;   ///< the answer for a person without events (kScan)
};

/// What a ring keeps, so that it does for each of its leaves.
struct LiveRing {
  Duration window{};
  std::size_t cap = 0;
  std::int64_t enough = 0;
};

struct LiveNode {
  enum class Op { kLeaf, kAnd, kOr, kNot } op = Op::kLeaf;
  std::size_t leaf = 0;
  std::vector<LiveNode> children;
};

struct LiveSegment {
  SegmentId id;
  std::int64_t number = 0;  ///< stands for it in rows; never used again for another
  std::int64_t version = 0;
  bool filled = false;  ///< everyone was looked at, so changes are news
  SegmentTree tree;
  LiveNode root;
};

/// Immutable once built.
struct LivePlan {
  std::int64_t generation = 0;
  std::vector<LiveSegment> segments;  ///< ascending by number
  std::vector<LiveLeaf> leaves;
  std::vector<LiveRing> rings;  ///< by leaf; of those that keep one
  bool uses_tags = false;
  /// Leaves that an event of a kind may change; `of_behaviour` for the other kinds of behaviour.
  std::unordered_map<std::string, std::vector<std::size_t>> by_kind;
  std::vector<std::size_t> of_behaviour;

  [[nodiscard]] const std::vector<std::size_t>& leaves_of(std::string_view kind) const;
};

/// `segments` with id, number, version, filled and tree; the rest is filled in.
LivePlan compile(std::vector<LiveSegment> segments, std::int64_t generation);

}  // namespace zhiyin::audience::detail
