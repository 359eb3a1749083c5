#include <algorithm>
#include <cmath>
#include <iterator>

#include "audience/features.h"
#include "audience/segment.h"
#include "audience/traits.h"
#include "base/nearest.h"
#include "base/utf8.h"
#include "ingest/event_view.h"

namespace zhiyin::audience {
namespace {

constexpr std::size_t kTreeBytesMax = 1 << 20;
constexpr std::size_t kComparisonsMax = 4;
constexpr std::size_t kOperandsMax = 1000;
constexpr std::size_t kOperandBytesMax = kTraitTextBytesMax;
/// In millionths it still fits 64 bits.
constexpr double kNumberMax = 9e12;
/// Sums saturate above it, so equality with anything larger would have no meaning.
constexpr double kIntegerMax = 9e18;
/// In the unit of the summed weights (1e-11) it still fits 64 bits.
constexpr double kInterestMax = 1e6;

struct OpName {
  CompareOp op;
  std::string_view name;
};
constexpr OpName kOps[] = {
    {CompareOp::kEqual, "="},      {CompareOp::kNotEqual, "!="}, {CompareOp::kLess, "<"},
    {CompareOp::kLessEqual, "<="}, {CompareOp::kGreater, ">"},   {CompareOp::kGreaterEqual, ">="},
    {CompareOp::kIn, "in"},
};

std::string_view name_of(CompareOp op) {
  for (const OpName& o : kOps) {
    if (o.op == op) return o.name;
  }
  return "?";
}

std::unexpected<Error> invalid(std::string message) {
  return fail(ErrorCode::kInvalidArgument, "{}", message);
}

Result<std::string> text_of(const Json& json, std::string_view field, std::size_t bytes_max) {
  auto text = from_json<std::string>(json);
  if (!text) return std::unexpected(within(field, std::move(text.error())));
  if (text->empty()) return fail_field(field, "is empty");
  if (text->size() > bytes_max) return fail_field(field, "is longer than {} bytes", bytes_max);
  return text;
}

/// Refuses members that are not in `known`.
Result<void> only_members(const Json& json, std::span<const std::string_view> known) {
  for (const auto& [key, value] : *json.if_object()) {
    if (std::ranges::find(known, key) != known.end()) continue;
    const std::string shown = key.substr(0, 64);
    const std::string_view near = nearest_name(key, known);
    if (near.empty()) return fail_field(shown, "is not a known member");
    return fail_field(shown, "is not a known member; did you mean '{}'?", near);
  }
  return {};
}

/// Walks the members of a comparison object: `{">=": 3, "<": 10}`.
Result<void> for_each_comparison(const Json& json, std::string_view field, bool allow_in,
                                 const std::function<Result<void>(CompareOp, const Json&)>& visit) {
  const Json::Object* object = json.if_object();
  if (object == nullptr) {
    return fail_field(field, "expected comparisons such as {{\">=\": 3}}, got {}",
                      json.type_name());
  }
  if (object->empty() || object->size() > kComparisonsMax) {
    return fail_field(field, "has {} comparisons, expected 1 to {}", object->size(),
                      kComparisonsMax);
  }
  for (const auto& [key, value] : *object) {
    const auto op = std::ranges::find(kOps, key, &OpName::name);
    if (op == std::end(kOps)) {
      return fail_field(field, "'{}' is not one of = != < <= > >= in", key.substr(0, 64));
    }
    if (op->op == CompareOp::kIn && !allow_in) {
      return fail_field(field, "'in' is for traits only");
    }
    if (auto done = visit(op->op, value); !done) {
      return std::unexpected(within(field, within(key, std::move(done.error()))));
    }
  }
  return {};
}

Result<std::vector<IntCompare>> integer_comparisons(const Json& json, std::string_view field) {
  std::vector<IntCompare> list;
  ZHIYIN_TRY_VOID(
      for_each_comparison(json, field, false, [&](CompareOp op, const Json& v) -> Result<void> {
        ZHIYIN_TRY(const auto operand, from_json<std::int64_t>(v));
        ZHIYIN_TRY_VOID(
            detail::check_range(static_cast<double>(operand), -kIntegerMax, kIntegerMax));
        list.push_back({op, operand});
        return {};
      }));
  return list;
}

/// Operands in millionths; what is finer is refused rather than rounded.
Result<std::vector<IntCompare>> micro_comparisons(const Json& json, std::string_view field,
                                                  double limit) {
  std::vector<IntCompare> list;
  ZHIYIN_TRY_VOID(
      for_each_comparison(json, field, false, [&](CompareOp op, const Json& v) -> Result<void> {
        ZHIYIN_TRY(const auto number, from_json<double>(v));
        if (!(std::abs(number) <= limit))
          return fail(ErrorCode::kInvalidArgument, "{} is not between ±{}", number, limit);
        const std::int64_t micro = std::llround(number * static_cast<double>(kMicro));
        if (static_cast<double>(micro) / static_cast<double>(kMicro) != number) {
          return fail(ErrorCode::kInvalidArgument, "{} has more than six decimals", number);
        }
        list.push_back({op, micro});
        return {};
      }));
  return list;
}

Result<Operand> operand_of(const Json& json) {
  if (const bool* b = json.if_bool()) return Operand(*b);
  if (json.is_number()) return Operand(json.number_or(0));
  if (const std::string* s = json.if_string()) {
    if (s->size() > kOperandBytesMax)
      return invalid(fmt::format("is longer than {} bytes", kOperandBytesMax));
    return Operand(*s);
  }
  return invalid(fmt::format("expected a string, number or boolean, got {}", json.type_name()));
}

Result<std::vector<Operand>> operands_of(CompareOp op, const Json& json) {
  if (op != CompareOp::kIn) {
    ZHIYIN_TRY(auto operand, operand_of(json));
    const bool ordered = op != CompareOp::kEqual && op != CompareOp::kNotEqual;
    if (ordered && std::holds_alternative<bool>(operand)) return invalid("a boolean has no order");
    return std::vector{std::move(operand)};
  }
  const Json::Array* array = json.if_array();
  if (array == nullptr || array->empty() || array->size() > kOperandsMax) {
    return invalid(fmt::format("expected a list of 1 to {} values", kOperandsMax));
  }
  std::vector<Operand> list;
  for (const Json& element : *array) {
    ZHIYIN_TRY(auto operand, operand_of(element));
    list.push_back(std::move(operand));
  }
  return list;
}

/// Reads one node at a time and counts them.
class Parser {
 public:
  explicit Parser(bool stored = false) : stored_(stored) {}

