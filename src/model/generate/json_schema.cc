#include "model/generate/json_schema.h"

#include <algorithm>
#include <array>
#include <map>

#include "base/utf8.h"

namespace zhiyin::model {
namespace {

using NodePtr = std::shared_ptr<const SchemaNode>;
using Kind = SchemaNode::Kind;

constexpr std::array kKnown = {"type",      "properties",  "required", "additionalProperties",
                               "items",     "minItems",    "maxItems", "minLength",
                               "maxLength", "minimum",     "maximum",  "enum",
                               "const",     "anyOf",       "oneOf",    "$ref",
                               "$defs",     "definitions", "title",    "description",
                               "default",   "examples",    "$schema",  "$id",
                               "$comment"};

Result<Kind> kind_of(std::string_view type) {
  if (type == "object") return Kind::kObject;
  if (type == "array") return Kind::kArray;
  if (type == "string") return Kind::kString;
  if (type == "integer") return Kind::kInteger;
  if (type == "number") return Kind::kNumber;
  if (type == "boolean") return Kind::kBoolean;
  if (type == "null") return Kind::kNull;
  return fail_field("type", "'{}' is no JSON type", type.substr(0, 40));
}

class Parser {
 public:
  explicit Parser(const Json& root) : root_(root) {}

  Result<NodePtr> parse(const Json& schema, std::size_t depth) {
    if (++nodes_ > JsonSchema::kNodesMax) {
      return fail(ErrorCode::kLimitReached, "schema: more than {} places", JsonSchema::kNodesMax);
    }
    if (depth > JsonSchema::kDepthMax) {
      return fail(ErrorCode::kUnsupported, "schema: deeper than {} levels, or it refers to itself",
                  JsonSchema::kDepthMax);
    }
    if (const bool* all = schema.if_bool(); all != nullptr && *all) {
      return std::make_shared<SchemaNode>();
    }
    if (schema.if_object() == nullptr) {
      return fail(ErrorCode::kInvalidArgument, "expected a schema, found {}", schema.type_name());
    }
    for (const auto& [key, value] : *schema.if_object()) {
      if (std::ranges::find(kKnown, key) == kKnown.end()) {
        return std::unexpected(
            Error{ErrorCode::kUnsupported, "this keyword is not supported", key});
      }
    }
    if (schema.find("$ref") != nullptr) return refer(schema["$ref"].string_or(""), depth);
    if (schema.find("enum") != nullptr || schema.find("const") != nullptr) return literals(schema);
    for (const std::string_view key : {"anyOf", "oneOf"}) {
      if (schema.find(key) != nullptr) return alternatives(schema[key], key, depth);
    }
    return typed(schema, depth);
  }

 private:
  Result<NodePtr> refer(std::string_view path, std::size_t depth) {
    for (const std::string_view group : {"$defs", "definitions"}) {
      const std::string prefix = fmt::format("#/{}/", group);
      if (!path.starts_with(prefix)) continue;
      const std::string name(path.substr(prefix.size()));
      const Json* target = root_[group].find(name);
      if (target == nullptr) break;
      const std::string key = prefix + name;
      if (const auto known = definitions_.find(key); known != definitions_.end()) {
        if (known->second) return known->second;
        return std::unexpected(
            Error{ErrorCode::kUnsupported, fmt::format("'{}' refers to itself", path), "$ref"});
      }
      definitions_[key] = nullptr;
      ZHIYIN_TRY(auto node, parse(*target, depth + 1));
      definitions_[key] = node;
      return node;
    }
    return fail_field("$ref", "'{}' is not found; only #/$defs/NAME is looked up",
                      utf8::truncate(path, 80));
  }

  static Result<NodePtr> literals(const Json& schema) {
    auto node = std::make_shared<SchemaNode>();
    node->kind = Kind::kLiterals;
    if (const Json* only = schema.find("const")) {
      node->literals.push_back(*only);
      return node;
    }
    const Json::Array* values = schema["enum"].if_array();
    if (values == nullptr || values->empty()) return fail_field("enum", "is no list of values");
    if (values->size() > JsonSchema::kLiteralsMax) {
      return fail_field("enum", "more than {} values", JsonSchema::kLiteralsMax);
    }
    node->literals = *values;
    return node;
  }

