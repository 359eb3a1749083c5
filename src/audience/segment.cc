#include "audience/segment.h"

#include <algorithm>
#include <limits>
#include <map>

#include "audience/detail/comparison.h"
#include "audience/features.h"
#include "audience/interests.h"
#include "audience/traits.h"

namespace zhiyin::audience {
namespace {

__extension__ using Wide = __int128;

struct Context {
  const PersonView& view;
  const TagLookup& tags;
  Instant as_of;
};

struct EventEvidence {
  std::int64_t count = 0;
  std::int64_t sum = 0;
  const Activity* first = nullptr;
  const Activity* last = nullptr;
};

bool has_tag(const Context& c, const ingest::ItemRef& item, std::string_view tag) {
  return std::ranges::any_of(c.tags(item),
                             [&](const catalogue::ItemTag& t) { return t.tag == tag; });
}

bool item_fits(const Context& c, const Activity& a, const ItemCondition& want) {
  if (want.kind.empty() && want.id.empty() && want.tag.empty()) return true;
  if (!a.item) return false;
  if (!want.kind.empty() && a.item->kind != want.kind) return false;
  if (!want.id.empty() && a.item->id != want.id) return false;
  return want.tag.empty() || has_tag(c, *a.item, want.tag);
}

EventEvidence find_events(const Context& c, const EventCondition& want) {
  EventEvidence found;
  Wide sum = 0;
  for (const Activity& a : c.view.activity) {
    if (a.at > c.as_of) break;
    if (a.kind != want.kind) continue;
    if (want.window && a.at <= c.as_of - *want.window) continue;
    if (!want.account.empty() && a.account != want.account) continue;
    if (want.item && !item_fits(c, a, *want.item)) continue;
    ++found.count;
    sum += a.value;
    if (found.first == nullptr) found.first = &a;
    found.last = &a;
  }
  constexpr Wide kMax = std::numeric_limits<std::int64_t>::max();
  found.sum = static_cast<std::int64_t>(std::clamp<Wide>(sum, -kMax, kMax));
  return found;
}

bool holds(const EventEvidence& found, const EventCondition& want) {
  return all_hold(want.compare, want.sum ? found.sum : found.count);
}

/// Numbers compare with traits that are numbers, texts with the text, booleans with `true` and
/// `false`.
bool trait_fits(const TraitSetting& trait, CompareOp op, const Operand& operand) {
  if (const auto* number = std::get_if<double>(&operand)) {
    return trait.number && compare_values(*trait.number, op, *number);
  }
  if (const auto* flag = std::get_if<bool>(&operand)) {
    return compare_values<std::string>(*trait.text, op, *flag ? "true" : "false");
  }
  return compare_values(*trait.text, op, std::get<std::string>(operand));
}

bool trait_holds(const TraitSetting* trait, const TraitCondition& want) {
  if (trait == nullptr) return false;
  return std::ranges::all_of(want.compare, [&](const TraitCompare& c) {
    return std::ranges::any_of(c.operands,
                               [&](const Operand& o) { return trait_fits(*trait, c.op, o); });
  });
}

/// The newest follow that is still in force, or null.
const Activity* follow_of(const Context& c, std::string_view account) {
  std::map<std::size_t, const Activity*> newest;
  for (const Activity& a : c.view.activity) {
    if (a.at > c.as_of) break;
    if (a.account != account || (a.kind != "follow" && a.kind != "unfollow")) continue;
    const Activity*& last = newest[a.identity];
    // Of one moment the unfollow counts, whichever arrived first.
    if (last == nullptr || last->at < a.at || a.kind == "unfollow") last = &a;
  }
  const Activity* found = nullptr;
  for (const auto& [identity, a] : newest) {
    if (a->kind == "follow" && (found == nullptr || found->at < a->at)) found = a;
  }
  return found;
}

struct Evaluator {
  const Context& c;

