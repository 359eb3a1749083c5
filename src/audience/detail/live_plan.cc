#include "audience/detail/live_plan.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "audience/detail/comparison.h"
#include "audience/features.h"
#include "audience/interests.h"

namespace zhiyin::audience::detail {
namespace {

/// Counts above it are found by reading the history: rings are kept with the person.
constexpr std::int64_t kRingMax = 256;
/// Values above it are no values of conditions.
constexpr std::int64_t kSumMax = std::int64_t{1} << 53;

/// The fewest entries that decide all comparisons; nothing when that is too many.
std::optional<std::size_t> ring_cap(const std::vector<IntCompare>& list, std::int64_t unit) {
  std::int64_t most = 0;
  for (const IntCompare& c : list) most = std::max(most, c.operand / unit);
  if (most + 2 > kRingMax) return std::nullopt;
  return static_cast<std::size_t>(most + 2);
}

void choose_ring(LiveLeaf& leaf) {
  leaf.form = LeafForm::kScan;
  if (leaf.sum) {
    std::int64_t most = 0;
    for (const IntCompare& c : leaf.compare) most = std::max(most, c.operand / leaf.unit);
    if (most > kSumMax) return;
    leaf.enough = most + 1;
    leaf.form = LeafForm::kRing;
  } else if (const auto cap = ring_cap(leaf.compare, leaf.unit)) {
    leaf.cap = *cap;
    leaf.form = LeafForm::kRing;
  }
}

class Describe {
 public:
  explicit Describe(LiveLeaf& leaf) : leaf_(leaf) {}

  void operator()(const Everyone&) { leaf_.form = LeafForm::kEveryone; }
  void operator()(const EventCondition& c) {
    leaf_.kinds = {c.kind};
    leaf_.account = c.account;
    leaf_.compare = c.compare;
    leaf_.sum = c.sum;
    leaf_.window = c.window;
    if (c.item) {
      leaf_.item = *c.item;
      leaf_.needs_item = !c.item->kind.empty() || !c.item->id.empty() || !c.item->tag.empty();
    }
    if (!leaf_.item.tag.empty()) return;
    if (!c.window) {
      leaf_.form = LeafForm::kTotal;
    } else {
      choose_ring(leaf_);
    }
  }
  void operator()(const FeatureCondition& c) {
    const Feature& f = *find_feature(c.name);
    if (!f.kind.empty()) leaf_.kinds = {f.kind};
    leaf_.compare = c.compare;
    leaf_.window = f.window;
    leaf_.unit = kMicro;
    switch (f.form) {
      case FeatureForm::kSum:
        leaf_.sum = true;
        [[fallthrough]];
      case FeatureForm::kCount:
        if (f.window) {
          choose_ring(leaf_);
        } else {
          leaf_.form = LeafForm::kTotal;
        }
        return;
      case FeatureForm::kActiveDays:
      case FeatureForm::kDistinctItems:
        leaf_.key = f.form == FeatureForm::kActiveDays ? RingKey::kDay : RingKey::kItem;
        leaf_.needs_item = f.form == FeatureForm::kDistinctItems;
        if (f.window) choose_ring(leaf_);
        return;
      case FeatureForm::kDaysSinceLast:
      case FeatureForm::kDaysSinceFirst:
        if (!f.window) {
          leaf_.form =
              f.form == FeatureForm::kDaysSinceLast ? LeafForm::kSinceLast : LeafForm::kSinceFirst;
        }
        return;
      case FeatureForm::kMean:
        if (f.window) return;
        leaf_.form = LeafForm::kTotal;
        leaf_.mean = true;
        return;
      case FeatureForm::kPeakHour:
      case FeatureForm::kNightShare:
        return;
    }
  }
  void operator()(const TraitCondition&) { leaf_.kinds = {"trait.set"}; }
  void operator()(const FollowingCondition& c) {
    leaf_.kinds = {"follow", "unfollow"};
    leaf_.account = c.account;
  }
  void operator()(const InterestCondition& c) {
    for (const InterestRule& rule : kInterestRules) leaf_.kinds.emplace_back(rule.kind);
    leaf_.item.tag = c.tag;
    leaf_.needs_item = true;
    leaf_.compare = c.compare;
    leaf_.decays = true;
  }
  void operator()(const AndNode&) {}
  void operator()(const OrNode&) {}
  void operator()(const NotNode&) {}