  Result<NodePtr> alternatives(const Json& list, std::string_view key, std::size_t depth) {
    const Json::Array* schemas = list.if_array();
    if (schemas == nullptr || schemas->empty()) return fail_field(key, "is no list of schemas");
    auto node = std::make_shared<SchemaNode>();
    node->kind = Kind::kAlternatives;
    for (std::size_t i = 0; i < schemas->size(); ++i) {
      auto one = parse((*schemas)[i], depth + 1);
      if (!one) return std::unexpected(within(fmt::format("{}[{}]", key, i), one.error()));
      node->alternatives.push_back(std::move(*one));
    }
    return node;
  }

  Result<NodePtr> typed(const Json& schema, std::size_t depth) {
    const Json& type = schema["type"];
    if (const Json::Array* types = type.if_array()) {
      if (types->empty()) return fail_field("type", "is empty");
      auto node = std::make_shared<SchemaNode>();
      node->kind = Kind::kAlternatives;
      for (const Json& one : *types) {
        Json single = schema;
        single.set("type", one);
        ZHIYIN_TRY(auto parsed, parse(single, depth + 1));
        node->alternatives.push_back(std::move(parsed));
      }
      return node;
    }
    auto node = std::make_shared<SchemaNode>();
    if (type.is_null()) {
      node->kind = schema.find("properties") != nullptr ? Kind::kObject : Kind::kAny;
      if (node->kind == Kind::kAny && schema.find("items") != nullptr) node->kind = Kind::kArray;
    } else {
      ZHIYIN_TRY(node->kind, kind_of(type.string_or("")));
    }
    if (node->kind == Kind::kObject) {
      ZHIYIN_TRY_VOID(object(schema, *node, depth));
    }
    if (node->kind == Kind::kArray) {
      ZHIYIN_TRY_VOID(array(schema, *node, depth));
    }
    if (node->kind == Kind::kString) {
      ZHIYIN_TRY_VOID(counts(schema, *node, "minLength", "maxLength"));
    }
    for (const auto& [key, bound] :
         {std::pair("minimum", &node->minimum), std::pair("maximum", &node->maximum)}) {
      const Json* value = schema.find(key);
      if (value == nullptr) continue;
      if (!value->is_number()) return fail_field(key, "is no number");
      *bound = value->number_or(0);
    }
    if (node->minimum && node->maximum && *node->minimum > *node->maximum) {
      return fail_field("minimum", "is above the maximum");
    }
    return node;
  }

  Result<void> object(const Json& schema, SchemaNode& node, std::size_t depth) {
    const Json& others = schema["additionalProperties"];
    if (!others.is_null() && others.if_bool() == nullptr) {
      return std::unexpected(
          Error{ErrorCode::kUnsupported, "a schema here is not supported", "additionalProperties"});
    }
    node.others_allowed = others.bool_or(true);
    if (const Json* properties = schema.find("properties")) {
      if (properties->if_object() == nullptr) return fail_field("properties", "is no object");
      for (const auto& [name, child] : *properties->if_object()) {
        auto parsed = parse(child, depth + 1);
        if (!parsed) return std::unexpected(within("properties." + name, parsed.error()));
        node.properties.push_back({name, std::move(*parsed), false});
      }
    }
    const Json* required = schema.find("required");
    if (required == nullptr) return {};
    if (required->if_array() == nullptr) return fail_field("required", "is no list of names");
    for (const Json& name : *required->if_array()) {
      const auto found =
          std::ranges::find(node.properties, name.string_or(""), &SchemaNode::Property::name);
      if (found == node.properties.end()) {
        return fail_field("required", "'{}' is not among the properties", name.string_or(""));
      }
      found->required = true;
    }
    return {};
  }

  Result<void> array(const Json& schema, SchemaNode& node, std::size_t depth) {
    if (const Json* items = schema.find("items")) {
      auto parsed = parse(*items, depth + 1);
      if (!parsed) return std::unexpected(within("items", parsed.error()));
      node.items = std::move(*parsed);
    } else {
      node.items = std::make_shared<SchemaNode>();
    }
    return counts(schema, node, "minItems", "maxItems");
  }

  static Result<void> counts(const Json& schema, SchemaNode& node, std::string_view least,
                             std::string_view most) {
    for (const std::string_view key : {least, most}) {
      const Json* value = schema.find(key);
      if (value == nullptr) continue;
      const std::int64_t n = value->int_or(-1);
      if (n < 0 || n > static_cast<std::int64_t>(JsonSchema::kLengthMax)) {
        return fail_field(key, "is no integer from 0 to {}", JsonSchema::kLengthMax);
      }
      if (key == least) {
        node.least = static_cast<std::size_t>(n);
      } else {
        node.most = static_cast<std::size_t>(n);
      }
    }
    if (node.most && node.least > *node.most) return fail_field(least, "is above {}", most);
    return {};
  }