  bool operator()(const SegmentNode& node) const { return std::visit(*this, node.value); }
  bool operator()(const Everyone&) const { return true; }
  bool operator()(const AndNode& n) const { return std::ranges::all_of(n.children, *this); }
  bool operator()(const OrNode& n) const { return std::ranges::any_of(n.children, *this); }
  bool operator()(const NotNode& n) const { return !(*this)(n.child.front()); }
  bool operator()(const EventCondition& want) const { return holds(find_events(c, want), want); }
  bool operator()(const FeatureCondition& want) const {
    const auto micro = feature_micro(*find_feature(want.name), c.view, c.as_of);
    return micro && all_hold(want.compare, *micro);
  }
  bool operator()(const TraitCondition& want) const {
    const auto traits = traits_of(c.view, c.as_of);
    const auto found = traits.find(want.name);
    return trait_holds(found == traits.end() ? nullptr : &found->second, want);
  }
  bool operator()(const InterestCondition& want) const {
    return all_hold(want.compare, interest_micro(want.tag, c.view, c.tags, c.as_of));
  }
  bool operator()(const FollowingCondition& want) const {
    return follow_of(c, want.account) != nullptr;
  }
};

Json micro_json(std::optional<std::int64_t> micro) {
  if (!micro) return {};
  if (*micro % kMicro == 0) return Json(*micro / kMicro);
  return Json(static_cast<double>(*micro) / static_cast<double>(kMicro));
}

Json time_json(const Activity* a) { return a == nullptr ? Json() : to_json(a->at); }

struct Explainer {
  const Context& c;

  Json operator()(const SegmentNode& node) const { return std::visit(*this, node.value); }
  Json operator()(const Everyone&) const {
    return Json::object().set("all", true).set("result", true);
  }
  Json operator()(const AndNode& n) const {
    Json list = explained(n.children);
    const bool result = std::ranges::all_of(*list.if_array(), result_of);
    return Json::object().set("and", std::move(list)).set("result", result);
  }
  Json operator()(const OrNode& n) const {
    Json list = explained(n.children);
    const bool result = std::ranges::any_of(*list.if_array(), result_of);
    return Json::object().set("or", std::move(list)).set("result", result);
  }
  Json operator()(const NotNode& n) const {
    Json child = (*this)(n.child.front());
    const bool result = !result_of(child);
    return Json::object().set("not", std::move(child)).set("result", result);
  }
  Json operator()(const EventCondition& want) const {
    const EventEvidence found = find_events(c, want);
    Json evidence = Json::object();
    evidence.set("count", found.count);
    if (want.sum) evidence.set("sum", found.sum);
    evidence.set("first", time_json(found.first)).set("last", time_json(found.last));
    return condition(want, holds(found, want), std::move(evidence));
  }
  Json operator()(const FeatureCondition& want) const {
    const auto micro = feature_micro(*find_feature(want.name), c.view, c.as_of);
    return condition(want, micro && all_hold(want.compare, *micro),
                     Json::object().set("value", micro_json(micro)));
  }
  Json operator()(const TraitCondition& want) const {
    const auto traits = traits_of(c.view, c.as_of);
    const auto found = traits.find(want.name);
    const TraitSetting* trait = found == traits.end() ? nullptr : &found->second;
    return condition(want, trait_holds(trait, want),
                     Json::object().set("value", trait == nullptr ? Json() : trait->value));
  }
  Json operator()(const InterestCondition& want) const {
    const std::int64_t micro = interest_micro(want.tag, c.view, c.tags, c.as_of);
    return condition(want, all_hold(want.compare, micro),
                     Json::object().set("value", micro_json(micro)));
  }
  Json operator()(const FollowingCondition& want) const {
    const Activity* follow = follow_of(c, want.account);
    return condition(want, follow != nullptr, Json::object().set("since", time_json(follow)));
  }

 private:
  static bool result_of(const Json& explained_node) {
    return explained_node["result"].bool_or(false);
  }
  Json explained(const std::vector<SegmentNode>& children) const {
    Json list = Json::array();
    for (const SegmentNode& child : children) list.push((*this)(child));
    return list;
  }
  template <class Condition>
  static Json condition(const Condition& want, bool result, Json evidence) {
    return node_json(SegmentNode{want}).set("result", result).set("evidence", std::move(evidence));
  }
};

}  // namespace

bool evaluate(const SegmentNode& node, const PersonView& view, const TagLookup& tags,
              Instant as_of) {
  const Context context{view, tags, as_of};
  return Evaluator{context}(node);
}

bool evaluate(const SegmentTree& tree, const PersonView& view, const TagLookup& tags,
              Instant as_of) {
  return evaluate(tree.root(), view, tags, as_of);
}

Json explain(const SegmentTree& tree, const PersonView& view, const TagLookup& tags,
             Instant as_of) {
  const Context context{view, tags, as_of};
  return Explainer{context}(tree.root());
}

}  // namespace zhiyin::audience