 private:
  LiveLeaf& leaf_;
};

class Compiler {
 public:
  explicit Compiler(LivePlan& plan) : plan_(plan) {}

  LiveNode node(const SegmentNode& from) {
    if (const auto* n = std::get_if<AndNode>(&from.value))
      return joined(LiveNode::Op::kAnd, n->children);
    if (const auto* n = std::get_if<OrNode>(&from.value))
      return joined(LiveNode::Op::kOr, n->children);
    if (const auto* n = std::get_if<NotNode>(&from.value))
      return joined(LiveNode::Op::kNot, n->child);
    return {LiveNode::Op::kLeaf, leaf(from), {}};
  }

 private:
  LiveNode joined(LiveNode::Op op, const std::vector<SegmentNode>& from) {
    LiveNode out{op, 0, {}};
    for (const SegmentNode& child : from) out.children.push_back(node(child));
    return out;
  }

  std::size_t leaf(const SegmentNode& from) {
    const auto [place, added] = places_.try_emplace(node_json(from).dump(), plan_.leaves.size());
    if (!added) return place->second;
    LiveLeaf leaf;
    leaf.node = from;
    std::visit(Describe(leaf), from.value);
    const PersonView nobody;
    const TagLookup no_tags = [](const ingest::ItemRef&) {
      return std::span<const catalogue::ItemTag>();
    };
    leaf.of_nobody = evaluate(from, nobody, no_tags, Instant{});
    plan_.uses_tags = plan_.uses_tags || !leaf.item.tag.empty();
    plan_.leaves.push_back(std::move(leaf));
    return place->second;
  }

  LivePlan& plan_;
  std::map<std::string, std::size_t> places_;
};

/// Leaves that look at the same events differ in windows and comparisons only: one ring that holds
/// what the most demanding of them needs answers all.
void share_rings(LivePlan& plan) {
  using Selection = std::tuple<std::vector<std::string>, std::string, std::string, std::string,
                               bool, RingKey, bool>;
  std::map<Selection, std::size_t> keepers;
  plan.rings.resize(plan.leaves.size());
  for (std::size_t i = 0; i < plan.leaves.size(); ++i) {
    LiveLeaf& leaf = plan.leaves[i];
    if (leaf.form != LeafForm::kRing) continue;
    leaf.ring = keepers
                    .try_emplace(Selection(leaf.kinds, leaf.account, leaf.item.kind, leaf.item.id,
                                           leaf.needs_item, leaf.key, leaf.sum),
                                 i)
                    .first->second;
    LiveRing& ring = plan.rings[leaf.ring];
    ring.window = std::max(ring.window, *leaf.window);
    ring.cap = std::max(ring.cap, leaf.cap);
    ring.enough = std::max(ring.enough, leaf.enough);
  }
}

}  // namespace

const std::vector<std::size_t>& LivePlan::leaves_of(std::string_view kind) const {
  static const std::vector<std::size_t> none;
  thread_local std::string text;
  text.assign(kind);
  if (const auto found = by_kind.find(text); found != by_kind.end()) return found->second;
  return is_behaviour(kind) ? of_behaviour : none;
}

LivePlan compile(std::vector<LiveSegment> segments, std::int64_t generation) {
  LivePlan plan;
  plan.generation = generation;
  Compiler compiler(plan);
  for (LiveSegment& segment : segments) segment.root = compiler.node(segment.tree.root());
  plan.segments = std::move(segments);
  share_rings(plan);
  std::set<std::string> kinds;
  for (const LiveLeaf& leaf : plan.leaves) kinds.insert(leaf.kinds.begin(), leaf.kinds.end());
  for (std::size_t i = 0; i < plan.leaves.size(); ++i) {
    const LiveLeaf& leaf = plan.leaves[i];
    if (leaf.form == LeafForm::kEveryone) continue;
    if (!leaf.kinds.empty()) {
      for (const std::string& kind : leaf.kinds) plan.by_kind[kind].push_back(i);
      continue;
    }
    plan.of_behaviour.push_back(i);
    for (const std::string& kind : kinds) {
      if (is_behaviour(kind)) plan.by_kind[kind].push_back(i);
    }
  }
  return plan;
}

}  // namespace zhiyin::audience::detail