  Result<SegmentNode> node(const Json& json, std::size_t depth) {
    if (depth > kSegmentDepthMax) {
      return fail(ErrorCode::kLimitReached, "segment: deeper than {} levels", kSegmentDepthMax);
    }
    if (++nodes_ > kSegmentNodesMax) {
      return fail(ErrorCode::kLimitReached, "segment: more than {} conditions", kSegmentNodesMax);
    }
    if (json.if_object() == nullptr)
      return invalid(fmt::format("expected a condition (an object), got {}", json.type_name()));
    if (const Json* j = json.find("and")) return children<AndNode>(json, *j, "and", depth);
    if (const Json* j = json.find("or")) return children<OrNode>(json, *j, "or", depth);
    if (const Json* j = json.find("not")) return negation(json, *j, depth);
    if (json.find("all")) return everyone(json);
    if (json.find("event")) return event(json);
    if (json.find("feature")) return feature(json);
    if (json.find("trait")) return trait(json);
    if (json.find("interest")) return interest(json);
    if (json.find("following")) return following(json);
    return unknown(json);
  }

 private:
  Result<SegmentNode> unknown(const Json& json) {
    static constexpr std::string_view kKinds[] = {
        "and", "or", "not", "all", "event", "feature", "trait", "interest", "following"};
    ZHIYIN_TRY_VOID(only_members(json, kKinds));
    return invalid("expected one of and, or, not, all, event, feature, trait, interest, following");
  }

  template <class Node>
  Result<SegmentNode> children(const Json& json, const Json& list, std::string_view name,
                               std::size_t depth) {
    ZHIYIN_TRY_VOID(only_members(json, std::span(&name, 1)));
    const Json::Array* array = list.if_array();
    if (array == nullptr)
      return fail_field(name, "expected a list of conditions, got {}", list.type_name());
    if (array->empty()) return fail_field(name, "is empty");
    Node out;
    for (std::size_t i = 0; i < array->size(); ++i) {
      auto child = node((*array)[i], depth + 1);
      if (!child)
        return std::unexpected(within(fmt::format("{}[{}]", name, i), std::move(child.error())));
      out.children.push_back(std::move(*child));
    }
    return SegmentNode{std::move(out)};
  }

  Result<SegmentNode> negation(const Json& json, const Json& child, std::size_t depth) {
    static constexpr std::string_view kKnown[] = {"not"};
    ZHIYIN_TRY_VOID(only_members(json, kKnown));
    auto inner = node(child, depth + 1);
    if (!inner) return std::unexpected(within("not", std::move(inner.error())));
    NotNode out;
    out.child.push_back(std::move(*inner));
    return SegmentNode{std::move(out)};
  }

