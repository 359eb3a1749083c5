#include "model/generate/schema_grammar.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

namespace zhiyin::model {
namespace {

using Part = GrammarPart;
using Kind = SchemaNode::Kind;

constexpr std::int64_t kWholeMax = 999'999'999'999'999;
constexpr std::size_t kFractionDigits = 6;

Part text(std::string_view t) { return Part::literal(t); }
Part digits(std::size_t n) { return Part::repeat(Part::character({{U'0', U'9'}}), n, n); }
Part maybe(Part part) { return Part::repeat(std::move(part), 0, 1); }

/// Numbers from `low` to `high`, written with the same number of digits.
Part same_length(std::string_view low, std::string_view high) {
  if (low.find_first_not_of('0') == std::string_view::npos &&
      high.find_first_not_of('9') == std::string_view::npos) {
    return digits(low.size());
  }
  if (low[0] == high[0]) {
    return Part::sequence({text(low.substr(0, 1)), same_length(low.substr(1), high.substr(1))});
  }
  const std::size_t rest = low.size() - 1;
  std::vector<Part> choices;
  const auto first = [&](char c, std::string_view from, std::string_view to) {
    choices.push_back(Part::sequence({text(std::string(1, c)), same_length(from, to)}));
  };
  first(low[0], low.substr(1), std::string(rest, '9'));
  if (low[0] + 1 <= high[0] - 1) {
    const auto from = static_cast<char32_t>(low[0] + 1);
    const auto to = static_cast<char32_t>(high[0] - 1);
    choices.push_back(Part::sequence({Part::character({{from, to}}), digits(rest)}));
  }
  first(high[0], std::string(rest, '0'), high.substr(1));
  return Part::choice(std::move(choices));
}

/// Whole numbers 0 <= low <= high, without leading zeros.
Part whole(std::int64_t low, std::int64_t high) {
  std::vector<Part> choices;
  std::int64_t power = 1;
  for (std::size_t length = 1; power <= high; ++length, power *= 10) {
    const std::int64_t from = std::max(low, length == 1 ? 0 : power);
    const std::int64_t to = std::min(high, power * 10 - 1);
    if (from <= to) choices.push_back(same_length(std::to_string(from), std::to_string(to)));
  }
  if (high == 0) choices.push_back(text("0"));
  return Part::choice(std::move(choices));
}

struct Bounds {
  std::int64_t low = -kWholeMax;
  std::int64_t high = kWholeMax;
};

std::optional<Bounds> whole_bounds(const SchemaNode& node) {
  Bounds bounds;
  constexpr auto kLimit = static_cast<double>(kWholeMax);
  if (node.minimum) {
    bounds.low = static_cast<std::int64_t>(std::clamp(std::ceil(*node.minimum), -kLimit, kLimit));
  }
  if (node.maximum) {
    bounds.high = static_cast<std::int64_t>(std::clamp(std::floor(*node.maximum), -kLimit, kLimit));
  }
  if (bounds.low > bounds.high) return std::nullopt;
  return bounds;
}

/// Integers of both signs; with `fractions`, numbers that lie between two of them as well.
Part signed_numbers(const Bounds& bounds, bool fractions) {
  std::vector<Part> choices;
  const auto side = [&](std::string_view sign, std::int64_t low, std::int64_t high) {
    choices.push_back(Part::sequence({text(sign), whole(low, high)}));
    if (!fractions || low >= high) return;
    choices.push_back(
        Part::sequence({text(sign), whole(low, high - 1), text("."),
                        Part::repeat(Part::character({{U'0', U'9'}}), 1, kFractionDigits)}));
  };
  if (bounds.high >= 0) side("", std::max<std::int64_t>(0, bounds.low), bounds.high);
  if (bounds.low < 0) side("-", std::max<std::int64_t>(1, -bounds.high), -bounds.low);
  return Part::choice(std::move(choices));
}

class Builder {
 public:
  explicit Builder(const GrammarLimits& limits) : limits_(limits) {}

  Result<Grammar> build(const SchemaNode& root) {
    const std::size_t first = grammar_.add("root");
    space_ = grammar_.add("space");
    grammar_.set(space_, maybe(text(" ")));
    character_ = grammar_.add("character");
    grammar_.set(character_, string_character());
    ZHIYIN_TRY(auto part, of(root));
    grammar_.set(first, std::move(part));
    return std::move(grammar_);
  }

 private:
  static Part string_character() {
    return Part::choice(
        {Part::character({{U' ', U'!'},
                          {U'#', U'['},
                          {U']', U'~'},
                          {U'\u00a1', char32_t{0xd7ff}},
                          {char32_t{0xe000}, char32_t{0xfffd}},
                          {char32_t{0x10000}, char32_t{0x10ffff}}}),
         Part::sequence({text("\\"), Part::choice({text("\""), text("\\"), text("n")})})});
  }

  Part space() const { return Part::reference(space_); }

  /// One rule for each place of the schema; places that share a definition share a rule.
  Result<Part> of(const SchemaNode& node) {
    if (const auto known = rules_.find(&node); known != rules_.end()) {
      return Part::reference(known->second);
    }
    ZHIYIN_TRY(auto part, made(node));
    const std::size_t rule = grammar_.add(fmt::format("r{}", grammar_.rules()));
    grammar_.set(rule, std::move(part));
    rules_[&node] = rule;
    return Part::reference(rule);
  }

