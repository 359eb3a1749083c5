#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace zhiyin::model {

/// One place of a schema. A pure value, read-only after parsing.
struct SchemaNode {
  enum class Kind {
    kAny,
    kObject,
    kArray,
    kString,
    kInteger,
    kNumber,
    kBoolean,
    kNull,
    kLiterals,
    kAlternatives
  };
  struct Property {
    std::string name;
    std::shared_ptr<const SchemaNode> node;  // shared by the places that refer to one definition
    bool required = false;
  };
  Kind kind = Kind::kAny;
  std::vector<Property> properties;  ///< of an object, in the schema's order
  bool others_allowed = false;  ///< an object may have further members; grammars never make any
  std::shared_ptr<const SchemaNode> items;                      ///< of an array
  std::vector<std::shared_ptr<const SchemaNode>> alternatives;  ///< anyOf, oneOf, several types
  std::vector<Json> literals;                                   ///< enum, const
  std::size_t least = 0;            ///< minItems, minLength (characters)
  std::optional<std::size_t> most;  ///< maxItems, maxLength
  std::optional<double> minimum;    ///< of a number
  std::optional<double> maximum;
};

/// The subset of JSON Schema that answers can be held to:
/// `type` (also several), `properties`, `required`, `additionalProperties` (true or false),
/// `items`, `minItems`, `maxItems`, `minLength`, `maxLength`, `minimum`, `maximum`, `enum`,
/// `const`, `anyOf`, `oneOf` (read as anyOf), `$ref` to `#/$defs/…` or `#/definitions/…` without
/// recursion; `title`, `description`, `default`, `examples`, `$schema`, `$id`, `$comment` say
/// nothing. Any other keyword is refused by name rather than ignored. A pure value.
class JsonSchema {
 public:
  static constexpr std::size_t kNodesMax = 2000;
  static constexpr std::size_t kDepthMax = 16;
  static constexpr std::size_t kLiteralsMax = 1000;
  static constexpr std::size_t kLengthMax = 100'000;  ///< of maxLength, maxItems

  /// kInvalidArgument with the path into the schema; kUnsupported for keywords outside the subset.
  static Result<JsonSchema> parse(const Json& schema);
  /// Any object.
  static JsonSchema any_object();

  /// kInvalidArgument with the path into `value` where it does not keep to the schema.
  [[nodiscard]] Result<void> validate(const Json& value) const;
  [[nodiscard]] const SchemaNode& root() const { return *root_; }

 private:
  explicit JsonSchema(std::shared_ptr<const SchemaNode> root) : root_(std::move(root)) {}
  std::shared_ptr<const SchemaNode> root_;  // shared by copies; never changes
};

}  // namespace zhiyin::model