  static Result<SegmentNode> everyone(const Json& json) {
    static constexpr std::string_view kKnown[] = {"all"};
    ZHIYIN_TRY_VOID(only_members(json, kKnown));
    if (!json["all"].bool_or(false)) return fail_field("all", "expected true");
    return SegmentNode{Everyone{}};
  }

  Result<void> check_kind(std::string_view field, std::string_view kind) const {
    if (stored_ || ingest::is_kind_name(kind)) return {};
    return fail_field(field, "'{}' does not match [a-z][a-z0-9_.]{{0,63}}, so nothing ever has it",
                      utf8::truncate(kind, 64));
  }

  Result<SegmentNode> event(const Json& json) const {
    static constexpr std::string_view kKnown[] = {"event",  "count", "sum",
                                                  "window", "item",  "account"};
    ZHIYIN_TRY_VOID(only_members(json, kKnown));
    EventCondition c;
    ZHIYIN_TRY(c.kind, text_of(json["event"], "event", ingest::kKindBytesMax));
    ZHIYIN_TRY_VOID(check_kind("event", c.kind));
    const Json* count = json.find("count");
    const Json* sum = json.find("sum");
    if (count && sum) return fail_field("sum", "stands beside count; use one of them");
    c.sum = sum != nullptr;
    if (count || sum) {
      ZHIYIN_TRY(c.compare, integer_comparisons(sum ? *sum : *count, sum ? "sum" : "count"));
    } else {
      c.compare = {{CompareOp::kGreaterEqual, 1}};
    }
    if (const Json* window = json.find("window")) {
      auto duration = from_json<Duration>(*window);
      if (!duration) return std::unexpected(within("window", std::move(duration.error())));
      if (duration->count() <= 0) return fail_field("window", "is 0");
      c.window = *duration;
    }
    if (const Json* item = json.find("item")) {
      auto condition = item_condition(*item);
      if (!condition) return std::unexpected(within("item", std::move(condition.error())));
      c.item = std::move(*condition);
    }
    if (const Json* account = json.find("account")) {
      ZHIYIN_TRY(c.account, text_of(*account, "account", 64));
    }
    return SegmentNode{std::move(c)};
  }

  Result<ItemCondition> item_condition(const Json& json) const {
    static constexpr std::string_view kKnown[] = {"kind", "id", "tag"};
    if (json.if_object() == nullptr)
      return invalid(fmt::format("expected an object, got {}", json.type_name()));
    ZHIYIN_TRY_VOID(only_members(json, kKnown));
    ItemCondition c;
    if (const Json* j = json.find("kind")) {
      ZHIYIN_TRY(c.kind, text_of(*j, "kind", 32));
      ZHIYIN_TRY_VOID(check_kind("kind", c.kind));
    }
    if (const Json* j = json.find("id")) {
      ZHIYIN_TRY(c.id, text_of(*j, "id", ingest::kItemIdBytesMax));
    }
    if (const Json* j = json.find("tag")) {
      ZHIYIN_TRY(c.tag, text_of(*j, "tag", 64));
    }
    return c;
  }

  static Result<SegmentNode> feature(const Json& json) {
    static constexpr std::string_view kKnown[] = {"feature", "is"};
    ZHIYIN_TRY_VOID(only_members(json, kKnown));
    FeatureCondition c;
    ZHIYIN_TRY(c.name, text_of(json["feature"], "feature", 64));
    if (find_feature(c.name) == nullptr) {
      const auto names = feature_names();
      const std::string_view near = nearest_name(c.name, names);
      if (near.empty()) return fail_field("feature", "'{}' does not exist", c.name);
      return fail_field("feature", "'{}' does not exist; did you mean '{}'?", c.name, near);
    }
    ZHIYIN_TRY(c.compare, micro_comparisons(json["is"], "is", kNumberMax));
    return SegmentNode{std::move(c)};
  }

  static Result<SegmentNode> trait(const Json& json) {
    static constexpr std::string_view kKnown[] = {"trait", "is"};
    ZHIYIN_TRY_VOID(only_members(json, kKnown));
    TraitCondition c;
    ZHIYIN_TRY(c.name, text_of(json["trait"], "trait", kTraitNameBytesMax));
    ZHIYIN_TRY_VOID(for_each_comparison(json["is"], "is", true,
                                        [&](CompareOp op, const Json& v) -> Result<void> {
                                          ZHIYIN_TRY(auto operands, operands_of(op, v));
                                          c.compare.push_back({op, std::move(operands)});
                                          return {};
                                        }));
    return SegmentNode{std::move(c)};
  }