  Result<Part> made(const SchemaNode& node) {
    switch (node.kind) {
      case Kind::kAny:
        return any(limits_.any_depth);
      case Kind::kObject:
        if (node.properties.empty() && node.others_allowed) return any_object(limits_.any_depth);
        return object(node);
      case Kind::kArray:
        return array(node);
      case Kind::kString:
        return string(node.least, node.most);
      case Kind::kBoolean:
        return Part::choice({text("true"), text("false")});
      case Kind::kNull:
        return text("null");
      case Kind::kInteger:
      case Kind::kNumber:
        return number(node);
      case Kind::kLiterals: {
        std::vector<Part> choices;
        for (const Json& value : node.literals) choices.push_back(text(value.dump()));
        return Part::choice(std::move(choices));
      }
      case Kind::kAlternatives: {
        std::vector<Part> choices;
        for (const auto& one : node.alternatives) {
          ZHIYIN_TRY(auto part, of(*one));
          choices.push_back(std::move(part));
        }
        return Part::choice(std::move(choices));
      }
    }
    return text("null");
  }

  static Result<Part> number(const SchemaNode& node) {
    const auto bounds = whole_bounds(node);
    if (!bounds) {
      return fail(ErrorCode::kUnsupported, "schema: a range of numbers without a whole one inside");
    }
    return signed_numbers(*bounds, node.kind == Kind::kNumber);
  }

  Result<Part> string(std::size_t least, std::optional<std::size_t> most) {
    const std::size_t end = most.value_or(std::max(limits_.string_characters, least));
    if (end > kGrammarLengthMax) return too_long();
    return Part::sequence(
        {text("\""), Part::repeat(Part::reference(character_), least, end), text("\"")});
  }

  static std::unexpected<Error> too_long() {
    return fail(ErrorCode::kUnsupported, "schema: a length above {} cannot be held to",
                kGrammarLengthMax);
  }

  Result<Part> array(const SchemaNode& node) {
    const std::size_t most = node.most.value_or(std::max(limits_.array_elements, node.least));
    if (most > kGrammarLengthMax) return too_long();
    ZHIYIN_TRY(auto item, of(*node.items));
    return list(text("["), item, text("]"), node.least, most);
  }

  Part list(Part open, const Part& item, Part close, std::size_t least, std::size_t most) const {
    if (most == 0) return Part::sequence({std::move(open), std::move(close)});
    Part more = Part::repeat(Part::sequence({text(","), space(), item}), least == 0 ? 0 : least - 1,
                             most - 1);
    Part elements = Part::sequence({item, std::move(more)});
    if (least == 0) elements = maybe(std::move(elements));
    return Part::sequence({std::move(open), std::move(elements), std::move(close)});
  }

  /// Two chains of rules over the properties: while nothing was written yet, and afterwards, when a
  /// comma stands before the next.
  Result<Part> object(const SchemaNode& node) {
    Part first;  // an empty sequence: nothing
    Part later;
    for (std::size_t i = node.properties.size(); i-- > 0;) {
      const SchemaNode::Property& property = node.properties[i];
      ZHIYIN_TRY(auto value, of(*property.node));
      std::string key;
      append_json_string(key, property.name);
      const Part member = Part::sequence({text(key + ":"), space(), std::move(value)});
      Part now = Part::sequence({member, later});
      Part next = Part::sequence({text(","), space(), member, later});
      if (!property.required) {
        now = Part::choice({std::move(now), std::move(first)});
        next = Part::choice({std::move(next), std::move(later)});
      }
      first = rule(std::move(now));
      later = rule(std::move(next));
    }
    return Part::sequence({text("{"), std::move(first), text("}")});
  }

  Part rule(Part part) {
    const std::size_t at = grammar_.add(fmt::format("m{}", grammar_.rules()));
    grammar_.set(at, std::move(part));
    return Part::reference(at);
  }

  Part any_object(std::size_t depth) {
    Part member = Part::sequence({any_string(), text(":"), space(), any(depth - 1)});
    return list(text("{"), rule(std::move(member)), text("}"), 0, limits_.array_elements);
  }

  Part any_string() { return *string(0, limits_.string_characters); }

  /// Any value; below the last level only those that hold no others.
  Part any(std::size_t depth) {
    if (const auto known = any_.find(depth); known != any_.end()) {
      return Part::reference(known->second);
    }
    std::vector<Part> choices = {any_string(), signed_numbers({}, true), text("true"),
                                 text("false"), text("null")};
    if (depth > 0) {
      choices.push_back(any_object(depth));
      choices.push_back(list(text("["), any(depth - 1), text("]"), 0, limits_.array_elements));
    }
    Part reference = rule(Part::choice(std::move(choices)));
    any_[depth] = reference.rule;
    return reference;
  }

  const GrammarLimits limits_;
  Grammar grammar_;
  std::size_t space_ = 0;
  std::size_t character_ = 0;
  std::map<const SchemaNode*, std::size_t> rules_;
  std::map<std::size_t, std::size_t> any_;
};

}  // namespace

Result<Grammar> grammar_of(const JsonSchema& schema, const GrammarLimits& limits) {
  return Builder(limits).build(schema.root());
}

}  // namespace zhiyin::model