  const Json& root_;
  std::size_t nodes_ = 0;
  std::map<std::string, NodePtr, std::less<>> definitions_;  // null while it is being parsed
};

Result<void> check(const SchemaNode& node, const Json& value);

Result<void> check_object(const SchemaNode& node, const Json& value) {
  if (value.if_object() == nullptr) return fail(ErrorCode::kInvalidArgument, "is no object");
  for (const SchemaNode::Property& property : node.properties) {
    const Json* member = value.find(property.name);
    if (member == nullptr) {
      if (property.required) return fail_field(property.name, "is missing");
      continue;
    }
    if (auto good = check(*property.node, *member); !good) {
      return std::unexpected(within(property.name, good.error()));
    }
  }
  if (node.others_allowed) return {};
  for (const auto& [name, member] : *value.if_object()) {
    if (std::ranges::find(node.properties, name, &SchemaNode::Property::name) ==
        node.properties.end()) {
      return fail_field(utf8::truncate(name, 80), "is not in the schema");
    }
  }
  return {};
}

Result<void> check_count(std::size_t n, const SchemaNode& node) {
  if (n < node.least || (node.most && n > *node.most)) {
    return fail(ErrorCode::kInvalidArgument, "has {} elements or characters, outside {} to {}", n,
                node.least, node.most ? std::to_string(*node.most) : "any");
  }
  return {};
}

Result<void> check_number(const SchemaNode& node, const Json& value) {
  if (!value.is_number()) return fail(ErrorCode::kInvalidArgument, "is no number");
  const double number = value.number_or(0);
  if (node.kind == Kind::kInteger && value.if_int() == nullptr) {
    return fail(ErrorCode::kInvalidArgument, "is no integer");
  }
  if ((node.minimum && number < *node.minimum) || (node.maximum && number > *node.maximum)) {
    return fail(ErrorCode::kInvalidArgument, "{} is out of range", number);
  }
  return {};
}

Result<void> check_array(const SchemaNode& node, const Json& value) {
  const Json::Array* elements = value.if_array();
  if (elements == nullptr) return fail(ErrorCode::kInvalidArgument, "is no array");
  for (std::size_t i = 0; i < elements->size(); ++i) {
    if (auto good = check(*node.items, (*elements)[i]); !good) {
      return std::unexpected(within(fmt::format("[{}]", i), good.error()));
    }
  }
  return check_count(elements->size(), node);
}

Result<void> check(const SchemaNode& node, const Json& value) {
  switch (node.kind) {
    case Kind::kAny:
      return {};
    case Kind::kObject:
      return check_object(node, value);
    case Kind::kArray:
      return check_array(node, value);
    case Kind::kInteger:
    case Kind::kNumber:
      return check_number(node, value);
    case Kind::kString:
      if (value.if_string() == nullptr) return fail(ErrorCode::kInvalidArgument, "is no string");
      return check_count(utf8::length(*value.if_string()), node);
    case Kind::kBoolean:
      if (value.if_bool() == nullptr) return fail(ErrorCode::kInvalidArgument, "is no boolean");
      return {};
    case Kind::kNull:
      if (!value.is_null()) return fail(ErrorCode::kInvalidArgument, "is not null");
      return {};
    case Kind::kLiterals:
      if (std::ranges::find(node.literals, value) != node.literals.end()) return {};
      return fail(ErrorCode::kInvalidArgument, "is none of the allowed values");
    case Kind::kAlternatives:
      if (std::ranges::any_of(node.alternatives,
                              [&](const NodePtr& one) { return check(*one, value).has_value(); })) {
        return {};
      }
      return fail(ErrorCode::kInvalidArgument, "fits none of the alternatives");
  }
  return {};
}

}  // namespace

Result<JsonSchema> JsonSchema::parse(const Json& schema) {
  ZHIYIN_TRY(auto root, Parser(schema).parse(schema, 0));
  return JsonSchema(std::move(root));
}

JsonSchema JsonSchema::any_object() {
  auto node = std::make_shared<SchemaNode>();
  node->kind = Kind::kObject;
  node->others_allowed = true;
  return JsonSchema(std::move(node));
}

Result<void> JsonSchema::validate(const Json& value) const { return check(*root_, value); }

}  // namespace zhiyin::model