  static Result<SegmentNode> interest(const Json& json) {
    static constexpr std::string_view kKnown[] = {"interest", "is"};
    ZHIYIN_TRY_VOID(only_members(json, kKnown));
    InterestCondition c;
    ZHIYIN_TRY(c.tag, text_of(json["interest"], "interest", 64));
    ZHIYIN_TRY(c.compare, micro_comparisons(json["is"], "is", kInterestMax));
    return SegmentNode{std::move(c)};
  }

  static Result<SegmentNode> following(const Json& json) {
    static constexpr std::string_view kKnown[] = {"following"};
    ZHIYIN_TRY_VOID(only_members(json, kKnown));
    FollowingCondition c;
    ZHIYIN_TRY(c.account, text_of(json["following"], "following", 64));
    return SegmentNode{std::move(c)};
  }

  const bool stored_;
  std::size_t nodes_ = 0;
};

Json number_json(std::int64_t micro) {
  if (micro % kMicro == 0) return Json(micro / kMicro);
  return Json(static_cast<double>(micro) / static_cast<double>(kMicro));
}

Json comparisons_json(const std::vector<IntCompare>& list, bool micro) {
  Json out = Json::object();
  for (const IntCompare& c : list)
    out.set(name_of(c.op), micro ? number_json(c.operand) : Json(c.operand));
  return out;
}

Json operand_json(const Operand& operand) {
  if (const auto* b = std::get_if<bool>(&operand)) return Json(*b);
  if (const auto* s = std::get_if<std::string>(&operand)) return Json(*s);
  const double number = std::get<double>(operand);
  if (number == std::floor(number) && std::abs(number) < 1e15)
    return Json(static_cast<std::int64_t>(number));
  return Json(number);
}

struct Writer {
  Json operator()(const Everyone&) const { return Json::object().set("all", true); }
  Json operator()(const AndNode& n) const { return Json::object().set("and", list(n.children)); }
  Json operator()(const OrNode& n) const { return Json::object().set("or", list(n.children)); }
  Json operator()(const NotNode& n) const {
    return Json::object().set("not", std::visit(*this, n.child.front().value));
  }
  Json operator()(const EventCondition& c) const {
    Json out = Json::object();
    out.set("event", c.kind).set(c.sum ? "sum" : "count", comparisons_json(c.compare, false));
    if (c.window) out.set("window", format_duration(*c.window));
    if (c.item) {
      Json item = Json::object();
      if (!c.item->kind.empty()) item.set("kind", c.item->kind);
      if (!c.item->id.empty()) item.set("id", c.item->id);
      if (!c.item->tag.empty()) item.set("tag", c.item->tag);
      out.set("item", std::move(item));
    }
    if (!c.account.empty()) out.set("account", c.account);
    return out;
  }
  Json operator()(const FeatureCondition& c) const {
    return Json::object().set("feature", c.name).set("is", comparisons_json(c.compare, true));
  }
  Json operator()(const TraitCondition& c) const {
    Json is = Json::object();
    for (const TraitCompare& compare : c.compare) {
      Json operands = Json::array();
      for (const Operand& o : compare.operands) operands.push(operand_json(o));
      is.set(name_of(compare.op), compare.op == CompareOp::kIn
                                      ? std::move(operands)
                                      : operand_json(compare.operands.front()));
    }
    return Json::object().set("trait", c.name).set("is", std::move(is));
  }
  Json operator()(const InterestCondition& c) const {
    return Json::object().set("interest", c.tag).set("is", comparisons_json(c.compare, true));
  }
  Json operator()(const FollowingCondition& c) const {
    return Json::object().set("following", c.account);
  }
  Json list(const std::vector<SegmentNode>& children) const {
    Json out = Json::array();
    for (const SegmentNode& child : children) out.push(std::visit(*this, child.value));
    return out;
  }
};

}  // namespace

Result<SegmentTree> SegmentTree::from_json(const Json& json) {
  ZHIYIN_TRY(auto root, Parser().node(json, 1));
  return SegmentTree(std::move(root));
}

Result<SegmentTree> SegmentTree::parse(std::string_view text) {
  ZHIYIN_TRY(const auto json, parse_json(text, kTreeBytesMax));
  return from_json(json);
}

Result<SegmentTree> SegmentTree::parse_stored(std::string_view text) {
  ZHIYIN_TRY(const auto json, parse_json(text, kTreeBytesMax));
  ZHIYIN_TRY(auto root, Parser(true).node(json, 1));
  return SegmentTree(std::move(root));
}

Json SegmentTree::to_json() const { return std::visit(Writer(), root_.value); }

Json node_json(const SegmentNode& node) { return std::visit(Writer(), node.value); }

}  // namespace zhiyin::audience
