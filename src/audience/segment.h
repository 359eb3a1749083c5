#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "audience/people.h"
#include "base/json.h"
#include "catalogue/item_index.h"

/// One typed condition tree (docs/api.md, "Segment tree") with two evaluations that agree: for one
/// person in memory (here) and for all in the warehouse (segment_query.h). Everything here is pure.
namespace zhiyin::audience {

inline constexpr std::size_t kSegmentDepthMax = 16;
inline constexpr std::size_t kSegmentNodesMax = 200;

enum class CompareOp { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual, kIn };

/// What a trait is compared with.
using Operand = std::variant<std::string, double, bool>;

/// Comparisons of an integer; all must hold. Counts and sums as they are, features and interests in
/// millionths.
struct IntCompare {
  CompareOp op = CompareOp::kGreaterEqual;
  std::int64_t operand = 0;
};
struct TraitCompare {
  CompareOp op = CompareOp::kEqual;
  std::vector<Operand> operands;  ///< one, or several for kIn
};

struct ItemCondition {
  std::string kind;  ///< empty: any
  std::string id;    ///< empty: any
  std::string tag;   ///< empty: any
};
/// Count (or sum of values) of a person's events of a kind in (as_of - window, as_of].
struct EventCondition {
  std::string kind;
  bool sum = false;
  std::vector<IntCompare> compare;
  std::optional<Duration> window;
  std::optional<ItemCondition> item;
  std::string account;  ///< empty: any
};
/// False when the feature is missing.
struct FeatureCondition {
  std::string name;
  std::vector<IntCompare> compare;
};
/// On the newest value set for the person; false when the person has none, or of another type.
struct TraitCondition {
  std::string name;
  std::vector<TraitCompare> compare;
};
/// On the decayed weight of a tag (interests.h); 0 without events.
struct InterestCondition {
  std::string tag;
  std::vector<IntCompare> compare;
};
/// One of the person's identities follows the account (its newest follow or unfollow says so).
struct FollowingCondition {
  std::string account;
};
struct Everyone {};

struct SegmentNode;
struct AndNode {
  std::vector<SegmentNode> children;  ///< at least one
};
struct OrNode {
  std::vector<SegmentNode> children;  ///< at least one
};
struct NotNode {
  std::vector<SegmentNode> child;  ///< exactly one
};
struct SegmentNode {
  std::variant<Everyone, AndNode, OrNode, NotNode, EventCondition, FeatureCondition, TraitCondition,
               InterestCondition, FollowingCondition>
      value;
};

/// A tree that has been checked. A pure value.
class SegmentTree {
 public:
  /// kInvalidArgument with the path of the field that is wrong (`and[2].event`), unknown members
  /// and features with the nearest valid name; kLimitReached above kSegmentDepthMax levels or
  /// kSegmentNodesMax nodes.
  static Result<SegmentTree> from_json(const Json& json);
  static Result<SegmentTree> parse(std::string_view text);
  /// A tree that was accepted once: rules that came later do not make it unreadable.
  static Result<SegmentTree> parse_stored(std::string_view text);
  /// Everyone.
  SegmentTree() = default;

  /// One form for one meaning of the input; reads back to an equal tree.
  [[nodiscard]] Json to_json() const;
  [[nodiscard]] const SegmentNode& root() const { return root_; }

 private:
  explicit SegmentTree(SegmentNode root) : root_(std::move(root)) {}
  SegmentNode root_;
};

/// The tags of an item; empty when it is unknown. `ItemIndex::tags` fits.
using TagLookup = std::function<std::span<const catalogue::ItemTag>(const ingest::ItemRef&)>;

/// Whether the person is in the segment at `as_of`. Requires a complete view (kActivityAll).
bool evaluate(const SegmentTree& tree, const PersonView& view, const TagLookup& tags,
              Instant as_of);

/// As above, of one node.
bool evaluate(const SegmentNode& node, const PersonView& view, const TagLookup& tags,
              Instant as_of);

/// The tree as JSON; every node with `result`, every condition also with `evidence`: the value
/// found, and for events how many, the first and the last that counted.
Json explain(const SegmentTree& tree, const PersonView& view, const TagLookup& tags, Instant as_of);

}  // namespace zhiyin::audience
